package table

import (
	"context"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/expr"
	"github.com/statordb/stator/internal/kv"
	"github.com/statordb/stator/internal/meter"
)

// PageBytes is the size of the items that one Query or Scan evaluates at
// most, before filtering: of entries and of the items that they are followed to.
const PageBytes = 1 << 20

// Get returns a copy of the item with the key attributes of key, empty if
// there is none; ErrNotFound if the table was deleted meanwhile.
func (e *Engine) Get(ctx context.Context, t *Table, key attr.Item, consistent bool) (Row, error) {
	k := t.ItemKey(key)
	if err := t.admit(meter.Read, nil, k); err != nil {
		return Row{}, err
	}
	var row Row
	o := kv.ReadOptions{Keys: [][]byte{k}, Consistent: consistent}
	err := e.store.View(ctx, o, func(r kv.Reader) error {
		value, err := r.Get(ctx, k)
		if err != nil || value == nil {
			return err
		}
		row, err = parseRow(value)
		row = row.clone()
		return err
	})
	if err == nil {
		err = e.served(t, nil)
	}
	if err != nil {
		return Row{}, err
	}
	t.charge(meter.Read, nil, k, ReadUnits(row.Size, consistent), true)
	return row, nil
}

// Plan is a bounded read of consecutive rows of a table or an index.
type Plan struct {
	Table      *Table
	Index      *Index // nil: the table
	Range      kv.Range
	Consistent bool
	Filter     *expr.Condition // nil: none
	Limit      int             // items to evaluate at most; 0: no limit
	CountOnly  bool            // Items stay empty
	Fetch      bool            // follow LSI entries to the items of the table
	// FilterEntries: Filter is for the entries, not for the items that Fetch
	// finds.
	FilterEntries bool
}

// Page is what one run of a Plan found.
type Page struct {
	Items   []attr.Item // that passed the filter
	Count   int         // likewise
	Scanned int         // items evaluated
	Bytes   int         // their size
	Fetched float64     // units of following entries, see Plan.Fetch (strongly consistent)
	Last    attr.Item   // the last item evaluated, if the plan stopped early; else empty

	fetched int    // size of the items that entries were followed to
	arena   []byte // where copies of items go
}

// Resume makes p go on behind the row that start names, if it lies in the
// range, and reports whether it does.
func (p *Plan) Resume(start attr.Item) bool {
	key := p.Table.PositionKey(p.Index, start)
	if !contains(p.Range, key) {
		return false
	}
	if p.Range.Reverse {
		p.Range.End = key
	} else {
		p.Range.Start = append(key, 0)
	}
	return true
}

// Read runs p. The items of the Page are copies. It returns ErrNotFound, or
// a fault, if the table or the index was deleted meanwhile.
func (e *Engine) Read(ctx context.Context, p Plan) (Page, error) {
	var page Page
	if err := p.Table.admit(meter.Read, p.Index, p.Range.Start); err != nil {
		return page, err
	}
	err := e.store.View(ctx, kv.ReadOptions{Consistent: p.Consistent}, func(r kv.Reader) error {
		page = Page{}
		for pair, err := range r.Scan(ctx, p.Range) {
			if err != nil {
				return err
			}
			more, err := page.add(ctx, r, &p, pair)
			if err != nil || !more {
				return err
			}
		}
		return nil
	})
	if err == nil {
		err = e.served(p.Table, p.Index)
	}
	if err != nil {
		return page, err
	}
	p.Table.charge(meter.Read, p.Index, p.Range.Start, ReadUnits(page.Bytes, p.Consistent), true)
	if page.Fetched > 0 {
		p.Table.charge(meter.Read, nil, p.Range.Start, page.FetchedUnits(p.Consistent), false)
	}
	return page, nil
}

// FetchedUnits returns the units of following entries, see Plan.Fetch.
func (page *Page) FetchedUnits(consistent bool) float64 {
	if consistent {
		return page.Fetched
	}
	return page.Fetched / 2
}

// add evaluates one row and reports whether the page goes on.
func (page *Page) add(ctx context.Context, r kv.Reader, p *Plan, pair kv.Pair) (more bool, err error) {
	row, err := parseRow(pair.Value)
	if err != nil {
		return false, err
	}
	page.Scanned++
	page.Bytes += row.Size
	it := row.Item
	if p.Fetch {
		if it, err = page.fetch(ctx, r, p.Table, row.Item); err != nil {
			return false, err
		}
	}
	full := (p.Limit > 0 && page.Scanned == p.Limit) || page.Bytes+page.fetched >= PageBytes
	if full {
		page.Last = row.Item.Clone()
	}
	filtered := it
	if p.FilterEntries {
		filtered = row.Item
	}
	if p.Filter == nil || p.Filter.Eval(filtered) {
		page.Count++
		if !p.CountOnly {
			page.Items = append(page.Items, page.keep(it))
		}
	}
	return !full, nil
}

// arenaBytes is how much memory a page takes at a time for its items.
const arenaBytes = 16 << 10

// keep returns a copy of it in the memory of the page.
func (page *Page) keep(it attr.Item) attr.Item {
	n := len(it.Stored())
	if cap(page.arena)-len(page.arena) < n {
		page.arena = make([]byte, 0, max(n, arenaBytes))
	}
	start := len(page.arena)
	page.arena = append(page.arena, it.Stored()...)
	return attr.FromStored(page.arena[start:len(page.arena):len(page.arena)])
}

// fetch reads the item of the table that an index entry belongs to.
func (page *Page) fetch(ctx context.Context, r kv.Reader, t *Table, entry attr.Item) (attr.Item, error) {
	value, err := r.Get(ctx, t.ItemKey(entry))
	if err != nil {
		return attr.Item{}, err
	}
	if value == nil {
		return entry, nil
	}
	row, err := parseRow(value)
	page.Fetched += ReadUnits(row.Size, true)
	page.fetched += row.Size
	return row.Item, err
}
