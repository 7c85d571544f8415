package pebblekv

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"math/bits"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/batchrepr"

	"github.com/statordb/stator/internal/kv"
)

// errBusy stops a function that is going to be run again. Nobody sees it but
// the function.
var errBusy = errors.New("pebblekv: a key is in use, the transaction starts again")

// tx is a kv.Tx. Its writes are in a plain Pebble batch, which is cheaper than
// an indexed one; writes finds them again for the few reads that follow them.
type tx struct {
	reads
	batch   *pebble.Batch // nil before the first write
	writes  []write       // in order, without appends
	stampAt []int         // offsets in batch of the stamps to fill in
	size    int           // bytes written
	refused error         // first write refused; it fails the commit too
	busy    []byte        // key that GetLocked could not lock
}

// write is where in the batch a key was put or deleted.
type write struct {
	hash   uint64
	offset int
}

// finish gives everything back and makes t ready for another transaction.
func (t *tx) finish() {
	t.release()
	if t.batch != nil {
		_ = t.batch.Close() // never applied: cannot fail
	}
	*t = tx{
		reads:   t.reads,
		writes:  t.writes[:0],
		stampAt: t.stampAt[:0],
	}
	t.store.txs.Put(t)
}

// Get implements kv.Reader. Once there is a snapshot it reads from there; before
// that, a locked key is the same everywhere and needs none.
func (t *tx) Get(ctx context.Context, key []byte) ([]byte, error) {
	if err := t.ready(ctx); err != nil {
		return nil, err
	}
	hash := t.store.stripes.hash(key)
	if v, ok := t.written(key, hash); ok {
		return v, nil
	}
	if t.snap == nil && t.locks.holds(stripeOf(hash)) {
		return t.get(t.store.db, key)
	}
	return t.get(t.snapshot(), key)
}

// GetLocked implements kv.Tx.
func (t *tx) GetLocked(ctx context.Context, key []byte) ([]byte, error) {
	if err := t.ready(ctx); err != nil {
		return nil, err
	}
	hash := t.store.stripes.hash(key)
	fresh, err := t.lock(key, stripeOf(hash))
	if err != nil {
		return nil, err
	}
	if v, ok := t.written(key, hash); ok {
		return v, nil
	}
	v, err := t.get(t.store.db, key)
	if err == nil && fresh && t.snap != nil {
		err = t.agree(key, v)
	}
	if err != nil {
		return nil, err
	}
	return v, nil
}

// lock makes t hold s, the stripe of key; fresh says that it did not before.
func (t *tx) lock(key []byte, s stripe) (fresh bool, err error) {
	if t.locks.holds(s) {
		return false, nil
	}
	if !t.locks.try(s) {
		return false, t.again(key)
	}
	return true, nil
}

// agree starts the transaction again if key, locked only after the snapshot was
// taken and now of value v, was something else in the snapshot.
func (t *tx) agree(key, v []byte) error {
	old, err := t.get(t.snap, key)
	if err != nil {
		return err
	}
	if (old == nil) != (v == nil) || !bytes.Equal(old, v) {
		return t.again(key)
	}
	return nil
}

// again gives the run up; the next one locks key before it starts.
func (t *tx) again(key []byte) error {
	t.busy = append(make([]byte, 0, len(key)), key...)
	return errBusy
}

// ready returns the error with which any call must end.
func (t *tx) ready(ctx context.Context) error {
	if t.busy != nil {
		return errBusy
	}
	return ctx.Err()
}

// Put implements kv.Tx.
func (t *tx) Put(key, value []byte) error {
	if err := t.admit(key, len(key), len(value)); err != nil {
		return err
	}
	t.remember(key)
	return t.batch.Set(key, value, nil)
}

// Delete implements kv.Tx.
func (t *tx) Delete(key []byte) error {
	if err := t.admit(key, len(key), 0); err != nil {
		return err
	}
	t.remember(key)
	return t.batch.Delete(key, nil)
}

// Append implements kv.Tx. The stamp is filled in at the commit.
func (t *tx) Append(prefix, value []byte) error {
	size := len(prefix) + kv.StampSize
	if err := t.admit(prefix, size, len(value)); err != nil {
		return err
	}
	op := t.batch.SetDeferred(size, len(value))
	copy(op.Key, prefix)
	copy(op.Value, value)
	if err := op.Finish(); err != nil {
		return fmt.Errorf("append: %w", err)
	}
	// The record ends with the stamp, the length of the value and the value.
	t.stampAt = append(t.stampAt, t.batch.Len()-len(value)-uvarintLen(len(value))-kv.StampSize)
	return nil
}

// uvarintLen returns the number of bytes of n as a varint.
func uvarintLen(n int) int { return max(1, (bits.Len(uint(n))+6)/7) }

// admit counts a write and makes sure that there is a batch, or refuses it.
func (t *tx) admit(key []byte, keyLen, valueLen int) error {
	if t.busy != nil {
		return errBusy
	}
	err := t.store.limits.CheckPair(key, keyLen, valueLen)
	if err == nil {
		t.size += keyLen + valueLen
		err = t.store.limits.CheckTransaction(t.size)
	}
	if err != nil {
		if t.refused == nil {
			t.refused = err
		}
		return err
	}
	if t.batch == nil {
		t.batch = t.store.db.NewBatch()
	}
	return nil
}

// remember notes that the next record of the batch is about key.
func (t *tx) remember(key []byte) {
	t.writes = append(t.writes, write{t.store.stripes.hash(key), t.batch.Len()})
}

// written returns what t wrote to key last, nil for a deletion, and whether it
// did.
func (t *tx) written(key []byte, hash uint64) (value []byte, ok bool) {
	for i := len(t.writes) - 1; i >= 0; i-- {
		if t.writes[i].hash != hash {
			continue
		}
		if k, v := t.record(t.writes[i]); bytes.Equal(k, key) {
			return v, true
		}
	}
	return nil, false
}

// record decodes w; a nil value is a deletion. The slices are valid until the
// transaction function returns.
func (t *tx) record(w write) (key, value []byte) {
	r := batchrepr.Reader(t.batch.Repr()[w.offset:])
	kind, key, value, _, err := r.Next()
	if err != nil {
		panic(fmt.Sprintf("pebblekv: own batch is malformed: %v", err))
	}
	switch {
	case kind == pebble.InternalKeyKindDelete:
		return key, nil
	case value == nil:
		return key, []byte{}
	}
	return key, value
}

// Scan implements kv.Reader.
func (t *tx) Scan(ctx context.Context, r kv.Range) iter.Seq2[kv.Pair, error] {
	return func(yield func(kv.Pair, error) bool) {
		if err := t.ready(ctx); err != nil {
			yield(kv.Pair{}, err)
			return
		}
		own := t.ownWrites(r)
		if len(own) == 0 {
			t.scan(ctx, r)(yield)
			return
		}
		overlay(t.scan(ctx, r), own, r.Reverse)(yield)
	}
}
