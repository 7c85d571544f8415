package api

import (
	"context"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/model"
	"github.com/statordb/stator/internal/partiql"
	"github.com/statordb/stator/internal/table"
)

// ExecuteStatement runs one PartiQL statement: a SELECT is a GetItem, a Query,
// several of those, or a Scan; the others are a PutItem, an UpdateItem or a
// DeleteItem.
func (a *API) ExecuteStatement(ctx context.Context, in *model.ExecuteStatementInput) (*model.ExecuteStatementOutput, error) {
	b, err := a.bindStatement(in.Statement.V, in.Parameters)
	switch {
	case err != nil:
		return nil, err
	case b.Kind == partiql.Exists:
		return nil, existsOutside()
	case b.Kind == partiql.Select:
		return a.executeSelect(ctx, in, b)
	}
	change, err := a.writeStatement(ctx, b, in.ReturnValuesOnConditionCheckFailure)
	if err != nil {
		return nil, err
	}
	out := &model.ExecuteStatementOutput{Items: []attr.Item{}}
	if item := returned(b, &change); !item.IsEmpty() {
		out.Items = append(out.Items, item)
	}
	used := capacity{table: b.Table}
	used.write(&change)
	out.ConsumedCapacity = used.report(in.ReturnConsumedCapacity)
	return out, nil
}

// executeSelect reads one page.
func (a *API) executeSelect(ctx context.Context, in *model.ExecuteStatementInput, b *partiql.Bound) (*model.ExecuteStatementOutput, error) {
	s, err := a.selection(b, in.ConsistentRead.V)
	if err != nil {
		return nil, err
	}
	out := &model.ExecuteStatementOutput{Items: []attr.Item{}}
	used := &capacity{table: b.Table}
	if s.isGet() {
		if in.NextToken.Set { // no such read has a second page
			return nil, ddberr.StatementToken.Fault()
		}
		item, err := s.get(ctx, a, used)
		if err != nil {
			return nil, err
		}
		if !item.IsEmpty() && s.read.Filter.Eval(item) {
			out.Items = append(out.Items, b.Projection.Apply(item))
		}
		out.ConsumedCapacity = used.report(in.ReturnConsumedCapacity)
		return out, nil
	}
	token := tokenScope(in)
	from, err := token.decode(in.NextToken)
	if err != nil {
		return nil, err
	}
	items, next, err := s.page(ctx, a, from, int(in.Limit.V), used)
	if err != nil {
		return nil, err
	}
	for _, item := range items {
		out.Items = append(out.Items, b.Projection.Apply(item))
	}
	if next != nil {
		out.NextToken = model.Some(token.encode(*next))
		if !next.start.IsEmpty() {
			out.LastEvaluatedKey = model.Some(next.start)
		}
	}
	out.ConsumedCapacity = used.report(in.ReturnConsumedCapacity)
	return out, nil
}

// existsOutside is the fault of EXISTS outside of a transaction, where it is
// no statement.
func existsOutside() error { return ddberr.StatementMalformed.Fault("Expected data manipulation") }

// returned returns what RETURNING shows of a change, empty if nothing.
func returned(b *partiql.Bound, c *table.Change) attr.Item {
	r := b.Returning
	if !r.Given {
		return attr.Item{}
	}
	item := c.Old
	if r.New {
		item = c.New
	}
	if r.Modified {
		item = b.Update.Updated(item)
	}
	return item
}
