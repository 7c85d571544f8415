package table

import (
	"bytes"
	"context"
	"fmt"
	"iter"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/extsort"
	"github.com/statordb/stator/internal/kv"
)

// Fill makes pairs, the rows of another table's items or of Sort, the items of
// t, whose Creating is set: nobody else reads or writes it. Whatever it had is
// removed first, so that who was interrupted can begin again. Of its indexes
// every entry is written, and the counts are right in the end. each is called
// with every item's size.
func (e *Engine) Fill(ctx context.Context, t *Table, scratch extsort.Scratch, pairs iter.Seq2[kv.Pair, error], each func(size int)) error {
	f := &filler{table: t, entries: extsort.New(scratch), counts: map[uint32]Count{}, each: each}
	defer f.entries.Close() // its files are temporary
	for _, space := range t.spaces() {
		f.counts[space] = Count{}
		if err := e.empty(ctx, space); err != nil {
			return err
		}
	}
	err := e.store.Load(ctx, f.items(pairs))
	if err == nil {
		err = e.store.Load(ctx, f.entries.Sorted(ctx))
	}
	if err != nil {
		return fmt.Errorf("fill table %s: %w", t.Name, err)
	}
	t.Counts.set(f.counts)
	return nil
}

// empty removes the rows of space.
func (e *Engine) empty(ctx context.Context, space uint32) error {
	r := kv.Range{Start: spaceKey(space), End: after(spaceKey(space))}
	first, err := keysIn(ctx, e.store, r, 1)
	if err == nil && len(first) > 0 {
		err = e.store.Clear(ctx, r.Start, r.End)
	}
	if err != nil {
		return fmt.Errorf("empty space %d: %w", space, err)
	}
	return nil
}

// Creating returns the table called name that has an id and is being filled, or
// nil.
func (c *Catalog) Creating(name, id string) *Table {
	if t := c.Get(name); t != nil && t.ID == id && t.Creating {
		return t
	}
	return nil
}

// FinishCreating makes t, which Fill has filled, a table like any other.
func (e *Engine) FinishCreating(ctx context.Context, t *Table) (*Table, error) {
	return e.Change(ctx, t.Name, func(d *Descriptor) error {
		if d.ID != t.ID {
			return ErrNotFound
		}
		d.Creating = false
		return nil
	})
}

// filler is one run of Fill.
type filler struct {
	table   *Table
	entries *extsort.Sorter
	counts  map[uint32]Count
	each    func(size int)
	value   []byte
}

// items yields pairs as those of the table, and sorts the entries of their
// items.
func (f *filler) items(pairs iter.Seq2[kv.Pair, error]) iter.Seq2[kv.Pair, error] {
	space := spaceKey(f.table.Space)
	return func(yield func(kv.Pair, error) bool) {
		var key []byte
		for p, err := range pairs {
			if err == nil {
				key = append(append(key[:0], space...), p.Key[len(space):]...)
				err = f.item(p.Value)
			}
			if !yield(kv.Pair{Key: key, Value: p.Value}, err) || err != nil {
				return
			}
		}
	}
}

func (f *filler) item(value []byte) error {
	row, err := parseRow(value)
	if err != nil {
		return err
	}
	f.count(f.table.Space, row.Size)
	f.each(row.Size)
	for _, x := range f.table.Indexes {
		entry, ok := x.entry(row.Item)
		if !ok {
			continue
		}
		size := row.Size
		if x.carried != nil {
			size = entry.Size()
		}
		f.value = appendRow(f.value[:0], Row{entry, size})
		if err := f.entries.Add(x.entryKey(f.table.Descriptor, entry), f.value); err != nil {
			return err
		}
		f.count(x.Space, size)
	}
	return nil
}

func (f *filler) count(space uint32, size int) {
	f.counts[space] = f.counts[space].plus(Count{1, int64(size)})
}

// Sort returns items, in any order, as Fill takes them for d: of those with one
// key the last. They passed CheckItem. The caller closes the Sorter when it is
// done.
func Sort(ctx context.Context, d *Descriptor, items iter.Seq2[attr.Item, error], scratch extsort.Scratch) (sorted iter.Seq2[kv.Pair, error], sorter *extsort.Sorter, err error) {
	sorter = extsort.New(scratch)
	var value []byte
	for it, err := range items {
		if err == nil {
			value = appendRow(value[:0], Row{it, it.Size()})
			err = sorter.Add(d.ItemKey(it), value)
		}
		if err != nil {
			_ = sorter.Close() // err is the reason
			return nil, nil, err
		}
	}
	return lasts(sorter.Sorted(ctx)), sorter, nil
}

// lasts yields the last of the pairs with each key.
func lasts(pairs iter.Seq2[kv.Pair, error]) iter.Seq2[kv.Pair, error] {
	return func(yield func(kv.Pair, error) bool) {
		var last kv.Pair
		for p, err := range pairs {
			if err != nil {
				yield(kv.Pair{}, err)
				return
			}
			if last.Key != nil && !bytes.Equal(last.Key, p.Key) && !yield(last, nil) {
				return
			}
			last.Key, last.Value = append(last.Key[:0], p.Key...), append(last.Value[:0], p.Value...)
		}
		if last.Key != nil {
			yield(last, nil)
		}
	}
}
