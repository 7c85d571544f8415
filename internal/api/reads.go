package api

import (
	"context"
	"slices"
	"strings"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/expr"
	"github.com/statordb/stator/internal/model"
	"github.com/statordb/stator/internal/table"
)

// reading is what Query and Scan have in common.
type reading struct {
	tableName  string
	indexName  model.Opt[string]
	selects    model.Opt[string]
	consistent bool
	limit      int64 // 0: none
	start      attr.InputItem
	report     model.Opt[string]
	parsed     *expr.Parsed
}

// checkSelect checks Select against a projection; parameter is the name of
// the member that holds one, or empty.
func (r *reading) checkSelect(parameter string) error {
	switch s := r.selects.V; {
	case s == "ALL_PROJECTED_ATTRIBUTES" && !r.indexName.Set:
		return ddberr.SelectProjectedTable.Fault()
	case s == "SPECIFIC_ATTRIBUTES" && parameter == "":
		return ddberr.SelectSpecific.Fault()
	case s != "" && s != "SPECIFIC_ATTRIBUTES" && parameter != "":
		return ddberr.SelectWithProjection.Fault(parameter, s)
	}
	return nil
}

// addLegacy adds the parameters from before expressions, which do not stand
// beside expressions.
func (r *reading) addLegacy(attributes []string, filter []model.Entry[model.Condition], operator model.Opt[string]) (err error) {
	if attributes != nil {
		if r.parsed.Projection, err = legacyProjection(attributes); err != nil {
			return err
		}
	}
	if filter != nil || operator.Set {
		r.parsed.Filter, err = legacyFilter(filter, operator)
	}
	return err
}

// plan looks up the table and the index and checks what depends on them; the
// range is the caller's to set.
func (r *reading) plan(a *API) (table.Plan, error) {
	t, err := a.readable(r.tableName)
	if err != nil {
		return table.Plan{}, err
	}
	p := table.Plan{
		Table: t, Consistent: r.consistent, Filter: r.parsed.Filter,
		Limit: int(r.limit), CountOnly: r.selects.V == "COUNT",
	}
	if !r.indexName.Set {
		return p, nil
	}
	p.Index = t.Index(r.indexName.V)
	switch {
	case p.Index == nil || p.Index.State == table.IndexDeleting:
		return p, ddberr.IndexUnknown.Fault(r.indexName.V)
	case p.Index.State != table.IndexActive:
		return p, ddberr.IndexBackfilling.Fault(r.indexName.V)
	}
	unprojected := r.unprojected(p.Index)
	switch {
	case !p.Index.Global:
		p.Fetch = unprojected != nil
	case r.consistent:
		return p, ddberr.ConsistentGlobal.Fault()
	case r.selects.V == "ALL_ATTRIBUTES" && unprojected != nil:
		return p, ddberr.SelectAllGlobal.Fault(p.Index.Name)
	case len(unprojected) > 0:
		return p, ddberr.ProjectionGlobal.Fault(p.Index.Name, strings.Join(unprojected, ", "))
	}
	return p, nil
}

// unprojected returns the attributes that r asks for and entries of x lack:
// nil if there are none, empty but not nil if r asks for all.
func (r *reading) unprojected(x *table.Index) []string {
	if x.Projection.Type == "ALL" {
		return nil
	}
	if r.selects.V == "ALL_ATTRIBUTES" {
		return []string{}
	}
	var names []string
	if r.parsed.Projection != nil {
		for _, name := range r.parsed.Projection.Names() {
			if !x.Projects(name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// startFits reports whether the ExclusiveStartKey has exactly the attributes
// that a LastEvaluatedKey of p has.
func startFits(p *table.Plan, start attr.Item) bool {
	attrs := positionAttrs(p)
	for _, k := range attrs {
		if start.Get(k.Name).Type() != k.Type {
			return false
		}
	}
	return start.Len() == len(attrs)
}

// positionAttrs returns the attributes of a LastEvaluatedKey of p: those of
// the table's key and of the index's.
func positionAttrs(p *table.Plan) []table.KeyAttr {
	attrs := p.Table.Key.All()
	if p.Index == nil {
		return attrs
	}
	for _, k := range p.Index.Key.All() {
		if !slices.Contains(attrs, k) {
			attrs = append(attrs, k)
		}
	}
	return attrs
}

// found is the outcome of a Query or Scan.
type found struct {
	items    []attr.Item
	count    model.Opt[int64]
	scanned  model.Opt[int64]
	last     model.Opt[attr.Item]
	capacity *model.ConsumedCapacity
}

// run reads one page of p.
func (r *reading) run(ctx context.Context, a *API, p table.Plan) (found, error) {
	page, err := a.Engine.Read(ctx, p)
	if err != nil {
		return found{}, err
	}
	out := found{count: model.Some(int64(page.Count)), scanned: model.Some(int64(page.Scanned))}
	if !p.CountOnly {
		out.items = projectAll(page.Items, r.parsed.Projection)
	}
	if !page.Last.IsEmpty() {
		var names []string
		for _, k := range positionAttrs(&p) {
			names = append(names, k.Name)
		}
		out.last = model.Some(keyAttributes(page.Last, names))
	}
	out.capacity = r.consumed(p, page).report(r.report)
	return out, nil
}

// consumed returns what reading page cost.
func (r *reading) consumed(p table.Plan, page table.Page) *capacity {
	used := &capacity{table: r.tableName}
	units := table.ReadUnits(page.Bytes, r.consistent)
	if p.Index == nil {
		used.read(units)
		return used
	}
	used.index(p.Index, units)
	if p.Fetch {
		used.read(page.FetchedUnits(r.consistent))
	}
	return used
}

// projectAll applies p to every item; the result is never nil.
func projectAll(items []attr.Item, p *expr.Projection) []attr.Item {
	if items == nil {
		return []attr.Item{}
	}
	if p != nil {
		for i := range items {
			items[i] = p.Apply(items[i])
		}
	}
	return items
}
