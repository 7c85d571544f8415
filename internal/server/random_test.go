package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/statordb/stator/internal/api"
	"github.com/statordb/stator/internal/backup"
	"github.com/statordb/stator/internal/bucket"
	"github.com/statordb/stator/internal/clock"
	"github.com/statordb/stator/internal/extsort"
	"github.com/statordb/stator/internal/kv"
	"github.com/statordb/stator/internal/kv/memkv"
	"github.com/statordb/stator/internal/kv/pebblekv"
	"github.com/statordb/stator/internal/meter"
	"github.com/statordb/stator/internal/model/modeltest"
	"github.com/statordb/stator/internal/patience"
	"github.com/statordb/stator/internal/server"
	"github.com/statordb/stator/internal/stream"
	"github.com/statordb/stator/internal/table"
	"github.com/statordb/stator/internal/transfer"
	"github.com/statordb/stator/internal/trigger"
)

// episodeRounds is how many requests one server gets in TestRandomRequests.
const episodeRounds = 5000

// enough is how many requests it takes for each operation to succeed once, with
// certainty.
const enough = 100_000

// TestRandomRequests sends random requests, plausible ones and broken ones,
// STATOR_RANDOM_ROUNDS of them, and checks that every answer is one that
// DynamoDB may give, that nothing is logged as an error, and that the data is
// sound in the end. They go to one new server after the other, each with a
// seed that is in the log when something is wrong: STATOR_TEST_SEED repeats
// that one.
func TestRandomRequests(t *testing.T) {
	models, err := modeltest.Load("../model/data")
	if err != nil {
		t.Fatal(err)
	}
	rounds := number(t, "STATOR_RANDOM_ROUNDS", 20_000)
	if testing.Short() {
		rounds = 2000
	}
	seed := uint64(number(t, "STATOR_TEST_SEED", 0))
	if seed != 0 {
		rounds = episodeRounds
	} else {
		seed = uint64(rand.Uint32()) + 1
	}
	t.Logf("from STATOR_TEST_SEED=%d", seed)
	answers := map[string]int{}
	for made := 0; made < rounds; made += episodeRounds {
		ok := t.Run(fmt.Sprintf("STATOR_TEST_SEED=%d", seed), func(t *testing.T) {
			e := newEpisode(t, models, seed)
			e.run(min(episodeRounds, rounds-made))
			for answer, n := range e.answers {
				answers[answer] += n
			}
		})
		if !ok {
			t.Fatalf("after %d requests", made)
		}
		seed++
	}
	for _, answer := range slices.Sorted(maps.Keys(answers)) {
		t.Logf("%8d %s", answers[answer], answer)
	}
	t.Logf("requests %d, last seed %d", rounds, seed-1)
	for _, name := range api.Names() {
		if rounds >= enough && answers[name+" "] == 0 {
			t.Errorf("%s has never succeeded", name)
		}
	}
}

// number returns the value of an environment variable.
func number(t *testing.T, variable string, otherwise int) int {
	t.Helper()
	s := os.Getenv(variable)
	if s == "" {
		return otherwise
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		t.Fatalf("%s=%q: use a positive number", variable, s)
	}
	return n
}

// episode is one server and who sends it random requests.
type episode struct {
	*testing.T
	clock   *clock.Manual
	engine  *table.Engine
	streams *stream.Streams
	backups *backup.Backups
	moved   *transfer.Transfers
	kinesis *trigger.Kinesis
	api     *api.API
	url     string
	models  *modeltest.Models
	rand    *rand.Rand

	fleeting bool // tables are dropped as often as they are made

	moving  sync.Mutex // held while the clock is moved
	mu      sync.Mutex
	logged  bytes.Buffer
	answers map[string]int // by operation and code
}

