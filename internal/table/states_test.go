package table_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/kv"
	"github.com/statordb/stator/internal/patience"
	"github.com/statordb/stator/internal/table"
)

// stage takes the index "new" on the attribute a to a state, adding it if it
// is not there.
func stage(t *testing.T, e *table.Engine, s table.IndexState) *table.Table {
	tbl, err := e.Change(ctx, "t", func(d *table.Descriptor) error {
		if d.Index("new") == nil {
			d.Indexes = append(d.Indexes, index("new", true, schema(keys(keyA)), "ALL"))
		}
		d.Index("new").State = s
		return nil
	})
	if err != nil {
		t.Errorf("Change: %v", err)
	}
	return tbl
}

// inState reports whether the index "new" is in a state.
func inState(e *table.Engine, s table.IndexState) bool {
	x := e.Catalog.Get("t").Index("new")
	return x != nil && x.State == s
}

func indexGone(e *table.Engine) bool { return e.Catalog.Get("t").Index("new") == nil }

type lateKey struct{}

// tardy is a store in which the transactions whose context says so wait for
// the test before they begin.
type tardy struct {
	kv.Store
	reached, proceed chan struct{}
}

func (s *tardy) Update(ctx context.Context, o kv.TxOptions, fn func(kv.Tx) error) error {
	if ctx.Value(lateKey{}) != nil {
		close(s.reached)
		<-s.proceed
	}
	return s.Store.Update(ctx, o, fn)
}

// While the state of an index changes, writes that follow the version before
// meet writes that follow the one after it. Whoever is last, no entry is stale
// and none is missing in the end.
func TestWritesMeetChangeOfState(t *testing.T) {
	const none = table.IndexState(255)
	for _, c := range []struct {
		name     string
		from, to table.IndexState
	}{
		{"prepared", none, table.IndexPreparing},
		{"creating", table.IndexPreparing, table.IndexCreating},
		{"active", table.IndexCreating, table.IndexActive},
		{"deleting", table.IndexActive, table.IndexDeleting},
	} {
		for _, late := range []string{"", "late", "next"} {
			t.Run(c.name+" "+late, func(t *testing.T) {
				store := &tardy{onMemory()(t), make(chan struct{}), make(chan struct{})}
				e := openEngine(t, store)
				tbl := create(t, e, simpleTable("t"))
				set := func(ctx context.Context, a string) {
					tbl := e.Lease("t")
					defer tbl.Release()
					m := put(tbl, attr.NewItem(str("pk", "p"), str("sk", "s"), str("a", a)))
					if a == "" {
						m.Next = func(attr.Item) (attr.Item, error) { return attr.Item{}, nil }
					}
					if _, err := e.Write(ctx, m); err != nil {
						t.Errorf("Write: %v", err)
					}
				}
				set(ctx, "old")
				switch c.from {
				case none:
				case table.IndexActive:
					e.StartIndexJobs(stage(t, e, table.IndexPreparing))
					patience.Until(t, func() bool { return inState(e, table.IndexActive) }, "the index")
				default:
					tbl = stage(t, e, c.from)
				}
				var running sync.WaitGroup
				running.Go(func() { set(context.WithValue(ctx, lateKey{}, true), late) })
				<-store.reached
				running.Go(func() {
					if c.to == table.IndexPreparing || c.to == table.IndexDeleting {
						tbl = stage(t, e, c.to)
					}
					e.StartIndexJobs(tbl)
				})
				patience.Until(t, func() bool { return inState(e, c.to) }, "the change")
				set(ctx, "next")
				close(store.proceed)
				running.Wait()
				if c.to == table.IndexDeleting {
					patience.Until(t, func() bool { return indexGone(e) }, "the deletion")
				} else {
					patience.Until(t, func() bool { return inState(e, table.IndexActive) }, "the index")
				}
				checkAll(t, e)
			})
		}
	}
}

// hesitant is a store whose transactions begin after a random while.
type hesitant struct{ kv.Store }

func (s hesitant) Update(ctx context.Context, o kv.TxOptions, fn func(kv.Tx) error) error {
	for range rand.IntN(50) {
		runtime.Gosched()
	}
	return s.Store.Update(ctx, o, fn)
}

// An index is created and deleted again and again while few items are written
// all the time: with every change of state writes are under way.
func TestIndexComesAndGoesUnderWrites(t *testing.T) {
	eachDriver(t, func(t *testing.T, d disk) {
		e := openEngine(t, hesitant{d(t)})
		rng := newRand(t)
		create(t, e, simpleTable("t"))
		rounds := 20
		if testing.Short() {
			rounds = 5
		}
		over := make(chan struct{})
		var writers sync.WaitGroup
		writers.Go(func() {
			writeUntil(t, e, rng.Uint64(), 8, 6, func(*table.Table) bool {
				select {
				case <-over:
					return true
				default:
					return false
				}
			})
		})
		for i := range rounds {
			e.StartIndexJobs(stage(t, e, table.IndexPreparing))
			patience.Until(t, func() bool { return inState(e, table.IndexActive) }, fmt.Sprintf("index %d", i))
			must(t, e.Check(ctx, e.Catalog.Get("t")))
			e.StartIndexJobs(stage(t, e, table.IndexDeleting))
			patience.Until(t, func() bool { return indexGone(e) }, fmt.Sprintf("the end of index %d", i))
		}
		close(over)
		writers.Wait()
		checkAll(t, e)
	})
}

