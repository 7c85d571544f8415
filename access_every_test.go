package stator_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"

	"github.com/statordb/stator"
	"github.com/statordb/stator/internal/api"
	"github.com/statordb/stator/internal/model"
)

// everyRequest has a request of every operation about the table Music of the home
// account. TABLE is its ARN. The keys are "theirs"; the attribute that a user may
// not see is secret.
var everyRequest = map[string]string{
	"BatchExecuteStatement":               `{"Statements": [{"Statement": "UPDATE \"TABLE\" SET secret = 'x' WHERE pk = 'theirs'"}]}`,
	"BatchGetItem":                        `{"RequestItems": {"TABLE": {"Keys": [{"pk": {"S": "theirs"}}], "ProjectionExpression": "secret"}}}`,
	"BatchWriteItem":                      `{"RequestItems": {"TABLE": [{"PutRequest": {"Item": {"pk": {"S": "theirs"}, "secret": {"S": "x"}}}}]}}`,
	"CancelBulkOperation":                 `{"BulkOperationArn": "TABLE/bulk-operation/01790000000000-0123abcd"}`,
	"CreateBackup":                        `{"TableName": "TABLE", "BackupName": "backup"}`,
	"CreateTable":                         `{"TableName": "TABLE", "BillingMode": "PAY_PER_REQUEST", "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}], "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}]}`,
	"DeleteBackup":                        `{"BackupArn": "TABLE/backup/01790000000000-0123abcd"}`,
	"DeleteItem":                          `{"TableName": "TABLE", "Key": {"pk": {"S": "theirs"}}, "ConditionExpression": "secret = pk"}`,
	"DeleteResourcePolicy":                `{"ResourceArn": "TABLE"}`,
	"DeleteTable":                         `{"TableName": "TABLE"}`,
	"DescribeBackup":                      `{"BackupArn": "TABLE/backup/01790000000000-0123abcd"}`,
	"DescribeBulkOperation":               `{"BulkOperationArn": "TABLE/bulk-operation/01790000000000-0123abcd"}`,
	"DescribeContinuousBackups":           `{"TableName": "TABLE"}`,
	"DescribeEndpoints":                   `{}`,
	"DescribeExport":                      `{"ExportArn": "TABLE/export/01790000000000-0123abcd"}`,
	"DescribeImport":                      `{"ImportArn": "TABLE/import/01790000000000-0123abcd"}`,
	"DescribeKinesisStreamingDestination": `{"TableName": "TABLE"}`,
	"DescribeLimits":                      `{}`,
	"DescribeStream":                      `{"StreamArn": "TABLE/stream/2026-11-01T12:00:00.000"}`,
	"DescribeTable":                       `{"TableName": "TABLE"}`,
	"DescribeTimeToLive":                  `{"TableName": "TABLE"}`,
	"DisableKinesisStreamingDestination":  `{"TableName": "TABLE", "StreamArn": "arn:aws:kinesis:us-east-1:123456789012:stream/changes"}`,
	"EnableKinesisStreamingDestination":   `{"TableName": "TABLE", "StreamArn": "arn:aws:kinesis:us-east-1:123456789012:stream/changes"}`,
	"ExecuteStatement":                    `{"Statement": "SELECT secret FROM \"TABLE\" WHERE pk = 'theirs'"}`,
	"ExecuteTransaction":                  `{"TransactStatements": [{"Statement": "INSERT INTO \"TABLE\" VALUE {'pk': 'theirs', 'secret': 'x'}"}]}`,
	"ExportTableToPointInTime":            `{"TableArn": "TABLE", "S3Bucket": "bucket"}`,
	"GetItem":                             `{"TableName": "TABLE", "Key": {"pk": {"S": "theirs"}}, "ProjectionExpression": "secret"}`,
	"GetRecords":                          `{"ShardIterator": "ITERATOR"}`,
	"GetResourcePolicy":                   `{"ResourceArn": "TABLE"}`,
	"GetShardIterator":                    `{"StreamArn": "TABLE/stream/2026-11-01T12:00:00.000", "ShardId": "shardId-00000001790000000000-00000001", "ShardIteratorType": "LATEST"}`,
	"ImportTable":                         `{"S3BucketSource": {"S3Bucket": "bucket"}, "InputFormat": "CSV", "TableCreationParameters": {"TableName": "Imported", "BillingMode": "PAY_PER_REQUEST", "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}], "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}]}}`,
	"ListBackups":                         `{}`,
	"ListBulkOperations":                  `{}`,
	"ListExports":                         `{"TableArn": "TABLE"}`,
	"ListImports":                         `{"TableArn": "TABLE"}`,
	"ListStreams":                         `{}`,
	"ListTables":                          `{}`,
	"ListTagsOfResource":                  `{"ResourceArn": "TABLE"}`,
	"PutItem":                             `{"TableName": "TABLE", "Item": {"pk": {"S": "theirs"}, "secret": {"S": "x"}}}`,
	"PutResourcePolicy":                   `{"ResourceArn": "TABLE", "Policy": "{\"Statement\": {\"Effect\": \"Allow\", \"Principal\": \"*\", \"Action\": \"*\", \"Resource\": \"*\"}}"}`,
	"Query":                               `{"TableName": "TABLE", "KeyConditionExpression": "pk = :p", "ExpressionAttributeValues": {":p": {"S": "theirs"}}, "ProjectionExpression": "secret"}`,
	"RestoreTableFromBackup":              `{"BackupArn": "TABLE/backup/01790000000000-0123abcd", "TargetTableName": "Restored"}`,
	"RestoreTableToPointInTime":           `{"SourceTableArn": "TABLE", "TargetTableName": "Restored", "UseLatestRestorableTime": true}`,
	"Scan":                                `{"TableName": "TABLE", "ProjectionExpression": "secret"}`,
	"StartBulkPutItems":                   `{"TableName": "TABLE", "InputS3Configuration": {"S3Bucket": "bucket", "S3KeyPrefix": "x", "InputFormat": "DYNAMODB_JSON"}, "OutputS3Configuration": {"S3Bucket": "bucket", "OutputType": ["ERROR"]}}`,
	"TagResource":                         `{"ResourceArn": "TABLE", "Tags": [{"Key": "stage", "Value": "test"}]}`,
	"TransactGetItems":                    `{"TransactItems": [{"Get": {"TableName": "TABLE", "Key": {"pk": {"S": "theirs"}}, "ProjectionExpression": "secret"}}]}`,
	"TransactWriteItems":                  `{"TransactItems": [{"Update": {"TableName": "TABLE", "Key": {"pk": {"S": "theirs"}}, "UpdateExpression": "REMOVE secret"}}]}`,
	"UntagResource":                       `{"ResourceArn": "TABLE", "TagKeys": ["stage"]}`,
	"UpdateContinuousBackups":             `{"TableName": "TABLE", "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": true}}`,
	"UpdateItem":                          `{"TableName": "TABLE", "Key": {"pk": {"S": "theirs"}}, "UpdateExpression": "SET secret = pk"}`,
	"UpdateKinesisStreamingDestination":   `{"TableName": "TABLE", "StreamArn": "arn:aws:kinesis:us-east-1:123456789012:stream/changes", "UpdateKinesisStreamingConfiguration": {"ApproximateCreationDateTimePrecision": "MICROSECOND"}}`,
	"UpdateTable":                         `{"TableName": "TABLE", "DeletionProtectionEnabled": true}`,
	"UpdateTimeToLive":                    `{"TableName": "TABLE", "TimeToLiveSpecification": {"Enabled": true, "AttributeName": "until"}}`,
}

