package stator_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/statordb/stator"
	"github.com/statordb/stator/internal/bench"
)

// The benchmarks send requests over HTTP from 32 clients in this process. Run
// stator bench for figures that tell server and client apart.
//
// Those of writes keep the data in a temporary directory: set TMPDIR to one on
// a real disk.

func BenchmarkGetItem(b *testing.B)         { benchmarkServer(b, "get") }
func BenchmarkPutItem(b *testing.B)         { benchmarkServer(b, "put") }
func BenchmarkPutItemGSI(b *testing.B)      { benchmarkServer(b, "put-gsi") }
func BenchmarkTransactWrite2(b *testing.B)  { benchmarkServer(b, "transact") }
func BenchmarkUpdateItem(b *testing.B)      { benchmarkServer(b, "update") }
func BenchmarkQuery10(b *testing.B)         { benchmarkServer(b, "query") }
func BenchmarkQuery10GSI(b *testing.B)      { benchmarkServer(b, "query-gsi") }
func BenchmarkScan100(b *testing.B)         { benchmarkServer(b, "scan") }
func BenchmarkBatchWrite25(b *testing.B)    { benchmarkServer(b, "batch") }
func BenchmarkYCSBA(b *testing.B)           { benchmarkServer(b, "ycsb-a") }
func BenchmarkYCSBB(b *testing.B)           { benchmarkServer(b, "ycsb-b") }
func BenchmarkBaselineGetItem(b *testing.B) { benchmarkBaseline(b, "get") }
func BenchmarkBaselinePutItem(b *testing.B) { benchmarkBaseline(b, "put") }
func BenchmarkBaselineQuery10(b *testing.B) { benchmarkBaseline(b, "query") }

// benchOptions are those of stator bench.
var benchOptions = bench.Options{Clients: 32, Items: 10000, ItemBytes: 1024}

// BenchmarkEncryption measures what encryption costs: gets and puts with plain files
// and with encrypted ones.
func BenchmarkEncryption(b *testing.B) {
	for _, load := range []string{"get", "put"} {
		for name, e := range map[string]stator.Encryption{"plain": {}, "encrypted": newEncryption(b)} {
			b.Run(load+"/"+name, func(b *testing.B) {
				server := benchServerWith(b, stator.Config{DataDir: b.TempDir(), Encryption: e})
				benchmarkLoad(b, benchSession(b, server, benchOptions), server, load)
			})
		}
	}
}

// benchServer starts a server on the data directory dir.
func benchServer(t testing.TB, dir string) bench.Target {
	return benchServerWith(t, stator.Config{DataDir: dir})
}

func benchServerWith(t testing.TB, c stator.Config) bench.Target {
	srv, err := stator.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
	})
	return bench.Target{Address: srv.Addr()}
}

