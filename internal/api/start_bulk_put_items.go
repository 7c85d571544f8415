package api

import (
	"context"

	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/model"
	"github.com/statordb/stator/internal/transfer"
)

// StartBulkPutItems begins to put the items of the objects in a bucket into a
// table that is there.
func (a *API) StartBulkPutItems(ctx context.Context, in *model.StartBulkPutItemsInput) (*model.StartBulkPutItemsOutput, error) {
	b, err := a.Transfers.MadeBulk(ctx, a.owner, in)
	if err == nil && b == nil {
		b, err = a.bulkPut(ctx, in)
	}
	if err != nil {
		return nil, transferError(err, nil, ddberr.BulkConflict(in.ClientToken.V))
	}
	out, err := describeBulk(b)
	return &model.StartBulkPutItemsOutput{BulkOperationDescription: out}, err
}

// bulkPut begins bulk puts that were not made before.
func (a *API) bulkPut(ctx context.Context, in *model.StartBulkPutItemsInput) (*transfer.Bulk, error) {
	if !in.OutputS3Configuration.S3Bucket.Set {
		return nil, ddberr.BulkNoOutput.Fault()
	}
	t, err := a.readable(in.TableName.V)
	if err != nil {
		return nil, err
	}
	for _, x := range t.Indexes {
		if indexStatus(x, statusActive) == statusCreating {
			return nil, ddberr.ResourceInUse("Attempt to change a resource which is still in use: Index is being created: " + x.Name)
		}
	}
	return a.Transfers.Bulk(ctx, t, a.tableARN(t.Name), in)
}
