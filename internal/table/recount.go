package table

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/statordb/stator/internal/job"
	"github.com/statordb/stator/internal/kv"
)

// recount is a count of a space that is being made again, beside writes. It
// has counted the rows before next; a write to one of those changes it, a
// write to a later one does not, because its row will be read.
type recount struct {
	count Count
	next  []byte

	// While a step reads rows from next on it is not known how far it will
	// come: the writes from its snapshot on wait here.
	reading   bool
	meanwhile []countDelta
}

// add follows a write.
func (r *recount) add(d countDelta) {
	switch {
	case bytes.Compare(d.key, r.next) < 0:
		r.count = r.count.plus(d.delta)
	case r.reading:
		r.meanwhile = append(r.meanwhile, d)
	}
}

// end ends a step that read the rows before next.
func (r *recount) end(read Count, next []byte) {
	r.count, r.next = r.count.plus(read), next
	meanwhile := r.meanwhile
	r.reading, r.meanwhile = false, nil
	for _, d := range meanwhile {
		r.add(d)
	}
}

// A step reads rows until it has this many of them or of their bytes.
const (
	stepRows  = 256
	stepBytes = 1 << 20
)

// recounter counts again what a stop without CloseCounts left uncounted, one
// space after the other. How far it is belongs to the Counts, which are stored
// with it: its own cursor says only that there is more.
type recounter struct {
	engine *Engine
	pace   pace
}

var _ job.Job = (*recounter)(nil)

// Name implements job.Job.
func (*recounter) Name() string { return "recount" }

// Step implements job.Job.
func (r *recounter) Step(ctx context.Context, _ []byte) (next []byte, wait time.Duration, err error) {
	start := time.Now()
	counts, space := r.engine.uncounted()
	if counts == nil {
		return nil, 0, nil
	}
	if err := r.engine.recountSome(ctx, counts, space); err != nil {
		return nil, 0, fmt.Errorf("count space %d: %w", space, err)
	}
	return []byte("more"), r.pace.wait(r.engine.store, time.Since(start)), nil
}

// uncounted returns a space that is to be counted again, nil if there is none.
func (e *Engine) uncounted() (counts *Counts, space uint32) {
	e.Each(func(t *Table) {
		for _, s := range t.spaces() {
			if x := t.bySpace(s); counts == nil && (x == nil || x.maintained()) && t.Counts.counting(s) {
				counts, space = t.Counts, s
			}
		}
	})
	return counts, space
}

func (c *Counts) counting(space uint32) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.mu.spaces[space]
	return n != nil && n.again != nil
}

// recountSome makes one step of counting a space again.
func (e *Engine) recountSome(ctx context.Context, c *Counts, space uint32) error {
	var again *recount
	read, next, err := e.countSome(ctx, func() (kv.Range, bool) {
		if again = c.begin(space); again == nil { // the index is gone
			return kv.Range{}, false
		}
		return kv.Range{Start: again.next, End: after(spaceKey(space))}, true
	})
	if again != nil {
		c.end(space, again, read, next)
	}
	return err
}

// countSome counts the first rows of the range that begin returns, unless it
// returns false, and returns where the others begin: the end of the range if
// there are none, its start after an error. begin is called at the moment of
// the snapshot. No write is between its commit and its count then: what the
// snapshot has is counted, what comes after it is not.
func (e *Engine) countSome(ctx context.Context, begin func() (kv.Range, bool)) (read Count, next []byte, err error) {
	e.writing.Lock()
	release := sync.OnceFunc(e.writing.Unlock)
	defer release()
	r, ok := begin()
	if !ok {
		return read, nil, nil
	}
	err = e.store.View(ctx, kv.ReadOptions{}, func(reader kv.Reader) (err error) {
		read, next, err = countRows(ctx, reader, r, release)
		return err
	})
	switch {
	case err != nil:
		return Count{}, r.Start, err
	case next == nil:
		next = r.End
	}
	return read, next, nil
}

// begin starts a step of counting a space again, at the moment of its
// snapshot. It returns nil if there is nothing to count.
func (c *Counts) begin(space uint32) *recount {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.mu.spaces[space]
	if n == nil || n.again == nil {
		return nil
	}
	n.again.reading = true
	return n.again
}

// end ends a step that has read the rows before next.
func (c *Counts) end(space uint32, again *recount, read Count, next []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.dirty = true
	again.end(read, next)
	if n := c.mu.spaces[space]; n != nil && n.again == again && bytes.Equal(next, after(spaceKey(space))) {
		n.Count, n.again = again.count, nil
	}
}

// countRows counts the first rows of r and returns where the others begin, nil
// if there are none. It calls begun when the snapshot is there: a driver may
// take it only for the first row.
func countRows(ctx context.Context, reader kv.Reader, r kv.Range, begun func()) (n Count, next []byte, err error) {
	size := 0
	for p, err := range reader.Scan(ctx, r) {
		begun()
		if err != nil {
			return n, nil, err
		}
		if n.Items == stepRows || size >= stepBytes {
			return n, bytes.Clone(p.Key), nil
		}
		row, err := parseRow(p.Value)
		if err != nil {
			return n, nil, err
		}
		n = n.plus(Count{1, int64(row.Size)})
		size += len(p.Value)
	}
	return n, nil, nil
}
