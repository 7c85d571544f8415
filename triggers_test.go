package stator_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/statordb/stator"
	"github.com/statordb/stator/internal/patience"
)

// sink is an HTTP consumer that remembers what it got.
type sink struct {
	*httptest.Server
	mu struct {
		sync.Mutex
		batches [][]string // records as "EVENT key value"
		paths   []string
		answer  func(batch []string) (status int, body string)
	}
}

// lambdaEvent is what a function for DynamoDB streams gets.
type lambdaEvent struct {
	Records []struct {
		EventID, EventName, EventSource, EventVersion, AwsRegion, EventSourceARN string
		Dynamodb                                                                 struct {
			ApproximateCreationDateTime float64
			Keys, NewImage, OldImage    map[string]map[string]string
			SequenceNumber              string
			SizeBytes                   int
			StreamViewType              string
		}
	}
}

func newSink(t *testing.T, answer func(batch []string) (status int, body string)) *sink {
	s := &sink{}
	s.mu.answer = answer
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		var e lambdaEvent
		if err == nil {
			err = json.Unmarshal(text, &e)
		}
		if err != nil {
			t.Errorf("event %s: %v", text, err)
		}
		var batch []string
		for _, r := range e.Records {
			if len(r.EventID) != 32 || r.EventSource != "aws:dynamodb" || !strings.Contains(r.EventSourceARN, "/stream/") || r.Dynamodb.SequenceNumber == "" {
				t.Errorf("record %+v", r)
			}
			batch = append(batch, fmt.Sprintf("%s %s %s", r.EventName, r.Dynamodb.Keys["pk"]["S"], r.Dynamodb.NewImage["v"]["S"]))
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.mu.batches = append(s.mu.batches, batch)
		s.mu.paths = append(s.mu.paths, r.URL.Path)
		status, body := http.StatusOK, ""
		if s.mu.answer != nil {
			status, body = s.mu.answer(batch)
		}
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}))
	t.Cleanup(s.Close)
	return s
}

// records returns all records so far, in order.
func (s *sink) records() (all []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, batch := range s.mu.batches {
		all = append(all, batch...)
	}
	return all
}

// await returns when the records are so many.
func (s *sink) await(t *testing.T, n int) []string {
	t.Helper()
	patience.Until(t, func() bool { return len(s.records()) >= n }, fmt.Sprintf("%d records", n))
	return s.records()
}

// awaitDistinct is await without what was delivered again: what is under way
// when a trigger is changed may come twice.
func (s *sink) awaitDistinct(t *testing.T, n int) []string {
	t.Helper()
	patience.Until(t, func() bool { return len(slices.Compact(s.records())) >= n }, fmt.Sprintf("%d records", n))
	return slices.Compact(s.records())
}

// awaitTrigger returns when the description of a trigger has text.
func (s *triggered) awaitTrigger(name, text string) {
	s.Helper()
	patience.Until(s, func() bool {
		_, description := s.admin("GET", name, "")
		return strings.Contains(description, text)
	}, name+" with "+text)
}

// triggered is a server with the table Music, whose triggers can be changed.
type triggered struct {
	*streamed
	srv *stator.Server
}

func newTriggered(t *testing.T, c stator.Config) *triggered {
	t.Helper()
	c.Admin = true
	srv, err := stator.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
	})
	return &triggered{&streamed{T: t, items: newClient(srv.URL()), streams: newStreamsClient(srv.URL())}, srv}
}

// admin sends a request to /triggers and returns status and body.
func (s *triggered) admin(method, name, body string, header ...string) (int, string) {
	s.Helper()
	req, err := http.NewRequest(method, s.srv.URL()+"/triggers/"+name, strings.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
		if header[i] == "Host" {
			req.Host = header[i+1]
		}
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		s.Fatal(err)
	}
	return res.StatusCode, string(text)
}

func (s *triggered) create(name, body string) {
	s.Helper()
	if status, text := s.admin("PUT", name, body); status != 200 {
		s.Fatalf("PUT %s: %d %s", body, status, text)
	}
}

