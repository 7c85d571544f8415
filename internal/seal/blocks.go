package seal

import (
	"encoding/binary"
	"fmt"
	"io"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
)

const (
	// blockBytes is the content of a part of a file of blocks. A read opens whole
	// parts: a large one is more than was asked for, of small ones there are more.
	blockBytes  = 4 << 10
	sealedBytes = blockBytes + overhead

	// readBytes is the most that is read from below at once.
	readBytes = 16 * sealedBytes
)

// place returns what binds a part to its place: the number of its block, and
// whether it is the last.
func place(b *[9]byte, n int64, last bool) []byte {
	binary.LittleEndian.PutUint64(b[:], uint64(n))
	b[8] = 0
	if last {
		b[8] = 1
	}
	return b[:]
}

// blockWriter writes a file of blocks. It holds back the last block, of which it
// is not known whether it stays the last: that is written by Sync and Close.
type blockWriter struct {
	writer
	block []byte // the last one
	n     int64  // its number
	dirty bool   // it is not written, or not as it is
	where [9]byte
	last  []byte // sealed
}

// Write implements vfs.File.
func (w *blockWriter) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	out := w.begin()
	for rest := p; len(rest) > 0; {
		if len(w.block) == blockBytes {
			out = w.opener.Seal(out, nil, w.block, place(&w.where, w.n, false))
			w.n, w.block = w.n+1, w.block[:0]
		}
		n := min(len(rest), blockBytes-len(w.block))
		w.block, rest = append(w.block, rest[:n]...), rest[n:]
	}
	w.dirty = true
	w.size += int64(len(p))
	if err := w.put(out); err != nil {
		return 0, err
	}
	return len(p), nil
}

// settle writes the last block. Writing on overwrites it: the file below is still
// at its start.
func (w *blockWriter) settle() error {
	if !w.dirty {
		return nil
	}
	w.last = w.opener.Seal(w.last[:0], nil, w.block, place(&w.where, w.n, true))
	_, err := w.File.WriteAt(w.last, headerBytes+w.n*sealedBytes)
	w.dirty = err != nil
	return err
}

// Sync implements vfs.File.
func (w *blockWriter) Sync() error {
	if err := w.settle(); err != nil {
		return err
	}
	return w.File.Sync()
}

// SyncData implements vfs.File.
func (w *blockWriter) SyncData() error {
	if err := w.settle(); err != nil {
		return err
	}
	return w.File.SyncData()
}

// SyncTo implements vfs.File: it promises nothing.
func (w *blockWriter) SyncTo(length int64) (fullSync bool, err error) {
	_, err = w.File.SyncTo(length)
	return false, err
}

// Close implements vfs.File.
func (w *blockWriter) Close() error {
	err := w.settle()
	if e := w.File.Close(); err == nil {
		err = e
	}
	return err
}

// blockReader reads a file of blocks. ReadAt may be called by several at once.
type blockReader struct{ reader }

func newBlockReader(r reader) (vfs.File, error) {
	sealed := r.info.Size() - headerBytes
	n, rest := sealed/sealedBytes, sealed%sealedBytes
	if r.size = n * blockBytes; rest > 0 {
		if rest <= overhead {
			return nil, fmt.Errorf("%w: it is cut short", ErrDamaged)
		}
		r.size += rest - overhead
	}
	if r.size == 0 {
		return nil, fmt.Errorf("%w: it is cut short", ErrDamaged)
	}
	return &blockReader{r}, nil
}

// buffers are what one read needs.
type buffers struct {
	sealed [readBytes]byte
	block  [blockBytes]byte
	where  [9]byte
}

var pool = sync.Pool{New: func() any { return new(buffers) }}

// Read implements vfs.File.
func (r *blockReader) Read(p []byte) (int, error) { return r.next(p, r) }

// ReadAt implements vfs.File.
func (r *blockReader) ReadAt(p []byte, off int64) (int, error) {
	n, end := r.within(p, off)
	if n == 0 {
		return 0, end
	}
	b := pool.Get().(*buffers)
	defer pool.Put(b)
	for done := 0; done < n; {
		m, err := r.some(p[done:n], off+int64(done), b)
		if err != nil {
			return done, err
		}
		done += m
	}
	return n, end
}

// some reads the start of p, all of which is in the file.
func (r *blockReader) some(p []byte, off int64, b *buffers) (n int, err error) {
	first := off / blockBytes
	from := headerBytes + first*sealedBytes
	blocks := (off+int64(len(p))-1)/blockBytes - first + 1
	sealed := b.sealed[:min(blocks*sealedBytes, readBytes, r.info.Size()-from)]
	if m, err := r.File.ReadAt(sealed, from); m < len(sealed) {
		if err == io.EOF {
			err = r.damaged(off)
		}
		return 0, err
	}
	for i := first; len(sealed) > 0 && n < len(p); i++ {
		part := sealed[:min(len(sealed), sealedBytes)]
		sealed = sealed[len(part):]
		skip := int(off + int64(n) - i*blockBytes)
		content := len(part) - overhead
		into := b.block[:0]
		whole := skip == 0 && len(p)-n >= content
		if whole {
			into = p[n : n : n+content]
		}
		last := (i+1)*blockBytes >= r.size
		open, err := r.opener.Open(into, nil, part, place(&b.where, i, last))
		if err != nil {
			return 0, r.damaged(i * blockBytes)
		}
		if whole {
			n += content
		} else {
			n += copy(p[n:], open[skip:])
		}
	}
	return n, nil
}

// Prefetch implements vfs.File.
func (r *blockReader) Prefetch(offset, length int64) error {
	first, last := offset/blockBytes, (offset+length)/blockBytes
	return r.File.Prefetch(headerBytes+first*sealedBytes, (last-first+1)*sealedBytes)
}
