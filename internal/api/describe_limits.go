package api

import (
	"context"

	"github.com/statordb/stator/internal/model"
)

// DescribeLimits returns the default quotas of an account. (Developer guide,
// "Quotas".)
func (a *API) DescribeLimits(context.Context, *model.DescribeLimitsInput) (*model.DescribeLimitsOutput, error) {
	return &model.DescribeLimitsOutput{
		AccountMaxReadCapacityUnits:  model.Some[int64](80000),
		AccountMaxWriteCapacityUnits: model.Some[int64](80000),
		TableMaxReadCapacityUnits:    model.Some[int64](40000),
		TableMaxWriteCapacityUnits:   model.Some[int64](40000),
	}, nil
}