// A trigger delivers what was there and what comes, in order, goes on after a
// restart, and honours its filter.
func TestTriggerDelivers(t *testing.T) {
	dir := t.TempDir()
	s := newTriggered(t, stator.Config{DataDir: dir})
	s.createMusic(types.StreamViewTypeNewAndOldImages)
	all, some := newSink(t, nil), newSink(t, nil)
	s.put("a", "1")
	s.create("all", `{"table": "Music", "target": "`+all.URL+`/hook", "batch_size": 2}`)
	s.create("some", `{"table": "Music", "target": "lambda:fulfil", "endpoint": "`+some.URL+`",
		"filters": [{"eventName": ["INSERT", "MODIFY"], "dynamodb": {"NewImage": {"v": {"S": [{"numeric": [">=", 2]}]}}}}]}`)
	s.put("a", "2")
	s.remove("a")
	want := "INSERT a 1, MODIFY a 2, REMOVE a "
	if got := strings.Join(all.await(t, 3), ", "); got != want {
		t.Errorf("delivered %q, want %q", got, want)
	}
	if got := strings.Join(some.await(t, 1), ", "); got != "MODIFY a 2" {
		t.Errorf("the filter passes %q", got)
	}
	if all.mu.paths[0] != "/hook" || some.mu.paths[0] != "/2015-03-31/functions/fulfil/invocations" {
		t.Errorf("paths %q %q", all.mu.paths, some.mu.paths)
	}
	for _, batch := range all.mu.batches {
		if len(batch) > 2 {
			t.Errorf("batch %q is too large", batch)
		}
	}
	if err := s.srv.Close(); err != nil {
		t.Fatal(err)
	}
	s = newTriggered(t, stator.Config{DataDir: dir})
	s.put("b", "3")
	if got := strings.Join(all.await(t, 4), ", "); got != want+", INSERT b 3" {
		t.Errorf("after a restart %q", got)
	}
	s.awaitTrigger("some", `"delivered": 1,`)
	if status, text := s.admin("GET", "", ""); status != 200 || !strings.Contains(text, `"name": "some"`) || !strings.Contains(text, `"delivered": 1,`) {
		t.Errorf("list: %d %s", status, text)
	}
	if status, text := s.admin("DELETE", "all", ""); status != 200 {
		t.Errorf("DELETE: %d %s", status, text)
	}
	s.put("c", "3")
	some.await(t, 3)
	if n := len(all.records()); n != 4 {
		t.Errorf("a deleted trigger delivers: %d records", n)
	}
}

// A consumer that fails is asked again; a poison record ends in the dead
// letters after its retries, found by halving, and its neighbours arrive.
func TestTriggerGivesUp(t *testing.T) {
	s := newTriggered(t, stator.Config{})
	s.createMusic(types.StreamViewTypeNewAndOldImages)
	dead := filepath.Join(t.TempDir(), "dead")
	good := newSink(t, nil)
	poisoned := newSink(t, func(batch []string) (int, string) {
		for _, r := range batch {
			if strings.HasSuffix(r, "poison") {
				return 500, ""
			}
		}
		return 200, ""
	})
	for i := range 5 {
		s.put(fmt.Sprint("k", i), "fine")
	}
	s.put("k5", "poison")
	s.put("k6", "fine")
	s.create("poisoned", `{"table": "Music", "target": "`+poisoned.URL+`", "bisect": true, "retries": 1, "dead_letter": "file:`+dead+`"}`)
	s.create("good", `{"table": "Music", "target": "`+good.URL+`"}`)
	good.await(t, 7)
	s.awaitTrigger("poisoned", `"delivered": 6,`)
	if _, text := s.admin("GET", "poisoned", ""); !strings.Contains(text, `"delivered": 6,`) || !strings.Contains(text, `"given_up": 1`) {
		t.Errorf("poisoned trigger: %s", text)
	}
	letter, err := os.ReadFile(dead)
	if err != nil || strings.Count(string(letter), "\n") != 1 || !strings.Contains(string(letter), `"condition":"RetryAttemptsExhausted"`) || !strings.Contains(string(letter), `"batchSize":1`) {
		t.Errorf("dead letters %s (%v)", letter, err)
	}
}