// recorder remembers the most keys that a transaction of items locked.
type recorder struct {
	kv.Store
	most atomic.Int64
}

func (s *recorder) Update(ctx context.Context, o kv.TxOptions, fn func(kv.Tx) error) error {
	if n := int64(len(o.Keys)); n > s.most.Load() && o.Keys[0][0] == 'd' {
		s.most.Store(n)
	}
	return s.Store.Update(ctx, o, fn)
}

// A step of the creation of an index adds items of a megabyte or so.
func TestCreationOfIndexIsBoundedInBytes(t *testing.T) {
	store := &recorder{Store: onMemory()(t)}
	e := openEngine(t, store)
	tbl := create(t, e, simpleTable("t"))
	for i := range 20 {
		write(t, e, put(tbl, attr.NewItem(str("pk", fmt.Sprint(i)), str("sk", "s"), str("a", "a"), str("f", strings.Repeat("x", 300<<10)))))
	}
	e.StartIndexJobs(stage(t, e, table.IndexPreparing))
	patience.Until(t, func() bool { return inState(e, table.IndexActive) }, "the index")
	if n := store.most.Load(); n != 4 {
		t.Errorf("a step of %d items", n)
	}
	checkAll(t, e)
}

// The progress of an index is how much of the table its job has read, and ends
// with the index.
func TestProgressOfIndex(t *testing.T) {
	d := onPebble()
	store := d(t)
	e := openEngine(t, store)
	tbl := create(t, e, simpleTable("t"))
	for i := range 1024 {
		write(t, e, put(tbl, attr.NewItem(str("pk", fmt.Sprint(i)), str("sk", "s"), str("a", "a"))))
	}
	stage(t, e, table.IndexCreating)
	shut(t, e, store)
	// The catalog, the expiry times, the job's cursor and one step, then no more.
	store = d(t)
	limited := &limitedViews{Store: store}
	limited.left.Store(4)
	e = openEngine(t, limited)
	must(t, e.StartJobs(ctx))
	percent := func() float64 {
		if all := e.Backfills(); len(all) == 1 {
			return all[0].Percent
		}
		return -1
	}
	patience.Until(t, func() bool { return percent() > 0 }, "the first step")
	if p := percent(); p < 15 || p > 35 {
		t.Errorf("%v %% after a quarter", p)
	}
	limited.left.Store(1)
	patience.Until(t, func() bool { return percent() > 40 }, "the second step")
	if p := percent(); p > 60 {
		t.Errorf("%v %% after a half", p)
	}
	e.StartIndexJobs(stage(t, e, table.IndexDeleting))
	limited.left.Store(1 << 30)
	patience.Until(t, func() bool { return indexGone(e) }, "the deletion")
	if p := percent(); p != -1 {
		t.Errorf("%v %% of no index", p)
	}
}

// A table or an index that is deleted while it is read is not there, whatever
// the read has seen of it.
func TestReadMeetsDeletion(t *testing.T) {
	eachDriver(t, func(t *testing.T, d disk) {
		e := openEngine(t, d(t))
		tbl := create(t, e, simpleTable("t"))
		it := attr.NewItem(str("pk", "p"), str("sk", "s"), str("a", "a"))
		write(t, e, put(tbl, it))
		e.StartIndexJobs(stage(t, e, table.IndexPreparing))
		patience.Until(t, func() bool { return inState(e, table.IndexActive) }, "the index")
		tbl = e.Catalog.Get("t") // as a read has it that began now
		x := tbl.Index("new")
		read := func(x *table.Index) error {
			page, err := e.Read(ctx, table.Plan{Table: tbl, Index: x, Range: tbl.ScanRange(x, 0, 1)})
			if err == nil && page.Count != 1 {
				t.Errorf("%d items", page.Count)
			}
			return err
		}
		must(t, errors.Join(read(nil), read(x)))
		e.StartIndexJobs(stage(t, e, table.IndexDeleting))
		for range 2 { // also when the deletion is over
			var fault *ddberr.Fault
			if err := read(x); !errors.As(err, &fault) || fault.Text != &ddberr.IndexUnknown {
				t.Errorf("read of the index: %v", err)
			}
			patience.Until(t, func() bool { return indexGone(e) }, "the deletion")
		}
		must(t, read(nil))
		_, err := e.Delete(ctx, "t", allow)
		must(t, err)
		for range 2 { // also when there is another of the name
			if err := read(nil); !errors.Is(err, table.ErrNotFound) {
				t.Errorf("read of the table: %v", err)
			}
			if _, err := e.Get(ctx, tbl, it.Project([]string{"pk", "sk"}), true); !errors.Is(err, table.ErrNotFound) {
				t.Errorf("get: %v", err)
			}
			if _, err := e.GetAll(ctx, []table.Lookup{{Table: tbl, Key: it.Project([]string{"pk", "sk"})}}); !errors.Is(err, table.ErrNotFound) {
				t.Errorf("get all: %v", err)
			}
			if e.Catalog.Get("t") == nil {
				create(t, e, simpleTable("t"))
			}
		}
	})
}
