package api

import (
	"context"
	"strings"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/model"
	"github.com/statordb/stator/internal/partiql"
)

// BatchExecuteStatement runs up to 25 PartiQL statements, all of them reads of
// one item or all of them writes. What goes wrong with one of them is told in
// its response.
func (a *API) BatchExecuteStatement(ctx context.Context, in *model.BatchExecuteStatementInput) (*model.BatchExecuteStatementOutput, error) {
	bound := make([]*partiql.Bound, len(in.Statements))
	faults := make([]error, len(in.Statements))
	for i, s := range in.Statements {
		bound[i], faults[i] = a.bindStatement(s.Statement.V, s.Parameters)
	}
	if mixedKinds(bound, faults) {
		return nil, ddberr.StatementsMixedInBatch.Fault()
	}
	for i, s := range in.Statements {
		if faults[i] == nil {
			faults[i] = a.mayExecute(s.Statement, s.Parameters, model.Opt[string]{}, "")
		}
	}
	out := &model.BatchExecuteStatementOutput{Responses: make([]model.BatchStatementResponse, len(in.Statements))}
	for i, b := range bound {
		res := &out.Responses[i]
		if faults[i] != nil {
			res.Error = a.statementError(faults[i])
			continue
		}
		used := &capacity{table: b.Table}
		item, err := a.executeMember(ctx, b, in.Statements[i].ConsistentRead.V, used)
		if err != nil {
			res.Error = a.statementError(err)
			if c := res.Error.Code.V; c != model.BatchStatementErrorCodeEnumConditionalCheckFailed && c != model.BatchStatementErrorCodeEnumDuplicateItem {
				continue
			}
		}
		res.TableName, res.Item = model.Some(b.Table), item
		if shown := used.report(in.ReturnConsumedCapacity); shown != nil && err == nil {
			out.ConsumedCapacity = append(out.ConsumedCapacity, *shown)
		}
	}
	return out, nil
}

// mixedKinds reports whether some of the statements that have no fault are
// reads and others not.
func mixedKinds(bound []*partiql.Bound, faults []error) bool {
	reads, writes := false, false
	for i, b := range bound {
		if faults[i] == nil {
			reads = reads || b.Kind.IsRead()
			writes = writes || !b.Kind.IsRead()
		}
	}
	return reads && writes
}

// executeMember runs one statement of a batch and returns the item that its
// response shows.
func (a *API) executeMember(ctx context.Context, b *partiql.Bound, consistent bool, used *capacity) (item model.Opt[attr.Item], err error) {
	switch b.Kind {
	case partiql.Exists:
		return item, existsOutside()
	case partiql.Select:
		s, err := a.keySelection(b, consistent, "BatchExecuteStatement")
		if err != nil {
			return item, err
		}
		row, err := s.get(ctx, a, used)
		return columns(b, row), err
	}
	change, err := a.writeStatement(ctx, b, model.Opt[string]{})
	if err != nil {
		return item, err
	}
	used.write(&change)
	if shown := returned(b, &change); !shown.IsEmpty() {
		item = model.Some(shown)
	}
	return item, nil
}

// statementError turns an error into the Error of a response.
func (a *API) statementError(err error) *model.BatchStatementError {
	e := a.clientError("BatchExecuteStatement", ddberr.Older, nil, err)
	code := strings.TrimSuffix(e.Code, "Exception")
	switch e.Code {
	case "ValidationException":
		code = model.BatchStatementErrorCodeEnumValidationError
	case "ThrottlingException":
		code = model.BatchStatementErrorCodeEnumThrottlingError
	case "ServiceUnavailable":
		code = model.BatchStatementErrorCodeEnumInternalServerError
	}
	return &model.BatchStatementError{Code: model.Some(code), Message: model.Some(e.Message)}
}
