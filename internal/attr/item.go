package attr

import (
	"bytes"
	"encoding/binary"
	"iter"
	"slices"
	"strings"

	"github.com/statordb/stator/internal/ddberr"
)

// Item is a set of named values in stored encoding: an item, a key, the
// members of a map, or the values of expression placeholders. The zero Item
// is empty. Items are immutable.
type Item struct{ enc []byte }

// FromStored returns the Item whose stored encoding is enc, which it keeps.
// enc must come from Stored (see Verify for bytes of unknown origin).
func FromStored(enc []byte) Item { return Item{enc} }

// Stored returns the stored encoding, shared with it.
func (it Item) Stored() []byte { return it.enc }

// IsEmpty reports whether it has no attributes.
func (it Item) IsEmpty() bool { return len(it.enc) == 0 }

// maxNameSize is the size in bytes of the longest name of an attribute or of
// a map member. (Developer guide, "Quotas"; 64 KB itself is refused.)
const maxNameSize = 1<<16 - 1

// CheckName returns a fault unless an attribute or map member may have name.
func CheckName(name string) *ddberr.Fault {
	switch {
	case name == "":
		return ddberr.AttributeNameEmpty.Fault()
	case len(name) > maxNameSize:
		return ddberr.AttributeNameLong.Fault()
	}
	return nil
}

// Get returns the value of the attribute name, absent if there is none.
func (it Item) Get(name string) Value {
	for rest := it.enc; len(rest) > 0; {
		n, w := uvarint(rest)
		have := rest[w : w+int(n)]
		rest = rest[w+int(n):]
		size := valueLen(rest)
		switch c := strings.Compare(view(have), name); {
		case c == 0:
			return Value{rest[:size:size]}
		case c > 0:
			return Value{}
		}
		rest = rest[size:]
	}
	return Value{}
}

// All yields the attributes sorted by name. Names share it's memory.
func (it Item) All() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		for rest := it.enc; len(rest) > 0; {
			n, w := uvarint(rest)
			name := rest[w : w+int(n)]
			rest = rest[w+int(n):]
			size := valueLen(rest)
			if !yield(view(name), Value{rest[:size:size]}) {
				return
			}
			rest = rest[size:]
		}
	}
}

// Len returns the number of attributes.
func (it Item) Len() int {
	n := 0
	for range it.All() {
		n++
	}
	return n
}

// AsMap returns it as a value of type M.
func (it Item) AsMap() Value { return container(M, it.enc) }

// Equal reports whether it and other have the same attributes.
func (it Item) Equal(other Item) bool { return bytes.Equal(it.enc, other.enc) }

// Clone returns a copy of it with its own memory.
func (it Item) Clone() Item { return Item{bytes.Clone(it.enc)} }

// NewItem returns the item with the given attributes, in any order; of equal
// names the last wins, absent values are left out.
func NewItem(attrs ...Attribute) Item { return Item{}.Patch(attrs) }

// Patch returns it with the attributes of changes set, or removed where the
// value is absent. Of changes with equal names the last wins. changes is
// sorted in place.
func (it Item) Patch(changes []Attribute) Item {
	slices.SortStableFunc(changes, func(a, b Attribute) int { return strings.Compare(a.Name, b.Name) })
	size := len(it.enc)
	for _, c := range changes {
		size += len(c.Name) + len(c.Value.enc) + binary.MaxVarintLen32
	}
	out := make([]byte, 0, size)
	rest := it.enc
	for i, c := range changes {
		if i+1 < len(changes) && changes[i+1].Name == c.Name {
			continue
		}
		var kept []byte
		kept, rest = cut(rest, c.Name)
		out = append(out, kept...)
		if !c.Value.IsZero() {
			out = appendMember(out, c.Name, c.Value)
		}
	}
	return Item{append(out, rest...)}
}

// Project returns the attributes of it whose names are in names, which is
// sorted.
func (it Item) Project(names []string) Item {
	out := make([]byte, 0, len(it.enc))
	for name, v := range it.All() {
		if _, found := slices.BinarySearch(names, name); found {
			out = appendMember(out, name, v)
		}
	}
	return Item{out}
}

// cut splits the members enc into those before name and those behind it.
func cut(enc []byte, name string) (before, after []byte) {
	for pos := 0; pos < len(enc); {
		n, w := uvarint(enc[pos:])
		value := pos + w + int(n)
		switch c := strings.Compare(view(enc[pos+w:value]), name); {
		case c == 0:
			return enc[:pos], enc[value+valueLen(enc[value:]):]
		case c > 0:
			return enc[:pos], enc[pos:]
		}
		pos = value + valueLen(enc[value:])
	}
	return enc, nil
}

func appendMember(dst []byte, name string, v Value) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(name)))
	dst = append(dst, name...)
	return append(dst, v.enc...)
}
