package api

import (
	"sync"
	"testing"
)

// TestTableGoesMeanwhile drops a table while requests about it are under way: each
// has an answer, and none is an internal error.
func TestTableGoesMeanwhile(t *testing.T) {
	a, _, logged := newFaulty(t)
	const (
		rounds = 200
		arn    = `"arn:aws:dynamodb:us-east-1:123456789012:table/tab"`
		policy = `"{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"dynamodb:GetItem\",\"Resource\":\"*\"}}"`
	)
	for _, c := range []struct{ operation, body string }{
		{"UpdateContinuousBackups", `{"TableName":"tab","PointInTimeRecoverySpecification":{"PointInTimeRecoveryEnabled":true}}`},
		{"DescribeContinuousBackups", `{"TableName":"tab"}`},
		{"CreateBackup", `{"TableName":"tab","BackupName":"safe"}`},
		{"UpdateTable", `{"TableName":"tab","DeletionProtectionEnabled":false}`},
		{"UpdateTimeToLive", `{"TableName":"tab","TimeToLiveSpecification":{"AttributeName":"a","Enabled":true}}`},
		{"TagResource", `{"ResourceArn":` + arn + `,"Tags":[{"Key":"k","Value":"v"}]}`},
		{"UntagResource", `{"ResourceArn":` + arn + `,"TagKeys":["k"]}`},
		{"PutResourcePolicy", `{"ResourceArn":` + arn + `,"Policy":` + policy + `}`},
		{"DeleteResourcePolicy", `{"ResourceArn":` + arn + `}`},
		{"RestoreTableToPointInTime", `{"SourceTableName":"tab","TargetTableName":"new","UseLatestRestorableTime":true}`},
		{"DescribeTable", `{"TableName":"tab"}`},
		{"PutItem", `{"TableName":"tab","Item":{"pk":{"S":"a"}}}`},
		{"Scan", `{"TableName":"tab"}`},
	} {
		for range rounds {
			var both sync.WaitGroup
			both.Go(func() { a.Do(t.Context(), nil, "DeleteTable", []byte(`{"TableName":"tab"}`), nil) })
			both.Go(func() {
				if res := a.Do(t.Context(), nil, c.operation, []byte(c.body), nil); res.Status != 200 && res.Status != 400 {
					t.Errorf("%s: %d %s", c.operation, res.Status, res.Body)
				}
			})
			both.Wait()
			a.Do(t.Context(), nil, "DeleteTable", []byte(`{"TableName":"tab"}`), nil)
			do(t, a, "CreateTable", createTab, 200)
		}
	}
	if t.Failed() {
		t.Logf("the log: %.4000s", logged)
	}
}
