package api

import (
	"context"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/expr"
	"github.com/statordb/stator/internal/model"
	"github.com/statordb/stator/internal/table"
)

// GetItem reads the item with a key.
func (a *API) GetItem(ctx context.Context, in *model.GetItemInput) (*model.GetItemOutput, error) {
	projection, err := checkGet(in)
	if err != nil {
		return nil, err
	}
	t, err := a.readable(in.TableName.V)
	if err != nil {
		return nil, err
	}
	if err := t.CheckKey(in.Key.Item); err != nil {
		return nil, err
	}
	row, err := a.Engine.Get(ctx, t, in.Key.Item, in.ConsistentRead.V)
	if err != nil {
		return nil, err
	}
	used := capacity{table: in.TableName.V}
	used.read(table.ReadUnits(row.Size, in.ConsistentRead.V))
	return &model.GetItemOutput{
		Item:             projected(row.Item, projection),
		ConsumedCapacity: used.report(in.ReturnConsumedCapacity),
	}, nil
}

// checkGet checks what needs no table.
func checkGet(in *model.GetItemInput) (*expr.Projection, error) {
	if err := mixed(
		[]parameter{{"AttributesToGet", in.AttributesToGet != nil}},
		[]parameter{{"ProjectionExpression", in.ProjectionExpression.Set}},
	); err != nil {
		return nil, err
	}
	if err := itemFault(in.Key); err != nil {
		return nil, err
	}
	r := expressions(in.ExpressionAttributeNames, attr.InputItem{})
	r.Projection = text(in.ProjectionExpression)
	parsed, f := expr.Parse(r)
	if f != nil {
		return nil, f
	}
	if in.AttributesToGet != nil {
		return legacyProjection(in.AttributesToGet)
	}
	return parsed.Projection, nil
}

// projected returns what p leaves of an item; absent if there is no item.
func projected(item attr.Item, p *expr.Projection) model.Opt[attr.Item] {
	if item.IsEmpty() {
		return model.Opt[attr.Item]{}
	}
	if p != nil {
		item = p.Apply(item)
	}
	return model.Some(item)
}
