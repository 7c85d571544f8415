package trigger

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/stream"
	"github.com/statordb/stator/internal/table"
)

func TestParse(t *testing.T) {
	list, err := Parse(`name=ship,table=Orders,target=http://127.0.0.1:9000/a?b=c,batch_size=10,partial=true,window=2s`)
	if err != nil || len(list) != 1 {
		t.Fatalf("%+v %v", list, err)
	}
	if one := list[0]; one.Name != "ship" || one.Target != "http://127.0.0.1:9000/a?b=c" || one.BatchSize != 10 || !one.Partial || time.Duration(one.Window) != 2*time.Second {
		t.Errorf("%+v", one)
	}
	if list, err = Parse(`[{"name": "a", "table": "T", "target": "file:x"}, {"name": "b", "table": "T", "target": "file:y"}]`); err != nil || len(list) != 2 {
		t.Errorf("%+v %v", list, err)
	}
	for text, want := range map[string]string{
		"":                              `"" is no member=value`,
		"name=a,table":                  `"table" is no member=value`,
		"name=a,table=T,batch_size=ten": "use a number, true or false",
		"name=a,table=T,target=x":       "use an http URL",
		"name=a,colour=red":             `unknown field "colour"`,
		`{"name": "a"} {}`:              "something behind the JSON",
		`[{"name": "a"}]`:               "a trigger needs a table",
	} {
		if _, err := Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

// A request to Kinesis has an item once, 500 records and 5 MB at most, and nothing
// is lost between requests.
func TestRounds(t *testing.T) {
	var all []record
	for i := range 1200 {
		key := attr.NewItem(attr.Attribute{Name: "k", Value: attr.String(fmt.Sprint(i % 700))})
		size := 10
		if i%100 == 0 {
			size = 1 << 20
		}
		all = append(all, record{stream.Record{ID: fmt.Sprint(i), Keys: key}, make([]byte, size)})
	}
	var sent []record
	for rest := all; len(rest) > 0; {
		round, later := nextRound(rest)
		size, keys := 0, map[string]bool{}
		for _, r := range round {
			size += len(r.json) + len(partitionKey(r))
			keys[partitionKey(r)] = true
		}
		if len(round) == 0 || len(round) > 500 || size > 5<<20 || len(keys) != len(round) || len(round)+len(later) != len(rest) {
			t.Fatalf("a round of %d records, %d items and %d bytes, %d of %d later", len(round), len(keys), size, len(later), len(rest))
		}
		sent, rest = append(sent, round...), inOrder(rest, later)
	}
	last := map[string]int{}
	for _, r := range sent {
		var i int
		if _, err := fmt.Sscan(r.ID, &i); err != nil {
			t.Fatal(err)
		}
		if before, ok := last[partitionKey(r)]; ok && before > i {
			t.Errorf("record %d comes after %d", i, before)
		}
		last[partitionKey(r)] = i
	}
	if len(sent) != len(all) {
		t.Errorf("%d records sent of %d", len(sent), len(all))
	}
}

// Invoke requests are signed with the credentials in the environment.
func TestSignLambda(t *testing.T) {
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION"} {
		t.Setenv(name, "")
	}
	sign := func(url string) http.Header {
		req, err := http.NewRequest(http.MethodPost, url, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		if err := prepareInvoke(req, []byte("{}")); err != nil {
			t.Fatal(err)
		}
		return req.Header
	}
	if h := sign("http://127.0.0.1:9000/f"); h.Get("Authorization") != "" || h.Get("X-Amz-Invocation-Type") != "RequestResponse" {
		t.Errorf("without credentials: %v", h)
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "id")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Setenv("AWS_SESSION_TOKEN", "token")
	for url, region := range map[string]string{"http://127.0.0.1:9000/f": "us-east-1", "https://lambda.eu-west-3.amazonaws.com/f": "eu-west-3"} {
		h := sign(url)
		if !strings.Contains(h.Get("Authorization"), "/"+region+"/lambda/aws4_request") || h.Get("X-Amz-Security-Token") != "token" {
			t.Errorf("%s: %v", url, h)
		}
	}
}

// A record for Kinesis, of an item whose time to live was over.
func TestKinesisRecord(t *testing.T) {
	b := base{streams: stream.New(nil, table.Home{Account: "123456789012", Region: "eu-west-3"}, nil)}
	key := attr.NewItem(attr.Attribute{Name: "k", Value: attr.String("v")})
	got := b.kinesisEncoder("MICROSECOND")(stream.Stream{Table: &table.Descriptor{Name: "Music"}}, stream.Record{
		ID: "0123456789abcdef0123456789abcdef", Event: stream.Remove, Time: time.UnixMicro(1793534400123456), Keys: key, Old: key, Size: 4, Expired: true,
	})
	want := `{"awsRegion":"eu-west-3","eventID":"01234567-89ab-cdef-0123-456789abcdef","eventName":"REMOVE",` +
		`"userIdentity":{"principalId":"dynamodb.amazonaws.com","type":"Service"},"recordFormat":"application/json","tableName":"Music",` +
		`"dynamodb":{"ApproximateCreationDateTime":1793534400123456,"ApproximateCreationDateTimePrecision":"MICROSECOND",` +
		`"Keys":{"k":{"S":"v"}},"OldImage":{"k":{"S":"v"}},"SizeBytes":4},"eventSource":"aws:dynamodb"}`
	if string(got) != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}
