package extsort

import (
	"bytes"
	"errors"
	"fmt"
	"sort"

	"github.com/cespare/xxhash/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/klauspost/compress/s2"

	"github.com/statordb/stator/internal/kv"
)

// blockBytes is how much of a run is compressed, written and read at once; a
// larger pair is a block of its own.
const blockBytes = 64 << 10

// run is a file of pairs in order: nothing but compressed blocks. Where they
// begin and what they must hash to is known only here.
type run struct {
	path   string
	blocks []block
}

type block struct {
	first  []byte // key of its first pair
	offset int64  // in the file
	length uint32
	sum    uint64 // of those bytes
}

// runWriter writes a run.
type runWriter struct {
	run     run
	file    vfs.File
	length  int64  // of the file
	first   []byte // key of the block's first pair
	raw     []byte // the block that is being filled
	encoded []byte
}

// writeRun makes a run of the pairs that fill adds. After an error there is no
// file.
func (s *Sorter) writeRun(fill func(*runWriter) error) (run, error) {
	fs := s.scratch.FS
	if err := fs.MkdirAll(s.scratch.Dir, 0o700); err != nil {
		return run{}, fmt.Errorf("sort: make a temporary directory: %w", err)
	}
	path := fs.PathJoin(s.scratch.Dir, fmt.Sprintf("%s-%d", s.name, s.files))
	file, err := fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return run{}, fmt.Errorf("sort: create a temporary file: %w", err)
	}
	s.files++
	w := &runWriter{run: run{path: path}, file: file}
	if err = fill(w); err == nil {
		err = w.flush()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return run{}, errors.Join(err, fs.Remove(path))
	}
	return w.run, nil
}

// add adds a pair with its header.
func (w *runWriter) add(pair []byte) error {
	if len(w.raw) > 0 && len(w.raw)+len(pair) > blockBytes {
		if err := w.flush(); err != nil {
			return err
		}
	}
	if len(w.raw) == 0 {
		_, p := stored(pair)
		w.first = bytes.Clone(p.Key)
	}
	w.raw = append(w.raw, pair...)
	return nil
}

func (w *runWriter) flush() error {
	if len(w.raw) == 0 {
		return nil
	}
	w.encoded = s2.Encode(w.encoded[:cap(w.encoded)], w.raw)
	w.raw = w.raw[:0]
	w.run.blocks = append(w.run.blocks, block{w.first, w.length, uint32(len(w.encoded)), xxhash.Sum64(w.encoded)})
	w.length += int64(len(w.encoded))
	if _, err := w.file.Write(w.encoded); err != nil {
		return fmt.Errorf("sort: write a temporary file: %w", err)
	}
	return nil
}

// runReader reads a run from its start.
type runReader struct {
	run  run
	file vfs.File
	next int // the block to read

	encoded, raw []byte
	rest         []byte // of raw, behind the current pair

	stored []byte // the current pair with its header
	pair   kv.Pair
	prefix uint64 // of its key, behind the first shared bytes
	shared int
	place  int // of the run among those that are merged
}

// advance goes to the next pair; more is false behind the last.
func (r *runReader) advance() (more bool, err error) {
	if len(r.rest) == 0 {
		if r.next == len(r.run.blocks) {
			return false, nil
		}
		if err := r.load(); err != nil {
			return false, fmt.Errorf("sort: read temporary file %s: %w", r.run.path, err)
		}
	}
	r.stored, r.pair = stored(r.rest)
	r.prefix = prefixOf(r.pair.Key[r.shared:])
	r.rest = r.rest[len(r.stored):]
	return true, nil
}

// seek goes to the first pair whose key is not before start; more is false if
// there is none.
func (r *runReader) seek(start []byte) (more bool, err error) {
	first := sort.Search(len(r.run.blocks), func(i int) bool { return bytes.Compare(r.run.blocks[i].first, start) >= 0 })
	r.next = max(first-1, 0)
	for {
		more, err = r.advance()
		if err != nil || !more || bytes.Compare(r.pair.Key, start) >= 0 {
			return more, err
		}
	}
}

// load reads the next block.
func (r *runReader) load() (err error) {
	b := r.run.blocks[r.next]
	if cap(r.encoded) < int(b.length) {
		r.encoded = make([]byte, max(int(b.length), blockBytes))
	}
	encoded := r.encoded[:b.length]
	if _, err := r.file.ReadAt(encoded, b.offset); err != nil {
		return err
	}
	if xxhash.Sum64(encoded) != b.sum {
		return fmt.Errorf("the block at byte %d is damaged", b.offset)
	}
	if r.raw, err = s2.Decode(r.raw[:cap(r.raw)], encoded); err != nil {
		return err
	}
	r.next, r.rest = r.next+1, r.raw
	return nil
}
