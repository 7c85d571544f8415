package seal

import (
	"crypto/cipher"
	"errors"
	"fmt"
	"io"

	"github.com/cockroachdb/pebble/v2/vfs"
)

var (
	errRead  = errors.New("a sealed file that is being written cannot be read")
	errWrite = errors.New("a sealed file that was opened to be read cannot be written")
	errPlace = errors.New("a sealed file is written from its start to its end")
)

// writer is what both kinds of files have in common while they are written. The
// file below says how it can be synced in part and preallocated: that its parts
// are a little longer than their content does not matter for either.
type writer struct {
	vfs.File
	name   string
	header header
	opener cipher.AEAD
	began  bool  // the header is written
	size   int64 // of the content
	out    []byte
}

// begin returns a buffer to put parts into: the header is in it, if that is still
// to be written.
func (w *writer) begin() []byte {
	if w.began {
		return w.out[:0]
	}
	return append(w.out[:0], w.header[:]...)
}

// put writes what begin returned, with parts behind.
func (w *writer) put(out []byte) error {
	w.out = out
	if len(out) == 0 {
		return nil
	}
	_, err := w.File.Write(out)
	w.began = w.began || err == nil
	return err
}

// Read implements vfs.File.
func (w *writer) Read([]byte) (int, error) { return 0, errRead }

// ReadAt implements vfs.File.
func (w *writer) ReadAt([]byte, int64) (int, error) { return 0, errRead }

// WriteAt implements vfs.File.
func (w *writer) WriteAt([]byte, int64) (int, error) { return 0, errPlace }

// Stat implements vfs.File.
func (w *writer) Stat() (vfs.FileInfo, error) {
	info, err := w.File.Stat()
	if err != nil {
		return nil, err
	}
	return sized{info, w.size}, nil
}

// reader is what both kinds of files have in common while they are read.
type reader struct {
	vfs.File
	name   string
	info   vfs.FileInfo // of the file below
	opener cipher.AEAD
	size   int64 // of the content
	at     int64 // where Read is
}

// Stat implements vfs.File.
func (r *reader) Stat() (vfs.FileInfo, error) { return sized{r.info, r.size}, nil }

// Write implements vfs.File.
func (r *reader) Write([]byte) (int, error) { return 0, errWrite }

// WriteAt implements vfs.File.
func (r *reader) WriteAt([]byte, int64) (int, error) { return 0, errWrite }

// next reads what all, the reader that r is of, has next.
func (r *reader) next(p []byte, all io.ReaderAt) (int, error) {
	n, err := all.ReadAt(p, r.at)
	r.at += int64(n)
	if n > 0 && err == io.EOF {
		err = nil
	}
	return n, err
}

// within returns how much of p a read at off can fill, and what it returns if it
// fills that: io.EOF if it is not the whole of p.
func (r *reader) within(p []byte, off int64) (n int, err error) {
	switch rest := r.size - off; {
	case off < 0:
		return 0, fmt.Errorf("%s: read at byte %d", r.name, off)
	case rest >= int64(len(p)):
		return len(p), nil
	default:
		return int(max(rest, 0)), io.EOF
	}
}

// damaged says that the part at a byte of the content does not open.
func (r *reader) damaged(at int64) error {
	return fmt.Errorf("%s %w, at byte %d", r.name, ErrDamaged, at)
}
