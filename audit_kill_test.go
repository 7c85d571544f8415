package stator_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go/middleware"
)

// TestAuditKill kills a server as soon as enough requests are answered: the audit
// log has a record of each that was, and the next server goes on with the log.
func TestAuditKill(t *testing.T) {
	t.Parallel()
	who := newPeople(t, map[string]string{"admin": allow("dynamodb:*", "")})
	data, dir := filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "audit")
	answered := map[string]string{} // operations by request id
	for round := range 3 {
		p := serve(t, data, "--auth=iam", "--iam-file", who.file, "--audit-dir", dir, "--audit-data-events")
		key := who.keys["admin"]
		c := dynamodb.New(dynamodb.Options{BaseEndpoint: aws.String(p.url), Region: "us-east-1", Retryer: aws.NopRetryer{}, HTTPClient: whole,
			Credentials: credentials.NewStaticCredentialsProvider(key.AccessKeyID, key.SecretAccessKey, "")})
		if round == 0 {
			out, err := c.CreateTable(t.Context(), &dynamodb.CreateTableInput{
				TableName: aws.String("Music"), BillingMode: types.BillingModePayPerRequest,
				AttributeDefinitions: stringKeys("pk"), KeySchema: keySchema("pk", "")[:1],
			})
			if err != nil {
				t.Fatal(err)
			}
			answered[requestIDOf(t, out.ResultMetadata)] = "CreateTable"
		}
		putUntilKilled(t, p, c, answered)
	}
	recorded := auditedIDs(t, dir)
	for id, operation := range answered {
		if recorded[id] != operation {
			t.Errorf("%s %s was answered, the audit log has %q", operation, id, recorded[id])
		}
	}
}

// putUntilKilled puts items over several connections, kills p after a hundred
// answers, and adds what was answered.
func putUntilKilled(t *testing.T, p *process, c *dynamodb.Client, answered map[string]string) {
	t.Helper()
	const writers, enough = 4, 100
	ids := make(chan string)
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for n := 0; ; n++ {
				out, err := c.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String("Music"), Item: item{"pk": str(strconv.Itoa(w) + "/" + strconv.Itoa(n))}})
				if err != nil {
					return
				}
				ids <- requestIDOf(t, out.ResultMetadata)
			}
		})
	}
	go func() { all.Wait(); close(ids) }()
	before := len(answered)
	for id := range ids {
		if answered[id] = "PutItem"; len(answered) == before+enough {
			if err := p.cmd.Process.Kill(); err != nil {
				t.Error(err)
			}
		}
	}
	if len(answered) < before+enough {
		t.Fatalf("the server ended after %d answers: %s", len(answered)-before, p.wait())
	}
	p.wait()
}

func requestIDOf(t *testing.T, m middleware.Metadata) string {
	id, there := awsmiddleware.GetRequestIDMetadata(m)
	if !there {
		t.Error("an answer has no request id")
	}
	return id
}

// auditedIDs returns the operations by request id in the current file of a log.
func auditedIDs(t *testing.T, dir string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "cloudtrail.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	recorded := map[string]string{}
	lines := bytes.SplitAfter(text, []byte("\n"))
	for i, line := range lines {
		var r struct{ RequestID, EventName, ErrorCode string }
		if err := json.Unmarshal(line, &r); err != nil {
			if i < len(lines)-1 { // the last may be torn by the last kill
				t.Errorf("line %d of the audit log: %v", i+1, err)
			}
			continue
		}
		if r.ErrorCode == "" {
			recorded[r.RequestID] = r.EventName
		}
	}
	return recorded
}
