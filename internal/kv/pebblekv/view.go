package pebblekv

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/cockroachdb/pebble/v2"

	"github.com/statordb/stator/internal/kv"
)

var errKeyedScan = errors.New("pebblekv: scan in a View that set ReadOptions.Keys")

// View implements kv.Store. A key outside o.Keys may be refused.
//
// Its three ways to read: one key needs no snapshot; several keys that are
// locked need none either, because nobody can write them meanwhile; everything
// else reads from a snapshot and, if it is to be consistent, waits in the end
// for the commits that were in flight when the snapshot was taken.
func (s *Store) View(ctx context.Context, o kv.ReadOptions, fn func(kv.Reader) error) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.gate.Leave()
	v := s.views.Get().(*view)
	defer v.finish()
	v.start(o)
	err := fn(v)
	if waitErr := v.settle(ctx); waitErr != nil {
		return waitErr
	}
	return err
}

// view is the Reader of a View.
type view struct {
	reads
	consistent bool
	keyed      bool
	direct     bool // no snapshot needed
}

func (v *view) start(o kv.ReadOptions) {
	v.consistent, v.keyed = o.Consistent, o.Keys != nil
	locked := v.consistent && v.keyed
	v.direct = locked || len(o.Keys) == 1
	if locked {
		v.locks.acquire(v.store.stripes, true, o.Keys)
	}
}

// settle returns when everything that the view has read is durable, with an
// error if that cannot be.
func (v *view) settle(ctx context.Context) error {
	if !v.consistent {
		return nil
	}
	if v.pending != nil {
		select {
		case <-v.pending:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	// A commit that failed has landed as well.
	return v.store.failure.err()
}

// finish makes v ready for another View.
func (v *view) finish() {
	v.release()
	v.store.views.Put(v)
}

// Get implements kv.Reader.
func (v *view) Get(ctx context.Context, key []byte) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if v.consistent && v.keyed && !v.locks.holds(stripeOf(v.store.stripes.hash(key))) {
		return nil, fmt.Errorf("pebblekv: get of %q, which is not in ReadOptions.Keys", key)
	}
	var src pebble.Reader = v.store.db
	if !v.direct {
		src = v.snapshot()
	}
	return v.get(src, key)
}

// Scan implements kv.Reader.
func (v *view) Scan(ctx context.Context, r kv.Range) iter.Seq2[kv.Pair, error] {
	if v.keyed {
		return func(yield func(kv.Pair, error) bool) { yield(kv.Pair{}, errKeyedScan) }
	}
	return v.scan(ctx, r)
}
