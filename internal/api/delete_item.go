package api

import (
	"context"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/expr"
	"github.com/statordb/stator/internal/model"
	"github.com/statordb/stator/internal/table"
)

// DeleteItem deletes the item with a key; an absent one is no error.
func (a *API) DeleteItem(ctx context.Context, in *model.DeleteItemInput) (*model.DeleteItemOutput, error) {
	parsed, err := checkDelete(in)
	if err != nil {
		return nil, err
	}
	t, err := a.writable(in.TableName.V)
	if err != nil {
		return nil, err
	}
	defer t.Release()
	key := in.Key.Item
	if err := t.CheckKey(key); err != nil {
		return nil, err
	}
	if err := checkAgainst(t, parsed); err != nil {
		return nil, err
	}
	change, err := a.Engine.Write(ctx, table.Mutation{
		Table: t, Key: key, Condition: parsed.Condition, KeepOld: in.ReturnValues.V == model.ReturnValueAllOld,
		Next: func(attr.Item) (attr.Item, error) { return attr.Item{}, nil },
	})
	if err != nil {
		return nil, conditionError(err, in.ReturnValuesOnConditionCheckFailure)
	}
	used := capacity{table: in.TableName.V}
	used.write(&change)
	return &model.DeleteItemOutput{
		Attributes:            oldAttributes(in.ReturnValues, change),
		ConsumedCapacity:      used.report(in.ReturnConsumedCapacity),
		ItemCollectionMetrics: a.collectionMetrics(ctx, in.ReturnItemCollectionMetrics, t, key),
	}, nil
}

// checkDelete checks what needs no table.
func checkDelete(in *model.DeleteItemInput) (*expr.Parsed, error) {
	if err := mixed(
		[]parameter{{"Expected", in.Expected != nil}, {"ConditionalOperator", in.ConditionalOperator.Set}},
		[]parameter{{"ConditionExpression", in.ConditionExpression.Set}},
	); err != nil {
		return nil, err
	}
	if err := itemFault(in.Key); err != nil {
		return nil, err
	}
	if err := checkOldOnly(in.ReturnValues); err != nil {
		return nil, err
	}
	r := expressions(in.ExpressionAttributeNames, in.ExpressionAttributeValues, expr.KindCondition)
	r.Condition = text(in.ConditionExpression)
	parsed, f := expr.Parse(r)
	if f != nil || in.ConditionExpression.Set {
		return parsed, fault(f)
	}
	var err error
	parsed.Condition, err = legacyExpected(in.Expected, in.ConditionalOperator)
	return parsed, err
}
