package audit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/statordb/stator/internal/iam"
)

// noon is when everything happens.
var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// TestScripts compares what records tell with the scripts in testdata.
//
//	parameters OPERATION [values] [key=ATTRIBUTE], which is that of the table Music
//	a request's body
//	----
//	requestParameters
//
//	statement
//	PartiQL
//	----
//	what is told of it
//
//	record NAME
//	----
//	the record of an event of the table in this file
func TestScripts(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			switch d.Cmd {
			case "parameters":
				table := music[0]
				table.Key = nil
				d.MaybeScanArgs(t, "key", &table.Key)
				return string(parameters(d.CmdArgs[0].Key, []byte(d.Input), d.HasArg("values"), table)) + "\n"
			case "statement":
				return statement(d.Input) + "\n"
			case "record":
				return recordOf(t, d.CmdArgs[0].Key)
			}
			t.Fatalf("no such command: %s", d.Cmd)
			return ""
		})
	})
}

func recordOf(t *testing.T, name string) string {
	t.Helper()
	e, known := events[name]
	if !known {
		t.Fatalf("no event %s", name)
	}
	line, err := e.line("00000000-0000-4000-8000-000000000001", false)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := json.Indent(&b, line, "", "  "); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(b.String()) + "\n"
}

var (
	alice   = &iam.Principal{ARN: "arn:aws:iam::123456789012:user/Alice", Account: "123456789012", Type: iam.User, ID: "AIDAJ45Q7YFFAREXAMPLE", Name: "Alice"}
	root    = &iam.Principal{ARN: "arn:aws:iam::123456789012:root", Account: "123456789012", Type: iam.RootUser, ID: "123456789012"}
	assumed = &iam.Principal{ARN: "arn:aws:sts::123456789012:assumed-role/RoleToBeAssumed/MySessionName", Account: "123456789012", Role: "arn:aws:iam::123456789012:role/app/RoleToBeAssumed",
		Type: iam.AssumedRole, ID: "AROAIDPPEZS35WEXAMPLE:MySessionName"}
	music = []Resource{{AccountID: "123456789012", Type: "AWS::DynamoDB::Table", ARN: "arn:aws:dynamodb:us-west-2:123456789012:table/Music",
		Key: []string{"Artist", "SongTitle"}}}
)

// event returns one with what all have.
func event(source, name string, who Identity) Event {
	return Event{
		Time: noon, Identity: who, Source: source, Name: name, Region: "us-west-2", SourceIP: "192.0.2.0", UserAgent: "aws-cli/1.15.64",
		RequestID: "4KBNVRGD25RG1KEO9UT4V3FQDJVV4KQNSO5AEMVJF66Q9ASUAAJG", ReadOnly: IsReadOnly(name), Data: IsData(name), Account: "123456789012",
	}
}

