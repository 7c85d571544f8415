package table_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/kv"
	"github.com/statordb/stator/internal/patience"
	"github.com/statordb/stator/internal/table"
)

// Writers change few items while shards are rotated and split and the server
// is started again. Every item's records are a chain in which each old image
// is the new image before it, parents' records before their children's, and
// which ends with the item as it is.
func TestLogIsAChain(t *testing.T) {
	eachDriver(t, func(t *testing.T, d disk) {
		rng := newRand(t)
		store := d(t)
		e := openEngine(t, store)
		desc := simpleTable("t")
		desc.EnableStream("NEW_AND_OLD_IMAGES", time.Unix(1, 0))
		create(t, e, desc)
		for range 4 {
			loadAndRotate(t, e, rng)
			checkChains(t, e)
			shut(t, e, store)
			store = d(t)
			e = openEngine(t, store)
		}
		checkChains(t, e)
	})
}

const chainItems = 7

// loadAndRotate writes from several goroutines, rotating meanwhile.
func loadAndRotate(t *testing.T, e *table.Engine, rng *rand.Rand) {
	t.Helper()
	whileChanging(t, e, rng, 600, func() {
		tbl := e.Catalog.Get("t")
		shards := tbl.Visible(tbl.StreamLatest().Label)
		must(t, e.Rotate(ctx, "t", shards[rng.IntN(len(shards))].Number, 1+rng.IntN(3)))
	})
}

