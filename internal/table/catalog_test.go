package table_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/expr"
	"github.com/statordb/stator/internal/kv"
	"github.com/statordb/stator/internal/patience"
	"github.com/statordb/stator/internal/table"
)

func allow(*table.Descriptor) error { return nil }

// Tables survive a restart as they were, with their counts; names are unique
// and listed in order.
func TestCatalogSurvives(t *testing.T) {
	eachDriver(t, func(t *testing.T, d disk) {
		store := d(t)
		e := openEngine(t, store)
		for _, name := range []string{"b", "a", "c"} {
			tbl := create(t, e, simpleTable(name, index("x", true, schema(keys(keyA)), "INCLUDE", "e")))
			write(t, e, put(tbl, attr.NewItem(str("pk", "p"), str("sk", "s"), str("a", "a"), num("e", 1), num("f", 1))))
		}
		if _, err := e.Create(ctx, simpleTable("b")); !errors.Is(err, table.ErrExists) {
			t.Errorf("second Create: %v, want ErrExists", err)
		}
		_, err := e.Change(ctx, "b", func(d *table.Descriptor) error { d.DeletionProtection = true; return nil })
		must(t, err)
		if _, err := e.Change(ctx, "z", allow); !errors.Is(err, table.ErrNotFound) {
			t.Errorf("Change of no table: %v, want ErrNotFound", err)
		}
		before := map[string]*table.Descriptor{}
		e.Each(func(tbl *table.Table) { before[tbl.Name] = tbl.Descriptor })
		shut(t, e, store)

		e = openEngine(t, d(t))
		names, more := e.Titles("", "", 2)
		if !slices.Equal(names, []string{"a", "b"}) || !more {
			t.Errorf("Names = %q, %t", names, more)
		}
		if names, more = e.Titles("", "b", 2); !slices.Equal(names, []string{"c"}) || more {
			t.Errorf("Names behind b = %q, %t", names, more)
		}
		e.Each(func(tbl *table.Table) {
			if !reflect.DeepEqual(tbl.Descriptor, before[tbl.Name]) {
				t.Errorf("table %s is %+v, was %+v", tbl.Name, tbl.Descriptor, before[tbl.Name])
			}
		})
		checkAll(t, e)
	})
}

// A change that is refused leaves everything as it was.
func TestChangeRefused(t *testing.T) {
	eachDriver(t, func(t *testing.T, d disk) {
		e := openEngine(t, d(t))
		tbl := create(t, e, simpleTable("t", index("x", true, schema(keys(keyA)), "ALL")))
		_, err := e.Change(ctx, "t", func(d *table.Descriptor) error {
			d.Indexes[0].Name = "y"
			d.Tags = append(d.Tags, table.Tag{Key: "k"})
			return errRefused
		})
		if !errors.Is(err, errRefused) {
			t.Errorf("Change: %v", err)
		}
		if now := e.Catalog.Get("t"); now != tbl || now.Index("x") == nil || now.Tags != nil {
			t.Errorf("the table is %+v", now.Descriptor)
		}
		if _, err := e.Delete(ctx, "t", func(*table.Descriptor) error { return errRefused }); !errors.Is(err, errRefused) {
			t.Errorf("Delete: %v", err)
		}
		write(t, e, put(tbl, attr.NewItem(str("pk", "p"), str("sk", "s"), str("a", "a"))))
		checkAll(t, e)
	})
}

