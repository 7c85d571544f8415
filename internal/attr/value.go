// Package attr is DynamoDB's data model: the ten types of values, items,
// numbers of 38 digits, sizes, DynamoDB's order, and the stored, key and wire
// encodings. It is pure.
//
// # Stored encoding
//
// A value is a tag byte (its Type) and a payload. The encoding is canonical:
// map members are sorted by name, sets by element, numbers have one form, so
// that two values are equal in DynamoDB's sense exactly if their encodings
// are the same bytes.
//
//	S, B        uvarint length, bytes
//	N           order-preserving number (see number.go), self-delimiting
//	BOOL        one byte, 0 or 1
//	NULL        nothing
//	L           uint32 big-endian payload length, values
//	SS, NS, BS  as L, of S, N or B values, sorted
//	M           uint32 big-endian payload length, members
//	member      uvarint name length, name, value
//
// An Item is a sequence of members sorted by name.
package attr

import (
	"bytes"
	"encoding/binary"
	"iter"
	"unsafe"
)

// Type is one of the ten types, and the tag byte of the stored encoding: its
// numbers never change.
type Type uint8

// The types. Absent is the type of the zero Value.
const (
	Absent Type = iota
	S
	N
	B
	BOOL
	NULL
	L
	M
	SS
	NS
	BS
)

var typeNames = [...]string{"", "S", "N", "B", "BOOL", "NULL", "L", "M", "SS", "NS", "BS"}

// String returns the name of t on the wire: "S", "N", ….
func (t Type) String() string { return typeNames[t] }

// ParseType returns the type whose name on the wire is name, or Absent.
func ParseType(name string) Type {
	for t, n := range typeNames {
		if n == name {
			return Type(t)
		}
	}
	return Absent
}

// IsSet reports whether t is SS, NS or BS.
func (t Type) IsSet() bool { return t >= SS }

// Elem returns the type of the elements of a set type: S for SS.
func (t Type) Elem() Type {
	switch t {
	case SS:
		return S
	case NS:
		return N
	case BS:
		return B
	}
	return Absent
}

// SetOf returns the set type with elements of t (S, N, B), or Absent.
func (t Type) SetOf() Type {
	switch t {
	case S:
		return SS
	case N:
		return NS
	case B:
		return BS
	}
	return Absent
}

// Value is one attribute value, in stored encoding. The zero Value is absent.
// Values are immutable; one taken from an Item shares its memory.
type Value struct{ enc []byte }

// Attribute is a named value.
type Attribute struct {
	Name  string
	Value Value
}

// Type returns the type of v.
func (v Value) Type() Type {
	if len(v.enc) == 0 {
		return Absent
	}
	return Type(v.enc[0])
}

// IsZero reports whether v is absent.
func (v Value) IsZero() bool { return len(v.enc) == 0 }

// Bytes returns the content of an S or B. It must not be modified.
func (v Value) Bytes() []byte {
	n, w := uvarint(v.enc[1:])
	return v.enc[1+w : 1+w+int(n)]
}

// Str returns the content of an S as a string that shares v's memory.
func (v Value) Str() string { return view(v.Bytes()) }

// Bool returns the content of a BOOL.
func (v Value) Bool() bool { return v.enc[1] != 0 }

// Equal reports whether a and b are the same value: sets and maps whatever
// their order, numbers by value. Two absent values are equal.
func Equal(a, b Value) bool { return bytes.Equal(a.enc, b.enc) }

// Compare orders two values of the same type S, N or B: strings and binaries
// by unsigned bytes, numbers by value.
func Compare(a, b Value) int {
	if a.Type() == N {
		return bytes.Compare(a.enc[1:], b.enc[1:])
	}
	return bytes.Compare(a.Bytes(), b.Bytes())
}

// Elems yields the elements of an L or of a set (as S, N or B values) in order.
func (v Value) Elems() iter.Seq[Value] {
	return func(yield func(Value) bool) {
		for rest := v.payload(); len(rest) > 0; {
			n := valueLen(rest)
			if !yield(Value{rest[:n:n]}) {
				return
			}
			rest = rest[n:]
		}
	}
}

// Members yields the members of an M, sorted by name. Names share v's memory.
func (v Value) Members() iter.Seq2[string, Value] { return Item{v.payload()}.All() }

// Len returns the number of elements of an L or a set, or of members of an M.
func (v Value) Len() int {
	n := 0
	if v.Type() == M {
		return v.AsItem().Len()
	}
	for range v.Elems() {
		n++
	}
	return n
}

// Index returns element i of an L, or an absent Value.
func (v Value) Index(i int) Value {
	for e := range v.Elems() {
		if i == 0 {
			return e
		}
		i--
	}
	return Value{}
}

// Contains reports whether the L or set v has an element equal to e.
func (v Value) Contains(e Value) bool {
	for have := range v.Elems() {
		if Equal(have, e) {
			return true
		}
	}
	return false
}

// AsItem returns the members of an M as an Item that shares v's memory.
func (v Value) AsItem() Item { return Item{v.payload()} }

// Stored returns the stored encoding, shared with v.
func (v Value) Stored() []byte { return v.enc }

// payload returns the elements or members of a container.
func (v Value) payload() []byte { return v.enc[5:] }

// valueLen returns the length of the value that b starts with.
func valueLen(b []byte) int {
	switch Type(b[0]) {
	case S, B:
		n, w := uvarint(b[1:])
		return 1 + w + int(n)
	case N:
		return 1 + numberLen(b[1:])
	case BOOL:
		return 2
	case NULL:
		return 1
	}
	return 5 + int(binary.BigEndian.Uint32(b[1:]))
}

// view returns b as a string that shares its memory.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// uvarint is binary.Uvarint, inlined for the lengths below 128 that most
// names and values have.
func uvarint(b []byte) (n uint64, width int) {
	if b[0] < 0x80 {
		return uint64(b[0]), 1
	}
	return binary.Uvarint(b)
}
