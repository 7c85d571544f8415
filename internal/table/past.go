package table

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"iter"
	"time"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/extsort"
	"github.com/statordb/stator/internal/kv"
)

// Past is a table as it was at an instant, read from its frozen rows: the rows,
// with the changes since the instant undone. Of several changes of an item the
// first one knows what was there.
type Past struct {
	frozen  kv.Frozen
	table   *Descriptor
	changes *extsort.Sorter // since the instant; nil: the frozen rows are what is wanted
}

// OpenPast returns the table d as it was at an instant, every write included
// that had ended by then; as it was frozen if at is zero. d is what FreezeTable
// returned, or later. The frozen rows stay the caller's; so does Close.
func OpenPast(ctx context.Context, frozen kv.Frozen, d *Descriptor, at time.Time, scratch extsort.Scratch) (*Past, error) {
	p := &Past{frozen: frozen, table: d}
	if at.IsZero() {
		return p, nil
	}
	stamp, err := d.cut(ctx, frozen, at.Truncate(time.Microsecond).Add(time.Microsecond))
	if err == nil {
		p.changes, err = d.changesSince(ctx, frozen, stamp, scratch)
	}
	if err != nil {
		return nil, fmt.Errorf("look up table %s as it was: %w", d.Name, err)
	}
	return p, nil
}

// Close removes what p keeps in files.
func (p *Past) Close() error {
	if p.changes == nil {
		return nil
	}
	return p.changes.Close()
}

// Whole is the range of all items of d.
func (d *Descriptor) Whole() kv.Range {
	return kv.Range{Start: spaceKey(d.Space), End: after(spaceKey(d.Space))}
}

// Pairs yields the rows of the items in r, in the order of their keys: what
// Fill takes. A pair is valid until the next one.
func (p *Past) Pairs(ctx context.Context, r kv.Range) iter.Seq2[kv.Pair, error] {
	rows := p.frozen.Scan(ctx, r)
	if p.changes == nil {
		return rows
	}
	return overlay(rows, firsts(p.changes.In(ctx, r)))
}

// Rows is Pairs for who wants the items.
func (p *Past) Rows(ctx context.Context, r kv.Range) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		for pair, err := range p.Pairs(ctx, r) {
			var row Row
			if err == nil {
				row, err = parseRow(pair.Value)
			}
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}

// overlay yields rows, with those replaced that are in old: by the row there,
// or by nothing. Both are in the order of their keys.
func overlay(rows, old iter.Seq2[kv.Pair, error]) iter.Seq2[kv.Pair, error] {
	return func(yield func(kv.Pair, error) bool) {
		next, stop := iter.Pull2(old)
		defer stop()
		was, err, more := next()
		// emit yields the rows of old up to key, and reports whether key was there.
		emit := func(key []byte) (found, goOn bool) {
			for more {
				if err != nil {
					yield(kv.Pair{}, err)
					return false, false
				}
				order := -1
				if key != nil {
					order = bytes.Compare(was.Key, key)
				}
				if order > 0 {
					return false, true
				}
				if row := pastRow(was.Value); len(row) > 0 && !yield(kv.Pair{Key: was.Key, Value: row}, nil) {
					return false, false
				}
				was, err, more = next()
				if order == 0 {
					return true, true
				}
			}
			return false, true
		}
		for row, err := range rows {
			if err != nil {
				yield(kv.Pair{}, err)
				return
			}
			found, goOn := emit(row.Key)
			if !goOn || !found && !yield(row, nil) {
				return
			}
		}
		emit(nil)
	}
}

// firsts yields the first of the pairs with each key.
func firsts(pairs iter.Seq2[kv.Pair, error]) iter.Seq2[kv.Pair, error] {
	return func(yield func(kv.Pair, error) bool) {
		var last []byte
		for p, err := range pairs {
			switch {
			case err != nil:
				yield(p, err)
				return
			case bytes.Equal(p.Key, last):
				continue
			case !yield(p, nil):
				return
			}
			last = append(last[:0], p.Key...)
		}
	}
}

// A change is sorted by the key of its item. The value is its stamp, its time
// in microseconds, eight bytes each, and the row that was there before, nothing
// if there was none.
const pastHead = 8 + 8

func pastRow(value []byte) []byte { return value[pastHead:] }