// A deleted table leaves nothing, and a new one of its name has nothing of it.
func TestDeleteTable(t *testing.T) {
	eachDriver(t, func(t *testing.T, d disk) {
		store := d(t)
		e := openEngine(t, store)
		kept := create(t, e, simpleTable("kept", index("x", true, schema(keys(keyA)), "ALL")))
		gone := create(t, e, simpleTable("gone", index("x", true, schema(keys(keyA)), "ALL"), index("y", false, schema(keys(keyAttr("pk", attr.S)), keyB), "ALL")))
		for i := range 50 {
			it := attr.NewItem(str("pk", fmt.Sprint(i)), str("sk", "s"), str("a", "a"), num("b", i))
			write(t, e, put(kept, it))
			write(t, e, put(gone, it))
		}
		must(t, e.SaveCounts(ctx))
		_, err := e.Delete(ctx, "gone", allow)
		must(t, err)
		if e.Catalog.Get("gone") != nil || e.Lease("gone") != nil {
			t.Error("the deleted table can be had")
		}
		if _, err := e.Delete(ctx, "gone", allow); !errors.Is(err, table.ErrNotFound) {
			t.Errorf("second Delete: %v, want ErrNotFound", err)
		}
		must(t, e.SaveCounts(ctx))
		if n := len(rows(t, store, "d")); n != 100 {
			t.Errorf("%d rows, want the 100 of the table that is left", n)
		}
		if left := rows(t, store, "mcount/"); len(left) != 2 {
			t.Errorf("counts under %q, want those of 2 spaces", left)
		}
		if left := rows(t, store, "mdrop/"); left != nil {
			t.Errorf("drops left under %q", left)
		}
		again := create(t, e, simpleTable("gone", index("x", true, schema(keys(keyA)), "ALL")))
		if again.Space <= gone.Space || slices.Contains([]uint32{gone.Indexes[0].Space, gone.Indexes[1].Space}, again.Space) {
			t.Errorf("space %d was given again", again.Space)
		}
		checkAll(t, e)
	})
}

// failing is a store whose Clear fails while broken is set.
type failing struct {
	kv.Store
	broken *atomic.Bool
}

var errBroken = errors.New("broken")

func (f failing) Clear(ctx context.Context, start, end []byte) error {
	if f.broken.Load() {
		return errBroken
	}
	return f.Store.Clear(ctx, start, end)
}

// A deletion that was interrupted is finished when the data is opened again.
func TestInterruptedDeletion(t *testing.T) {
	eachDriver(t, func(t *testing.T, d disk) {
		store := failing{d(t), new(atomic.Bool)}
		e := openEngine(t, store)
		tbl := create(t, e, simpleTable("t", index("x", true, schema(keys(keyA)), "ALL")))
		for i := range 20 {
			write(t, e, put(tbl, attr.NewItem(str("pk", fmt.Sprint(i)), str("sk", "s"), str("a", "a"))))
		}
		store.broken.Store(true)
		if _, err := e.Delete(ctx, "t", allow); !errors.Is(err, errBroken) {
			t.Fatalf("Delete: %v, want the failure of Clear", err)
		}
		if e.Catalog.Get("t") != nil {
			t.Error("the table is there although its deletion is durable")
		}
		if len(rows(t, store, "d")) == 0 {
			t.Error("the test did not interrupt the deletion")
		}
		shut(t, e, store)
		again := d(t)
		e = openEngine(t, again)
		checkAll(t, e)
		for _, prefix := range []string{"d", "mdrop/", "mcount/"} {
			if left := rows(t, again, prefix); left != nil {
				t.Errorf("left under %q", left)
			}
		}
	})
}

// No write follows a descriptor once the Change that replaced it has returned,
// nor any once Delete has.
func TestLease(t *testing.T) {
	eachDriver(t, func(t *testing.T, d disk) {
		store := d(t)
		e := openEngine(t, store)
		create(t, e, simpleTable("t"))
		var current atomic.Uint64 // the version that the last Change returned
		var over, deleted atomic.Bool
		var writers sync.WaitGroup
		for w := range 4 {
			writers.Go(func() {
				for i := 0; !over.Load(); i++ {
					tbl := e.Lease("t")
					if tbl == nil {
						continue
					}
					_, err := e.Write(ctx, put(tbl, attr.NewItem(str("pk", fmt.Sprint(w)), str("sk", fmt.Sprint(i%5)), str("a", "a"), num("b", i))))
					if err != nil {
						t.Errorf("Write: %v", err)
					}
					if now := current.Load(); now > tbl.Version {
						t.Errorf("a write under version %d ended after the change to %d returned", tbl.Version, now)
					}
					if deleted.Load() {
						t.Error("a write ended after Delete returned")
					}
					tbl.Release()
				}
			})
		}
		changes := 100
		if testing.Short() {
			changes = 20
		}
		for i := range changes {
			tbl, err := e.Change(ctx, "t", func(d *table.Descriptor) error {
				d.Tags = []table.Tag{{Key: fmt.Sprint(i)}}
				return nil
			})
			must(t, err)
			current.Store(tbl.Version)
		}
		_, err := e.Delete(ctx, "t", allow)
		must(t, err)
		deleted.Store(true)
		over.Store(true)
		writers.Wait()
		if left := rows(t, store, "d"); left != nil {
			t.Errorf("%d rows of the deleted table", len(left))
		}
	})
}

