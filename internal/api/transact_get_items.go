package api

import (
	"context"
	"errors"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/expr"
	"github.com/statordb/stator/internal/model"
	"github.com/statordb/stator/internal/table"
)

// TransactGetItems reads up to 100 items as they are at one instant.
func (a *API) TransactGetItems(ctx context.Context, in *model.TransactGetItemsInput) (*model.TransactGetItemsOutput, error) {
	projections, err := checkTransactGet(in)
	if err != nil {
		return nil, err
	}
	lookups, err := a.bindTransactGet(in)
	if err != nil {
		return nil, err
	}
	rows, err := a.getAll(ctx, lookups)
	if err != nil {
		return nil, err
	}
	out := &model.TransactGetItemsOutput{}
	var used []*capacity
	for i, row := range rows {
		out.Responses = append(out.Responses, model.ItemResponse{Item: projected(row.Item, projections[i])})
		c := capacityOf(&used, in.TransactItems[i].Get.TableName.V)
		c.read(table.TransactFactor * table.ReadUnits(row.Size, true))
	}
	for _, c := range used {
		if shown := c.reportTransaction(in.ReturnConsumedCapacity, true); shown != nil {
			out.ConsumedCapacity = append(out.ConsumedCapacity, *shown)
		}
	}
	return out, nil
}

// checkTransactGet checks what needs no table.
func checkTransactGet(in *model.TransactGetItemsInput) ([]*expr.Projection, error) {
	projections := make([]*expr.Projection, len(in.TransactItems))
	for i, g := range in.TransactItems {
		if err := itemFault(g.Get.Key); err != nil {
			return nil, err
		}
		r := expressions(g.Get.ExpressionAttributeNames, attr.InputItem{})
		r.Projection = text(g.Get.ProjectionExpression)
		parsed, f := expr.Parse(r)
		if f != nil {
			return nil, f
		}
		projections[i] = parsed.Projection
	}
	return projections, nil
}

// bindTransactGet looks up the tables and checks the keys.
func (a *API) bindTransactGet(in *model.TransactGetItemsInput) ([]table.Lookup, error) {
	lookups := make([]table.Lookup, len(in.TransactItems))
	reasons := make([]error, len(in.TransactItems))
	for i, g := range in.TransactItems {
		t, err := a.readable(g.Get.TableName.V)
		if err != nil {
			return nil, err
		}
		lookups[i] = table.Lookup{Table: t, Key: g.Get.Key.Item}
	}
	seen := map[string]bool{}
	refused := false
	for i, l := range lookups {
		if err := l.Table.CheckKey(l.Key); err != nil {
			if isEmptyKey(err) {
				return nil, err
			}
			reasons[i], refused = err, true
			continue
		}
		key := string(l.Table.ItemKey(l.Key))
		if seen[key] {
			return nil, ddberr.TransactRepeated.Fault()
		}
		seen[key] = true
	}
	if refused {
		return nil, a.cancellation(reasons, noItem)
	}
	return lookups, nil
}

// getAll reads items as they are at one instant.
func (a *API) getAll(ctx context.Context, lookups []table.Lookup) ([]table.Row, error) {
	rows, err := a.Engine.GetAll(ctx, lookups)
	var canceled *table.Canceled
	if errors.As(err, &canceled) {
		return nil, a.cancellation(canceled.Reasons, noItem)
	}
	return rows, err
}

// noItem is the ReturnValuesOnConditionCheckFailure of reads.
func noItem(int) model.Opt[string] { return model.Opt[string]{} }
