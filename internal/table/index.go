package table

import (
	"bytes"
	"context"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/kv"
	"github.com/statordb/stator/internal/meter"
)

// entry returns the entry of it in x, or ok false if a key attribute is absent
// or cannot be a key.
func (x *Index) entry(it attr.Item) (entry attr.Item, ok bool) {
	if !canBeKeys(x.Key.Hash, it, maxHashKey) || !canBeKeys(x.Key.Sort, it, maxSortKey) {
		return attr.Item{}, false
	}
	if x.carried == nil {
		return it, true
	}
	return it.Project(x.carried), true
}

// canBeKeys reports whether it has attrs with their types, not empty, and at
// most limit bytes long.
func canBeKeys(attrs []KeyAttr, it attr.Item, limit int) bool {
	for _, a := range attrs {
		v := it.Get(a.Name)
		if v.Type() != a.Type {
			return false
		}
		if a.Type == attr.N {
			continue
		}
		if n := len(v.Bytes()); n == 0 || n > limit {
			return false
		}
	}
	return true
}

// IndexWrite is what a change cost one index.
type IndexWrite struct {
	Index *Index
	Units float64 // write capacity units
	Size  int     // of the entry that was written, in bytes; 0 for none

	key      []byte // of the entry
	admitted bool   // by the index, which is global
}

// maintain brings the entries of x from c.Old to c.New.
func (x *Index) maintain(ctx context.Context, tx kv.Tx, c *Change) error {
	old, had := x.entry(c.Old)
	next, has := x.entry(c.New)
	if x.State == IndexPreparing {
		has = false
	}
	if !had && !has || had && has && old.Equal(next) {
		return nil
	}
	if had && x.State != IndexActive { // the backfill may not have come to it
		value, err := tx.Get(ctx, x.entryKey(c.Table.Descriptor, old))
		if err != nil {
			return err
		}
		if had = value != nil; !had && !has {
			return nil
		}
	}
	var oldKey, newKey []byte
	var units float64
	var oldSize, nextSize int
	if had {
		oldKey = x.entryKey(c.Table.Descriptor, old)
		newKey = oldKey
		oldSize = old.Size()
		c.count(x.Space, oldKey, oldSize, -1)
	}
	if has {
		newKey = x.entryKey(c.Table.Descriptor, next)
		nextSize = next.Size()
		c.count(x.Space, newKey, nextSize, +1)
		if bytes.Equal(oldKey, newKey) {
			units += WriteUnits(max(nextSize, oldSize))
		} else {
			units += WriteUnits(nextSize)
		}
		if err := putRow(tx, newKey, Row{next, nextSize}); err != nil {
			return err
		}
	}
	if had && (!has || !bytes.Equal(oldKey, newKey)) {
		units += WriteUnits(oldSize)
		if err := tx.Delete(oldKey); err != nil {
			return err
		}
	}
	w := IndexWrite{Index: x, Units: units, Size: nextSize, key: newKey}
	if x.Global && !c.Expired {
		if err := c.Table.admit(meter.Write, x, newKey); err != nil {
			return err
		}
		w.admitted = true
	}
	c.Indexes = append(c.Indexes, w)
	return nil
}

// release gives back what the indexes have admitted of a change that is not
// made, or made again by another run of its transaction.
func (c *Change) release() {
	for _, w := range c.Indexes {
		if w.admitted {
			c.Table.release(meter.Write, w.Index, w.key)
		}
	}
	c.Indexes = nil
}