// newEpisode starts a server that stops with the test.
func newEpisode(t *testing.T, models *modeltest.Models, seed uint64) *episode {
	e := &episode{
		T: t, models: models, rand: rand.New(rand.NewPCG(seed, 0)), answers: map[string]int{},
		clock: clock.NewManual(time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)),
	}
	log := slog.New(slog.NewTextHandler(locked{e}, &slog.HandlerOptions{Level: slog.LevelError}))
	store, enforce, now := e.openStore(log), e.rand.IntN(4) == 0, e.clock.Now
	catalog, err := table.OpenCatalog(t.Context(), store, now, meter.New(now, enforce))
	e.must(err)
	e.engine = table.NewEngine(store, catalog, log)
	e.streams = stream.New(e.engine, table.Home{Account: "123456789012", Region: "us-east-1"}, now)
	e.backups, err = backup.Open(t.Context(), backup.Config{Store: store, Engine: e.engine, Scratch: extsort.Scratch{FS: vfs.NewMem(), Dir: "scratch"}, Now: now, Log: log})
	e.must(err)
	e.moved, err = transfer.Open(t.Context(), transfer.Config{
		Store: store, Engine: e.engine, Buckets: e.buckets(), Scratch: extsort.Scratch{FS: vfs.NewMem(), Dir: "scratch"}, Logs: t.TempDir(), Now: now, Log: log,
	})
	e.must(err)
	e.kinesis = trigger.NewKinesis(store, e.engine, e.streams, e.newKinesis(), now, log)
	e.api = api.New(api.Config{
		Engine: e.engine, Streams: e.streams, Backups: e.backups, Transfers: e.moved, Kinesis: e.kinesis,
		Home: table.Home{Account: "123456789012", Region: "us-east-1"}, Dialect: api.Dialect(e.rand.IntN(2)), EnforceCapacity: enforce, Now: now, Log: log,
	})
	front := server.New(server.Config{API: e.api, Region: "us-east-1", Metrics: server.NewMetrics(store, e.engine, e.backups, e.kinesis), Log: log})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	e.must(err)
	e.url = "http://" + ln.Addr().String()
	go func() { _ = front.Serve(ln) }()
	t.Cleanup(func() { e.must(front.Shutdown(context.Background())) })
	e.must(e.engine.StartJobs(t.Context()))
	return e
}

// openStore opens a store in memory or, for one episode in ten, on disk.
func (e *episode) openStore(log *slog.Logger) kv.Store {
	if e.rand.IntN(10) > 0 {
		return memkv.New(memkv.Options{})
	}
	store, err := pebblekv.Open(pebblekv.Options{Dir: e.TempDir(), Logger: log})
	e.must(err)
	e.Cleanup(func() { e.must(store.Close()) })
	return store
}

// buckets makes buckets that have something to import.
func (e *episode) buckets() bucket.Store {
	path := e.TempDir()
	for name, content := range map[string]string{
		"in/1.json": `{"Item":{"pk":{"S":"a"},"sk":{"N":"1"},"a":{"S":"x"}}}` + "\nnonsense\n" + `{"Item":{"pk":{"S":"b"}},"ConditionExpression":"attribute_not_exists(pk)"}`,
		"in/2.ion":  `$ion_1_0 {Item:{pk:"c",sk:2.,b:$dynamodb_SS::["x"]}}`, "in/3.csv": "pk,sk,a\nd,3,y\n",
	} {
		file := filepath.Join(path, "files", name)
		e.must(errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, []byte(content), 0o600)))
	}
	return bucket.NewDir(path, nil)
}

// newKinesis starts a Kinesis that has every data stream and drops what it
// gets, and returns its address.
func (e *episode) newKinesis() string {
	k := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct{ Records []json.RawMessage }
		if json.NewDecoder(r.Body).Decode(&in) != nil {
			return // it was given up in the middle: the delivery ends
		}
		taken := strings.TrimSuffix(strings.Repeat(`{"SequenceNumber": "1", "ShardId": "shardId-000000000000"},`, len(in.Records)), ",")
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		fmt.Fprintf(w, `{"StreamDescriptionSummary": {"StreamStatus": "ACTIVE"}, "FailedRecordCount": 0, "Records": [%s]}`, taken)
	}))
	e.Cleanup(k.Close)
	return k.URL
}

// locked writes to the log of an episode.
type locked struct{ *episode }

func (l locked) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.logged.Write(b)
}

func (e *episode) must(err error) {
	e.Helper()
	if err != nil {
		e.Fatal(err)
	}
}

// run sends requests: all one after the other, or, in some episodes, four at
// a time, in half of them while tables come and go, and checks the data after
// them.
func (e *episode) run(rounds int) {
	clients := 1
	if e.rand.IntN(4) == 0 {
		clients, e.fleeting = 4, e.rand.IntN(2) == 0
	}
	var all sync.WaitGroup
	for range clients {
		r := rand.New(rand.NewPCG(e.rand.Uint64(), 0))
		all.Go(func() { e.client(r, rounds/clients) })
	}
	all.Wait()
	e.kinesis.Close()
	patience.Until(e, func() bool { return !e.restoring() }, "the end of all restores")
	e.backups.Close()
	e.moved.Close()
	e.engine.Close() // ends the background work
	if err := e.engine.CheckAll(e.Context()); err != nil {
		e.Errorf("the data in the end: %v", err)
	}
	e.engine.Each(func(t *table.Table) {
		counts, err := e.engine.Recount(e.Context(), t)
		e.must(err)
		for space, want := range counts {
			if got := t.Counts.Of(space); got != want {
				e.Errorf("table %s counts %+v in space %d, want %+v", t.Name, got, space, want)
			}
		}
	})
	for line := range strings.Lines(e.logged.String()) {
		if !strings.Contains(line, `"records are given up"`) { // for Kinesis, when the clock went on by a day
			e.Errorf("logged: %s", line)
		}
	}
}

