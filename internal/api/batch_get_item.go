package api

import (
	"context"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/expr"
	"github.com/statordb/stator/internal/model"
	"github.com/statordb/stator/internal/table"
)

// Limits of BatchGetItem. (Developer guide, "Quotas".)
const (
	maxBatchKeys  = 100
	maxBatchBytes = 16 << 20
)

// BatchGetItem reads up to 100 items by key from one or more tables. What
// does not fit in 16 MB comes back as UnprocessedKeys.
func (a *API) BatchGetItem(ctx context.Context, in *model.BatchGetItemInput) (*model.BatchGetItemOutput, error) {
	gets, err := checkBatchGet(in)
	if err != nil {
		return nil, err
	}
	for i := range gets {
		if err := gets[i].bind(a); err != nil {
			return nil, err
		}
	}
	out := &model.BatchGetItemOutput{
		Responses:       []model.Entry[[]attr.Item]{},
		UnprocessedKeys: []model.Entry[model.KeysAndAttributes]{},
	}
	room := maxBatchBytes
	var throttled error
	for i := range gets {
		err := gets[i].read(ctx, a, out, &room)
		switch {
		case isThrottled(err):
			throttled = err
		case err != nil:
			return nil, err
		}
		if c := gets[i].used.report(in.ReturnConsumedCapacity); c != nil {
			out.ConsumedCapacity = append(out.ConsumedCapacity, *c)
		}
	}
	if throttled != nil && unprocessedAll(in, out) {
		return nil, throttled
	}
	return out, nil
}

// unprocessedAll reports whether no key of in was read.
func unprocessedAll(in *model.BatchGetItemInput, out *model.BatchGetItemOutput) bool {
	asked, left := 0, 0
	for _, e := range in.RequestItems {
		asked += len(e.Value.Keys)
	}
	for _, e := range out.UnprocessedKeys {
		left += len(e.Value.Keys)
	}
	return left == asked
}

// batchGet is the part of a BatchGetItem for one table.
type batchGet struct {
	name       string // as the request named the table
	in         *model.KeysAndAttributes
	projection *expr.Projection
	table      *table.Table
	used       capacity
}

// checkBatchGet checks what needs no table.
func checkBatchGet(in *model.BatchGetItemInput) ([]batchGet, error) {
	if len(in.RequestItems) == 0 {
		return nil, ddberr.BatchGetEmpty.Fault()
	}
	if err := checkProjections(in); err != nil {
		return nil, err
	}
	gets := make([]batchGet, len(in.RequestItems))
	keys := 0
	for i := range in.RequestItems {
		e := &in.RequestItems[i]
		if keys += len(e.Value.Keys); keys > maxBatchKeys {
			return nil, ddberr.BatchGetTooMany.Fault()
		}
		gets[i] = batchGet{name: e.Key, in: &e.Value, used: capacity{table: e.Key}}
		if err := gets[i].check(); err != nil {
			return nil, err
		}
	}
	return gets, nil
}

// checkProjections reports a request that has AttributesToGet and
// ProjectionExpression, for one table or for two.
func checkProjections(in *model.BatchGetItemInput) error {
	legacy, expression := false, false
	for i := range in.RequestItems {
		keys := &in.RequestItems[i].Value
		legacy = legacy || keys.AttributesToGet != nil
		expression = expression || keys.ProjectionExpression.Set
	}
	return mixed([]parameter{{"AttributesToGet", legacy}}, []parameter{{"ProjectionExpression", expression}})
}

func (g *batchGet) check() error {
	seen := make(map[string]bool, len(g.in.Keys))
	for _, key := range g.in.Keys {
		if err := itemFault(key); err != nil {
			return err
		}
		if seen[string(key.Item.Stored())] {
			return ddberr.BatchDuplicates.Fault()
		}
		seen[string(key.Item.Stored())] = true
	}
	r := expressions(g.in.ExpressionAttributeNames, attr.InputItem{})
	r.Projection = text(g.in.ProjectionExpression)
	parsed, f := expr.Parse(r)
	if f != nil {
		return f
	}
	g.projection = parsed.Projection
	if g.in.AttributesToGet != nil {
		var err error
		g.projection, err = legacyProjection(g.in.AttributesToGet)
		return err
	}
	return nil
}

func (g *batchGet) bind(a *API) (err error) {
	if g.table, err = a.readable(g.name); err != nil {
		return err
	}
	for _, key := range g.in.Keys {
		if err := g.table.CheckKey(key.Item); err != nil {
			return err
		}
	}
	return nil
}

// read adds the items of g to out, as far as they fit in room and capacity
// allows. A *meter.Throttle says that it did not.
func (g *batchGet) read(ctx context.Context, a *API, out *model.BatchGetItemOutput, room *int) error {
	items := []attr.Item{}
	consistent := g.in.ConsistentRead.V
	rest := *g.in
	rest.Keys = nil
	var throttled error
	for i, key := range g.in.Keys {
		if *room <= 0 {
			rest.Keys = append(rest.Keys, g.in.Keys[i:]...)
			break
		}
		row, err := a.Engine.Get(ctx, g.table, key.Item, consistent)
		switch {
		case isThrottled(err):
			throttled = err
			rest.Keys = append(rest.Keys, key)
			continue
		case err != nil:
			return err
		}
		if *room -= row.Size; *room < 0 {
			*room = 0
		}
		g.used.read(table.ReadUnits(row.Size, consistent))
		if shown := projected(row.Item, g.projection); shown.Set {
			items = append(items, shown.V)
		}
	}
	out.Responses = append(out.Responses, model.Entry[[]attr.Item]{Key: g.name, Value: items})
	if rest.Keys != nil {
		out.UnprocessedKeys = append(out.UnprocessedKeys, model.Entry[model.KeysAndAttributes]{Key: g.name, Value: rest})
	}
	return throttled
}