// ownOnly are the operations whose requests are about what the caller's own
// account has: a caller of another account is not refused, and sees nothing.
var ownOnly = []string{"DescribeEndpoints", "DescribeLimits", "ImportTable", "ListBackups", "ListBulkOperations", "ListStreams", "ListTables"}

// actionsOf are the actions of the requests that take others than their own.
var actionsOf = map[string]string{
	"BatchExecuteStatement": "PartiQLUpdate", "ExecuteStatement": "PartiQLSelect", "ExecuteTransaction": "PartiQLInsert",
	"TransactGetItems": "GetItem", "TransactWriteItems": "UpdateItem",
}

func actionOf(operation string) string {
	if action, other := actionsOf[operation]; other {
		return action
	}
	return operation
}

// Operations on items, by what conditions can ask about them.
var (
	keyedOperations = []string{"BatchExecuteStatement", "BatchGetItem", "BatchWriteItem", "DeleteItem", "ExecuteStatement", "ExecuteTransaction", "GetItem",
		"PutItem", "Query", "TransactGetItems", "TransactWriteItems", "UpdateItem"}
	attributedOperations = append([]string{"Scan"}, keyedOperations...)
)

// sender sends requests that it signs itself.
type sender struct {
	*people
	url      string
	table    string // ARN
	iterator string // of its stream
}

