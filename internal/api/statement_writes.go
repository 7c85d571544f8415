package api

import (
	"context"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/expr"
	"github.com/statordb/stator/internal/model"
	"github.com/statordb/stator/internal/partiql"
	"github.com/statordb/stator/internal/table"
)

// bindStatement parses a statement and puts its parameters.
func (a *API) bindStatement(text string, parameters []attr.InputValue) (*partiql.Bound, error) {
	s, f := a.statements.Parse(text)
	if f != nil {
		return nil, f
	}
	b, f := s.Bind(parameters)
	return b, fault(f)
}

// statementKeys returns a key as statements can use it.
func statementKeys(schema table.KeySchema) (keys partiql.Keys, err error) {
	if len(schema.Hash) > 1 || len(schema.Sort) > 1 {
		return keys, ddberr.StatementKeysComposite.Fault()
	}
	keys.Hash = expr.KeyAttr(schema.Hash[0])
	if len(schema.Sort) > 0 {
		keys.Sort = expr.KeyAttr(schema.Sort[0])
	}
	return keys, nil
}

// statementWrite turns a statement that is no SELECT into the same action that
// a member of TransactItems is.
func (a *API) statementWrite(b *partiql.Bound) (transactWrite, error) {
	w := transactWrite{tableName: b.Table, parsed: new(expr.Parsed)}
	t, err := a.readable(b.Table)
	if err != nil {
		return w, err
	}
	keys, err := statementKeys(t.Key)
	if err != nil {
		return w, err
	}
	if b.Kind == partiql.Insert {
		w.kind, w.insert, w.item = actionPut, true, attr.InputItem{Item: b.Item}
		return w, nil
	}
	found, f := b.Write(keys)
	switch {
	case b.Kind == partiql.Exists && (f != nil || found.Plain):
		return w, ddberr.StatementExistsShape.Fault()
	case f != nil:
		return w, f
	}
	w.item = attr.InputItem{Item: found.Key}
	w.parsed.Condition, w.parsed.Update = found.Condition, b.Update
	switch b.Kind {
	case partiql.Exists:
		w.kind = actionCheck
	case partiql.Update:
		w.kind = actionUpdate
	case partiql.Delete:
		w.kind = actionDelete
	}
	return w, nil
}

// writeStatement makes the write that b is.
func (a *API) writeStatement(ctx context.Context, b *partiql.Bound, onFailure model.Opt[string]) (table.Change, error) {
	w, err := a.statementWrite(b)
	if err != nil {
		return table.Change{}, err
	}
	if w.table, err = a.writable(b.Table); err != nil {
		return table.Change{}, err
	}
	defer w.table.Release()
	m, _, err := w.bind()
	if err != nil {
		return table.Change{}, err
	}
	m.KeepOld = b.Returning.Given && !b.Returning.New
	change, err := a.Engine.Write(ctx, m)
	if err != nil {
		return change, conditionError(w.failure(err), onFailure)
	}
	return change, nil
}
