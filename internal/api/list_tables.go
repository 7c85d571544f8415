package api

import (
	"context"

	"github.com/statordb/stator/internal/model"
)

// ListTables returns the names of the tables, sorted, up to 100 at a time.
func (a *API) ListTables(_ context.Context, in *model.ListTablesInput) (*model.ListTablesOutput, error) {
	names, more := a.Engine.Titles(a.owner, in.ExclusiveStartTableName.V, int(in.Limit.Or(100)))
	out := &model.ListTablesOutput{TableNames: names}
	if names == nil {
		out.TableNames = []string{}
	}
	if more {
		out.LastEvaluatedTableName = model.Some(names[len(names)-1])
	}
	return out, nil
}