// whileChanging makes so many changes from several goroutines, and disturbs
// them six times on the way.
func whileChanging(t *testing.T, e *table.Engine, rng *rand.Rand, changes int64, disturb func()) {
	t.Helper()
	const goroutines, disturbances = 4, 6
	var writers sync.WaitGroup
	var made atomic.Int64
	for w := range goroutines {
		own := rand.New(rand.NewPCG(rng.Uint64(), uint64(w)))
		writers.Go(func() {
			for made.Add(1) <= changes {
				if err := changeOne(e, own); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for i := range int64(disturbances) {
		patience.Until(t, func() bool { return made.Load() >= i*changes/disturbances || t.Failed() }, "some changes")
		disturb()
	}
	writers.Wait()
}

// changeOne puts, changes nothing in, or deletes an item, by itself or in a
// transaction with another.
func changeOne(e *table.Engine, rng *rand.Rand) error {
	tbl := e.Lease("t")
	defer tbl.Release()
	mutation := func(i int) table.Mutation {
		key := attr.NewItem(str("pk", strconv.Itoa(i)), str("sk", ""))
		kind := rng.IntN(4)
		return table.Mutation{Table: tbl, Key: key, Next: func(old attr.Item) (attr.Item, error) {
			switch kind {
			case 0:
				return attr.Item{}, nil
			case 1:
				return old, nil
			}
			return attr.NewItem(str("pk", strconv.Itoa(i)), str("sk", ""), num("n", intOf(old, "n")+1)), nil
		}}
	}
	i := rng.IntN(chainItems)
	if rng.IntN(3) > 0 {
		_, err := e.Write(ctx, mutation(i))
		if err == table.ErrOngoing {
			return nil
		}
		return err
	}
	_, err := e.Transact(ctx, table.Transaction{Mutations: []table.Mutation{mutation(i), mutation((i + 1) % chainItems)}})
	if _, canceled := err.(*table.Canceled); canceled {
		return nil
	}
	return err
}

// checkChains reads the whole log of the table t.
func checkChains(t *testing.T, e *table.Engine) {
	t.Helper()
	tbl := e.Catalog.Get("t")
	last, lastStamp := map[string]attr.Item{}, map[string]uint64{}
	done, records := map[uint32]bool{0: true}, 0
	for _, s := range tbl.Shards {
		if !done[s.Parent] {
			t.Errorf("shard %d comes before its parent %d", s.Number, s.Parent)
		}
		done[s.Number] = true
		must(t, e.ReadLog(ctx, tbl.Space, s.Number, s.First, func(r table.Record) bool {
			records++
			it := r.New
			if it.IsEmpty() {
				it = r.Old
			}
			key := string(it.Get("pk").Bytes())
			if !r.Old.Equal(last[key]) || r.HadOld == last[key].IsEmpty() || r.HasNew == r.New.IsEmpty() {
				t.Errorf("shard %d stamp %d: item %s was %s, the record before left %s", s.Number, r.Stamp, key, r.Old.AppendJSON(nil), last[key].AppendJSON(nil))
			}
			if r.Old.Equal(r.New) || r.Stamp <= lastStamp[key] || !s.Open() && r.Stamp > s.Last {
				t.Errorf("shard %d stamp %d (last %d of %d): item %s", s.Number, r.Stamp, lastStamp[key], s.Last, key)
			}
			last[key], lastStamp[key] = r.New.Clone(), r.Stamp
			return true
		}))
		if open := tbl.Tail(s.Number) != nil; open != s.Open() {
			t.Errorf("shard %d is open: %t, has an end: %t", s.Number, s.Open(), open)
		}
	}
	if records == 0 {
		t.Error("the log is empty")
	}
	for i := range chainItems {
		key := attr.NewItem(str("pk", strconv.Itoa(i)), str("sk", ""))
		row, err := e.Get(ctx, tbl, key, true)
		must(t, err)
		if name := string(key.Get("pk").Bytes()); !row.Item.Equal(last[name]) {
			t.Errorf("item %s is %s, the log says %s", name, row.Item.AppendJSON(nil), last[name].AppendJSON(nil))
		}
	}
}

// A stream sees the changes while it is enabled, each view what it asks for;
// the streams of a table that is gone stay until their shards are trimmed.
func TestStreamsComeAndGo(t *testing.T) {
	eachDriver(t, func(t *testing.T, d disk) {
		store := d(t)
		e := openEngine(t, store)
		tbl := create(t, e, simpleTable("t"))
		n := 0
		change := func() {
			n++
			write(t, e, put(e.Catalog.Get("t"), attr.NewItem(str("pk", "p"), str("sk", "s"), num("n", n))))
		}
		change()
		for i, view := range []string{"KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE"} {
			var err error
			tbl, err = e.Change(ctx, "t", func(d *table.Descriptor) error { d.EnableStream(view, time.Unix(int64(i), 0)); return nil })
			must(t, err)
			change()
			_, err = e.Change(ctx, "t", func(d *table.Descriptor) error { d.DisableStream(time.Unix(int64(i), 5)); return nil })
			must(t, err)
			change()
		}
		_, err := e.Catalog.Delete(ctx, "t", allow)
		must(t, err)
		create(t, e, simpleTable("t"))
		for range 2 {
			departed := e.Departed()
			if len(departed) != 1 || len(departed[0].Shards) != 3 {
				t.Fatalf("deleted tables: %+v", departed)
			}
			want := []string{`KEYS_ONLY {"pk":{"S":"p"},"sk":{"S":"s"}} {} {}`,
				`NEW_IMAGE {} {} {"n":{"N":"4"},"pk":{"S":"p"},"sk":{"S":"s"}}`,
				`OLD_IMAGE {} {"n":{"N":"5"},"pk":{"S":"p"},"sk":{"S":"s"}} {}`}
			for i, s := range departed[0].Streams {
				shard := departed[0].Visible(s.Label)[0]
				var got []string
				must(t, e.ReadLog(ctx, tbl.Space, shard.Number, shard.First, func(r table.Record) bool {
					got = append(got, fmt.Sprintf("%s %s %s %s", s.View, r.Key.AppendJSON(nil), r.Old.AppendJSON(nil), r.New.AppendJSON(nil)))
					return true
				}))
				if len(got) != 1 || got[0] != want[i] || shard.Open() || s.Enabled() {
					t.Errorf("stream %+v of shard %+v: %q, want %q", s, shard, got, want[i])
				}
			}
			shut(t, e, store)
			store = d(t)
			e = openEngine(t, store)
		}
		must(t, e.TrimLogs(ctx, time.Now(), time.Now().Add(time.Hour)))
		if left := e.Departed(); len(left) != 0 {
			t.Errorf("after trimming: %+v", left)
		}
		if left := rows(t, store, "l"); len(left) != 0 {
			t.Errorf("after trimming the log has %q", left)
		}
	})
}

// A table that is deleted and created again while the clock stands has a stream
// of its own.
func TestStreamLabelsDiffer(t *testing.T) {
	e := openEngine(t, onMemory()(t))
	labels := map[string]bool{}
	for range 3 {
		desc := simpleTable("t")
		desc.EnableStream("KEYS_ONLY", time.Unix(1, 0))
		tbl := create(t, e, desc)
		label := tbl.StreamLatest().Label
		if labels[label] || len(tbl.Visible(label)) != 1 {
			t.Errorf("label %q of %v has shards %+v", label, labels, tbl.Visible(label))
		}
		labels[label] = true
		_, err := e.Catalog.Delete(ctx, "t", allow)
		must(t, err)
	}
}

// Labels tell streams apart also on a clock that stands within a millisecond.
func TestStreamLabels(t *testing.T) {
	d := simpleTable("t")
	now := time.Unix(5, 1_400_000)
	for range 3 {
		d.EnableStream("KEYS_ONLY", now)
		d.DisableStream(now)
		now = now.Add(200 * time.Microsecond)
	}
	if a, b, c := d.Streams[0].Label, d.Streams[1].Label, d.Streams[2].Label; a >= b || b >= c {
		t.Errorf("labels %s %s %s", a, b, c)
	}
}

// stamping is a store that tells the test when its last stamp is asked for.
type stamping struct {
	kv.Store
	asked func()
}

func (s *stamping) LastStamp() uint64 {
	if s.asked != nil {
		s.asked()
	}
	return s.Store.LastStamp()
}

// A write that begins as soon as a version of a table is there goes to the
// change log of that version: of a table that is created it has a record, and
// where shards are replaced none comes to one that is closed.
func TestLogIsThereBeforeItsVersion(t *testing.T) {
	const name = "t"
	created := func(t *testing.T, e *table.Engine) {
		desc := simpleTable(name)
		desc.EnableStream("NEW_IMAGE", time.Unix(1, 0))
		create(t, e, desc)
	}
	rotate := func(t *testing.T, e *table.Engine) { must(t, e.Rotate(ctx, name, 1, 2)) }
	t.Run("creation", func(t *testing.T) { testEarlyWrite(t, name, func(*testing.T, *table.Engine) {}, created) })
	t.Run("rotation", func(t *testing.T) { testEarlyWrite(t, name, created, rotate) })
}

// testEarlyWrite makes a change of the table called name and begins a write as
// soon as it sees the new version, which commits when readers see all of it.
func testEarlyWrite(t *testing.T, name string, prepare, change func(*testing.T, *table.Engine)) {
	store := &stamping{Store: onPebble()(t)}
	held := hold(store, func(o kv.TxOptions) bool { return o.Keys[0][0] == 'd' })
	e := openEngine(t, late{held})
	prepare(t, e)
	before := e.Catalog.Get(name)
	var running sync.WaitGroup
	var begun atomic.Bool
	store.asked = func() {
		tbl := e.Lease(name)
		if tbl == before || !begun.CompareAndSwap(false, true) {
			if tbl != nil {
				tbl.Release()
			}
			return
		}
		running.Go(func() {
			defer tbl.Release()
			if _, err := e.Write(ctx, put(tbl, attr.NewItem(str("pk", "a"), str("sk", "")))); err != nil {
				t.Error(err)
			}
		})
		<-held.reached
	}
	running.Go(func() { change(t, e) })
	open := func(s *table.Shard) bool { return s.Open() }
	patience.Until(t, func() bool {
		tbl := e.Catalog.Get(name)
		return tbl != nil && tbl != before && (before == nil || slices.IndexFunc(tbl.Shards, open) > 0)
	}, "the change")
	close(held.proceed)
	running.Wait()
	if begun.CompareAndSwap(false, true) {
		write(t, e, put(e.Catalog.Get(name), attr.NewItem(str("pk", "a"), str("sk", ""))))
	}
	records, tbl := 0, e.Catalog.Get(name)
	for _, s := range tbl.Shards {
		must(t, e.ReadLog(ctx, tbl.Space, s.Number, 0, func(r table.Record) bool {
			if records++; !s.Open() {
				t.Errorf("stamp %d came to shard %d, which was closed at %d", r.Stamp, s.Number, s.Last)
			}
			return true
		}))
	}
	if records != 1 {
		t.Errorf("a write has %d records", records)
	}
}
