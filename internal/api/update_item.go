package api

import (
	"context"
	"errors"
	"slices"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/expr"
	"github.com/statordb/stator/internal/model"
	"github.com/statordb/stator/internal/table"
)

// UpdateItem changes attributes of the item with a key, creating it if there
// is none.
func (a *API) UpdateItem(ctx context.Context, in *model.UpdateItemInput) (*model.UpdateItemOutput, error) {
	parsed, err := checkUpdate(in)
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
		Table: t, Key: key, Condition: parsed.Condition, KeepOld: in.ReturnValues.V == model.ReturnValueAllOld || in.ReturnValues.V == model.ReturnValueUpdatedOld,
		Next: func(old attr.Item) (attr.Item, error) { return nextItem(t, key, old, parsed.Update) },
	})
	if err != nil {
		return nil, conditionError(err, in.ReturnValuesOnConditionCheckFailure)
	}
	used := capacity{table: in.TableName.V}
	used.write(&change)
	return &model.UpdateItemOutput{
		Attributes:            updatedAttributes(in.ReturnValues.V, parsed.Update, change),
		ConsumedCapacity:      used.report(in.ReturnConsumedCapacity),
		ItemCollectionMetrics: a.collectionMetrics(ctx, in.ReturnItemCollectionMetrics, t, key),
	}, nil
}

// checkUpdate checks what needs no table.
func checkUpdate(in *model.UpdateItemInput) (*expr.Parsed, error) {
	if err := mixed(
		[]parameter{{"AttributeUpdates", in.AttributeUpdates != nil}, {"Expected", in.Expected != nil}, {"ConditionalOperator", in.ConditionalOperator.Set}},
		[]parameter{{"UpdateExpression", in.UpdateExpression.Set}, {"ConditionExpression", in.ConditionExpression.Set}},
	); err != nil {
		return nil, err
	}
	if err := itemFault(in.Key); err != nil {
		return nil, err
	}
	r := expressions(in.ExpressionAttributeNames, in.ExpressionAttributeValues, expr.KindUpdate, expr.KindCondition)
	r.Update, r.Condition = text(in.UpdateExpression), text(in.ConditionExpression)
	parsed, f := expr.Parse(r)
	if f != nil {
		return nil, f
	}
	if isLong(parsed.Update) {
		return nil, ddberr.UpdatedTooLarge.Fault()
	}
	if in.UpdateExpression.Set || in.ConditionExpression.Set {
		return parsed, nil
	}
	var err error
	if parsed.Update, err = legacyUpdate(in.AttributeUpdates); err != nil {
		return nil, err
	}
	parsed.Condition, err = legacyExpected(in.Expected, in.ConditionalOperator)
	return parsed, err
}

// isLong reports whether the statement of u, which may be nil, is charged
// more than an item may have. In transactions it does not matter before the
// rewording. (Observed.)
func isLong(u *expr.Update) bool { return u != nil && u.Charge() > attr.MaxItemSize }

// nextItem computes the item after an update.
func nextItem(t *table.Table, key, old attr.Item, u *expr.Update) (attr.Item, error) {
	base := old
	if old.IsEmpty() {
		if u != nil && !u.CreatesItem() {
			return attr.Item{}, nil
		}
		base = key
	}
	if u == nil {
		return base, nil
	}
	next, f := u.Apply(base)
	if f != nil {
		return attr.Item{}, f
	}
	if next.AsMap().Depth()-1 > attr.MaxDepth {
		return attr.Item{}, ddberr.NestingTooDeep.Fault()
	}
	if next.Size() > attr.MaxItemSize {
		return attr.Item{}, ddberr.UpdatedTooLarge.Fault()
	}
	return next, computedIndexKey(t.CheckItem(next))
}

// computedIndexKey words a fault of an index key that an update has computed.
func computedIndexKey(err error) error {
	var f *ddberr.Fault
	if errors.As(err, &f) {
		switch f.Text {
		case &ddberr.IndexKeyType:
			return ddberr.UpdatedIndexKeyType.Fault()
		case &ddberr.IndexHashKeyLong, &ddberr.IndexSortKeyLong:
			return ddberr.UpdatedIndexKeyLong.Fault()
		}
	}
	return err
}

// updatedAttributes returns what ReturnValues shows of a change.
func updatedAttributes(returnValues string, u *expr.Update, c table.Change) model.Opt[attr.Item] {
	var shown attr.Item
	switch returnValues {
	case "ALL_OLD":
		shown = c.Old
	case "ALL_NEW":
		shown = c.New
	case "UPDATED_OLD", "UPDATED_NEW":
		if u == nil {
			break
		}
		from := c.New
		if returnValues == "UPDATED_OLD" {
			from = c.Old
		}
		shown = u.Updated(from)
	}
	if shown.IsEmpty() {
		return model.Opt[attr.Item]{}
	}
	return model.Some(shown)
}

// keyAttributes returns the attributes of it that names holds.
func keyAttributes(it attr.Item, names []string) attr.Item {
	names = slices.Clone(names)
	slices.Sort(names)
	return it.Project(slices.Compact(names))
}
