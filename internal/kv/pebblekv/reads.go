package pebblekv

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/cockroachdb/pebble/v2"

	"github.com/statordb/stator/internal/kv"
)

const (
	// maxPinned values read by one call stay where Pebble keeps them; those read
	// after that are copied, because each pin holds a few KiB of iterator.
	maxPinned = 128

	// A scan asks its context once in so many pairs.
	scanCheckEvery = 64
)

// reads is what a View and an Update have in common: locks, the values they
// have read and, once they need one, a snapshot.
type reads struct {
	store   *Store
	locks   lockSet
	pins    []io.Closer // what keeps the values returned by get valid
	snap    *pebble.Snapshot
	pending <-chan struct{} // what snapshot found in flight; nil for nothing
}

// snapshot returns the snapshot of this call, taking it the first time.
func (r *reads) snapshot() *pebble.Snapshot {
	if r.snap == nil {
		r.snap = r.store.db.NewSnapshot()
		r.pending = r.store.flights.inFlight()
	}
	return r.snap
}

// get returns the value of key in src, valid until release, or nil.
func (r *reads) get(src pebble.Reader, key []byte) ([]byte, error) {
	if !kv.Readable(key) {
		return nil, nil
	}
	v, pin, err := src.Get(key)
	switch {
	case errors.Is(err, pebble.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read: %w", plain(err))
	case v == nil:
		v = []byte{}
	}
	if len(r.pins) < maxPinned {
		r.pins = append(r.pins, pin)
		return v, nil
	}
	v = append(make([]byte, 0, len(v)), v...)
	return v, pin.Close()
}

// release gives back everything, locks last.
func (r *reads) release() {
	for i, c := range r.pins {
		// The error is the one that the read itself returned.
		_ = c.Close()
		r.pins[i] = nil
	}
	r.pins = r.pins[:0]
	if r.snap != nil {
		_ = r.snap.Close() // never fails
		r.snap = nil
	}
	r.pending = nil
	r.locks.release()
}

// scan yields the pairs of rng in the snapshot.
func (r *reads) scan(ctx context.Context, rng kv.Range) iter.Seq2[kv.Pair, error] {
	return func(yield func(kv.Pair, error) bool) { scan(ctx, r.snapshot(), rng)(yield) }
}

// scan yields the pairs of rng in src.
func scan(ctx context.Context, src pebble.Reader, rng kv.Range) iter.Seq2[kv.Pair, error] {
	return func(yield func(kv.Pair, error) bool) {
		it, err := iterate(src, rng)
		if err != nil {
			yield(kv.Pair{}, err)
			return
		}
		defer it.Close() // its error is the one that it.Error returned
		n := 0
		for ok := it.first(); ok; ok = it.next() {
			if n%scanCheckEvery == 0 && ctx.Err() != nil {
				yield(kv.Pair{}, ctx.Err())
				return
			}
			n++
			if !yield(it.pair()) {
				return
			}
		}
		if err := it.Error(); err != nil {
			yield(kv.Pair{}, fmt.Errorf("scan: %w", plain(err)))
		}
	}
}

// iterate returns an iterator over rng in src, before its first pair.
func iterate(src pebble.Reader, rng kv.Range) (iterator, error) {
	var o pebble.IterOptions
	o.LowerBound, o.UpperBound = bounds(rng)
	it, err := src.NewIter(&o)
	if err != nil {
		return iterator{}, fmt.Errorf("scan: %w", plain(err))
	}
	return iterator{it, rng.Reverse}, nil
}

// iterator is Pebble's, walking in one of the two directions.
type iterator struct {
	*pebble.Iterator
	reverse bool
}

func (i iterator) first() bool {
	if i.reverse {
		return i.Last()
	}
	return i.First()
}

func (i iterator) next() bool {
	if i.reverse {
		return i.Prev()
	}
	return i.Next()
}

func (i iterator) pair() (kv.Pair, error) {
	v, err := i.ValueAndErr()
	if err != nil {
		return kv.Pair{}, fmt.Errorf("scan: %w", plain(err))
	}
	return kv.Pair{Key: i.Key(), Value: v}, nil
}

// bounds returns r's bounds for Pebble, leaving out the driver's own keys. The
// lower one is nil rather than empty; all empty ranges become one behind the
// last key, as Pebble wants bounds in order.
func bounds(r kv.Range) (lower, upper []byte) {
	lower, upper = r.Start, r.End
	if upper == nil || bytes.Compare(upper, userEnd) > 0 {
		upper = userEnd
	}
	switch {
	case bytes.Compare(lower, upper) >= 0:
		return userEnd, userEnd
	case len(lower) == 0:
		lower = nil
	}
	return lower, upper
}
