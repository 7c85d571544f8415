package seal

import (
	"encoding/binary"
	"io"
	"math"
	"sort"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// lengthBytes is the length in front of a part of a log.
const lengthBytes = 4

// logWriter writes a log.
type logWriter struct {
	writer
	where [8]byte
}

// Write implements vfs.File.
func (w *logWriter) Write(p []byte) (n int, err error) {
	for n < len(p) {
		part := p[n:min(len(p), n+math.MaxInt32)]
		out := binary.LittleEndian.AppendUint32(w.begin(), uint32(len(part)+overhead))
		binary.LittleEndian.PutUint64(w.where[:], uint64(w.size))
		if err := w.put(w.opener.Seal(out, nil, part, w.where[:])); err != nil {
			return n, err
		}
		w.size += int64(len(part))
		n += len(part)
	}
	return n, nil
}

// SyncTo implements vfs.File: it promises nothing.
func (w *logWriter) SyncTo(length int64) (fullSync bool, err error) {
	_, err = w.File.SyncTo(length)
	return false, err
}

// part is a part of a log.
type part struct {
	content int64 // where its content is in that of the log
	at      int64 // where it is in the file, behind its length
	length  int   // sealed
}

// logReader reads a log. It is not safe for concurrent use.
type logReader struct {
	reader
	parts  []part
	open   int    // the part that is open, counted from 1
	plain  []byte // its content
	sealed []byte
	where  [8]byte
}

// newLogReader opens all parts to see where the log ends.
func newLogReader(r reader) (vfs.File, error) {
	l := &logReader{reader: r}
	for at := int64(headerBytes); ; {
		var length [lengthBytes]byte
		if n, err := r.File.ReadAt(length[:], at); n < lengthBytes {
			return l, notEOF(err)
		}
		p := part{l.size, at + lengthBytes, int(binary.LittleEndian.Uint32(length[:]))}
		if p.length <= overhead || p.at+int64(p.length) > r.info.Size() {
			return l, nil
		}
		ok, err := l.load(p)
		if !ok || err != nil {
			return l, err
		}
		l.parts = append(l.parts, p)
		l.open = len(l.parts)
		l.size += int64(len(l.plain))
		at = p.at + int64(p.length)
	}
}

func notEOF(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}

// load opens p. It is not ok if it is not what was written there.
func (r *logReader) load(p part) (ok bool, err error) {
	if cap(r.sealed) < p.length {
		r.sealed = make([]byte, p.length)
	}
	r.sealed = r.sealed[:p.length]
	if n, err := r.File.ReadAt(r.sealed, p.at); n < p.length {
		return false, notEOF(err)
	}
	binary.LittleEndian.PutUint64(r.where[:], uint64(p.content))
	r.open = 0
	plain, err := r.opener.Open(r.plain[:0], nil, r.sealed, r.where[:])
	if err != nil {
		return false, nil
	}
	r.plain = plain
	return true, nil
}

// Read implements vfs.File.
func (r *logReader) Read(p []byte) (int, error) { return r.next(p, r) }

// ReadAt implements vfs.File.
func (r *logReader) ReadAt(p []byte, off int64) (int, error) {
	n, end := r.within(p, off)
	for done := 0; done < n; {
		at := off + int64(done)
		i := sort.Search(len(r.parts), func(i int) bool { return r.parts[i].content > at })
		found := r.parts[i-1]
		if r.open != i {
			ok, err := r.load(found)
			if err != nil {
				return done, err
			}
			if !ok {
				return done, r.damaged(found.content)
			}
			r.open = i
		}
		done += copy(p[done:n], r.plain[at-found.content:])
	}
	return n, end
}