// reply is the answer to a request.
type reply struct {
	status int
	body   string
}

// code returns the code of the error that a is, of a statement in a batch too.
func (a reply) code() string {
	var in struct {
		Type      string `json:"__type"`
		Responses []struct {
			Error *struct{ Code string }
		}
	}
	if err := json.Unmarshal([]byte(a.body), &in); err != nil {
		return "no JSON"
	}
	if len(in.Responses) > 0 && in.Responses[0].Error != nil {
		return in.Responses[0].Error.Code + "Exception"
	}
	return in.Type[strings.LastIndexByte(in.Type, '#')+1:]
}

// request returns the request of an operation, signed by a user at a time.
func (s *sender) request(operation, user string, at time.Time) *http.Request {
	s.Helper()
	prefix := model.Operations[slices.IndexFunc(model.Operations, func(o model.Operation) bool { return o.Name == operation })].Target()
	body := strings.NewReplacer("TABLE", s.table, "ITERATOR", s.iterator).Replace(everyRequest[operation])
	req, err := http.NewRequestWithContext(s.Context(), http.MethodPost, s.url+"/", strings.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.0")
	req.Header.Set("X-Amz-Target", prefix)
	if user == "" {
		return req
	}
	hash := sha256.Sum256([]byte(body))
	if err := v4.NewSigner().SignHTTP(context.Background(), s.keys[user], req, hex.EncodeToString(hash[:]), "dynamodb", "us-east-1", at); err != nil {
		s.Fatal(err)
	}
	return req
}

// enableStream enables the stream of the table and returns an iterator of its
// shard.
func (p *people) enableStream(srv *stator.Server, user string) string {
	p.Helper()
	ctx, c := p.Context(), p.client(srv, user)
	table, err := c.UpdateTable(ctx, &dynamodb.UpdateTableInput{TableName: aws.String("Music"),
		StreamSpecification: &types.StreamSpecification{StreamEnabled: aws.Bool(true), StreamViewType: types.StreamViewTypeNewImage}})
	if err != nil {
		p.Fatal(err)
	}
	arn := table.TableDescription.LatestStreamArn
	streams := dynamodbstreams.New(dynamodbstreams.Options{BaseEndpoint: aws.String(srv.URL()), Region: "us-east-1", Credentials: c.Options().Credentials})
	of, err := streams.DescribeStream(ctx, &dynamodbstreams.DescribeStreamInput{StreamArn: arn})
	if err != nil {
		p.Fatal(err)
	}
	it, err := streams.GetShardIterator(ctx, &dynamodbstreams.GetShardIteratorInput{StreamArn: arn, ShardId: of.StreamDescription.Shards[0].ShardId, ShardIteratorType: "TRIM_HORIZON"})
	if err != nil {
		p.Fatal(err)
	}
	return *it.ShardIterator
}

func (s *sender) send(req *http.Request) reply {
	s.Helper()
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		s.Fatal(err)
	}
	return reply{res.StatusCode, string(body)}
}

