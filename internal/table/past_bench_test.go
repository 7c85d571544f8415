package table_test

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/extsort"
	"github.com/statordb/stator/internal/kv"
	"github.com/statordb/stator/internal/kv/pebblekv"
	"github.com/statordb/stator/internal/table"
)

// benchItems are how many items of 1 KB a benchmark works on;
// TABLEBENCH_ITEMS sets it.
func benchItems(b *testing.B) int {
	n, err := strconv.Atoi(os.Getenv("TABLEBENCH_ITEMS"))
	if err != nil {
		n = 100_000
	}
	b.Logf("%d items of 1 KB", n)
	return n
}

// kilobytes yields n items of 1 KB, half of each as random as it is long.
func kilobytes(n int) iter.Seq2[attr.Item, error] {
	return func(yield func(attr.Item, error) bool) {
		rng := rand.New(rand.NewPCG(1, 1))
		text := make([]byte, 950)
		for i := range n {
			for j := 0; j < len(text); j += 8 {
				u := rng.Uint32()
				copy(text[j:], []byte{'a' + byte(u%26), 'a' + byte(u>>8%26), 'a' + byte(u>>16%26), 'a' + byte(u>>24%26), ' ', 'w', 'o', 'r'}[:min(8, len(text)-j)])
			}
			it := attr.NewItem(str("pk", fmt.Sprint("customer ", i)), str("sk", "order"), num("n", i), str("text", string(text)))
			if !yield(it, nil) {
				return
			}
		}
	}
}

// filledEngine returns an engine on disk with a table of n items.
func filledEngine(b *testing.B, n int) (*table.Engine, kv.Store, extsort.Scratch) {
	b.Helper()
	dir := b.TempDir()
	store, err := pebblekv.Open(pebblekv.Options{Dir: dir + "/store", Logger: quiet})
	must(b, err)
	b.Cleanup(func() { _ = store.Close() })
	e := openEngine(b, store)
	scratch := extsort.Scratch{FS: vfs.Default, Dir: dir + "/scratch"}
	load(b, e, create(b, e, simpleTable("t")), scratch, n)
	return e, store, scratch
}

// load is an import.
func load(b *testing.B, e *table.Engine, t *table.Table, scratch extsort.Scratch, n int) {
	b.Helper()
	sorted, sorter, err := table.Sort(ctx, t.Descriptor, kilobytes(n), scratch)
	must(b, err)
	must(b, e.Fill(ctx, t, scratch, sorted, func(int) {}))
	must(b, sorter.Close())
}

// BenchmarkFill is an import behind the reading of its files.
func BenchmarkFill(b *testing.B) {
	n := benchItems(b)
	e, _, scratch := filledEngine(b, 1)
	i := 0
	for b.Loop() {
		i++
		load(b, e, create(b, e, simpleTable(fmt.Sprint("t", i))), scratch, n)
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "items/s")
}

// BenchmarkFreeze is a backup.
func BenchmarkFreeze(b *testing.B) {
	e, store, _ := filledEngine(b, benchItems(b))
	i := 0
	for b.Loop() {
		i++
		_, err := e.FreezeTable(ctx, e.Catalog.Get("t"), fmt.Sprint("f", i), time.Time{})
		must(b, err)
	}
	_ = store
}

// BenchmarkRestore is a restore from a backup, and beside it the same rows
// given to the storage engine alone.
func BenchmarkRestore(b *testing.B) {
	n := benchItems(b)
	e, store, scratch := filledEngine(b, n)
	tbl, err := e.FreezeTable(ctx, e.Catalog.Get("t"), "f", time.Time{})
	must(b, err)
	frozen, err := store.Frozen(ctx, "f")
	must(b, err)
	defer frozen.Close()
	b.Run("table", func(b *testing.B) {
		i := 0
		for b.Loop() {
			i++
			past, err := table.OpenPast(ctx, frozen, tbl.Descriptor, time.Time{}, scratch)
			must(b, err)
			fresh := create(b, e, simpleTable(fmt.Sprint("r", b.N, i)))
			must(b, e.Fill(ctx, fresh, scratch, past.Pairs(ctx, tbl.Whole()), func(int) {}))
		}
		b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "items/s")
	})
	b.Run("storage", func(b *testing.B) {
		i := byte(0)
		for b.Loop() {
			i++
			must(b, store.Load(ctx, func(yield func(kv.Pair, error) bool) {
				for p, err := range frozen.Scan(ctx, tbl.Whole()) {
					p.Key = append([]byte{'z', byte(b.N), i}, p.Key...)
					if !yield(p, err) {
						return
					}
				}
			}))
		}
		b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "items/s")
	})
}
