// Package extsort sorts more pairs of keys and values than memory holds.
//
// A Sorter collects pairs in memory; when that is full it sorts them and writes
// them to a file, a run, while it collects the next ones, and in the end the
// runs are merged. Every block of a
// run is read against a checksum that stayed in memory: a damaged file is an
// error, never a wrong pair.
package extsort

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"sort"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/statordb/stator/internal/kv"
)

const (
	defaultMemory = 64 << 20

	headerBytes = 8  // in the arena, the lengths of a pair's key and value
	entryBytes  = 16 // of an entry, in memory
)

// Scratch is where a Sorter may put what it cannot hold.
type Scratch struct {
	// FS and Dir are a directory for temporary files, made when the first one
	// is. Sorters may share it. What a process that was killed left there is of
	// no use to anybody: whoever owns the directory empties it at the start.
	FS  vfs.FS
	Dir string
	// Memory is how many bytes of pairs are held while they are added, 64 MiB if
	// zero; a larger pair is held nevertheless. Merging holds two blocks of
	// 64 KiB for each run, of at most 256.
	Memory int
}

// Sorter sorts pairs. It is not safe for concurrent use, and it must be closed.
type Sorter struct {
	scratch Scratch
	name    string // of its files, as far as they have it in common

	batch                  // that is being filled
	spare    batch         // for the next one
	spilling chan struct{} // closed when the batch before is a run; nil: there is none
	shared   []byte        // what all keys ever added begin with; nil before the first

	runs   []run
	files  int   // how many were ever made
	sorted bool  // nothing can be added any more
	err    error // what ended it
}

// batch is pairs in memory.
type batch struct {
	arena   []byte // headers, keys and values, in the order added
	entries []entry
}

// entry is a pair in the arena. The prefix, the first eight bytes in which keys
// can differ, settles nearly every comparison without a look at the arena.
type entry struct {
	prefix uint64
	offset int
}

// New returns a Sorter without pairs.
func New(s Scratch) *Sorter {
	if s.Memory == 0 {
		s.Memory = defaultMemory
	}
	return &Sorter{scratch: s, name: fmt.Sprintf("sort-%016x", rand.Uint64())}
}

// Add adds a pair, of which it takes a copy.
func (s *Sorter) Add(key, value []byte) error {
	if s.spilling == nil && s.err != nil { // while a run is written, its writer has err
		return s.err
	}
	if s.sorted {
		return errSorted
	}
	size := headerBytes + len(key) + len(value)
	// There are two batches.
	if used := len(s.arena) + entryBytes*len(s.entries); used > 0 && used+size+entryBytes > s.scratch.Memory/2 {
		if err := s.spill(); err != nil {
			return err
		}
	}
	if s.shared == nil {
		s.shared = append([]byte{}, key...)
	} else if !bytes.HasPrefix(key, s.shared) {
		s.shared = s.shared[:sharedBytes(s.shared, key)]
	}
	s.entries = append(s.entries, entry{offset: len(s.arena)})
	s.arena = binary.LittleEndian.AppendUint32(s.arena, uint32(len(key)))
	s.arena = binary.LittleEndian.AppendUint32(s.arena, uint32(len(value)))
	s.arena = append(append(s.arena, key...), value...)
	return nil
}

// sharedBytes returns how many bytes a and b have in common at the start.
func sharedBytes(a, b []byte) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}

// stored returns the pair at the start of b, header and all, and the pair.
func stored(b []byte) ([]byte, kv.Pair) {
	key, value := int(binary.LittleEndian.Uint32(b)), int(binary.LittleEndian.Uint32(b[4:]))
	end := headerBytes + key + value
	return b[:end], kv.Pair{Key: b[headerBytes : headerBytes+key : headerBytes+key], Value: b[headerBytes+key : end : end]}
}

func (b *batch) keyAt(offset int) []byte {
	n := int(binary.LittleEndian.Uint32(b.arena[offset:]))
	return b.arena[offset+headerBytes : offset+headerBytes+n]
}

// sort orders the entries by key, equal keys as they were added. All keys have
// the first shared bytes in common.
func (b *batch) sort(shared int) {
	for i := range b.entries {
		e := &b.entries[i]
		e.prefix = prefixOf(b.keyAt(e.offset)[shared:])
	}
	slices.SortFunc(b.entries, func(x, y entry) int {
		switch {
		case x.prefix < y.prefix:
			return -1
		case x.prefix > y.prefix:
			return 1
		}
		if c := bytes.Compare(b.keyAt(x.offset), b.keyAt(y.offset)); c != 0 {
			return c
		}
		return x.offset - y.offset
	})
}

