package api

import (
	"context"

	"github.com/statordb/stator/internal/model"
)

// DescribeTable returns the description of a table.
func (a *API) DescribeTable(_ context.Context, in *model.DescribeTableInput) (*model.DescribeTableOutput, error) {
	t, err := a.described(in.TableName.V)
	if err != nil {
		return nil, err
	}
	return &model.DescribeTableOutput{Table: a.describe(t, statusActive)}, nil
}
