package api

import (
	"context"

	"github.com/statordb/stator/internal/model"
)

// DescribeLimits returns the default quotas of an account. (Developer guide,
// "Quotas".)
func (a *API) DescribeLimits(context.Context, *model.DescribeLimitsInput) (*model.DescribeLimitsOutput, error) {
	return &model.DescribeLimitsOutput{
		AccountMaxReadCapacityUnits:  model.Some[int64](accountUnits),
		AccountMaxWriteCapacityUnits: model.Some[int64](accountUnits),
		TableMaxReadCapacityUnits:    model.Some[int64](tableUnits),
		TableMaxWriteCapacityUnits:   model.Some[int64](tableUnits),
	}, nil
}