// Concurrent creations, changes and deletions of the same names agree with the
// store.
func TestConcurrentChanges(t *testing.T) {
	eachDriver(t, func(t *testing.T, d disk) {
		store := d(t)
		e := openEngine(t, store)
		rng := newRand(t)
		var workers sync.WaitGroup
		for range 4 {
			seed := rng.Uint64()
			workers.Go(func() { churn(t, e, rand.New(rand.NewPCG(seed, 0))) })
		}
		workers.Wait()
		checkAll(t, e)
		before := map[string]table.Descriptor{}
		e.Each(func(tbl *table.Table) { before[tbl.Name] = *tbl.Descriptor })
		shut(t, e, store)
		e = openEngine(t, d(t))
		after := map[string]table.Descriptor{}
		e.Each(func(tbl *table.Table) { after[tbl.Name] = *tbl.Descriptor })
		if !reflect.DeepEqual(before, after) {
			t.Errorf("after a restart %v, before %v", slices.Sorted(maps.Keys(after)), slices.Sorted(maps.Keys(before)))
		}
		checkAll(t, e)
	})
}

// churn creates, changes, deletes and writes tables of three names.
func churn(t *testing.T, e *table.Engine, rng *rand.Rand) {
	for range 60 {
		name := pick(rng, []string{"a", "b", "c"})
		var err error
		switch rng.IntN(5) {
		case 0:
			_, err = e.Create(ctx, simpleTable(name, index("x", true, schema(keys(keyA)), "ALL")))
		case 1:
			_, err = e.Delete(ctx, name, allow)
		case 2:
			_, err = e.Change(ctx, name, func(d *table.Descriptor) error { d.Tags = append(d.Tags, table.Tag{Key: "k"}); return nil })
		default:
			if tbl := e.Lease(name); tbl != nil {
				_, err = e.Write(ctx, put(tbl, attr.NewItem(str("pk", fmt.Sprint(rng.IntN(9))), str("sk", "s"), str("a", "a"))))
				tbl.Release()
			}
		}
		if err != nil && !errors.Is(err, table.ErrExists) && !errors.Is(err, table.ErrNotFound) {
			t.Errorf("%v", err)
		}
	}
}

// An index that is created while items are written ends with the entries of
// all of them; one that is deleted leaves nothing.
func TestOnlineIndex(t *testing.T) {
	eachDriver(t, func(t *testing.T, d disk) {
		store := d(t)
		e := openEngine(t, store)
		rng := newRand(t)
		tbl := create(t, e, simpleTable("t", index("x", true, schema(keys(keyB)), "KEYS_ONLY")))
		items := 3000
		if testing.Short() {
			items = 1000
		}
		for i := range items {
			write(t, e, put(tbl, attr.NewItem(str("pk", fmt.Sprint(i)), str("sk", "s"), str("a", pick(rng, []string{"a", "b", "c"})), num("b", 7))))
		}
		tbl, err := e.Change(ctx, "t", func(d *table.Descriptor) error {
			x := index("new", true, schema(keys(keyA), keyB), "INCLUDE", "e")
			x.State = table.IndexCreating
			d.Indexes = append(d.Indexes, x)
			return nil
		})
		must(t, err)
		must(t, e.Check(ctx, tbl))
		e.StartIndexJobs(tbl)
		left := 20
		writeUntil(t, e, rng.Uint64(), items, 1, func(*table.Table) bool { left--; return left < 0 })
		restart := func() {
			shut(t, e, store)
			store = d(t)
			e = openEngine(t, store)
			checkAll(t, e)
			must(t, e.StartJobs(ctx))
		}
		restart() // the job goes on
		writeUntil(t, e, rng.Uint64(), items, 3, func(tbl *table.Table) bool { return tbl.Index("new").State == table.IndexActive })
		checkAll(t, e)

		_, err = e.Change(ctx, "t", func(d *table.Descriptor) error {
			d.Index("new").State = table.IndexDeleting
			return nil
		})
		must(t, err)
		restart()
		writeUntil(t, e, rng.Uint64(), items, 3, func(tbl *table.Table) bool { return len(tbl.Indexes) == 1 })
		checkAll(t, e)
		must(t, e.SaveCounts(ctx))
		if left := rows(t, store, "mcount/"); len(left) != 2 {
			t.Errorf("counts under %q, want those of 2 spaces", left)
		}
	})
}