// prefixOf returns the first eight bytes of b as a number that orders as they
// do; a shorter b is filled up with zeros.
func prefixOf(b []byte) uint64 {
	if len(b) >= 8 {
		return binary.BigEndian.Uint64(b)
	}
	var full [8]byte
	copy(full[:], b)
	return binary.BigEndian.Uint64(full[:])
}

// spill makes what is in memory a new run, behind the caller's back. An error
// ends the Sorter.
func (s *Sorter) spill() error {
	if err := s.settle(); err != nil {
		return err
	}
	full, shared, done := s.batch, len(s.shared), make(chan struct{})
	s.batch = batch{s.spare.arena[:0], s.spare.entries[:0]}
	s.spilling = done
	go func() {
		defer close(done)
		full.sort(shared)
		r, err := s.writeRun(full.write)
		if s.spare = full; err != nil {
			s.err = err
			return
		}
		s.runs = append(s.runs, r)
	}()
	return nil
}

// settle returns when all batches but the one being filled are runs.
func (s *Sorter) settle() error {
	if s.spilling != nil {
		<-s.spilling
		s.spilling = nil
	}
	return s.err
}

// write adds the pairs, in order, to a run.
func (b *batch) write(w *runWriter) error {
	for _, e := range b.entries {
		pair, _ := stored(b.arena[e.offset:])
		if err := w.add(pair); err != nil {
			return err
		}
	}
	return nil
}

// Sort ends the adding of pairs. It may be called again. After it several may
// read at the same time.
func (s *Sorter) Sort(ctx context.Context) error {
	if err := s.settle(); err != nil || s.sorted {
		return err
	}
	if len(s.runs) > 0 && len(s.entries) > 0 {
		if err := errors.Join(s.spill(), s.settle()); err != nil {
			return err
		}
	}
	if len(s.runs) == 0 {
		s.sort(len(s.shared))
	} else {
		s.batch, s.spare = batch{}, batch{}
		if err := s.reduce(ctx); err != nil {
			return err
		}
	}
	s.sorted = true
	return nil
}

// Sorted yields the pairs in ascending order of their keys, those with equal
// keys in the order they were added. A pair is valid until the next one is
// asked for. After an error nothing more is yielded.
func (s *Sorter) Sorted(ctx context.Context) iter.Seq2[kv.Pair, error] {
	return s.In(ctx, kv.Range{})
}

// In is Sorted for the pairs in r, which is not reversed.
func (s *Sorter) In(ctx context.Context, r kv.Range) iter.Seq2[kv.Pair, error] {
	return func(yield func(kv.Pair, error) bool) {
		if err := s.Sort(ctx); err != nil {
			yield(kv.Pair{}, err)
			return
		}
		visit := func(_ []byte, p kv.Pair, err error) bool {
			if err == nil && r.End != nil && bytes.Compare(p.Key, r.End) >= 0 {
				return false
			}
			return yield(p, err)
		}
		if len(s.runs) > 0 {
			s.merge(ctx, s.runs, r.Start, visit)
			return
		}
		first := sort.Search(len(s.entries), func(i int) bool { return bytes.Compare(s.keyAt(s.entries[i].offset), r.Start) >= 0 })
		for i, e := range s.entries[first:] {
			if i%1024 == 0 && ctx.Err() != nil {
				yield(kv.Pair{}, ctx.Err())
				return
			}
			if all, p := stored(s.arena[e.offset:]); !visit(all, p, nil) {
				return
			}
		}
	}
}

// errClosed is the answer of a Sorter that was closed, errSorted that to adding
// to what is sorted.
var (
	errClosed = errors.New("sort: closed")
	errSorted = errors.New("sort: sorted already")
)

// Close removes the files. The Sorter is of no use afterwards.
func (s *Sorter) Close() error {
	_ = s.settle() // Add or Sorted says it
	var errs []error
	for _, r := range s.runs {
		errs = append(errs, s.scratch.FS.Remove(r.path))
	}
	s.runs, s.batch, s.spare, s.err = nil, batch{}, batch{}, errClosed
	return errors.Join(errs...)
}
