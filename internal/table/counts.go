package table

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/statordb/stator/internal/kv"
)

// Counts are the number of items and their size in bytes of each space of a
// table: of the items and of the entries of every index. They follow the
// writes in memory and are stored now and then. After a stop that did not
// store them they are counted again, see recounter.
type Counts struct {
	expired atomic.Int64 // items deleted since the process started because their time to live was over
	mu      struct {
		sync.Mutex
		spaces map[uint32]*spaceCount
		dirty  bool // differs from what is stored
	}
}

// Count is a number of items and their size in bytes.
type Count struct{ Items, Bytes int64 }

func (n Count) plus(m Count) Count { return Count{n.Items + m.Items, n.Bytes + m.Bytes} }

// spaceCount is the count of a space.
type spaceCount struct {
	Count
	again *recount // nil: the Count is right
}

// countDelta is what a write to the row under key changes.
type countDelta struct {
	space uint32
	key   []byte
	delta Count
}

// Of returns the count of a space. After a kill it may be wrong by what was
// written since it was last stored, until it is counted again; it is never
// negative.
func (c *Counts) Of(space uint32) Count {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.mu.spaces[space]
	if n == nil {
		return Count{}
	}
	return Count{max(n.Items, 0), max(n.Bytes, 0)}
}

// Expired returns how many items were deleted, since the process started,
// because their time to live was over.
func (c *Counts) Expired() int64 { return c.expired.Load() }

// at returns the count of a space, to change. The caller holds c.mu.
func (c *Counts) at(space uint32) *spaceCount {
	n := c.mu.spaces[space]
	if n == nil {
		n = &spaceCount{}
		c.mu.spaces[space] = n
	}
	return n
}

func (c *Counts) add(d countDelta) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.at(d.space)
	n.Count = n.plus(d.delta)
	if n.again != nil {
		n.again.add(d)
	}
	c.mu.dirty = true
}

// set makes counts those of their spaces.
func (c *Counts) set(counts map[uint32]Count) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for space, n := range counts {
		c.mu.spaces[space] = &spaceCount{Count: n}
	}
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
	c.mu.spaces = map[uint32]*spaceCount{}
	return c
}

// load reads the count of a space; one that is not right is counted again.
func (c *Counts) load(ctx context.Context, r kv.Reader, space uint32, right bool) error {
	value, err := r.Get(ctx, countsKey(space))
	if err != nil {
		return err
	}
	n := c.at(space)
	n.Count, value = cutCount(value)
	switch {
	case !right:
		n.again = &recount{next: spaceKey(space)}
		c.mu.dirty = true
	case len(value) > 0:
		n.again = &recount{}
		n.again.count, value = cutCount(value)
		n.again.next = bytes.Clone(value)
	}
	return nil
}

// A stored count is the items and the bytes, eight bytes each; while it is
// being counted again there follow the new count and the key it has come to.
func (n *spaceCount) stored() []byte {
	value := n.Count.append(nil)
	if n.again != nil {
		value = append(n.again.count.append(value), n.again.next...)
	}
	return value
}

func (n Count) append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint64(dst, uint64(n.Items))
	return binary.BigEndian.AppendUint64(dst, uint64(n.Bytes))
}

func cutCount(value []byte) (n Count, rest []byte) {
	if len(value) < 16 {
		return n, nil
	}
	return Count{int64(binary.BigEndian.Uint64(value)), int64(binary.BigEndian.Uint64(value[8:]))}, value[16:]
}

// SaveCounts stores the counts that changed since the last call.
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
	rows := t.Counts.changed()
	if len(rows) == 0 {
		return nil
	}
	err := c.store.Update(ctx, kv.TxOptions{Keys: [][]byte{countsKey(t.Space)}}, func(tx kv.Tx) error {
		for key, value := range rows {
			if err := tx.Put([]byte(key), value); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Counts.mu.Lock()
		t.Counts.mu.dirty = true
		t.Counts.mu.Unlock()
	}
	return err
}

// storedCount returns the count of a space as it was last stored.
func (c *Catalog) storedCount(ctx context.Context, space uint32) (n Count, err error) {
	err = c.store.View(ctx, kv.ReadOptions{}, func(r kv.Reader) error {
		value, err := r.Get(ctx, countsKey(space))
		n, _ = cutCount(value)
		return err
	})
	return n, err
}

// changed returns the rows to store, none if nothing has changed since the
// last call.
func (c *Counts) changed() map[string][]byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.mu.dirty {
		return nil
	}
	rows := map[string][]byte{}
	for space, n := range c.mu.spaces {
		rows[string(countsKey(space))] = n.stored()
	}
	c.mu.dirty = false
	return rows
}

func countsKey(space uint32) []byte {
	return binary.BigEndian.AppendUint32(metaKey("count/"), space)
}

// countsRight is there while the store is closed and its counts are right.
var countsRight = metaKey("counts-right")

// CloseCounts stores the counts for good, if nothing is written any more. A
// store that is closed without it is counted again when it is next opened.
func (c *Catalog) CloseCounts(ctx context.Context) error {
	if err := c.SaveCounts(ctx); err != nil {
		return err
	}
	return c.store.Update(ctx, kv.TxOptions{Keys: [][]byte{countsRight}}, func(tx kv.Tx) error {
		return tx.Put(countsRight, nil)
	})
}

// openCounts forgets that the counts are right, before anything is written.
func (c *Catalog) openCounts(ctx context.Context) error {
	return c.store.Update(ctx, kv.TxOptions{Keys: [][]byte{countsRight}}, func(tx kv.Tx) error {
		return tx.Delete(countsRight)
	})
}
