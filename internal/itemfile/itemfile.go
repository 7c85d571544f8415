// Package itemfile reads and writes files of items: exports of tables, and what
// is imported into them. It is pure but for the io.Reader and io.Writer it is
// given.
//
// # Formats
//
//	DYNAMODB_JSON  a line for each record: {"Item":{"pk":{"S":"…"},…}}
//	ION            Amazon Ion text, a value for each record: $ion_1_0 {Item:{pk:"…",…}}
//	CSV            a line for each item, the first one naming the columns
//
// A record is an item ("Item"), which may be put on a condition
// ("ConditionExpression", "ExpressionAttributeNames", "ExpressionAttributeValues"),
// or the change of an item in an incremental export ("Keys", "OldImage",
// "NewImage", "Metadata"). (Developer guide, "DynamoDB table export output
// format", "Amazon S3 import formats for DynamoDB" and "Amazon S3 input formats
// for bulk put items".)
//
// # What is not right
//
// A record that cannot be read, or that is longer than any item can be, has its
// error with it and those behind it are read. What ends a file is an error of
// Read: damaged compression, or the reader's own. Memory stays bounded whatever
// a file holds.
package itemfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/expr"
)

// Format is how records are written, as requests name it.
type Format string

// The formats.
const (
	JSON Format = "DYNAMODB_JSON"
	Ion  Format = "ION"
	CSV  Format = "CSV"
)

// Compression is how a file is compressed, as requests name it.
type Compression string

// The compressions; "" is None too.
const (
	None Compression = "NONE"
	Gzip Compression = "GZIP"
	Zstd Compression = "ZSTD"
)

// maxRecord is the length in bytes that a record may have. The longest item is
// one of numbers such as 1E-130, which have 134 bytes for the three that they
// count: 400 KB of them in a list are 20 MB.
const maxRecord = 32 << 20

// errLong is the error of a record longer than maxRecord.
var errLong = errors.New("the record is longer than any item can be")

// Record is one record of a file.
type Record struct {
	Index int64     // its place in the file, from 0
	Item  attr.Item // empty for a change
	Put   *expr.Request
	// Put is the condition on which to put Item, nil for none.

	Change *Change // nil for an item
	// Err says why the record cannot be used: a *ddberr.Fault where DynamoDB has a
	// text for it.
	Err error
}

// Bytes returns about how much memory r holds, usable or not.
func (r *Record) Bytes() int {
	n := len(r.Item.Stored())
	if c := r.Change; c != nil {
		n += len(c.Keys.Stored()) + len(c.Old.Stored()) + len(c.New.Stored())
	}
	if p := r.Put; p != nil {
		n += len(p.Values.Item.Stored())
		if p.Condition != nil {
			n += len(*p.Condition)
		}
		for _, name := range p.Names {
			n += len(name.Key) + len(name.Value)
		}
	}
	return n
}

// Change is the net change of an item in an incremental export.
type Change struct {
	Written  int64 // when the item was last written, in microseconds since 1970
	Keys     attr.Item
	Old, New attr.Item // empty: there was or is no such item, or it is not told
}

// Options say what a file is.
type Options struct {
	Format      Format
	Compression Compression
	CSV         CSVOptions
}

// CSVOptions say what a CSV file is.
type CSVOptions struct {
	Delimiter byte     // ',' if zero
	Header    []string // names of the columns; nil: they are in the first line
	// Types are the types of the attributes that are keys: S, N, or B as base64.
	// Every other column is an S.
	Types map[string]attr.Type
}

// Reader reads the records of a file.
type Reader struct {
	source  decoder
	release func()
	index   int64
}

// decoder reads the records of a format. It sets what it finds in r; its error
// ends the file.
type decoder interface{ decode(r *Record) error }

// NewReader returns a reader of the file that from yields. Who has read calls
// Close.
func NewReader(from io.Reader, o Options) (*Reader, error) {
	r := &Reader{release: func() {}}
	var err error
	switch o.Compression {
	case Gzip:
		from = &gzipReader{from: from}
	case Zstd:
		var z *zstd.Decoder
		if z, err = zstd.NewReader(from, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderLowmem(true)); err == nil {
			from, r.release = z, z.Close
		}
	case None, "":
	default:
		err = fmt.Errorf("itemfile: unknown compression %q", o.Compression)
	}
	if err != nil {
		return nil, err
	}
	switch o.Format {
	case JSON:
		r.source = &jsonDecoder{lines: newLines(from)}
	case Ion:
		r.source = &ionDecoder{lines: newLines(from)}
	case CSV:
		r.source = newCSVDecoder(newLines(from), o.CSV)
	default:
		r.release()
		return nil, fmt.Errorf("itemfile: unknown format %q", o.Format)
	}
	return r, nil
}

// maxWindow is how much of its own output a ZSTD file may refer back to, which is
// kept in memory: as much as the zstd command allows without being asked.
const maxWindow = 128 << 20

// gzipReader reads GZIP from the first Read on; an empty file is empty.
type gzipReader struct {
	from io.Reader
	z    *gzip.Reader
}

func (g *gzipReader) Read(p []byte) (int, error) {
	if g.z == nil {
		var err error
		if g.z, err = gzip.NewReader(g.from); err != nil {
			return 0, err
		}
	}
	return g.z.Read(p)
}

// Read returns the next record, or io.EOF at the end. After another error, which
// says that the file is damaged or cannot be read, there are no more.
func (r *Reader) Read() (Record, error) {
	rec := Record{Index: r.index}
	if err := r.source.decode(&rec); err != nil {
		return Record{}, err
	}
	r.index++
	return rec, nil
}

// Close releases the memory of r.
func (r *Reader) Close() { r.release() }

// isBlank reports whether line is only white space.
func isBlank(line []byte) bool { return len(bytes.TrimSpace(line)) == 0 }