// changesSince returns the changes of d from a stamp on, by item and for each
// in order.
func (d *Descriptor) changesSince(ctx context.Context, r kv.Reader, stamp uint64, scratch extsort.Scratch) (*extsort.Sorter, error) {
	changes := extsort.New(scratch)
	var value []byte
	err := d.since(ctx, r, stamp, func(record Record) error {
		keys := record.Key
		value = binary.BigEndian.AppendUint64(value[:0], record.Stamp)
		value = binary.BigEndian.AppendUint64(value, uint64(record.Time.UnixMicro()))
		if record.HadOld {
			if record.Old.IsEmpty() {
				return fmt.Errorf("the change with stamp %d does not have the item that was there", record.Stamp)
			}
			keys = record.Old
			value = appendRow(value, Row{record.Old, record.Old.Size()})
		} else if !record.New.IsEmpty() {
			keys = record.New
		}
		return changes.Add(d.ItemKey(keys), value)
	})
	if err == nil {
		err = changes.Sort(ctx) // several may read parts of a Past at a time
	}
	if err != nil {
		_ = changes.Close() // err is the reason
		return nil, err
	}
	return changes, nil
}

// Window is what changed in a table from one instant to another.
type Window struct {
	frozen  kv.Frozen
	changes *extsort.Sorter
	end     uint64 // stamp of the first change after it
}

// NetChange is the difference between an item at the start and at the end of a
// Window. Both may be the same: changed, and changed back. Its items are valid
// until the next one.
type NetChange struct {
	Old, New attr.Item // empty: there was none
	Last     time.Time // of the last change, to the microsecond
}

// OpenWindow returns what changed in d at from or later, and before to. It is
// like OpenPast.
func OpenWindow(ctx context.Context, frozen kv.Frozen, d *Descriptor, from, to time.Time, scratch extsort.Scratch) (*Window, error) {
	start, err := d.cut(ctx, frozen, from)
	w := &Window{frozen: frozen}
	if err == nil {
		w.end, err = d.cut(ctx, frozen, to)
	}
	if err == nil {
		w.changes, err = d.changesSince(ctx, frozen, start, scratch)
	}
	if err != nil {
		return nil, fmt.Errorf("look up what changed in table %s: %w", d.Name, err)
	}
	return w, nil
}

// Close removes what w keeps in files.
func (w *Window) Close() error { return w.changes.Close() }

// Changes yields the items in r that were changed and were there at the start,
// at the end or at both, in the order of their keys.
func (w *Window) Changes(ctx context.Context, r kv.Range) iter.Seq2[NetChange, error] {
	return func(yield func(NetChange, error) bool) {
		var item itemChanges
		for p, err := range w.changes.In(ctx, r) {
			if err != nil {
				yield(NetChange{}, err)
				return
			}
			if item.key != nil && !bytes.Equal(p.Key, item.key) && !w.emit(ctx, &item, yield) {
				return
			}
			item.add(p, w.end)
		}
		if item.key != nil {
			w.emit(ctx, &item, yield)
		}
	}
}

// itemChanges are the changes of one item.
type itemChanges struct {
	key        []byte // nil: none yet
	old, after []byte // rows at the start and at the end; empty: none
	last       uint64 // time of the last change in the window, 0 for none
	ended      bool   // after is known
}

func (c *itemChanges) add(p kv.Pair, end uint64) {
	inside := binary.BigEndian.Uint64(p.Value) < end
	if c.key == nil {
		c.key = append([]byte{}, p.Key...)
		c.old = append(c.old[:0], pastRow(p.Value)...)
	}
	switch {
	case inside:
		c.last = binary.BigEndian.Uint64(p.Value[8:])
	case !c.ended:
		c.after, c.ended = append(c.after[:0], pastRow(p.Value)...), true
	}
}

// emit yields what c comes to, if it was in the window, and begins anew. It
// reports whether to go on.
func (w *Window) emit(ctx context.Context, c *itemChanges, yield func(NetChange, error) bool) bool {
	old, after := c.old, c.after
	defer func() { *c = itemChanges{old: old, after: after} }()
	if c.last == 0 {
		return true
	}
	last := after
	if !c.ended {
		var err error
		if last, err = w.frozen.Get(ctx, c.key); err != nil {
			yield(NetChange{}, err)
			return false
		}
	}
	change := NetChange{Last: time.UnixMicro(int64(c.last))}
	for _, side := range []struct {
		row []byte
		it  *attr.Item
	}{{old, &change.Old}, {last, &change.New}} {
		if len(side.row) == 0 {
			continue
		}
		row, err := parseRow(side.row)
		if err != nil {
			yield(NetChange{}, err)
			return false
		}
		*side.it = row.Item
	}
	if change.Old.IsEmpty() && change.New.IsEmpty() {
		return true
	}
	return yield(change, nil)
}
