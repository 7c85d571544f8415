package api

import (
	"context"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/expr"
	"github.com/statordb/stator/internal/model"
	"github.com/statordb/stator/internal/table"
)

// PutItem stores an item in place of the one with its key.
func (a *API) PutItem(ctx context.Context, in *model.PutItemInput) (*model.PutItemOutput, error) {
	parsed, err := checkPut(in)
	if err != nil {
		return nil, err
	}
	t, err := a.writable(in.TableName.V)
	if err != nil {
		return nil, err
	}
	defer t.Release()
	item := in.Item.Item
	if err := t.CheckItem(item); err != nil {
		return nil, err
	}
	if err := checkAgainst(t, parsed); err != nil {
		return nil, err
	}
	change, err := a.Engine.Write(ctx, table.Mutation{
		Table: t, Key: item, Condition: parsed.Condition, KeepOld: in.ReturnValues.V == model.ReturnValueAllOld,
		Next: func(attr.Item) (attr.Item, error) { return item, nil },
	})
	if err != nil {
		return nil, conditionError(err, in.ReturnValuesOnConditionCheckFailure)
	}
	used := capacity{table: in.TableName.V}
	used.write(&change)
	return &model.PutItemOutput{
		Attributes:            oldAttributes(in.ReturnValues, change),
		ConsumedCapacity:      used.report(in.ReturnConsumedCapacity),
		ItemCollectionMetrics: a.collectionMetrics(ctx, in.ReturnItemCollectionMetrics, t, item),
	}, nil
}

// checkPut checks what needs no table.
func checkPut(in *model.PutItemInput) (*expr.Parsed, error) {
	if err := mixed(
		[]parameter{{"Expected", in.Expected != nil}, {"ConditionalOperator", in.ConditionalOperator.Set}},
		[]parameter{{"ConditionExpression", in.ConditionExpression.Set}},
	); err != nil {
		return nil, err
	}
	if err := itemFault(in.Item); err != nil {
		return nil, err
	}
	if err := checkOldOnly(in.ReturnValues); err != nil {
		return nil, err
	}
	if in.Item.Item.Size() > attr.MaxItemSize {
		return nil, ddberr.ItemTooLarge.Fault()
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

// checkOldOnly reports a ReturnValues that only UpdateItem has.
func checkOldOnly(returnValues model.Opt[string]) error {
	if rv := returnValues.Or("NONE"); rv != "NONE" && rv != "ALL_OLD" {
		return ddberr.ReturnValuesOld.Fault()
	}
	return nil
}

// oldAttributes returns the item before the change if ReturnValues asks for
// it and there was one.
func oldAttributes(returnValues model.Opt[string], c table.Change) model.Opt[attr.Item] {
	if returnValues.V != "ALL_OLD" || c.Old.IsEmpty() {
		return model.Opt[attr.Item]{}
	}
	return model.Some(c.Old)
}
