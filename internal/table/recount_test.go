package table_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/kv"
	"github.com/statordb/stator/internal/patience"
	"github.com/statordb/stator/internal/table"
)

// fill writes n items to t, with entries in its index.
func fill(t *testing.T, e *table.Engine, n int) {
	t.Helper()
	tbl := e.Catalog.Get("t")
	for i := range n {
		write(t, e, put(tbl, attr.NewItem(str("pk", fmt.Sprint(i)), str("sk", "s"), str("a", "a"), num("b", i))))
	}
}

// counted reports whether the counts of t are what its rows say.
func counted(t *testing.T, e *table.Engine) bool {
	t.Helper()
	tbl := e.Catalog.Get("t")
	want, err := e.Recount(ctx, tbl)
	must(t, err)
	for space, n := range want {
		if tbl.Counts.Of(space) != n {
			return false
		}
	}
	return true
}

// counting reports whether something is being counted again: its row says so
// when the counts are stored.
func counting(t *testing.T, e *table.Engine, store kv.Store) bool {
	t.Helper()
	must(t, e.SaveCounts(ctx))
	under := false
	for _, key := range rows(t, store, "mcount/") {
		must(t, store.View(ctx, kv.ReadOptions{}, func(r kv.Reader) error {
			value, err := r.Get(ctx, []byte(key))
			under = under || len(value) > 16
			return err
		}))
	}
	return under
}

// Counts that a kill left wrong are right again some time after the next
// start, whatever is written meanwhile.
func TestCountsAfterKill(t *testing.T) {
	eachDriver(t, func(t *testing.T, d disk) {
		store := d(t)
		e := openEngine(t, store)
		create(t, e, simpleTable("t", index("x", true, schema(keys(keyB)), "ALL"), index("y", false, schema(keys(keyAttr("pk", attr.S)), keyA), "KEYS_ONLY")))
		fill(t, e, 3000)
		e.Close()
		must(t, store.Close()) // without the counts

		store = d(t)
		e = openEngine(t, hesitant{store})
		if counted(t, e) {
			t.Fatal("the counts survived, the test tests nothing")
		}
		must(t, e.StartJobs(ctx))
		writeUntil(t, e, newRand(t).Uint64(), 3000, 3, func(*table.Table) bool { return !counting(t, e, store) })
		checkAll(t, e)
	})
}

// A stop with CloseCounts keeps how far the counting has come, with the writes
// meanwhile; a kill begins anew.
func TestRecountGoesOn(t *testing.T) {
	for _, kill := range []bool{false, true} {
		t.Run(fmt.Sprintf("kill %t", kill), func(t *testing.T) {
			d := onPebble()
			store := d(t)
			e := openEngine(t, store)
			create(t, e, simpleTable("t", index("x", true, schema(keys(keyB)), "ALL")))
			fill(t, e, 1500)
			must(t, store.Close())

			store = d(t)
			limited := &limitedViews{Store: store}
			limited.left.Store(5) // the catalog, the expiry times, the cursor and two steps
			e = openEngine(t, limited)
			must(t, e.StartJobs(ctx))
			patience.Until(t, func() bool { return limited.left.Load() <= 0 }, "the first steps")
			grow(t, e, 1500, "somewhat longer")
			e.Close()
			if !kill {
				must(t, e.CloseCounts(ctx))
			}
			must(t, store.Close())

			store = d(t)
			limited = &limitedViews{Store: store}
			limited.left.Store(1 << 30)
			e = openEngine(t, limited)
			must(t, e.StartJobs(ctx))
			grow(t, e, 1500, "s")
			patience.Until(t, func() bool { return !counting(t, e, store) }, "the count")
			want := int64(3 + 6 + 6) // the catalog, the expiry times, the cursor, steps of 256 rows
			if !kill {
				want -= 2
			}
			if views := 1<<30 - limited.left.Load(); views != want {
				t.Errorf("counted in %d views, want %d", views, want)
			}
			checkAll(t, e)
		})
	}
}

// grow gives the n items that fill wrote an attribute, which leaves their rows
// where they are.
func grow(t *testing.T, e *table.Engine, n int, value string) {
	t.Helper()
	tbl := e.Catalog.Get("t")
	for i := range n {
		write(t, e, put(tbl, attr.NewItem(str("pk", fmt.Sprint(i)), str("sk", "s"), num("b", i), str("f", value))))
	}
}

