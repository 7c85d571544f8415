package table

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"github.com/cespare/xxhash/v2"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/kv"
)

const (
	catalogPrefix = 'c'
	dataPrefix    = 'd'
	expiryPrefix  = 'x'
	logPrefix     = 'l'
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

// Row is an item as it is stored: with its size in bytes, which every request
// needs and which costs a walk through the item to find.
type Row struct {
	Item attr.Item
	Size int
}

var rows = sync.Pool{New: func() any { return new([]byte) }}

// appendRow appends the stored form of r.
func appendRow(dst []byte, r Row) []byte {
	dst = binary.AppendUvarint(append(dst, rowVersion), uint64(r.Size))
	return append(dst, r.Item.Stored()...)
}

// putRow writes r under key. The store copies the value.
func putRow(tx kv.Tx, key []byte, r Row) error {
	buf := rows.Get().(*[]byte)
	defer rows.Put(buf)
	*buf = appendRow((*buf)[:0], r)
	return tx.Put(key, *buf)
}

// parseRow reads the stored form of a row, sharing its memory.
func parseRow(value []byte) (Row, error) {
	if len(value) == 0 || value[0] != rowVersion {
		return Row{}, fmt.Errorf("row has unknown version %x", value[:min(len(value), 1)])
	}
	size, n := binary.Uvarint(value[1:])
	if n <= 0 {
		return Row{}, errors.New("row has no size")
	}
	return Row{attr.FromStored(value[1+n:]), int(size)}, nil
}

// clone returns a copy of r with its own memory.
func (r Row) clone() Row { return Row{r.Item.Clone(), r.Size} }

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