// state returns everything that requests could change.
func (s *sender) state(c *dynamodb.Client) string {
	s.Helper()
	var all bytes.Buffer
	show := func(out any, err error) {
		if err != nil {
			fmt.Fprintln(&all, err)
			return
		}
		text, _ := json.Marshal(out)
		all.Write(bytes.ReplaceAll(text, []byte("ResultMetadata"), nil))
	}
	ctx, name := s.Context(), aws.String("Music")
	list := func() (any, error) {
		out, err := c.ListTables(ctx, &dynamodb.ListTablesInput{})
		return out.TableNames, err
	}
	show(list())
	table, err := c.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: name})
	show(table.Table, err)
	items, err := c.Scan(ctx, &dynamodb.ScanInput{TableName: name})
	show(items.Items, err)
	backups, err := c.ListBackups(ctx, &dynamodb.ListBackupsInput{})
	show(backups.BackupSummaries, err)
	tags, err := c.ListTagsOfResource(ctx, &dynamodb.ListTagsOfResourceInput{ResourceArn: &s.table})
	show(tags.Tags, err)
	ttl, err := c.DescribeTimeToLive(ctx, &dynamodb.DescribeTimeToLiveInput{TableName: name})
	show(ttl.TimeToLiveDescription, err)
	recovery, err := c.DescribeContinuousBackups(ctx, &dynamodb.DescribeContinuousBackupsInput{TableName: name})
	show(recovery.ContinuousBackupsDescription.ContinuousBackupsStatus, err)
	policy, err := c.GetResourcePolicy(ctx, &dynamodb.GetResourcePolicyInput{ResourceArn: &s.table})
	if err == nil {
		show(policy.Policy, nil)
	}
	exports, err := c.ListExports(ctx, &dynamodb.ListExportsInput{})
	show(exports.ExportSummaries, err)
	imports, err := c.ListImports(ctx, &dynamodb.ListImportsInput{})
	show(imports.ImportSummaryList, err)
	return all.String()
}

