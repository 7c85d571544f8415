package api

import (
	"context"
	"crypto/sha256"
	"errors"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/model"
	"github.com/statordb/stator/internal/partiql"
	"github.com/statordb/stator/internal/table"
)

// ExecuteTransaction runs up to 100 PartiQL statements, all or none: reads of
// one item each, as TransactGetItems, or writes and EXISTS, as
// TransactWriteItems.
func (a *API) ExecuteTransaction(ctx context.Context, in *model.ExecuteTransactionInput) (*model.ExecuteTransactionOutput, error) {
	bound := make([]*partiql.Bound, len(in.TransactStatements))
	for i, s := range in.TransactStatements {
		b, err := a.bindStatement(s.Statement.V, s.Parameters)
		if err == nil && b.Returning.Given {
			err = ddberr.StatementReturningTransact.Fault()
		}
		if err != nil {
			return nil, inTransaction(i, err)
		}
		bound[i] = b
	}
	switch {
	case mixedKinds(bound, make([]error, len(bound))):
		return nil, ddberr.StatementsMixedTransactions.Fault()
	case bound[0].Kind.IsRead():
		return a.executeReads(ctx, in, bound)
	}
	return a.executeWrites(ctx, in, bound)
}

// inTransaction says in which statement of a transaction a fault is; other
// errors stay as they are.
func inTransaction(i int, err error) error {
	var f *ddberr.Fault
	if !errors.As(err, &f) {
		return err
	}
	return ddberr.StatementInTransaction.Fault(i, f.Render(ddberr.Older))
}

func (a *API) executeReads(ctx context.Context, in *model.ExecuteTransactionInput, bound []*partiql.Bound) (*model.ExecuteTransactionOutput, error) {
	gets := &model.TransactGetItemsInput{TransactItems: make([]model.TransactGetItem, len(bound))}
	for i, b := range bound {
		if b.Index != "" {
			return nil, inTransaction(i, ddberr.StatementIndexTransact.Fault())
		}
		s, err := a.keySelection(b, true, "ExecuteTransaction")
		if err != nil {
			return nil, inTransaction(i, err)
		}
		gets.TransactItems[i].Get = &model.Get{TableName: model.Some(b.Table), Key: attr.InputItem{Item: s.read.Key, Given: true}}
	}
	lookups, err := a.bindTransactGet(gets)
	if err != nil {
		return nil, err
	}
	rows, err := a.getAll(ctx, lookups)
	if err != nil {
		return nil, err
	}
	out := &model.ExecuteTransactionOutput{Responses: make([]model.ItemResponse, len(rows))}
	for i, row := range rows {
		out.Responses[i].Item = columns(bound[i], row.Item)
		used := capacity{table: bound[i].Table}
		used.read(table.TransactFactor * table.ReadUnits(row.Size, true))
		out.ConsumedCapacity = appendCapacity(out.ConsumedCapacity, used.reportTransaction(in.ReturnConsumedCapacity, true))
	}
	return out, nil
}

func (a *API) executeWrites(ctx context.Context, in *model.ExecuteTransactionInput, bound []*partiql.Bound) (*model.ExecuteTransactionOutput, error) {
	actions, err := a.statementActions(in, bound)
	if err != nil {
		return nil, err
	}
	done, err := a.transactWrite(ctx, actions, in.ClientRequestToken.V, func() [32]byte { return statementsDigest(in) })
	if err != nil {
		return nil, err
	}
	out := &model.ExecuteTransactionOutput{Responses: []model.ItemResponse{}}
	for i := range done.Changes {
		used := capacity{table: bound[i].Table}
		if done.Replayed {
			used.read(table.TransactFactor * table.ReadUnits(done.Changes[i].OldSize, true))
		} else {
			used.transactWrite(&done.Changes[i])
		}
		out.ConsumedCapacity = appendCapacity(out.ConsumedCapacity, used.reportTransaction(in.ReturnConsumedCapacity, done.Replayed))
	}
	return out, nil
}

// appendCapacity appends c if it is not nil. Each statement has an element of
// its own, in their order.
func appendCapacity(list []model.ConsumedCapacity, c *model.ConsumedCapacity) []model.ConsumedCapacity {
	if c == nil {
		return list
	}
	return append(list, *c)
}

// statementActions turns statements into the actions of a TransactWriteItems.
func (a *API) statementActions(in *model.ExecuteTransactionInput, bound []*partiql.Bound) ([]transactWrite, error) {
	actions := make([]transactWrite, len(bound))
	size := 0
	for i, b := range bound {
		if b.Index != "" {
			return nil, inTransaction(i, ddberr.StatementIndexTransact.Fault())
		}
		w, err := a.statementWrite(b)
		if err != nil {
			return nil, inTransaction(i, err)
		}
		w.onFailure = in.TransactStatements[i].ReturnValuesOnConditionCheckFailure
		actions[i] = w
		size += len(in.TransactStatements[i].Statement.V)
		for _, p := range in.TransactStatements[i].Parameters {
			size += p.Value.Size()
		}
	}
	if size > maxTransactBytes {
		return nil, ddberr.TransactTooLarge.Fault()
	}
	return actions, nil
}

// statementsDigest is digest for statements; the two are never the same.
func statementsDigest(in *model.ExecuteTransactionInput) [32]byte {
	same := model.ExecuteTransactionInput{TransactStatements: in.TransactStatements}
	return sha256.Sum256(same.AppendJSON(nil))
}
