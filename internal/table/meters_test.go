package table_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/expr"
	"github.com/statordb/stator/internal/meter"
	"github.com/statordb/stator/internal/table"
)

// metered returns a table with indexes, of which each takes so many units in
// this second, on a clock that stands still. Every transaction function is run
// twice.
func metered(t *testing.T, units int64, indexes ...*table.Index) (*table.Engine, *table.Table) {
	t.Helper()
	now := func() time.Time { return time.Unix(1, 0) }
	store := onMemory()(t)
	catalog, err := table.OpenCatalog(ctx, store, now, meter.New(now, true))
	must(t, err)
	e := table.NewEngine(store, catalog, quiet)
	t.Cleanup(e.Close)
	d := simpleTable("t", indexes...)
	d.Throughput = table.Throughput{Read: units, Write: 100}
	for _, x := range indexes {
		x.Throughput = table.Throughput{Read: 100, Write: units}
	}
	return e, create(t, e, d)
}

// admitted returns how often do is not throttled.
func admitted(t *testing.T, do func(i int) error) int {
	t.Helper()
	for i := range 1000 {
		err := do(i)
		var throttle *meter.Throttle
		switch {
		case errors.As(err, &throttle):
			return i
		case err != nil:
			t.Fatal(err)
		}
	}
	t.Fatal("never throttled")
	return 0
}

// A read of an LSI takes its units of the table once, and those of the items
// that it follows entries to.
func TestReadOfLocalIndexPaysOnce(t *testing.T) {
	for _, fetch := range []bool{false, true} {
		e, tbl := metered(t, 6, index("x", false, schema(keys(keyAttr("pk", attr.S)), keyA), "KEYS_ONLY"))
		for i := range 2 {
			write(t, e, put(tbl, attr.NewItem(str("pk", "p"), str("sk", fmt.Sprint(i)), str("a", "a"))))
		}
		x := tbl.Indexes[0]
		n := admitted(t, func(int) error {
			_, err := e.Read(ctx, table.Plan{Table: tbl, Index: x, Fetch: fetch, Consistent: true,
				Range: tbl.QueryRange(x, expr.KeyRange{Hash: []attr.Value{attr.String("p")}})})
			return err
		})
		if want := map[bool]int{false: 6, true: 2}[fetch]; n != want { // of one unit, or three
			t.Errorf("fetch %t: %d reads, want %d", fetch, n, want)
		}
	}
}

// What a transaction's function takes of an index when it is run again is not
// taken twice.
func TestIndexIsChargedOnce(t *testing.T) {
	e, tbl := metered(t, 6, index("x", true, schema(keys(keyA)), "ALL"))
	n := admitted(t, func(i int) error {
		_, err := e.Write(ctx, put(tbl, attr.NewItem(str("pk", fmt.Sprint(i)), str("sk", "s"), str("a", "a"))))
		return err
	})
	if n != 6 {
		t.Errorf("%d writes", n)
	}
	e, tbl = metered(t, 6, index("x", true, schema(keys(keyA)), "ALL"))
	n = admitted(t, func(i int) error {
		_, err := e.Transact(ctx, table.Transaction{Mutations: []table.Mutation{
			put(tbl, attr.NewItem(str("pk", fmt.Sprint(i)), str("sk", "1"), str("a", "a"))),
			put(tbl, attr.NewItem(str("pk", fmt.Sprint(i)), str("sk", "2"), str("a", "a"))),
		}})
		var canceled *table.Canceled
		if errors.As(err, &canceled) {
			err = errors.Join(canceled.Reasons...)
		}
		return err
	})
	if n != 3 {
		t.Errorf("%d transactions", n)
	}
}