// TestEveryOperationRefuses sends a request of every operation in every way that is
// to be refused, and looks what has changed.
func TestEveryOperationRefuses(t *testing.T) {
	users := map[string]string{
		"admin": allow("dynamodb:* s3:* kinesis:*", ""), "other": allow("dynamodb:* s3:* kinesis:*", ""),
		"mine":  allow("dynamodb:*", `{"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["mine"]}, "Null": {"dynamodb:LeadingKeys": "false"}}`),
		"plain": allow("dynamodb:*", `{"ForAllValues:StringEquals": {"dynamodb:Attributes": ["pk"]}, "Null": {"dynamodb:Attributes": "false"}}`),
	}
	for _, operation := range api.Names() {
		users["no"+operation] = `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"},
			{"Effect": "Deny", "Action": "dynamodb:` + actionOf(operation) + `", "Resource": "*"}]}`
	}
	p := newPeople(t, users)
	dir := t.TempDir()
	srv := p.serve(func(c *stator.Config) { c.AuditDir, c.AuditData, c.AuditStrangers = dir, true, 1e6 })
	admin := p.client(srv, "admin")
	s := &sender{people: p, url: srv.URL(), table: createMusic(t, admin)}
	if _, err := admin.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String("Music"), Item: item{"pk": str("theirs"), "secret": str("s")}}); err != nil {
		t.Fatal(err)
	}
	s.iterator = p.enableStream(srv, "admin")
	p.keys["wrong"] = aws.Credentials{AccessKeyID: p.keys["admin"].AccessKeyID, SecretAccessKey: "wrong"}
	before := s.state(admin)
	now := time.Now()
	var refusals []string
	for _, operation := range api.Names() {
		if everyRequest[operation] == "" {
			t.Fatalf("no request of %s", operation)
		}
		tampered := s.request(operation, "admin", now)
		tampered.Body = io.NopCloser(strings.NewReader(everyRequest[operation] + " "))
		tampered.ContentLength = int64(len(everyRequest[operation]) + 1)
		ways := []struct {
			what string
			req  *http.Request
			code string
			only []string // operations; nil: all
			not  []string
		}{
			{"no credentials", s.request(operation, "", now), "MissingAuthenticationTokenException", nil, nil},
			{"a wrong secret", s.request(operation, "wrong", now), "InvalidSignatureException", nil, nil},
			{"a stale date", s.request(operation, "admin", now.Add(-16*time.Minute)), "InvalidSignatureException", nil, nil},
			{"a date to come", s.request(operation, "admin", now.Add(16*time.Minute)), "InvalidSignatureException", nil, nil},
			{"a tampered body", tampered, "InvalidSignatureException", nil, nil},
			{"another account", s.request(operation, "other", now), "AccessDeniedException", nil, ownOnly},
			{"a denied action", s.request(operation, "no"+operation, now), "AccessDeniedException", nil, nil},
			{"a denied key", s.request(operation, "mine", now), "AccessDeniedException", keyedOperations, nil},
			{"a denied attribute", s.request(operation, "plain", now), "AccessDeniedException", attributedOperations, nil},
		}
		for _, w := range ways {
			if w.only != nil && !slices.Contains(w.only, operation) || slices.Contains(w.not, operation) {
				continue
			}
			a := s.send(w.req)
			refusals = append(refusals, operation+" "+w.code)
			batch := operation == "BatchExecuteStatement" && w.code == "AccessDeniedException"
			if a.code() != w.code || a.status != 400 && !batch {
				t.Errorf("%s with %s: %d %s, want %s", operation, w.what, a.status, a.body, w.code)
			}
		}
		if after := s.state(admin); after != before {
			t.Fatalf("%s has changed something:\n%s\n%s", operation, before, after)
		}
	}
	checkAudited(t, dir, refusals)
	for _, operation := range ownOnly {
		if a := s.send(s.request(operation, "other", now)); strings.Contains(a.body, "Music") || strings.Contains(a.body, homeAccount) {
			t.Errorf("%s shows another account what it must not see: %s", operation, a.body)
		}
	}
	for _, operation := range api.Names() { // or the test would prove nothing
		if operation == "DeleteTable" {
			continue
		}
		if a := s.send(s.request(operation, "admin", now)); a.code() == "AccessDeniedException" || a.code() == "ValidationException" && strings.Contains(a.body, "validation error") {
			t.Errorf("%s of who may do everything: %s", operation, a.body)
		}
	}
}

// checkAudited checks that the audit log in dir has a record of each refusal, an
// operation and a code, in their order.
func checkAudited(t *testing.T, dir string, refusals []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "cloudtrail.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	var recorded []string
	for line := range strings.Lines(string(text)) {
		var r struct{ EventName, ErrorCode string }
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if r.ErrorCode == "" && r.EventName == "BatchExecuteStatement" {
			r.ErrorCode = "AccessDeniedException" // of its statement
		}
		if r.ErrorCode != "" && r.ErrorCode != "PolicyNotFoundException" {
			recorded = append(recorded, r.EventName+" "+r.ErrorCode)
		}
	}
	if !slices.Equal(recorded, refusals) {
		t.Errorf("%d refusals are recorded, there were %d:\n%q\n%q", len(recorded), len(refusals), recorded, refusals)
	}
	for _, secret := range []string{"theirs", `"s"`} {
		if strings.Contains(string(text), secret) {
			t.Errorf("the audit log has the value %s", secret)
		}
	}
}