// The creation of an index comes to its end whatever the number of items: of
// none, and of as many as fill its steps exactly.
func TestCreationOfIndexEnds(t *testing.T) {
	for _, items := range []int{0, 1, 255, 256, 257, 512} {
		e := openEngine(t, onMemory()(t))
		tbl := create(t, e, simpleTable("t"))
		for i := range items {
			write(t, e, put(tbl, attr.NewItem(str("pk", fmt.Sprint(i)), str("sk", "s"), str("a", "a"))))
		}
		tbl, err := e.Change(ctx, "t", func(d *table.Descriptor) error {
			x := index("new", true, schema(keys(keyA)), "ALL")
			x.State = table.IndexCreating
			d.Indexes = append(d.Indexes, x)
			return nil
		})
		must(t, err)
		e.StartIndexJobs(tbl)
		patience.Until(t, func() bool { return e.Catalog.Get("t").Indexes[0].State == table.IndexActive }, fmt.Sprintf("the index of %d items", items))
		checkAll(t, e)
	}
}

// writeUntil writes items of t from n goroutines until done.
func writeUntil(t *testing.T, e *table.Engine, seed uint64, items, n int, done func(*table.Table) bool) {
	var writers sync.WaitGroup
	for w := range n {
		writers.Go(func() {
			rng := rand.New(rand.NewPCG(seed, uint64(w)))
			for !done(e.Catalog.Get("t")) && !t.Failed() {
				tbl := e.Lease("t")
				it := attr.NewItem(str("pk", fmt.Sprint(rng.IntN(items))), str("sk", "s"), str("a", pick(rng, []string{"a", "b", "c"})), num("b", rng.IntN(3)), num("e", rng.IntN(9)))
				m := put(tbl, it)
				if rng.IntN(4) == 0 {
					m.Next = func(attr.Item) (attr.Item, error) { return attr.Item{}, nil }
				}
				if _, err := e.Write(ctx, m); err != nil {
					t.Errorf("Write: %v", err)
				}
				tbl.Release()
			}
		})
	}
	writers.Wait()
}

// held is a store in which the first Update that matches waits for the test.
type held struct {
	kv.Store
	match   func(o kv.TxOptions) bool
	taken   atomic.Bool
	reached chan struct{} // closed when the update has begun
	proceed chan struct{} // closed when it may go on
	over    chan struct{} // closed when it has ended
}

func hold(s kv.Store, match func(o kv.TxOptions) bool) *held {
	return &held{Store: s, match: match, reached: make(chan struct{}), proceed: make(chan struct{}), over: make(chan struct{})}
}

func (h *held) Update(ctx context.Context, o kv.TxOptions, fn func(kv.Tx) error) error {
	if h.match(o) && h.taken.CompareAndSwap(false, true) {
		close(h.reached)
		<-h.proceed
		defer close(h.over)
	}
	return h.Store.Update(ctx, o, fn)
}

// A step of the creation of an index that is under way when the index is
// deleted does not leave entries behind.
func TestDeletionOfIndexWaitsForItsCreation(t *testing.T) {
	// Only a step of the creation locks many items at once.
	store := hold(onMemory()(t), func(o kv.TxOptions) bool { return len(o.Keys) == 20 })
	e := openEngine(t, store)
	tbl := create(t, e, simpleTable("t"))
	for i := range 20 {
		write(t, e, put(tbl, attr.NewItem(str("pk", fmt.Sprint(i)), str("sk", "s"), str("a", "a"))))
	}
	tbl, err := e.Change(ctx, "t", func(d *table.Descriptor) error {
		x := index("new", true, schema(keys(keyA)), "ALL")
		x.State = table.IndexCreating
		d.Indexes = append(d.Indexes, x)
		return nil
	})
	must(t, err)
	e.StartIndexJobs(tbl)
	<-store.reached
	var deleting sync.WaitGroup
	deleting.Go(func() {
		tbl, err := e.Change(ctx, "t", func(d *table.Descriptor) error {
			d.Index("new").State = table.IndexDeleting
			return nil
		})
		if err != nil {
			t.Errorf("Change: %v", err)
			return
		}
		e.StartIndexJobs(tbl)
	})
	indexes := func() []*table.Index { return e.Catalog.Get("t").Indexes }
	for len(indexes()) > 0 && indexes()[0].State != table.IndexDeleting {
		runtime.Gosched()
	}
	// A deletion that does not wait has time to end here.
	for i := 0; i < 100_000 && len(indexes()) > 0; i++ {
		runtime.Gosched()
	}
	close(store.proceed)
	<-store.over
	deleting.Wait()
	patience.Until(t, func() bool { return len(indexes()) == 0 }, "the deletion")
	e.Close() // waits for the steps under way
	must(t, e.CheckAll(ctx))
}

