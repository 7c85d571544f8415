package table

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/statordb/stator/internal/job"
	"github.com/statordb/stator/internal/kv"
)

// IndexState is where a GSI is in its life. The zero state is active.
type IndexState uint8

// The states.
const (
	IndexActive   IndexState = iota
	IndexCreating            // maintained by every write; entries of older items are being added
	IndexDeleting            // no longer maintained; its entries are being removed
	// Before creating: writes remove entries and add none, so that a write that
	// still follows the descriptor without the index cannot leave a stale one.
	IndexPreparing
)

// maintained reports whether writes keep the entries of x.
func (x *Index) maintained() bool { return x.State != IndexDeleting }

// Building returns the index of d that is being created or deleted, or nil.
func (d *Descriptor) Building() *Index {
	i := slices.IndexFunc(d.Indexes, func(x *Index) bool { return x.State != IndexActive })
	if i < 0 {
		return nil
	}
	return d.Indexes[i]
}

// StartJobs starts the jobs that the states of all tables ask for, and what
// counts again after a kill.
func (e *Engine) StartJobs(ctx context.Context) error {
	var errs []error
	e.Each(func(t *Table) {
		e.StartIndexJobs(t)
		_, err := e.beginPITR(ctx, t)
		errs = append(errs, e.resumeTTL(ctx, t), ignoreGone(err))
	})
	if counts, _ := e.uncounted(); counts != nil {
		e.jobs.Start(&recounter{engine: e})
	}
	return errors.Join(errs...)
}

// StartIndexJobs starts the jobs that the states of t's indexes ask for. It is
// called after a Change that set one, when no write follows the descriptor
// before it.
func (e *Engine) StartIndexJobs(t *Table) {
	for _, x := range t.Indexes {
		switch x.State {
		case IndexPreparing, IndexCreating:
			e.jobs.Start(&backfill{engine: e, table: t.Name, id: t.ID, space: x.Space, index: x.Name})
		case IndexDeleting:
			e.jobs.Start(&removal{engine: e, table: t.Name, id: t.ID, space: x.Space})
		}
	}
}

// backfill adds the items of a table to an index that every write maintains
// already: in a step as many as share a sync well and hold their locks
// shortly. The cursor is the key of the next item. Each item is read and its
// entry written under the item's lock, so that a write to it comes wholly
// before or wholly after.
type backfill struct {
	engine    *Engine
	table, id string
	space     uint32
	index     string
	pace      pace
}

var _ job.Job = (*backfill)(nil)

// Name implements job.Job.
func (b *backfill) Name() string { return "backfill/" + strconv.FormatUint(uint64(b.space), 10) }

// Step implements job.Job.
func (b *backfill) Step(ctx context.Context, cursor []byte) (next []byte, wait time.Duration, err error) {
	start := time.Now()
	if t := b.engine.Catalog.Get(b.table); t != nil && t.ID == b.id {
		if x := t.bySpace(b.space); x != nil && x.State == IndexPreparing {
			return stay(cursor), 0, b.become(ctx, IndexPreparing, IndexCreating)
		}
	}
	next, err = b.fill(ctx, cursor)
	if err != nil {
		return nil, 0, err
	}
	if next == nil {
		b.engine.progress.Delete(b.space)
		return nil, 0, b.become(ctx, IndexCreating, IndexActive)
	}
	b.engine.progress.Store(b.space, next)
	return next, b.pace.wait(b.engine.store, time.Since(start)), nil
}

// stay returns the cursor of a step that moved nothing.
func stay(cursor []byte) []byte { return append([]byte{}, cursor...) }

// fill adds the next items to the index and returns the cursor behind them;
// nil if there are no more, or the index is not being created any more. It
// holds a lease on the table, so that who changes that waits for the entries
// written here.
func (b *backfill) fill(ctx context.Context, cursor []byte) (next []byte, err error) {
	t := b.engine.Lease(b.table)
	if t == nil {
		return nil, nil
	}
	defer t.Release()
	x := t.bySpace(b.space)
	if t.ID != b.id || x == nil || x.State != IndexCreating {
		return nil, nil
	}
	r := kv.Range{Start: spaceKey(t.Space), End: after(spaceKey(t.Space))}
	if len(cursor) > 0 {
		r.Start = cursor
	}
	keys, next, err := itemKeys(ctx, b.engine.store, r)
	if err != nil {
		return nil, err
	}
	return next, b.add(ctx, t, x, keys)
}

// itemKeys returns the keys of the items in r that one step works on, and
// where the others begin, nil if there are none.
func itemKeys(ctx context.Context, store kv.Store, r kv.Range) (keys [][]byte, next []byte, err error) {
	err = store.View(ctx, kv.ReadOptions{}, func(reader kv.Reader) error {
		size := 0
		keys, next = nil, nil
		for p, err := range reader.Scan(ctx, r) {
			if err != nil {
				return err
			}
			if len(keys) == stepRows || size >= stepBytes {
				next = bytes.Clone(p.Key)
				return nil
			}
			keys = append(keys, bytes.Clone(p.Key))
			size += len(p.Value)
		}
		return nil
	})
	return keys, next, err
}

