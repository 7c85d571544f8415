package api

import (
	"bytes"
	"context"
	"slices"
	"strings"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/kv"
	"github.com/statordb/stator/internal/model"
	"github.com/statordb/stator/internal/partiql"
	"github.com/statordb/stator/internal/table"
)

// rangesPage is how many keys or ranges of a list one answer covers at most.
// (Developer guide, "PartiQL operators": pages of up to 10 items for IN.)
const rangesPage = 10

// selection is a SELECT with its table.
type selection struct {
	plan   table.Plan // without a range
	read   partiql.Read
	ranges []kv.Range
}

// selection looks up the table and index of a SELECT and checks what depends
// on them.
func (a *API) selection(b *partiql.Bound, consistent bool) (*selection, error) {
	t, err := a.readable(b.Table)
	if err != nil {
		return nil, err
	}
	s := &selection{plan: table.Plan{Table: t, Consistent: consistent}}
	if b.Index != "" {
		if err := s.useIndex(b.Index); err != nil {
			return nil, err
		}
	}
	keys, err := statementKeys(t.Schema(s.plan.Index))
	if err != nil {
		return nil, err
	}
	read, f := b.Read(keys)
	if f != nil {
		return nil, f
	}
	s.read, s.plan.Filter = read, read.Filter
	if err := s.checkProjected(b.Projection); err != nil || s.isGet() {
		return s, err
	}
	return s, s.setRanges()
}

func (s *selection) useIndex(name string) error {
	x := s.plan.Table.Index(name)
	switch {
	case x == nil || x.State == table.IndexDeleting:
		return ddberr.StatementIndexUnknown.Fault()
	case x.State != table.IndexActive:
		return ddberr.IndexBackfilling.Fault(name)
	case x.Global && s.plan.Consistent:
		return ddberr.StatementIndexStrong.Fault()
	}
	s.plan.Index = x
	return nil
}

// checkProjected checks what the statement uses against what the index
// carries. For columns that it does not, entries of an LSI are followed to
// their items.
func (s *selection) checkProjected(columns *partiql.Projection) error {
	x := s.plan.Index
	if x == nil {
		return nil
	}
	lacks := func(names []string) []string {
		return slices.DeleteFunc(slices.Clone(names), x.Projects)
	}
	if names := lacks(s.read.FilterNames); len(names) > 0 {
		return ddberr.StatementFilterIndex.Fault(x.Name, strings.Join(names, ", "))
	}
	names := lacks(columns.Names())
	if len(names) > 0 && x.Global {
		return ddberr.ProjectionGlobal.Fault(x.Name, strings.Join(names, ", "))
	}
	s.plan.Fetch = len(names) > 0
	s.plan.FilterEntries = !s.read.Keyed // a scan filters what the index has
	return nil
}

// isGet reports whether s reads one item by its key.
func (s *selection) isGet() bool { return s.plan.Index == nil && !s.read.Key.IsEmpty() }

// keySelection is selection for an operation whose reads name one key and
// nothing else.
func (a *API) keySelection(b *partiql.Bound, consistent bool, operation string) (*selection, error) {
	s, err := a.selection(b, consistent)
	if err == nil && (!s.isGet() || s.read.Filter != nil) {
		err = ddberr.StatementReadWithoutKey.Fault(operation)
	}
	return s, err
}

// columns returns what a SELECT shows of an item; absent if there is none.
func columns(b *partiql.Bound, item attr.Item) model.Opt[attr.Item] {
	if item.IsEmpty() {
		return model.Opt[attr.Item]{}
	}
	return model.Some(b.Projection.Apply(item))
}

// get reads the item of a selection for which isGet holds, before its filter.
func (s *selection) get(ctx context.Context, a *API, used *capacity) (attr.Item, error) {
	t := s.plan.Table
	if err := t.CheckKey(s.read.Key); err != nil {
		return attr.Item{}, err
	}
	row, err := a.Engine.Get(ctx, t, s.read.Key, s.plan.Consistent)
	if err == nil {
		used.read(table.ReadUnits(row.Size, s.plan.Consistent))
	}
	return row.Item, err
}

// setRanges sets the ranges that s reads one after the other.
func (s *selection) setRanges() error {
	t, x := s.plan.Table, s.plan.Index
	if !s.read.Keyed {
		s.ranges = []kv.Range{t.ScanRange(x, 0, 1)}
		return nil
	}
	for _, k := range s.read.Ranges {
		s.ranges = append(s.ranges, t.QueryRange(x, k))
	}
	sorted := slices.Clone(s.ranges)
	slices.SortFunc(sorted, func(a, b kv.Range) int { return bytes.Compare(a.Start, b.Start) })
	for i := 1; i < len(sorted); i++ {
		if before := sorted[i-1]; before.End == nil || bytes.Compare(before.End, sorted[i].Start) > 0 {
			return ddberr.StatementOverlap.Fault()
		}
	}
	for i := range s.ranges {
		s.ranges[i].Reverse = s.read.Reverse
	}
	return nil
}

// resume is where a page begins or the next one would.
type resume struct {
	at    int       // index of the range
	start attr.Item // key of the last item evaluated in it, empty at its start
}

// page reads from a place on, at most limit items if not 0, until limits of a
// page are reached. next is nil at the end.
func (s *selection) page(ctx context.Context, a *API, from resume, limit int, used *capacity) (items []attr.Item, next *resume, err error) {
	size := 0
	for i := from.at; i < len(s.ranges); i++ {
		if i == from.at+rangesPage || size >= table.PageBytes {
			return items, &resume{at: i}, nil
		}
		p := s.plan
		p.Range, p.Limit = s.ranges[i], limit
		if i == from.at && !from.start.IsEmpty() && (!startFits(&p, from.start) || !p.Resume(from.start)) {
			return nil, nil, ddberr.StatementToken.Fault()
		}
		page, err := a.Engine.Read(ctx, p)
		if err != nil {
			return nil, nil, err
		}
		s.charge(used, &page)
		items = append(items, page.Items...)
		size += page.Bytes
		if !page.Last.IsEmpty() {
			return items, &resume{i, s.position(page.Last)}, nil
		}
		if limit > 0 {
			limit -= page.Scanned // not to 0: then the page would have stopped
		}
	}
	return items, nil, nil
}

func (s *selection) charge(used *capacity, page *table.Page) {
	units := table.ReadUnits(page.Bytes, s.plan.Consistent)
	if s.plan.Index == nil {
		used.read(units)
		return
	}
	used.index(s.plan.Index, units)
	if s.plan.Fetch {
		used.read(page.FetchedUnits(s.plan.Consistent))
	}
}

// position returns what of an item says where it is.
func (s *selection) position(item attr.Item) attr.Item {
	var names []string
	for _, k := range positionAttrs(&s.plan) {
		names = append(names, k.Name)
	}
	return keyAttributes(item, names)
}