var events = map[string]Event{
	"create": with(event(DynamoDB, "CreateTable", Of(root, "AKIAIOSFODNN7EXAMPLE", nil)), func(e *Event) {
		e.Request = []byte(`{"TableName": "Music", "KeySchema": [{"AttributeName": "Artist", "KeyType": "HASH"}], "AttributeDefinitions": [{"AttributeName": "Artist", "AttributeType": "S"}], "SSESpecification": {"Enabled": true}, "Tags": [{"Key": "Owner", "Value": "blue"}]}`)
		e.Response = []byte(`{"TableDescription": {"TableName": "Music", "TableStatus": "CREATING", "ItemCount": 0}}`)
		e.Resources = music
	}),
	"put": with(event(DynamoDB, "PutItem", Of(assumed, "ASIAIOSFODNN7EXAMPLE", &Session{Created: noon.Add(-time.Hour)})), func(e *Event) {
		e.Request = []byte(`{"TableName": "Music", "Item": {"Artist": {"S": "No One You Know"}, "SongTitle": {"S": "Scared of My Shadow"}, "AlbumTitle": {"S": "Blue Sky Blues"}}, "ReturnConsumedCapacity": "TOTAL"}`)
		e.Resources = music
	}),
	"get": with(event(DynamoDB, "GetItem", Of(assumed, "ASIAIOSFODNN7EXAMPLE", &Session{Created: noon, Provider: "www.amazon.com", Attributes: map[string]string{"www.amazon.com:user_id": "amzn1.account.EXAMPLE"}})), func(e *Event) {
		e.Request = []byte(`{"TableName": "Music", "Key": {"Artist": {"S": "No One You Know"}}}`)
		e.Resources = music
	}),
	"denied": with(event(DynamoDB, "DeleteTable", Of(alice, "AKIAIOSFODNN7EXAMPLE", nil)), func(e *Event) {
		e.Request = []byte(`{"TableName": "Music"}`)
		e.ErrorCode, e.ErrorMessage = "AccessDeniedException", "User: arn:aws:iam::123456789012:user/Alice is not authorized to perform: dynamodb:DeleteTable on resource: arn:aws:dynamodb:us-west-2:123456789012:table/Music because no identity-based policy allows the dynamodb:DeleteTable action"
	}),
	"refused": with(event(DynamoDB, "PutItem", Unknown("AKIAIOSFODNN7EXAMPLE")), func(e *Event) {
		e.ErrorCode, e.ErrorMessage = "UnrecognizedClientException", "The security token included in the request is invalid."
	}),
	"invalid": with(event(DynamoDB, "PutItem", Of(alice, "AKIAIOSFODNN7EXAMPLE", nil)), func(e *Event) {
		e.ErrorCode, e.ErrorMessage = "ValidationException", "The parameter cannot be converted to a numeric value: secret"
	}),
	"secret-as-key": with(event(DynamoDB, "PutItem", Unknown("wJalrXUtnFEMI/K7MDENG")), func(e *Event) { e.ErrorCode = "UnrecognizedClientException" }),
	"web": with(event(STS, "AssumeRoleWithWebIdentity", WebIdentity("accounts.google.com", "application-id.apps.googleusercontent.com", "user-id")), func(e *Event) {
		e.Request = []byte(`{"RoleArn": "arn:aws:iam::123456789012:role/Web", "RoleSessionName": "MyName", "DurationSeconds": 3600, "WebIdentityToken": "eyJhbGciOi"}`)
		e.Response = []byte(`{"Provider": "accounts.google.com", "SubjectFromWebIdentityToken": "user-id", "Credentials": {"AccessKeyId": "ASIACQRSTUVWRAOEXAMPLE", "SecretAccessKey": "s", "SessionToken": "t", "Expiration": "2026-06-01T13:00:00Z"}, "AssumedRoleUser": {"AssumedRoleId": "AROACQRSTUVWRAOEXAMPLE:MyName", "Arn": "arn:aws:sts::123456789012:assumed-role/Web/MyName"}}`)
		e.Resources = []Resource{{AccountID: "123456789012", Type: "AWS::IAM::Role", ARN: "arn:aws:iam::123456789012:role/Web"}}
	}),
}

func with(e Event, change func(*Event)) Event {
	change(&e)
	return e
}

// TestLimits records what clients have made long or odd.
func TestLimits(t *testing.T) {
	e := events["put"]
	e.UserAgent, e.ErrorMessage = strings.Repeat("é", 4096), "bad \xff\n\"text\""
	e.Region, e.Identity = strings.Repeat("r", 4096), Unknown("AKIA"+strings.Repeat("K", 4096))
	e.Request = fmt.Appendf(nil, `{"TableName": %q}`, strings.Repeat("x", maxParameters))
	line, err := e.line("1", false)
	if err != nil {
		t.Fatal(err)
	}
	var r record
	if err := json.Unmarshal(line, &r); err != nil {
		t.Fatal(err)
	}
	if len(r.UserAgent) != maxText || r.ErrorMessage != "bad ?\n\"text\"" || !bytes.HasPrefix(r.RequestParameters, []byte(`{"omitted":true`)) || bytes.Count(line, []byte("\n")) != 1 {
		t.Errorf("got %s", line)
	}
	if len(r.AWSRegion) != maxText || len(r.UserIdentity.AccessKeyID) > 128 {
		t.Errorf("a region of %d and a key of %d bytes", len(r.AWSRegion), len(r.UserIdentity.AccessKeyID))
	}
	for _, body := range []string{"", "{", "[]", "null", `"x"`, "\xff", strings.Repeat("[", 1<<16), `{"a":` + strings.Repeat("{", 1<<10)} {
		if got := parameters("PutItem", []byte(body), false); string(got) != "null" {
			t.Errorf("%.20s tells %s", body, got)
		}
	}
}

// FuzzParameters looks for values of attributes in what records tell.
func FuzzParameters(f *testing.F) {
	for _, e := range events {
		f.Add(e.Name, e.Request)
	}
	f.Fuzz(func(t *testing.T, operation string, body []byte) {
		told := parameters(operation, body, false)
		if !json.Valid(told) {
			t.Errorf("%s %s tells %s", operation, body, told)
		}
	})
}
