package pebblekv

import (
	"context"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/statordb/stator/internal/kv"
)

// maxRuns bounds how often Update runs its function, each time with more keys.
const maxRuns = 16

// Update implements kv.Store. The function runs again only when GetLocked meets
// a key that is locked at that moment.
func (s *Store) Update(ctx context.Context, o kv.TxOptions, fn func(kv.Tx) error) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.gate.Leave()
	keys := o.Keys
	for range maxRuns {
		busy, err := s.runOnce(ctx, keys, fn)
		if busy == nil {
			return err
		}
		// A new array: the old one belongs to the caller.
		keys = append(keys[:len(keys):len(keys)], busy)
	}
	return fmt.Errorf("%w: %d runs, each stopped by a key that was in use", kv.ErrConflict, maxRuns)
}

// runOnce runs fn and commits, holding keys from before the run until after the
// sync. If fn needed one more key that was in use, it is returned, and nothing
// has happened.
func (s *Store) runOnce(ctx context.Context, keys [][]byte, fn func(kv.Tx) error) (busy []byte, err error) {
	t := s.txs.Get().(*tx)
	defer t.finish()
	t.locks.acquire(s.stripes, false, keys)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	err = fn(t)
	switch {
	case t.busy != nil:
		return t.busy, nil
	case err != nil:
		return nil, err
	case t.refused != nil:
		return nil, t.refused
	case t.batch == nil:
		return nil, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	}
	b := t.batch
	t.batch = nil
	return nil, s.commit(b, t.stampAt)
}

var errReadOnly = errors.New("the store is open to be read only")

// commit makes b visible and then durable, and disposes of it. stampAt are the
// offsets in b of the stamps of Append.
func (s *Store) commit(b *pebble.Batch, stampAt []int) (err error) {
	if s.options.ReadOnly {
		return errors.Join(errReadOnly, b.Close())
	}
	w := s.flights.takeOff()
	defer s.flights.land(w)
	s.flying.Add(1)
	defer s.flying.Add(-1)
	defer s.failure.failOnPanic(&err)
	if len(stampAt) == 0 {
		err = s.db.Apply(b, pebble.Sync)
	} else if err = s.stamps.apply(s.db, b, stampAt); err == nil {
		err = b.SyncWait()
	}
	if err != nil {
		return unknown(s.failure.fail(err))
	}
	// Apply returns nil even after it has called Fatalf.
	if err := s.failure.err(); err != nil {
		return unknown(err)
	}
	s.commits.Add(1)
	return b.Close()
}
