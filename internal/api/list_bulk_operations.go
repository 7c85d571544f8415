package api

import (
	"context"

	"github.com/statordb/stator/internal/model"
)

// ListBulkOperations returns the bulk puts of the last 90 days, ten at a time
// unless another number is asked for, the newest first.
func (a *API) ListBulkOperations(ctx context.Context, in *model.ListBulkOperationsInput) (*model.ListBulkOperationsOutput, error) {
	p, err := a.page(model.Opt[string]{}, in.NextToken, max(1, in.MaxResults.Or(10)))
	if err != nil {
		return nil, err
	}
	list, more, err := a.Transfers.ListBulk(ctx, p)
	if err != nil {
		return nil, err
	}
	out := &model.ListBulkOperationsOutput{BulkOperationsSummaryList: []model.BulkOperationSummary{}}
	for _, b := range list {
		out.BulkOperationsSummaryList = append(out.BulkOperationsSummaryList, model.BulkOperationSummary{
			BulkOperationArn: model.Some(b.ARN()), BulkOperationStatus: model.Some(b.Status), StartTime: timestamp(b.Started), EndTime: timestamp(b.Ended),
		})
		out.NextToken = pageToken(b.ARN(), more)
	}
	return out, nil
}
