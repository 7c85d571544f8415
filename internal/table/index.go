package table

import (
	"bytes"

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

	key []byte // of the entry
}

// maintain brings the entries of x from c.Old to c.New.
func (x *Index) maintain(tx kv.Tx, c *Change) error {
	old, had := x.entry(c.Old)
	next, has := x.entry(c.New)
	if !had && !has || had && has && old.Equal(next) {
		return nil
	}
	var oldKey, newKey []byte
	var units float64
	if had {
		oldKey = x.entryKey(c.Table.Descriptor, old)
		newKey = oldKey
		c.count(x.Space, old, -1)
	}
	if has {
		newKey = x.entryKey(c.Table.Descriptor, next)
		c.count(x.Space, next, +1)
		units += WriteUnits(max(next.Size(), sizeIf(bytes.Equal(oldKey, newKey), old)))
		if err := tx.Put(newKey, row(next)); err != nil {
			return err
		}
	}
	if had && (!has || !bytes.Equal(oldKey, newKey)) {
		units += WriteUnits(old.Size())
		if err := tx.Delete(oldKey); err != nil {
			return err
		}
	}
	c.Indexes = append(c.Indexes, IndexWrite{x, units, newKey})
	if !x.Global {
		return nil
	}
	return c.Table.admit(meter.Write, x, newKey)
}

func sizeIf(same bool, it attr.Item) int {
	if same {
		return it.Size()
	}
	return 0
}
