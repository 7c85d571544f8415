package attr

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// String returns an S.
func String[T string | []byte](s T) Value {
	enc := make([]byte, 0, 1+binary.MaxVarintLen32+len(s))
	return Value{appendBytes(enc, S, s)}
}

// Binary returns a B.
func Binary(b []byte) Value {
	enc := make([]byte, 0, 1+binary.MaxVarintLen32+len(b))
	return Value{appendBytes(enc, B, b)}
}

// Bool returns a BOOL.
func Bool(b bool) Value {
	if b {
		return Value{[]byte{byte(BOOL), 1}}
	}
	return Value{[]byte{byte(BOOL), 0}}
}

// Null returns a NULL.
func Null() Value { return Value{[]byte{byte(NULL)}} }

// List returns an L of elems.
func List(elems ...Value) Value { return container(L, concat(elems)) }

// Map returns an M with the given members, as NewItem.
func Map(members ...Attribute) Value { return NewItem(members...).AsMap() }

// Set returns a set of type t (SS, NS, BS) of elems, which have its element
// type, are not empty and may repeat. elems is sorted in place.
func Set(t Type, elems []Value) Value {
	slices.SortFunc(elems, Compare)
	return container(t, concat(slices.CompactFunc(elems, Equal)))
}

func concat(values []Value) []byte {
	var out []byte
	for _, v := range values {
		out = append(out, v.enc...)
	}
	return out
}

func container(t Type, payload []byte) Value {
	enc := make([]byte, 5, 5+len(payload))
	enc[0] = byte(t)
	binary.BigEndian.PutUint32(enc[1:], uint32(len(payload)))
	return Value{append(enc, payload...)}
}

func appendBytes[T string | []byte](dst []byte, t Type, b T) []byte {
	dst = append(dst, byte(t))
	dst = binary.AppendUvarint(dst, uint64(len(b)))
	return append(dst, b...)
}

// compareStored orders two stored values of the same scalar type.
func compareStored(a, b []byte) int {
	if Type(a[0]) == N {
		return bytes.Compare(a, b)
	}
	return Compare(Value{a}, Value{b})
}
