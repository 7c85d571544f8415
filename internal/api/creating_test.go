package api

import (
	"strings"
	"testing"

	"github.com/statordb/stator/internal/table"
)

// TestTableBeingCreated: for data operations a table that is being filled is not
// there, and it cannot be changed, deleted or backed up.
func TestTableBeingCreated(t *testing.T) {
	a, _, _ := newFaulty(t)
	if _, err := a.Engine.Change(t.Context(), "tab", func(d *table.Descriptor) error { d.Creating = true; return nil }); err != nil {
		t.Fatal(err)
	}
	const (
		absent = `ResourceNotFoundException","message":"Requested resource not found"`
		inUse  = `ResourceInUseException","message":"Attempt to change a resource which is still in use: Table is being created: tab"`
		arn    = `"arn:aws:dynamodb:us-east-1:123456789012:table/tab"`
	)
	for _, c := range []struct{ operation, body, want string }{
		{"GetItem", `{"TableName":"tab","Key":{"pk":{"S":"a"}}}`, absent},
		{"Scan", `{"TableName":"tab"}`, absent},
		{"PutItem", `{"TableName":"tab","Item":{"pk":{"S":"a"}}}`, absent},
		{"BatchWriteItem", `{"RequestItems":{"tab":[{"PutRequest":{"Item":{"pk":{"S":"a"}}}}]}}`, absent},
		{"TransactWriteItems", `{"TransactItems":[{"Put":{"TableName":"tab","Item":{"pk":{"S":"a"}}}}]}`, absent},
		{"ExecuteStatement", `{"Statement":"SELECT * FROM tab"}`, absent},
		{"ExecuteStatement", `{"Statement":"INSERT INTO tab VALUE {'pk': 'a'}"}`, absent},
		{"UpdateTable", `{"TableName":"tab","DeletionProtectionEnabled":true}`, inUse},
		{"UpdateTimeToLive", `{"TableName":"tab","TimeToLiveSpecification":{"AttributeName":"a","Enabled":true}}`, inUse},
		{"TagResource", `{"ResourceArn":` + arn + `,"Tags":[{"Key":"k","Value":"v"}]}`, inUse},
		{"UntagResource", `{"ResourceArn":` + arn + `,"TagKeys":["k"]}`, inUse},
		{"EnableKinesisStreamingDestination", `{"TableName":"tab","StreamArn":"arn:aws:kinesis:us-east-1:123456789012:stream/changes"}`, inUse},
		{"DeleteTable", `{"TableName":"tab"}`, inUse},
		{"CreateTable", createTab, `ResourceInUseException","message":"Table already exists: tab"`},
		{"CreateBackup", `{"TableName":"tab","BackupName":"safe"}`, `ContinuousBackupsUnavailableException","message":"Backups are being enabled for the table: tab. Please retry later"`},
		{"UpdateContinuousBackups", `{"TableName":"tab","PointInTimeRecoverySpecification":{"PointInTimeRecoveryEnabled":true}}`, `ContinuousBackupsUnavailableException"`},
		{"RestoreTableToPointInTime", `{"SourceTableName":"tab","TargetTableName":"new","UseLatestRestorableTime":true}`, `PointInTimeRecoveryUnavailableException"`},
		{"DescribeTable", `{"TableName":"tab"}`, `"TableStatus":"CREATING"`},
		{"DescribeContinuousBackups", `{"TableName":"tab"}`, `"ContinuousBackupsStatus":"ENABLED"`},
		{"ListTables", `{}`, `["tab"]`},
	} {
		if got := string(a.Do(t.Context(), nil, c.operation, []byte(c.body), nil).Body); !strings.Contains(got, c.want) {
			t.Errorf("%s: got %s", c.operation, got)
		}
	}
	if err := a.checkTarget("tab"); err == nil || !strings.Contains(err.Error(), "TableInUseException") {
		t.Errorf("restore to it: %v", err)
	}
	if t2 := a.Engine.Lease("tab"); t2 == nil {
		t.Error("the table is not there any more")
	} else {
		t2.Release()
	}
}