// limitedViews is a store that can be read so often.
type limitedViews struct {
	kv.Store
	left atomic.Int64
}

func (s *limitedViews) View(ctx context.Context, o kv.ReadOptions, fn func(kv.Reader) error) error {
	if s.left.Add(-1) < 0 {
		return errBroken
	}
	return s.Store.View(ctx, o, fn)
}

// After a stop that stored the counts nothing is counted again.
func TestCountsAfterStop(t *testing.T) {
	eachDriver(t, func(t *testing.T, d disk) {
		store := d(t)
		e := openEngine(t, store)
		create(t, e, simpleTable("t", index("x", true, schema(keys(keyB)), "ALL")))
		fill(t, e, 10)
		shut(t, e, store)
		store = d(t)
		e = openEngine(t, store)
		if counting(t, e, store) {
			t.Error("counts are made again")
		}
		checkAll(t, e)
	})
}

// unwilling is a store in which no count can be written while broken is set.
type unwilling struct {
	kv.Store
	broken *atomic.Bool
}

func (s unwilling) Update(ctx context.Context, o kv.TxOptions, fn func(kv.Tx) error) error {
	if s.broken.Load() && len(o.Keys) == 1 && o.Keys[0][0] == 'm' {
		return errBroken
	}
	return s.Store.Update(ctx, o, fn)
}

// Counts that could not be stored are stored by the next call.
func TestSaveCountsFails(t *testing.T) {
	d := onPebble()
	store := d(t)
	var broken atomic.Bool
	e := openEngine(t, unwilling{store, &broken})
	create(t, e, simpleTable("t", index("x", true, schema(keys(keyB)), "ALL")))
	fill(t, e, 10)
	broken.Store(true)
	if err := e.SaveCounts(ctx); !errors.Is(err, errBroken) {
		t.Errorf("SaveCounts: %v", err)
	}
	broken.Store(false)
	shut(t, e, store)
	e = openEngine(t, d(t))
	checkAll(t, e)
}

// committed is a store in which the transactions whose context says so wait
// for the test when they have committed.
type committed struct{ *tardy }

func (s committed) Update(ctx context.Context, o kv.TxOptions, fn func(kv.Tx) error) error {
	err := s.Store.Update(ctx, o, fn)
	if ctx.Value(lateKey{}) != nil {
		close(s.reached)
		<-s.proceed
	}
	return err
}

// A write that has committed and is not counted yet is not counted twice.
func TestRecountWaitsForWrite(t *testing.T) {
	d := onPebble()
	store := d(t)
	e := openEngine(t, store)
	create(t, e, simpleTable("t", index("x", true, schema(keys(keyB)), "ALL")))
	fill(t, e, 10)
	must(t, store.Close())
	store = d(t)
	held := committed{&tardy{store, make(chan struct{}), make(chan struct{})}}
	e = openEngine(t, held)
	var writing sync.WaitGroup
	writing.Go(func() {
		_, err := e.Write(context.WithValue(ctx, lateKey{}, true), put(e.Catalog.Get("t"), attr.NewItem(str("pk", "new"), str("sk", "s"), num("b", 1))))
		if err != nil {
			t.Errorf("Write: %v", err)
		}
	})
	<-held.reached
	must(t, e.StartJobs(ctx))
	// A count that does not wait has time to end here.
	for i := 0; i < 200 && counting(t, e, store); i++ {
		runtime.Gosched()
	}
	close(held.proceed)
	writing.Wait()
	patience.Until(t, func() bool { return !counting(t, e, store) }, "the count")
	checkAll(t, e)
}

// lingering is a store in which the first step of a count waits for the test
// when it has read.
type lingering struct {
	kv.Store
	views            atomic.Int64
	reached, proceed chan struct{}
}

func (s *lingering) View(ctx context.Context, o kv.ReadOptions, fn func(kv.Reader) error) error {
	err := s.Store.View(ctx, o, fn)
	if s.views.Add(1) == 4 { // after the catalog, the expiry times and the job's cursor
		close(s.reached)
		<-s.proceed
	}
	return err
}