func benchSession(t testing.TB, server bench.Target, o bench.Options) *bench.Session {
	s, err := bench.NewSession(context.Background(), server, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// benchBaseline starts a baseline of s in this process.
func benchBaseline(t testing.TB, s *bench.Session, loads ...string) bench.Target {
	sizes, err := s.AnswerSizes(context.Background(), loads)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	baseline := bench.NewBaseline(sizes)
	go func() {
		if err := baseline.Serve(ln); err != nil {
			t.Error(err)
		}
	}()
	t.Cleanup(func() { _ = baseline.Close() }) // clients may still be connected
	return bench.Target{Address: ln.Addr().String(), Constant: true}
}

func benchmarkServer(b *testing.B, load string) {
	server := benchServer(b, b.TempDir())
	benchmarkLoad(b, benchSession(b, server, benchOptions), server, load)
}

func benchmarkBaseline(b *testing.B, load string) {
	s := benchSession(b, benchServer(b, ""), benchOptions)
	benchmarkLoad(b, s, benchBaseline(b, s, load), load)
}

// benchmarkLoad sends b.N requests.
func benchmarkLoad(b *testing.B, s *bench.Session, t bench.Target, load string) {
	if err := s.Prepare(context.Background(), load); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	r, err := s.Run(context.Background(), t, load, bench.Stop{Operations: b.N})
	b.StopTimer()
	if err != nil {
		b.Fatal(err)
	}
	if r.Errors > 0 {
		b.Fatalf("%d of %d operations failed: %s", r.Errors, r.Operations, r.FirstError)
	}
	b.ReportMetric(r.PerSecond(), "op/s")
	b.ReportMetric(float64(r.Latency.Quantile(0.99).Microseconds()), "p99-µs")
}

// TestBenchmark runs every load for a moment, beside a baseline.
func TestBenchmark(t *testing.T) {
	server := benchServer(t, t.TempDir())
	s := benchSession(t, server, bench.Options{Clients: 4, Items: 200, ItemBytes: 300})
	baseline := benchBaseline(t, s, bench.LoadNames()...)
	report, err := s.Measure(context.Background(), bench.Plan{
		Loads: bench.LoadNames(), Stop: bench.Stop{Operations: 1000}, Rounds: 2, Baseline: &baseline,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := report.Err(); err != nil {
		t.Error(err)
	}
	for _, l := range report.Loads {
		if l.Server.Operations != 1000 || l.Baseline.Operations != 1000 || l.Throughput <= 0 || l.Server.P50 <= 0 {
			t.Errorf("%s: %+v %+v", l.Load, l.Server, l.Baseline)
		}
	}
	for _, r := range report.Relations {
		if r.Lowest <= 0 || r.Ratio < r.Lowest || r.Highest < r.Ratio || r.Met != (r.Ratio >= r.Goal) {
			t.Errorf("%+v", r)
		}
	}
	equal(t, "relations", len(report.Relations), 7)
	checkLines(t, report, 2+2*len(report.Loads)+3+len(report.Relations))
}

// checkLines checks how many lines a report has.
func checkLines(t *testing.T, report interface{ WriteText(io.Writer) error }, want int) {
	t.Helper()
	var text bytes.Buffer
	if err := report.WriteText(&text); err != nil || bytes.Count(text.Bytes(), []byte{'\n'}) != want {
		t.Errorf("%v, want %d lines:\n%s", err, want, &text)
	}
}

// TestBenchmarkBackfill builds indexes of tiny tables.
func TestBenchmarkBackfill(t *testing.T) {
	report, err := bench.MeasureBackfill(context.Background(), benchServer(t, t.TempDir()), bench.BackfillPlan{
		Sizes: []int{600, 300}, ItemBytes: 200, Clients: 4, Before: 100 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := report.Err(); err != nil {
		t.Error(err)
	}
	for _, f := range report.Sizes {
		if f.Seconds <= 0 || f.Cost <= 0 || f.Loaded.Seconds <= 0 || f.Loaded.Along.Operations == 0 || f.Loaded.Throughput <= 0 {
			t.Errorf("%+v", f)
		}
	}
	equal(t, "cost in the smallest table", report.Sizes[1].Cost, 1)
	checkLines(t, report, 2+len(report.Sizes)+3+len(report.Sizes))
}

// TestDocumentedBenchmark compares the flags and loads in docs/bench.md with
// those of the command.
func TestDocumentedBenchmark(t *testing.T) {
	out, err := command(t, nil, "bench", "-h").CombinedOutput()
	if err != nil {
		t.Fatal(err)
	}
	page := readText(t, "docs/bench.md")
	equalSlices(t, "flags in docs/bench.md",
		captured(page, "(?m)^\\| `--([a-z-]+)` \\|"), captured(string(out), `(?m)^  --([a-z-]+)`))
	loads := bench.LoadNames()
	slices.Sort(loads)
	equalSlices(t, "loads in docs/bench.md", captured(page, "(?m)^\\| `([a-z][a-z-]*)` \\|"), loads)
	for _, flag := range captured(page, " --([a-z-]+)") {
		if !strings.Contains(string(out), "\n  --"+flag) {
			t.Errorf("docs/bench.md has a command with --%s, which there is not", flag)
		}
	}
}

// captured returns what the group of a pattern matches in text, sorted.
func captured(text, pattern string) []string {
	var out []string
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		out = append(out, m[1])
	}
	slices.Sort(out)
	return out
}
