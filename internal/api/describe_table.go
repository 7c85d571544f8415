package api

import (
	"context"

	"github.com/statordb/stator/internal/model"
)

// DescribeTable returns the description of a table. What it counts of one that is
// being restored is there already.
func (a *API) DescribeTable(_ context.Context, in *model.DescribeTableInput) (*model.DescribeTableOutput, error) {
	t, err := a.described(in.TableName.V)
	if err != nil {
		return nil, err
	}
	if !t.Creating {
		return &model.DescribeTableOutput{Table: a.describe(t, statusActive)}, nil
	}
	out, so := a.describe(t, statusCreating), a.Backups.Progress(t.ID)
	out.ItemCount, out.TableSizeBytes = model.Some(so.Items), model.Some(so.Bytes)
	return &model.DescribeTableOutput{Table: out}, nil
}
