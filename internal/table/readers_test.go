package table_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/kv"
	"github.com/statordb/stator/internal/table"
)

// stopping is a store whose updates for changes of descriptors fail once so many
// have succeeded.
type stopping struct {
	kv.Store
	left atomic.Int64 // updates; below 0: all succeed
}

type descriptorKey struct{}

var errStopped = errors.New("the process is killed here")

func (s *stopping) Update(ctx context.Context, o kv.TxOptions, fn func(kv.Tx) error) error {
	if ctx.Value(descriptorKey{}) != nil && s.left.Load() >= 0 && s.left.Add(-1) < 0 {
		s.left.Store(0)
		return errStopped
	}
	return s.Store.Update(ctx, o, fn)
}

// A Kinesis destination reads the whole log while streams of all views come
// and go, shards are rotated and the process is killed between the steps of a
// change: the records are chains with both images. The shards of a stream are
// its own.
func TestLogOfManyReaders(t *testing.T) {
	eachDriver(t, func(t *testing.T, d disk) {
		rng := newRand(t)
		store := &stopping{Store: d(t)}
		store.left.Store(-1)
		e := openEngine(t, store)
		desc := simpleTable("t")
		desc.EnableDestination("arn", "MILLISECOND", time.Unix(1, 0))
		create(t, e, desc)
		for range 4 {
			whileChanging(t, e, rng, 300, func() { must(t, changeReaders(ctx, e, rng)) })
			checkChains(t, e)
			checkLabels(t, e)
			store.left.Store(rng.Int64N(2))
			if err := changeReaders(context.WithValue(ctx, descriptorKey{}, true), e, rng); err != nil && !errors.Is(err, errStopped) {
				t.Fatal(err)
			}
			store.left.Store(-1)
			shut(t, e, store)
			store.Store = d(t)
			e = openEngine(t, store)
			checkChains(t, e)
			checkLabels(t, e)
		}
	})
}

// changeReaders enables or disables the stream of the table t, or rotates a shard.
func changeReaders(ctx context.Context, e *table.Engine, rng *rand.Rand) error {
	views := []string{"KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES"}
	if rng.IntN(3) == 0 {
		shards := e.Catalog.Get("t").Log(0)
		return e.Rotate(ctx, "t", shards[rng.IntN(len(shards))].Number, 1+rng.IntN(2))
	}
	_, err := e.Change(ctx, "t", func(d *table.Descriptor) error {
		if d.StreamEnabled() != nil {
			d.DisableStream(time.Unix(2, 0))
		} else {
			d.EnableStream(views[rng.IntN(len(views))], time.Unix(2, 0))
		}
		return nil
	})
	return err
}

// checkLabels checks that the open shards of the table t cover all hashes once
// and belong to its enabled stream, if there is one.
func checkLabels(t *testing.T, e *table.Engine) {
	t.Helper()
	tbl := e.Catalog.Get("t")
	label, width := "", uint64(0)
	if s := tbl.StreamEnabled(); s != nil {
		label = s.Label
	}
	for _, s := range tbl.Log(0) {
		if !s.Open() {
			continue
		}
		width += uint64(s.To) - uint64(s.From) + 1
		if s.Stream != label {
			t.Errorf("shard %+v is open, the enabled stream is %q", s, label)
		}
	}
	if width != 1<<32 {
		t.Errorf("the open shards cover %x hashes", width)
	}
}

// Without readers nothing is logged; what the readers before can read stays.
func TestLogWithoutReaders(t *testing.T) {
	eachDriver(t, func(t *testing.T, d disk) {
		e := openEngine(t, d(t))
		tbl := create(t, e, simpleTable("t"))
		change := func(edit func(d *table.Descriptor)) {
			t.Helper()
			_, err := e.Change(ctx, "t", func(d *table.Descriptor) error { edit(d); return nil })
			must(t, err)
		}
		n := 0
		put := func() {
			t.Helper()
			n++
			write(t, e, put(e.Catalog.Get("t"), attr.NewItem(str("pk", "p"), str("sk", "s"), num("n", n))))
		}
		put()
		change(func(d *table.Descriptor) { d.EnableDestination("arn", "MILLISECOND", time.Unix(1, 0)) })
		put()
		change(func(d *table.Descriptor) { d.EnableStream("KEYS_ONLY", time.Unix(1, 0)) })
		put()
		change(func(d *table.Descriptor) {
			d.EndDestination(d.Destination("arn"), table.DestinationDisabled, "", time.Unix(1, 0))
		})
		put()
		change(func(d *table.Descriptor) { d.DisableStream(time.Unix(1, 0)) })
		put()
		var images []bool
		for _, s := range e.Catalog.Get("t").Log(0) {
			if s.Open() {
				t.Errorf("shard %+v is open", s)
			}
			must(t, e.ReadLog(ctx, tbl.Space, s.Number, s.First, func(r table.Record) bool {
				images = append(images, !r.New.IsEmpty())
				return true
			}))
		}
		if len(images) != 3 || !images[0] || !images[1] || images[2] {
			t.Errorf("records have images: %v, want the changes 2 and 3 with them and 4 without", images)
		}
	})
}
