package table

import (
	"encoding/binary"

	"github.com/cespare/xxhash/v2"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/expr"
	"github.com/statordb/stator/internal/kv"
)

// Schema returns the key that a query of x matches against, or that of the
// table if x is nil.
func (d *Descriptor) Schema(x *Index) KeySchema {
	if x == nil {
		return d.Key
	}
	return x.Key
}

// spaceOf returns the space of x, or that of the table if x is nil.
func (d *Descriptor) spaceOf(x *Index) uint32 {
	if x == nil {
		return d.Space
	}
	return x.Space
}

// QueryRange returns the rows of the table, or of x if not nil, that match
// the bound key condition k.
func (d *Descriptor) QueryRange(x *Index, k expr.KeyRange) kv.Range {
	prefix := append(spaceKey(d.spaceOf(x)), 0, 0, 0, 0)
	for _, v := range k.Hash {
		prefix = attr.AppendKey(prefix, v)
	}
	binary.BigEndian.PutUint32(prefix[spaceLen:], uint32(xxhash.Sum64(prefix[hashEnd:])>>32))
	for _, v := range k.Sort {
		prefix = attr.AppendKey(prefix, v)
	}
	return sortRange(prefix, k)
}

// sortRange narrows the rows with prefix by the last sort condition of k.
func sortRange(prefix []byte, k expr.KeyRange) kv.Range {
	whole := kv.Range{Start: prefix, End: after(prefix)}
	at := func(v attr.Value) []byte { return attr.AppendKey(prefix[:len(prefix):len(prefix)], v) }
	switch k.Op {
	case expr.Less:
		whole.End = at(k.Lo)
	case expr.LessOrEqual:
		whole.End = after(at(k.Lo))
	case expr.Greater:
		whole.Start = after(at(k.Lo))
	case expr.GreaterOrEqual:
		whole.Start = at(k.Lo)
	case expr.InRange:
		whole.Start, whole.End = at(k.Lo), after(at(k.Hi))
	case expr.BeginsWith:
		start := attr.AppendKeyPrefix(prefix[:len(prefix):len(prefix)], k.Lo)
		whole.Start, whole.End = start, after(start)
	}
	return whole
}

// ScanRange returns the rows of the table, or of x if not nil, in segment i
// of n.
func (d *Descriptor) ScanRange(x *Index, i, n int64) kv.Range {
	return segment(d.spaceOf(x), i, n)
}