// A write during a step of a count is counted with the rows that the step has
// read, and with later rows when they are read.
func TestRecountMeetsWrite(t *testing.T) {
	d := onPebble()
	store := d(t)
	e := openEngine(t, store)
	create(t, e, simpleTable("t", index("x", true, schema(keys(keyB)), "ALL")))
	fill(t, e, 400)
	must(t, store.Close())
	store = d(t)
	held := &lingering{Store: store, reached: make(chan struct{}), proceed: make(chan struct{})}
	e = openEngine(t, held)
	must(t, e.StartJobs(ctx))
	<-held.reached
	for i := range 100 {
		write(t, e, put(e.Catalog.Get("t"), attr.NewItem(str("pk", fmt.Sprint("new", i)), str("sk", "s"), num("b", i))))
	}
	close(held.proceed)
	patience.Until(t, func() bool { return !counting(t, e, store) }, "the count")
	checkAll(t, e)
}

// Transactions beside a count are counted once.
func TestRecountBesideTransactions(t *testing.T) {
	d := onPebble()
	store := d(t)
	e := openEngine(t, store)
	create(t, e, simpleTable("t", index("x", true, schema(keys(keyB)), "ALL")))
	fill(t, e, 1000)
	must(t, store.Close())
	store = d(t)
	e = openEngine(t, hesitant{store})
	must(t, e.StartJobs(ctx))
	var over atomic.Bool
	var writers sync.WaitGroup
	for w := range 3 {
		writers.Go(func() {
			rng := rand.New(rand.NewPCG(1, uint64(w)))
			for !over.Load() {
				tbl := e.Lease("t")
				var tr table.Transaction
				for i, n := range rng.Perm(1500)[:10] {
					it := attr.NewItem(str("pk", fmt.Sprint(n)), str("sk", "s"), num("b", rng.IntN(5)))
					m := put(tbl, it)
					if i%3 == 0 {
						m.Next = func(attr.Item) (attr.Item, error) { return attr.Item{}, nil }
					}
					tr.Mutations = append(tr.Mutations, m)
				}
				var canceled *table.Canceled
				if _, err := e.Transact(ctx, tr); err != nil && !errors.As(err, &canceled) {
					t.Errorf("Transact: %v", err)
				}
				tbl.Release()
			}
		})
	}
	patience.Until(t, func() bool { return !counting(t, e, store) }, "the count")
	over.Store(true)
	writers.Wait()
	checkAll(t, e)
}

// Items that a step of the listing of expiry times finds deleted do not keep
// it from listing the others; their expiry is counted once, beside a count.
func TestExpiryBesideDeletionAndRecount(t *testing.T) {
	d := onPebble()
	store := d(t)
	e := openEngine(t, store)
	tbl := create(t, e, simpleTable("t"))
	for i := range 300 {
		write(t, e, put(tbl, attr.NewItem(str("pk", fmt.Sprint(i)), str("sk", "s"), num("exp", 1000))))
	}
	must(t, store.Close()) // without the counts
	store = d(t)
	held := hold(store, func(o kv.TxOptions) bool { return len(o.Keys) == 256 && o.Keys[0][0] == 'd' })
	e = openEngine(t, held)
	now := time.Unix(2000, 0)
	_, err := e.SetTTL(ctx, "t", func(x *table.TTL) error {
		x.Attribute, x.Changed = "exp", now
		return nil
	})
	must(t, err)
	<-held.reached
	tbl = e.Catalog.Get("t")
	for i := range 50 {
		m := put(tbl, attr.NewItem(str("pk", fmt.Sprint(i)), str("sk", "s")))
		m.Next = func(attr.Item) (attr.Item, error) { return attr.Item{}, nil }
		write(t, e, m)
	}
	must(t, e.StartJobs(ctx))
	close(held.proceed)
	patience.Until(t, func() bool { return e.Catalog.Get("t").TTL.Listed }, "the listing")
	must(t, e.ExpireAll(ctx, now))
	patience.Until(t, func() bool { return !counting(t, e, store) }, "the count")
	if n := tbl.Counts.Of(tbl.Space).Items; n != 0 {
		t.Errorf("%d items are left", n)
	}
	checkAll(t, e)
}