// A consumer that names the record that failed gets it and what follows again.
func TestTriggerPartial(t *testing.T) {
	s := newTriggered(t, stator.Config{})
	s.createMusic(types.StreamViewTypeNewAndOldImages)
	for i := range 4 {
		s.put(fmt.Sprint("k", i), "v")
	}
	oldest, err := s.iterator(0, "TRIM_HORIZON", nil)
	if err != nil {
		t.Fatal(err)
	}
	out, err := s.read(oldest, 10)
	if err != nil {
		t.Fatal(err)
	}
	third := *out.Records[2].Dynamodb.SequenceNumber
	refused := false
	consumer := newSink(t, func(batch []string) (int, string) {
		if !refused {
			refused = true
			return 200, `{"batchItemFailures": [{"itemIdentifier": "` + third + `"}]}`
		}
		return 200, `{"batchItemFailures": []}`
	})
	s.create("partial", `{"table": "Music", "target": "`+consumer.URL+`", "partial": true}`)
	if got := strings.Join(consumer.await(t, 6), ", "); got != "INSERT k0 v, INSERT k1 v, INSERT k2 v, INSERT k3 v, INSERT k2 v, INSERT k3 v" {
		t.Errorf("delivered %q", got)
	}
}

// A file gets a line for each record.
func TestTriggerFile(t *testing.T) {
	s := newTriggered(t, stator.Config{})
	s.createMusic(types.StreamViewTypeKeysOnly)
	path := filepath.Join(t.TempDir(), "changes")
	s.create("dump", `{"table": "Music", "target": "file:`+path+`", "parallelism": 4}`)
	for i := range 20 {
		s.put(fmt.Sprint("k", i), "v")
	}
	patience.Until(t, func() bool {
		text, err := os.ReadFile(path)
		return err == nil && strings.Count(string(text), `"eventName":"INSERT"`) == 20
	}, "20 records in the file")
}

// What cannot be is refused with one line; pages in browsers are refused all.
func TestTriggerRefused(t *testing.T) {
	s := newTriggered(t, stator.Config{})
	s.createMusic(types.StreamViewTypeKeysOnly)
	for body, want := range map[string]string{
		`{"table": "Music"}`:                                                        `target "": use an http URL, lambda:NAME or file:PATH`,
		`{"table": "Magic", "target": "file:x"}`:                                    `there is no table Magic: create it, with a stream`,
		`{"table": "Music", "target": "lambda:f"}`:                                  `target lambda:f needs the endpoint`,
		`{"table": "Music", "target": "file:x", "batch_size": 10001}`:               `batch_size 10001: use 1 to 10000`,
		`{"table": "Music", "target": "file:x", "filters": [{"a": [{"like": 1}]}]}`: `filter {"a": [{"like": 1}]}: a: unknown operator "like"`,
		`{"table": "Music", "target": "file:x", "window": "1h"}`:                    `window 1h0m0s: use 0s to 5m0s`,
		`{"table": "Music", "target": "file:x", "colour": 1}`:                       `json: unknown field "colour"`,
		`{"table": "Music", "target": "file:x", "from": "NOW"}`:                     `from "NOW": use TRIM_HORIZON or LATEST`,
		`{"table": "Music", "target": "file:x", "dead_letter": "dead"}`:             `dead_letter "dead": use an http URL or file:PATH`,
	} {
		if status, text := s.admin("PUT", "t", body); status != 400 || !strings.HasPrefix(text, want) || strings.Count(text, "\n") != 1 {
			t.Errorf("PUT %s: %d %q, want %q", body, status, text, want)
		}
	}
	if status, _ := s.admin("GET", "t", ""); status != 404 {
		t.Errorf("GET of no trigger: %d", status)
	}
	for _, header := range [][]string{{"Origin", "http://example.com"}, {"Host", "example.com"}} {
		if status, text := s.admin("GET", "", "", header...); status != 404 {
			t.Errorf("with %q: %d %s", header, status, text)
		}
	}
}