// rarely are operations that take away what others need, and what is asked for
// most of the times instead.
var rarely = map[string]string{"DeleteTable": "CreateTable", "DeleteBackup": "CreateBackup"}

// restoring reports whether a table is being restored or imported.
func (e *episode) restoring() (yes bool) {
	e.engine.Each(func(t *table.Table) { yes = yes || t.Creating })
	return yes
}

// often are the operations that are asked for more often than others.
var often = []string{
	"PutItem", "PutItem", "UpdateItem", "UpdateItem", "DeleteItem", "Query", "Query", "Scan", "GetItem", "BatchWriteItem",
	"TransactWriteItems", "TransactGetItems", "ExecuteStatement", "ExecuteStatement", "ExecuteTransaction", "BatchExecuteStatement",
	"GetRecords", "GetShardIterator", "CreateTable", "CreateTable",
}

// client sends requests one after the other until one goes wrong.
func (e *episode) client(r *rand.Rand, rounds int) {
	g := modeltest.New(e.models, r, e.clock.Now)
	names := append(api.Names(), often...)
	for range rounds {
		if r.IntN(500) == 0 {
			e.moveClock(r)
		}
		name := names[r.IntN(len(names))]
		switch instead := rarely[name]; {
		case e.fleeting && r.IntN(3) == 0:
			name = []string{"CreateTable", "DeleteTable"}[r.IntN(2)]
		case instead != "" && r.IntN(10) > 0:
			name = instead
		}
		body := g.Request(name)
		if err := e.send(r, g, name, body); err != nil {
			e.Errorf("%s: %v, to the request\n%.4000q", name, err, body)
			return
		}
	}
}

// moveClock moves the clock, now and then back, and does the work that is due then.
func (e *episode) moveClock(r *rand.Rand) {
	e.moving.Lock()
	defer e.moving.Unlock()
	by := []time.Duration{time.Second, time.Minute, 11 * time.Minute, 5 * time.Hour, 25 * time.Hour, -time.Hour}[r.IntN(6)]
	e.clock.Move(e.clock.Now().Add(by))
	err := errors.Join(e.engine.ExpireAll(e.Context(), e.clock.Now()), e.engine.SaveCounts(e.Context()),
		e.engine.ForgetTokens(e.Context(), e.clock.Now()), e.streams.Keep(e.Context()), e.kinesis.Look(e.Context()), e.backups.Expire(e.Context()), e.moved.Forget(e.Context()))
	if err != nil {
		e.Errorf("work after the clock was moved: %v", err)
	}
}

// send sends one request, a few over HTTP, and judges the answer.
func (e *episode) send(r *rand.Rand, g *modeltest.Generator, name string, body []byte) error {
	status, answer := 0, []byte(nil)
	if r.IntN(20) == 0 {
		var err error
		if status, answer, err = e.post(name, body); err != nil {
			return err
		}
	} else {
		res := e.api.Do(e.Context(), nil, name, bytes.Clone(body), nil)
		status, answer = res.Status, res.Body
	}
	if err := g.Check(name, status, answer); err != nil {
		return fmt.Errorf("%w: %d %.2000q", err, status, answer)
	}
	e.count(name, status, answer)
	return nil
}

func (e *episode) count(name string, status int, answer []byte) {
	code := ""
	if status != http.StatusOK {
		_, code, _ = strings.Cut(string(answer), "#")
		code, _, _ = strings.Cut(code, `"`)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.answers[name+" "+code]++
}

// post sends a request over HTTP.
func (e *episode) post(name string, body []byte) (status int, answer []byte, err error) {
	req, err := http.NewRequestWithContext(e.Context(), http.MethodPost, e.url, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.0")
	req.Header.Set("X-Amz-Target", e.models.Target(name))
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	answer, err = io.ReadAll(res.Body)
	return res.StatusCode, answer, err
}