// add writes the entries of the items under keys.
func (b *backfill) add(ctx context.Context, t *Table, x *Index, keys [][]byte) error {
	if len(keys) == 0 {
		return nil
	}
	b.engine.writing.RLock()
	defer b.engine.writing.RUnlock()
	var change Change
	err := b.engine.store.Update(ctx, kv.TxOptions{Keys: keys}, func(tx kv.Tx) error {
		change = Change{Table: t}
		for _, key := range keys {
			if err := addEntry(ctx, tx, &change, x, key); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("backfill %s of %s: %w", x.Name, t.Name, err)
	}
	b.engine.settle(&change, 1)
	return nil
}

// addEntry writes the entry in x of the item under key, unless it is there.
func addEntry(ctx context.Context, tx kv.Tx, c *Change, x *Index, key []byte) error {
	value, err := tx.GetLocked(ctx, key)
	if err != nil || value == nil {
		return err
	}
	r, err := parseRow(value)
	if err != nil {
		return err
	}
	entry, ok := x.entry(r.Item)
	if !ok {
		return nil
	}
	entryKey := x.entryKey(c.Table.Descriptor, entry)
	have, err := tx.Get(ctx, entryKey)
	if err != nil || have != nil {
		return err // a write since the creation, or a step that is repeated
	}
	size := entry.Size()
	c.count(x.Space, entryKey, size, +1)
	return putRow(tx, entryKey, Row{entry, size})
}

// pace makes a job give way to writers.
type pace struct{ commits uint64 } // of the store, after the last step

// wait returns how long to wait after a step that took so long: not at all
// if nobody else writes, else so that others have most of the machine.
func (p *pace) wait(store kv.Store, took time.Duration) time.Duration {
	commits := store.Stats().Commits
	others := commits - p.commits
	p.commits = commits
	if others <= 2 { // the step's own and a stored cursor
		return 0
	}
	return 3 * took
}

// become takes the index from one state to the next, unless it is in another.
func (b *backfill) become(ctx context.Context, from, to IndexState) error {
	_, err := b.engine.Change(ctx, b.table, func(d *Descriptor) error {
		for _, x := range d.Indexes {
			if d.ID == b.id && x.Space == b.space && x.State == from {
				x.State = to
			}
		}
		return nil
	})
	return ignoreGone(err)
}

// Backfill is the progress of an index that is being created.
type Backfill struct {
	Table, Index string
	Percent      float64 // of the hashes of partition keys
}

// Backfills returns the progress of all indexes that are being created.
func (e *Engine) Backfills() []Backfill {
	var out []Backfill
	e.Each(func(t *Table) {
		if x := t.Building(); x != nil && x.State == IndexCreating {
			next, _ := e.progress.Load(x.Space)
			key, _ := next.([]byte)
			out = append(out, Backfill{t.Name, x.Name, 100 * float64(hashOf(key)) / (1 << 32)})
		}
	})
	return out
}

// removal clears the entries of an index that no write maintains any more.
type removal struct {
	engine    *Engine
	table, id string
	space     uint32
}

// Name implements job.Job.
func (r *removal) Name() string { return "removal/" + strconv.FormatUint(uint64(r.space), 10) }

// Step implements job.Job.
func (r *removal) Step(ctx context.Context, _ []byte) ([]byte, time.Duration, error) {
	t := r.engine.Catalog.Get(r.table)
	if t == nil || t.ID != r.id {
		return nil, 0, nil
	}
	if x := t.bySpace(r.space); x == nil || x.State != IndexDeleting {
		return nil, 0, nil
	}
	t.Counts.forget(r.space)
	if err := r.engine.drop(ctx, []uint32{r.space}); err != nil {
		return nil, 0, err
	}
	_, err := r.engine.Change(ctx, r.table, func(d *Descriptor) error {
		d.Indexes = slices.DeleteFunc(d.Indexes, func(x *Index) bool {
			return d.ID == r.id && x.Space == r.space && x.State == IndexDeleting
		})
		d.TrimAttributes()
		return nil
	})
	return nil, 0, ignoreGone(err)
}

// TrimAttributes removes the definitions that no key uses.
func (d *Descriptor) TrimAttributes() {
	d.Attributes = slices.DeleteFunc(slices.Clone(d.Attributes), func(a KeyAttr) bool {
		return !d.Key.Has(a.Name) && !slices.ContainsFunc(d.Indexes, func(x *Index) bool { return x.Key.Has(a.Name) })
	})
}