// late is a store in which the first transaction that matches waits, when its
// function has run and before it commits, for the test.
type late struct {
	*held
}

func (l late) Update(ctx context.Context, o kv.TxOptions, fn func(kv.Tx) error) error {
	return l.Store.Update(ctx, o, func(tx kv.Tx) error {
		err := fn(tx)
		if l.match(o) && l.taken.CompareAndSwap(false, true) {
			close(l.reached)
			<-l.proceed
		}
		return err
	})
}

// An item that is written while a step of the creation of an index holds it
// has the entry of what was written last.
func TestCreationOfIndexLocksItems(t *testing.T) {
	// A step of the creation locks two items; if it did not, it would still be
	// the first to lock nothing.
	held := hold(onPebble()(t), func(o kv.TxOptions) bool {
		return len(o.Keys) == 0 || len(o.Keys) == 2 && o.Keys[0][0] == 'd'
	})
	e := openEngine(t, late{held})
	tbl := create(t, e, simpleTable("t"))
	it := attr.NewItem(str("pk", "p"), str("sk", "s"), str("a", "old"))
	write(t, e, put(tbl, it))
	write(t, e, put(tbl, attr.NewItem(str("pk", "q"), str("sk", "s"))))
	tbl, err := e.Change(ctx, "t", func(d *table.Descriptor) error {
		x := index("new", true, schema(keys(keyA)), "ALL")
		x.State = table.IndexCreating
		d.Indexes = append(d.Indexes, x)
		return nil
	})
	must(t, err)
	e.StartIndexJobs(tbl)
	<-held.reached
	var written atomic.Bool
	var writing sync.WaitGroup
	writing.Go(func() {
		if _, err := e.Write(ctx, put(tbl, it.Patch([]attr.Attribute{str("a", "new")}))); err != nil {
			t.Errorf("Write: %v", err)
		}
		written.Store(true)
	})
	// A write that does not wait has time to end here.
	for i := 0; i < 100_000 && !written.Load(); i++ {
		runtime.Gosched()
	}
	close(held.proceed)
	writing.Wait()
	patience.Until(t, func() bool { return e.Catalog.Get("t").Indexes[0].State == table.IndexActive }, "the index")
	checkAll(t, e)
}

// Reading an index that holds no items yet finds none.
func TestEmptyTable(t *testing.T) {
	eachDriver(t, func(t *testing.T, d disk) {
		e := openEngine(t, d(t))
		tbl := create(t, e, simpleTable("t", index("x", true, schema(keys(keyA)), "ALL")))
		for _, x := range []*table.Index{nil, tbl.Indexes[0]} {
			for _, r := range []kv.Range{tbl.ScanRange(x, 0, 1), tbl.QueryRange(x, expr.KeyRange{Hash: []attr.Value{attr.String("p")}})} {
				page, err := e.Read(ctx, table.Plan{Table: tbl, Index: x, Range: r, Limit: 1})
				must(t, err)
				if page.Count != 0 || !page.Last.IsEmpty() {
					t.Errorf("an empty table has %+v", page)
				}
			}
		}
		row, err := e.Get(ctx, tbl, attr.NewItem(str("pk", "p"), str("sk", "s")), true)
		must(t, err)
		if !row.Item.IsEmpty() {
			t.Errorf("an empty table has %v", docOf(row.Item))
		}
		checkAll(t, e)
	})
}
