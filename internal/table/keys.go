package table

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"sync"

	"github.com/cespare/xxhash/v2"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/kv"
)

const (
	catalogPrefix = 'c'
	dataPrefix    = 'd'
	metaPrefix    = 'm'

	rowVersion = 1

	spaceLen = 1 + 4        // prefix and space
	hashEnd  = spaceLen + 4 // where the encoded partition key starts
)

// spaceKey returns the key that all rows of space begin with.
func spaceKey(space uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte{dataPrefix}, space)
}

// appendPartition appends space, hash and encoded partition key.
func appendPartition(dst []byte, space uint32, hash []KeyAttr, it attr.Item) []byte {
	dst = append(dst, dataPrefix)
	dst = binary.BigEndian.AppendUint32(dst, space)
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	dst = appendAttrs(dst, hash, it)
	binary.BigEndian.PutUint32(dst[at:], uint32(xxhash.Sum64(dst[at+4:])>>32))
	return dst
}

func appendAttrs(dst []byte, attrs []KeyAttr, it attr.Item) []byte {
	for _, a := range attrs {
		dst = attr.AppendKey(dst, it.Get(a.Name))
	}
	return dst
}

// ItemKey returns the key of the row of the item that has the key attributes
// of it, which passed CheckKey or CheckItem.
func (d *Descriptor) ItemKey(it attr.Item) []byte {
	key := make([]byte, 0, 64)
	return appendAttrs(appendPartition(key, d.Space, d.Key.Hash, it), d.Key.Sort, it)
}

// PositionKey returns the key of the row, in the table or in index x if not
// nil, that an ExclusiveStartKey names.
func (d *Descriptor) PositionKey(x *Index, start attr.Item) []byte {
	if x == nil {
		return d.ItemKey(start)
	}
	return x.entryKey(d, start)
}

func (x *Index) entryKey(d *Descriptor, it attr.Item) []byte {
	key := appendPartition(make([]byte, 0, 96), x.Space, x.Key.Hash, it)
	key = appendAttrs(key, x.Key.Sort, it)
	key = appendAttrs(key, d.Key.Hash, it)
	return appendAttrs(key, d.Key.Sort, it)
}

var rows = sync.Pool{New: func() any { return new([]byte) }}

// appendRow appends the stored form of it.
func appendRow(dst []byte, it attr.Item) []byte {
	return append(append(dst, rowVersion), it.Stored()...)
}

// putRow writes the row of it. The store copies the value.
func putRow(tx kv.Tx, key []byte, it attr.Item) error {
	buf := rows.Get().(*[]byte)
	defer rows.Put(buf)
	*buf = appendRow((*buf)[:0], it)
	return tx.Put(key, *buf)
}

// parseRow returns the item of a stored row, sharing its memory.
func parseRow(value []byte) (attr.Item, error) {
	if len(value) == 0 || value[0] != rowVersion {
		return attr.Item{}, fmt.Errorf("row has unknown version %x", value[:min(len(value), 1)])
	}
	return attr.FromStored(value[1:]), nil
}

// after returns the first key behind all keys that begin with prefix, or nil
// if there is none.
func after(prefix []byte) []byte {
	for n := len(prefix); n > 0; n-- {
		if prefix[n-1] != 0xFF {
			next := append([]byte(nil), prefix[:n]...)
			next[n-1]++
			return next
		}
	}
	return nil
}

// segment returns the part of space that segment i of n scans.
func segment(space uint32, i, n int64) kv.Range {
	bound := func(i int64) []byte {
		return binary.BigEndian.AppendUint32(spaceKey(space), uint32((i<<32)/n))
	}
	r := kv.Range{Start: bound(i), End: after(spaceKey(space))}
	if i+1 < n {
		r.End = bound(i + 1)
	}
	return r
}

// contains reports whether key lies in r.
func contains(r kv.Range, key []byte) bool {
	return bytes.Compare(key, r.Start) >= 0 && (r.End == nil || bytes.Compare(key, r.End) < 0)
}
