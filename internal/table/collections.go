package table

import (
	"context"
	"errors"
	"sync"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/kv"
)

// ErrCollectionFull is the error of a write that would make an item
// collection larger than a table with local secondary indexes allows.
var ErrCollectionFull = errors.New("the item collection is full")

// collectionLimit is the largest size of an item collection, in bytes, of a
// table with local secondary indexes: its items and their index entries.
// collectionCare is the size of a whole table below which no collection needs
// to be looked at. (Developer guide, "Item collections".) Variables for tests.
var (
	collectionLimit int64 = 10 << 30
	collectionCare  int64 = 1 << 30
)

// maxCollections bounds the sizes that are remembered.
const maxCollections = 1 << 16

// collections remembers the sizes of item collections. A size is found by
// reading the collection and from then on follows the writes to it: an
// estimate, as DynamoDB's is, because writes under way are not in it.
type collections struct {
	mu struct {
		sync.Mutex
		sizes map[string]int64 // by the key that the collection's rows begin with
	}
}

// add follows a write, if the collection is remembered.
func (c *collections) add(prefix string, delta int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n, found := c.mu.sizes[prefix]; found {
		c.mu.sizes[prefix] = n + delta
	}
}

func (c *collections) get(prefix string) (int64, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, found := c.mu.sizes[prefix]
	return n, found
}

func (c *collections) put(prefix string, n int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.mu.sizes) >= maxCollections || c.mu.sizes == nil {
		c.mu.sizes = map[string]int64{}
	}
	c.mu.sizes[prefix] = n
}

// collected reports whether the collections of t have to be looked at.
func (t *Table) collected() bool {
	if !t.HasLocal() {
		return false
	}
	total := t.Counts.Of(t.Space).Bytes
	for _, x := range t.Indexes {
		if !x.Global {
			total += t.Counts.Of(x.Space).Bytes
		}
	}
	return total >= collectionCare
}

// collectionPrefix returns the key that the rows of it's collection begin
// with in a space.
func (t *Table) collectionPrefix(space uint32, it attr.Item) []byte {
	return appendPartition(make([]byte, 0, 64), space, t.Key.Hash, it)
}

// collectionSize returns the size of the collection of it, in bytes.
func (e *Engine) collectionSize(ctx context.Context, r kv.Reader, t *Table, it attr.Item) (int64, error) {
	prefix := t.collectionPrefix(t.Space, it)
	if n, found := e.collections.get(string(prefix)); found {
		return n, nil
	}
	total, err := rangeSize(ctx, r, prefix)
	for _, x := range t.Indexes {
		if x.Global || err != nil {
			continue
		}
		var n int64
		n, err = rangeSize(ctx, r, t.collectionPrefix(x.Space, it))
		total += n
	}
	if err == nil {
		e.collections.put(string(prefix), total)
	}
	return total, err
}

// rangeSize returns the size of the items in the rows that begin with prefix.
func rangeSize(ctx context.Context, r kv.Reader, prefix []byte) (total int64, err error) {
	for p, err := range r.Scan(ctx, kv.Range{Start: prefix, End: after(prefix)}) {
		if err != nil {
			return 0, err
		}
		row, err := parseRow(p.Value)
		if err != nil {
			return 0, err
		}
		total += int64(row.Size)
	}
	return total, nil
}

// checkCollection returns ErrCollectionFull if c makes its collection too
// large.
func (e *Engine) checkCollection(ctx context.Context, tx kv.Tx, c *Change) error {
	if c.NewSize <= c.OldSize || !c.Table.collected() {
		return nil
	}
	n, err := e.collectionSize(ctx, tx, c.Table, c.New)
	if err == nil && n+int64(c.NewSize-c.OldSize) > collectionLimit {
		return ErrCollectionFull
	}
	return err
}

// follow adds what c changed to the size of its collection.
func (e *Engine) follow(c *Change) {
	if c.collection == "" {
		return
	}
	var delta int64
	for _, d := range c.counts {
		if x := c.Table.bySpace(d.space); x == nil || !x.Global {
			delta += d.delta.Bytes
		}
	}
	e.collections.add(c.collection, delta)
}

// bySpace returns the index with a space, nil for the table's own.
func (d *Descriptor) bySpace(space uint32) *Index {
	for _, x := range d.Indexes {
		if x.Space == space {
			return x
		}
	}
	return nil
}

// CollectionGB returns the estimated size of the item collection of it in
// whole gigabytes, rounded down: 0 for one below a gigabyte.
func (e *Engine) CollectionGB(ctx context.Context, t *Table, it attr.Item) (int64, error) {
	if !t.collected() {
		return 0, nil
	}
	var n int64
	err := e.store.View(ctx, kv.ReadOptions{}, func(r kv.Reader) (err error) {
		n, err = e.collectionSize(ctx, r, t, it)
		return err
	})
	return n >> 30, err
}
