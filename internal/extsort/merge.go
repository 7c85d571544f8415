package extsort

import (
	"bytes"
	"context"

	"github.com/statordb/stator/internal/kv"
)

// fanIn is how many runs are merged at once.
const fanIn = 256

// reduce merges neighbouring runs until there are no more than can be merged
// at once. Neighbours, because equal keys stay in the order they were added.
func (s *Sorter) reduce(ctx context.Context) error {
	for at := 0; len(s.runs) > fanIn; at++ {
		at %= len(s.runs) - 1
		n := min(fanIn, len(s.runs)-fanIn+1, len(s.runs)-at)
		merged, err := s.mergeToRun(ctx, s.runs[at:at+n])
		if err != nil {
			return err
		}
		for _, r := range s.runs[at : at+n] {
			if s.err = s.scratch.FS.Remove(r.path); s.err != nil {
				return s.err
			}
		}
		s.runs = append(append(s.runs[:at:at], merged), s.runs[at+n:]...)
	}
	return nil
}

func (s *Sorter) mergeToRun(ctx context.Context, runs []run) (run, error) {
	return s.writeRun(func(w *runWriter) (err error) {
		s.merge(ctx, runs, nil, func(stored []byte, _ kv.Pair, e error) bool {
			if err = e; err == nil {
				err = w.add(stored)
			}
			return err == nil
		})
		return err
	})
}

// merge yields the pairs of runs from the key start on, in order, each also with
// its header.
func (s *Sorter) merge(ctx context.Context, runs []run, start []byte, yield func(stored []byte, p kv.Pair, err error) bool) {
	h, err := s.openHeap(runs, start)
	defer func() { h.close() }() // of the readers left by then
	for n := 0; err == nil && len(h) > 0; n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			err = ctx.Err()
			break
		}
		if !yield(h[0].stored, h[0].pair, nil) {
			return
		}
		err = h.advance()
	}
	if err != nil {
		yield(nil, kv.Pair{}, err)
	}
}

// readers is a heap of runs, the one with the first pair on top.
type readers []*runReader

// openHeap opens runs at the key start; the caller closes the heap, whatever the
// error.
func (s *Sorter) openHeap(runs []run, start []byte) (h readers, err error) {
	for i, r := range runs {
		file, err := s.scratch.FS.Open(r.path)
		if err != nil {
			return h, err
		}
		reader := &runReader{run: r, file: file, shared: len(s.shared), place: i}
		more, err := reader.seek(start)
		if err != nil || !more {
			_ = file.Close() // only read
		}
		if err != nil {
			return h, err
		}
		if more {
			h = append(h, reader)
		}
	}
	for i := len(h)/2 - 1; i >= 0; i-- {
		h.down(i)
	}
	return h, nil
}

// advance goes to the next pair of the run on top, and takes it away if there
// is none.
func (h *readers) advance() error {
	top := (*h)[0]
	more, err := top.advance()
	if err != nil {
		return err
	}
	if !more {
		_ = top.file.Close() // only read
		last := len(*h) - 1
		(*h)[0] = (*h)[last]
		*h = (*h)[:last]
	}
	h.down(0)
	return nil
}

// down puts the run at i where it belongs among those below.
func (h readers) down(i int) {
	for {
		first := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(h); child++ {
			if h[child].before(h[first]) {
				first = child
			}
		}
		if first == i {
			return
		}
		h[i], h[first] = h[first], h[i]
		i = first
	}
}

func (r *runReader) before(o *runReader) bool {
	if r.prefix != o.prefix {
		return r.prefix < o.prefix
	}
	if c := bytes.Compare(r.pair.Key, o.pair.Key); c != 0 {
		return c < 0
	}
	return r.place < o.place
}

func (h readers) close() {
	for _, r := range h {
		_ = r.file.Close() // only read
	}
}
