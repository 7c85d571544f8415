package table

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"github.com/statordb/stator/internal/kv"
)

// Counts are the number of items and their size in bytes of each space of a
// table: of the items and of the entries of every index.
type Counts struct {
	mu struct {
		sync.Mutex
		spaces map[uint32]Count
		dirty  bool
	}
}

// Count is a number of items and their size in bytes.
type Count struct{ Items, Bytes int64 }

// Of returns the count of a space. After a kill it may be wrong by what was
// written since it was last stored; it is never negative.
func (c *Counts) Of(space uint32) Count {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.mu.spaces[space]
	return Count{max(n.Items, 0), max(n.Bytes, 0)}
}

func (c *Counts) add(space uint32, delta Count) {
	if delta == (Count{}) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.mu.spaces[space]
	n.Items += delta.Items
	n.Bytes += delta.Bytes
	c.mu.spaces[space] = n
	c.mu.dirty = true
}

// forget drops the count of a space that is going away.
func (c *Counts) forget(space uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.mu.spaces, space)
}

func newCounts() *Counts {
	c := &Counts{}
	c.mu.spaces = map[uint32]Count{}
	return c
}

func (c *Counts) load(ctx context.Context, r kv.Reader, space uint32) error {
	value, err := r.Get(ctx, countsKey(space))
	if err != nil || len(value) != 16 {
		return err
	}
	c.mu.spaces[space] = Count{
		Items: int64(binary.BigEndian.Uint64(value)),
		Bytes: int64(binary.BigEndian.Uint64(value[8:])),
	}
	return nil
}

// SaveCounts stores the counters that changed since the last call.
func (c *Catalog) SaveCounts(ctx context.Context) error {
	var errs []error
	c.Each(func(t *Table) {
		if err := c.saveCounts(ctx, t); err != nil {
			errs = append(errs, fmt.Errorf("save counts of %s: %w", t.Name, err))
		}
	})
	return errors.Join(errs...)
}

func (c *Catalog) saveCounts(ctx context.Context, t *Table) error {
	rows := map[string][]byte{}
	t.Counts.mu.Lock()
	if t.Counts.mu.dirty {
		for space, n := range t.Counts.mu.spaces {
			value := binary.BigEndian.AppendUint64(nil, uint64(n.Items))
			rows[string(countsKey(space))] = binary.BigEndian.AppendUint64(value, uint64(n.Bytes))
		}
	}
	t.Counts.mu.dirty = false
	t.Counts.mu.Unlock()
	if len(rows) == 0 {
		return nil
	}
	return c.store.Update(ctx, kv.TxOptions{Keys: [][]byte{countsKey(t.Space)}}, func(tx kv.Tx) error {
		for key, value := range rows {
			if err := tx.Put([]byte(key), value); err != nil {
				return err
			}
		}
		return nil
	})
}

func countsKey(space uint32) []byte {
	return binary.BigEndian.AppendUint32(metaKey("count/"), space)
}
