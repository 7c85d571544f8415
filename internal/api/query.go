package api

import (
	"context"
	"slices"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/expr"
	"github.com/statordb/stator/internal/model"
	"github.com/statordb/stator/internal/table"
)

// Query reads the items with one partition key in the order of their sort key.
func (a *API) Query(ctx context.Context, in *model.QueryInput) (*model.QueryOutput, error) {
	r, err := checkQuery(in)
	if err != nil {
		return nil, err
	}
	p, err := r.plan(a)
	if err != nil {
		return nil, err
	}
	if err := bindQuery(&p, r, in); err != nil {
		return nil, err
	}
	got, err := r.run(ctx, a, p)
	if err != nil {
		return nil, err
	}
	return &model.QueryOutput{
		Items: got.items, Count: got.count, ScannedCount: got.scanned,
		LastEvaluatedKey: got.last, ConsumedCapacity: got.capacity,
	}, nil
}

// checkQuery checks what needs no table.
func checkQuery(in *model.QueryInput) (*reading, error) {
	r := &reading{
		tableName: in.TableName.V, indexName: in.IndexName, selects: in.Select, consistent: in.ConsistentRead.V,
		limit: in.Limit.V, start: in.ExclusiveStartKey, report: in.ReturnConsumedCapacity,
	}
	if err := mixed(
		[]parameter{{"AttributesToGet", in.AttributesToGet != nil}, {"QueryFilter", in.QueryFilter != nil}, {"ConditionalOperator", in.ConditionalOperator.Set}, {"KeyConditions", in.KeyConditions != nil}},
		[]parameter{{"ProjectionExpression", in.ProjectionExpression.Set}, {"FilterExpression", in.FilterExpression.Set}, {"KeyConditionExpression", in.KeyConditionExpression.Set}},
	); err != nil {
		return nil, err
	}
	if err := itemFault(in.ExclusiveStartKey); err != nil {
		return nil, err
	}
	if err := r.checkSelect(given([]parameter{{"AttributesToGet", in.AttributesToGet != nil}, {"ProjectionExpression", in.ProjectionExpression.Set}})); err != nil {
		return nil, err
	}
	e := expressions(in.ExpressionAttributeNames, in.ExpressionAttributeValues, expr.KindFilter, expr.KindKeyCondition)
	e.KeyCondition, e.Filter, e.Projection = text(in.KeyConditionExpression), text(in.FilterExpression), text(in.ProjectionExpression)
	parsed, f := expr.Parse(e)
	if f != nil {
		return nil, f
	}
	r.parsed = parsed
	if parsed.KeyCondition == nil {
		var err error
		if parsed.KeyCondition, err = legacyKeys(in.KeyConditions); err != nil {
			return nil, err
		}
	}
	return r, r.addLegacy(in.AttributesToGet, in.QueryFilter, in.ConditionalOperator)
}

// bindQuery checks the key condition, the filter and the start key against
// the schema and sets the range of p.
func bindQuery(p *table.Plan, r *reading, in *model.QueryInput) error {
	schema := p.Table.Schema(p.Index)
	bounds, f := r.parsed.KeyCondition.Bind(keyAttrs(schema.Hash), keyAttrs(schema.Sort))
	if f != nil {
		return f
	}
	what := "Filter Expression"
	if in.QueryFilter != nil {
		what = "QueryFilter"
	}
	if f := expr.FilterKeyFault(what, r.parsed.Filter, schema.Names()); f != nil {
		return f
	}
	p.Range = p.Table.QueryRange(p.Index, bounds)
	p.Range.Reverse = !in.ScanIndexForward.Or(true)
	if !r.start.Given {
		return nil
	}
	start := r.start.Item
	switch {
	case !startFits(p, start):
		return ddberr.StartKeyInvalid.Fault()
	case !samePartition(schema, bounds, start):
		return ddberr.StartKeyOutside.Fault()
	case !p.Resume(start):
		return ddberr.StartKeyPredicate.Fault()
	}
	return nil
}

// samePartition reports whether start has the partition key of bounds.
func samePartition(schema table.KeySchema, bounds expr.KeyRange, start attr.Item) bool {
	return slices.EqualFunc(schema.Hash, bounds.Hash, func(k table.KeyAttr, v attr.Value) bool { return attr.Equal(v, start.Get(k.Name)) })
}

func keyAttrs(attrs []table.KeyAttr) []expr.KeyAttr {
	out := make([]expr.KeyAttr, len(attrs))
	for i, a := range attrs {
		out[i] = expr.KeyAttr(a)
	}
	return out
}
