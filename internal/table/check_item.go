package table

import (
	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/ddberr"
)

// Largest key values in bytes. (Developer guide, "Constraints".)
const (
	maxHashKey = 2048
	maxSortKey = 1024
)

// CheckItem reports the fault that keeps it from being stored in d: in its
// key or in an index key. Its size needs no table and is the caller's.
func (d *Descriptor) CheckItem(it attr.Item) error {
	for _, a := range d.Key.All() {
		v := it.Get(a.Name)
		switch {
		case v.IsZero():
			return ddberr.MissingKey.Fault(a.Name)
		case v.Type() != a.Type:
			return ddberr.KeyType.Fault(a.Name, a.Type, v.Type())
		}
	}
	if err := d.checkKeyValues(it); err != nil {
		return err
	}
	return d.CheckIndexKeys(it)
}

// CheckKey reports the fault of a Key parameter: it must hold the key
// attributes of d, of the right types, and nothing else.
func (d *Descriptor) CheckKey(key attr.Item) error {
	if !d.fits(key) {
		return ddberr.KeySchemaMismatch.Fault()
	}
	return d.checkKeyValues(key)
}

// fits reports whether key has exactly the key attributes of d in name and type.
func (d *Descriptor) fits(key attr.Item) bool {
	n := 0
	for _, a := range d.Key.Hash {
		n++
		if key.Get(a.Name).Type() != a.Type {
			return false
		}
	}
	for _, a := range d.Key.Sort {
		n++
		if key.Get(a.Name).Type() != a.Type {
			return false
		}
	}
	return key.Len() == n
}

// HasKey reports whether it has the key attributes of d with the right types;
// BatchWriteItem words every other item as a schema mismatch.
func (d *Descriptor) HasKey(it attr.Item) bool {
	for _, a := range d.Key.All() {
		if it.Get(a.Name).Type() != a.Type {
			return false
		}
	}
	return true
}

func (d *Descriptor) checkKeyValues(it attr.Item) error {
	for _, a := range d.Key.Hash {
		if err := checkKeyValue(a, it.Get(a.Name), maxHashKey, &ddberr.HashKeyLong); err != nil {
			return err
		}
	}
	for _, a := range d.Key.Sort {
		if err := checkKeyValue(a, it.Get(a.Name), maxSortKey, &ddberr.SortKeyLong); err != nil {
			return err
		}
	}
	return nil
}

func checkKeyValue(a KeyAttr, v attr.Value, limit int, tooLong *ddberr.Text) error {
	if a.Type == attr.N {
		return nil
	}
	switch n := len(v.Bytes()); {
	case n == 0:
		return ddberr.EmptyKey.Fault(emptyKind(a.Type), a.Name)
	case n > limit:
		return tooLong.Fault()
	}
	return nil
}

func emptyKind(t attr.Type) string {
	if t == attr.B {
		return "binary"
	}
	return "string"
}

// CheckIndexKeys reports an attribute of it that is a key of an index and
// cannot be one. Absence is fine: the item is then not in the index.
func (d *Descriptor) CheckIndexKeys(it attr.Item) error {
	for _, x := range d.Indexes {
		if !x.maintained() {
			continue
		}
		for i, a := range x.Key.All() {
			v := it.Get(a.Name)
			if v.IsZero() || d.Key.Has(a.Name) {
				continue
			}
			if v.Type() != a.Type {
				return ddberr.IndexKeyType.Fault(a.Name, a.Type, v.Type(), x.Name)
			}
			if a.Type == attr.N {
				continue
			}
			limit, text := maxHashKey, &ddberr.IndexHashKeyLong
			if i >= len(x.Key.Hash) {
				limit, text = maxSortKey, &ddberr.IndexSortKeyLong
			}
			switch n := len(v.Bytes()); {
			case n == 0:
				return ddberr.EmptyIndexKey.Fault(emptyKind(a.Type), x.Name, a.Name)
			case n > limit:
				return text.Fault(limit)
			}
		}
	}
	return nil
}
