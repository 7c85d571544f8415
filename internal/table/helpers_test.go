package table_test

import (
	"context"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/expr"
	"github.com/statordb/stator/internal/kv"
	"github.com/statordb/stator/internal/kv/kvtest"
	"github.com/statordb/stator/internal/kv/memkv"
	"github.com/statordb/stator/internal/kv/pebblekv"
	"github.com/statordb/stator/internal/meter"
	"github.com/statordb/stator/internal/table"
)

var ctx = context.Background()

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

// newRand returns a source of randomness whose seed is in the log of t;
// TABLETEST_SEED repeats one.
func newRand(t testing.TB) *rand.Rand {
	t.Helper()
	seed := rand.Uint64()
	if s := os.Getenv("TABLETEST_SEED"); s != "" {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatalf("TABLETEST_SEED: %v", err)
		}
		seed = n
	}
	t.Logf("TABLETEST_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// disk is where a store can be opened again.
type disk func(t testing.TB) kv.Store

// onPebble is a disk in memory.
func onPebble() disk {
	fs := vfs.NewMem()
	return func(t testing.TB) kv.Store {
		t.Helper()
		s, err := pebblekv.Open(pebblekv.Options{Dir: "store", FS: fs, Logger: quiet, CacheBytes: 8 << 20})
		must(t, err)
		return s
	}
}

// onMemory is a store that keeps its content when it is closed.
func onMemory() disk {
	s := kvtest.Twice(memkv.New(memkv.Options{}))
	return func(testing.TB) kv.Store { return unclosed{s} }
}

type unclosed struct{ kv.Store }

func (unclosed) Close() error { return nil }

// eachDriver runs a test on every driver: on the model with every transaction
// function run twice, and on the default.
func eachDriver(t *testing.T, run func(*testing.T, disk)) {
	t.Run("memkv", func(t *testing.T) { run(t, onMemory()) })
	t.Run("pebblekv", func(t *testing.T) { run(t, onPebble()) })
}

// openEngine opens an engine on store; both are closed with the test.
func openEngine(t testing.TB, store kv.Store) *table.Engine {
	t.Helper()
	catalog, err := table.OpenCatalog(ctx, store, time.Now, meter.New(time.Now, false))
	must(t, err)
	e := table.NewEngine(store, catalog, quiet)
	t.Cleanup(func() {
		e.Close()
		_ = store.Close() // a second time, if the test has done so
	})
	return e
}

// shut closes an engine and its store as a server that stops.
func shut(t testing.TB, e *table.Engine, store kv.Store) {
	t.Helper()
	e.Close()
	must(t, e.CloseCounts(ctx))
	must(t, store.Close())
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// checkAll fails t if the data of e is not sound, or counted wrongly.
func checkAll(t testing.TB, e *table.Engine) {
	t.Helper()
	must(t, e.CheckAll(ctx))
	e.Each(func(tbl *table.Table) {
		counts, err := e.Recount(ctx, tbl)
		must(t, err)
		for space, want := range counts {
			if got := tbl.Counts.Of(space); got != want {
				t.Errorf("table %s counts %+v in space %d, want %+v", tbl.Name, got, space, want)
			}
		}
	})
}

func keys(attrs ...table.KeyAttr) []table.KeyAttr { return attrs }

func keyAttr(name string, typ attr.Type) table.KeyAttr { return table.KeyAttr{Name: name, Type: typ} }

// simpleTable has a partition key pk and a sort key sk, both S.
func simpleTable(name string, indexes ...*table.Index) *table.Descriptor {
	return &table.Descriptor{
		Name: name, ID: name + "-id", Created: time.Unix(1, 0).UTC(),
		Key:     table.KeySchema{Hash: keys(keyAttr("pk", attr.S)), Sort: keys(keyAttr("sk", attr.S))},
		Indexes: indexes,
	}
}

func create(t testing.TB, e *table.Engine, d *table.Descriptor) *table.Table {
	t.Helper()
	tbl, err := e.Create(ctx, d)
	must(t, err)
	return tbl
}

func str(name, value string) attr.Attribute {
	return attr.Attribute{Name: name, Value: attr.String(value)}
}

func num(name string, n int) attr.Attribute {
	return attr.Attribute{Name: name, Value: number(strconv.Itoa(n))}
}

func number(text string) attr.Value {
	v, fault := attr.ParseNumber(text)
	if fault != nil {
		panic(text)
	}
	return v
}

// intOf returns the N called name of it, 0 if it is absent.
func intOf(it attr.Item, name string) int {
	v := it.Get(name)
	if v.IsZero() {
		return 0
	}
	n, err := strconv.Atoi(v.NumberText())
	if err != nil {
		panic(err)
	}
	return n
}

// put is the mutation that stores it.
func put(tbl *table.Table, it attr.Item) table.Mutation {
	return table.Mutation{Table: tbl, Key: it, Next: func(attr.Item) (attr.Item, error) { return it, nil }}
}

func write(t testing.TB, e *table.Engine, m table.Mutation) table.Change {
	t.Helper()
	c, err := e.Write(ctx, m)
	must(t, err)
	return c
}

// condition parses a condition whose values are attrs (":v").
func condition(text string, attrs ...attr.Attribute) *expr.Condition {
	r := expr.Request{Condition: &text}
	if len(attrs) > 0 {
		r.Values = attr.InputItem{Item: attr.NewItem(attrs...), Given: true}
	}
	parsed, fault := expr.Parse(r)
	if fault != nil {
		panic(text)
	}
	return parsed.Condition
}

// rows returns the keys of the rows of store begin with prefix.
func rows(t testing.TB, store kv.Store, prefix string) (keys []string) {
	t.Helper()
	end := prefix[:len(prefix)-1] + string(prefix[len(prefix)-1]+1)
	must(t, store.View(ctx, kv.ReadOptions{Consistent: true}, func(r kv.Reader) error {
		keys = nil
		for p, err := range r.Scan(ctx, kv.Range{Start: []byte(prefix), End: []byte(end)}) {
			if err != nil {
				return err
			}
			keys = append(keys, string(p.Key))
		}
		return nil
	}))
	return keys
}
