package api

import (
	"context"

	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/model"
	"github.com/statordb/stator/internal/transfer"
)

// CancelBulkOperation ends bulk puts. What is put stays.
func (a *API) CancelBulkOperation(ctx context.Context, in *model.CancelBulkOperationInput) (*model.CancelBulkOperationOutput, error) {
	b, err := a.Transfers.CancelBulk(ctx, in.BulkOperationArn.V)
	if err != nil {
		return nil, transferError(err, ddberr.BulkNotFound(in.BulkOperationArn.V), nil)
	}
	if b.Status != transfer.Cancelling {
		return nil, ddberr.BulkOver.Fault(b.Status)
	}
	return &model.CancelBulkOperationOutput{BulkOperationArn: model.Some(b.ARN()), BulkOperationStatus: model.Some(b.Status)}, nil
}
