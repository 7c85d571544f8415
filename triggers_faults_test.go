package stator_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/statordb/stator"
	"github.com/statordb/stator/internal/patience"
)

// unreliable is a consumer whose first answers are faults.
func unreliable(t *testing.T, behind *sink, faults ...http.HandlerFunc) *httptest.Server {
	var mu sync.Mutex
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		fault := behind.Config.Handler.ServeHTTP
		if len(faults) > 0 {
			fault, faults = faults[0], faults[1:]
		}
		mu.Unlock()
		fault(w, r)
	}))
	t.Cleanup(server.Close)
	return server
}

// However a consumer fails, it gets everything again, in order.
func TestTriggerBadConsumers(t *testing.T) {
	s := newTriggered(t, stator.Config{})
	s.createMusic(types.StreamViewTypeNewAndOldImages)
	hangs := func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // only then does the server see the client go
		<-r.Context().Done()
	}
	closes := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	garbage := func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") }
	cutShort := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		fmt.Fprint(w, `{"batchItemFailures": []}`)
	}
	moved := func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) }
	failed := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Amz-Function-Error", "Unhandled")
		fmt.Fprint(w, `{"errorMessage": "boom"}`)
	}
	stranger := func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"batchItemFailures": [{"itemIdentifier": "1"}]}`)
	}
	for i := range 3 {
		s.put("a", fmt.Sprint(i))
	}
	var consumers []*sink
	for i, faults := range [][]http.HandlerFunc{{hangs, closes, garbage}, {cutShort, moved}, {failed, stranger}} {
		good := newSink(t, nil)
		consumers = append(consumers, good)
		bad := unreliable(t, good, faults...)
		s.create(fmt.Sprint("bad", i), `{"table": "Music", "target": "`+bad.URL+`", "partial": true, "timeout": "2s", "batch_size": 2}`)
	}
	for i, faults := range []int{3, 2, 2} {
		if got := strings.Join(consumers[i].await(t, 3), ", "); got != "INSERT a 0, MODIFY a 1, MODIFY a 2" {
			t.Errorf("consumer %d got %q", i, got)
		}
		if _, text := s.admin("GET", fmt.Sprint("bad", i), ""); !strings.Contains(text, fmt.Sprintf(`"failures": %d,`, faults)) {
			t.Errorf("status %s, want %d failures", text, faults)
		}
	}
}

// What is given up is told to a URL, until it takes it.
func TestTriggerDeadLetterURL(t *testing.T) {
	clock := &handClock{at: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)}
	s := newTriggered(t, stator.Config{Now: clock.now})
	s.createMusic(types.StreamViewTypeNewAndOldImages)
	letters := make(chan string, 10)
	calls := 0
	dead := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if calls++; calls == 1 {
			w.WriteHeader(503)
			return
		}
		text, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		letters <- string(text)
	}))
	t.Cleanup(dead.Close)
	s.put("a", "1")
	s.put("a", "2")
	clock.advance(2 * time.Hour)
	s.put("a", "3")
	refusing := newSink(t, func([]string) (int, string) { return 500, "" })
	s.create("t", `{"table": "Music", "target": "`+refusing.URL+`", "max_age": "1h", "retries": 0, "dead_letter": "`+dead.URL+`"}`)
	for _, want := range []struct {
		condition string
		size      int
	}{{"RecordAgeExceeded", 2}, {"RetryAttemptsExhausted", 1}} {
		var letter struct {
			RequestContext struct{ Condition string }
			Info           struct {
				BatchSize int
				StreamArn string
			} `json:"DDBStreamBatchInfo"`
		}
		select {
		case text := <-letters:
			if err := json.Unmarshal([]byte(text), &letter); err != nil {
				t.Fatalf("%s: %v", text, err)
			}
		case <-time.After(patience.Limit):
			t.Fatal("no dead letter")
		}
		if letter.RequestContext.Condition != want.condition || letter.Info.BatchSize != want.size || letter.Info.StreamArn != *s.arn {
			t.Errorf("dead letter %+v, want %+v", letter, want)
		}
	}
	if n := len(refusing.records()); n != 1 {
		t.Errorf("%d records were tried, want the young one", n)
	}
}

// Within its window a batch fills.
func TestTriggerWindow(t *testing.T) {
	s := newTriggered(t, stator.Config{})
	s.createMusic(types.StreamViewTypeNewAndOldImages)
	consumer := newSink(t, nil)
	s.create("t", `{"table": "Music", "target": "`+consumer.URL+`", "batch_size": 3, "window": "5m"}`)
	for i := range 6 {
		s.put(fmt.Sprint("k", i), "v")
	}
	consumer.await(t, 6)
	for _, batch := range consumer.mu.batches {
		if len(batch) != 3 {
			t.Errorf("batch %q", batch)
		}
	}
}

// A paused trigger delivers later; one that is changed goes on where it was, with
// its counters.
func TestTriggerUpdate(t *testing.T) {
	s := newTriggered(t, stator.Config{})
	s.createMusic(types.StreamViewTypeNewAndOldImages)
	first, second := newSink(t, nil), newSink(t, nil)
	s.create("t", `{"table": "Music", "target": "`+first.URL+`", "paused": true}`)
	s.put("a", "1")
	s.create("t", `{"table": "Music", "target": "`+second.URL+`"}`)
	second.await(t, 1)
	s.awaitTrigger("t", `"delivered": 1,`)
	s.create("t", `{"table": "Music", "target": "`+first.URL+`"}`)
	s.put("a", "2")
	if got := strings.Join(first.await(t, 1), ", "); got != "MODIFY a 2" && got != "INSERT a 1, MODIFY a 2" {
		t.Errorf("after the update %q", got)
	}
	if _, text := s.admin("GET", "t", ""); strings.Contains(text, `"delivered": 0,`) {
		t.Errorf("the counters were lost: %s", text)
	}
}

// A trigger is about a table's name: it goes on when the table is deleted and
// created again, and when its stream is disabled and enabled again, also while
// the clock stands.
func TestTriggerTableAgain(t *testing.T) {
	t.Parallel()
	s := newTriggered(t, stator.Config{Clock: "manual"})
	s.createMusic(types.StreamViewTypeNewAndOldImages)
	consumer := newSink(t, nil)
	s.create("t", `{"table": "Music", "target": "`+consumer.URL+`"}`)
	set := func(spec *types.StreamSpecification) {
		t.Helper()
		if _, err := s.items.UpdateTable(context.Background(), &dynamodb.UpdateTableInput{TableName: aws.String("Music"), StreamSpecification: spec}); err != nil {
			t.Fatal(err)
		}
	}
	s.put("a", "1")
	set(&types.StreamSpecification{StreamEnabled: aws.Bool(false)})
	s.put("a", "unseen")
	if status, text := s.admin("PUT", "t", `{"table": "Music", "target": "`+consumer.URL+`", "batch_size": 7}`); status != 200 {
		t.Errorf("a trigger whose stream is disabled cannot be changed: %s", text)
	}
	set(&types.StreamSpecification{StreamEnabled: aws.Bool(true), StreamViewType: types.StreamViewTypeNewAndOldImages})
	s.put("a", "2")
	if _, err := s.items.DeleteTable(context.Background(), &dynamodb.DeleteTableInput{TableName: aws.String("Music")}); err != nil {
		t.Fatal(err)
	}
	s.createMusic(types.StreamViewTypeNewAndOldImages)
	s.put("a", "3")
	if got := strings.Join(consumer.awaitDistinct(t, 3), ", "); got != "INSERT a 1, MODIFY a 2, INSERT a 3" {
		t.Errorf("delivered %q", got)
	}
}

// A trigger that is given at the start waits for its table.
func TestTriggerAtStart(t *testing.T) {
	t.Parallel()
	consumer := newSink(t, nil)
	config := stator.Config{DataDir: t.TempDir(), Triggers: []string{"name=t,table=Music,target=" + consumer.URL}}
	for i, want := range []string{"INSERT a 0", "INSERT a 0, MODIFY a 1"} {
		s := newTriggered(t, config)
		if i == 0 {
			s.createMusic(types.StreamViewTypeNewAndOldImages)
		}
		s.put("a", fmt.Sprint(i))
		if got := strings.Join(consumer.await(t, i+1), ", "); got != want {
			t.Errorf("delivered %q, want %q", got, want)
		}
		if err := s.srv.Close(); err != nil {
			t.Fatal(err)
		}
	}
	config.Triggers = []string{"name=t,table=Music,target=nowhere"}
	if _, err := stator.Open(config); err == nil || err.Error() != `Config.Triggers: target "nowhere": use an http URL, lambda:NAME or file:PATH` {
		t.Errorf("a trigger without a target: %v", err)
	}
}

// The server is killed while it delivers: everything acknowledged is delivered,
// an item's versions in order but for those that come again.
func TestTriggerKill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	consumer := newSink(t, nil)
	flag := "name=t,table=Music,batch_size=5,parallelism=3,target=" + consumer.URL
	p := serve(t, dir, "--trigger", flag)
	s := &streamed{T: t, items: newClient(p.url)}
	s.createMusic(types.StreamViewTypeNewAndOldImages)
	const items, rounds = 7, 3
	version := 0
	for range rounds {
		for range 40 {
			version++
			for k := range items {
				s.put(fmt.Sprint("k", k), fmt.Sprint(version))
			}
		}
		consumer.await(t, version*items/2)
		if err := p.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		<-p.ended
		p = serve(t, dir, "--trigger", flag)
		s.items = newClient(p.url)
	}
	next := map[string]int{}
	seen := func() bool {
		clear(next)
		for _, r := range consumer.records() {
			var event, key string
			var v int
			if _, err := fmt.Sscan(r, &event, &key, &v); err != nil {
				t.Fatal(err)
			}
			if v > next[key]+1 {
				t.Fatalf("version %d of %s comes after %d", v, key, next[key])
			}
			next[key] = max(next[key], v)
		}
		for k := range items {
			if next[fmt.Sprint("k", k)] < version {
				return false
			}
		}
		return true
	}
	patience.Until(t, seen, fmt.Sprintf("version %d of %d items", version, items))
}
