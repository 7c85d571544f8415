package api

import (
	"context"

	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/model"
	"github.com/statordb/stator/internal/table"
	"github.com/statordb/stator/internal/transfer"
)

// DescribeBulkOperation returns the state of bulk puts.
func (a *API) DescribeBulkOperation(ctx context.Context, in *model.DescribeBulkOperationInput) (*model.DescribeBulkOperationOutput, error) {
	b, err := a.Transfers.GetBulk(ctx, in.BulkOperationArn.V)
	if err != nil {
		return nil, transferError(err, ddberr.BulkNotFound(in.BulkOperationArn.V), nil)
	}
	out, err := describeBulk(b)
	return &model.DescribeBulkOperationOutput{BulkOperationDescription: out}, err
}

func describeBulk(b *transfer.Bulk) (*model.BulkOperationDescription, error) {
	in, err := b.In()
	if err != nil {
		return nil, err
	}
	out := &model.BulkOperationDescription{
		BulkOperationArn: model.Some(b.ARN()), BulkOperationStatus: model.Some(b.Status),
		TableDetails: []model.BulkOperationTableDetail{{TableName: model.Some(table.Title(b.Table)), TableId: model.Some(b.TableID)}},
		ClientToken:  optional(b.Token), StartTime: timestamp(b.Started), EndTime: timestamp(b.Ended),
		ProcessedItemCount: model.Some(b.Processed), FailedItemCount: model.Some(b.Failed),
		ProcessedInputBytes: model.Some(b.Bytes), TotalInputBytes: model.Some(b.TotalBytes),
		FailureCode: optional(b.FailureCode), FailureMessage: optional(b.FailureMessage),
		InputS3Configuration: in.InputS3Configuration, OutputS3Configuration: in.OutputS3Configuration,
		MaxWriteRequestUnits: in.MaxWriteRequestUnits, PerformanceTier: model.Some(in.PerformanceTier.Or("STANDARD")),
	}
	usage := model.BulkOperationUsage{TableName: model.Some(table.Title(b.Table)), Table: &model.BulkOperationBytes{BulkPutBytes: model.Some(b.Usage[""])}}
	total := b.Usage[""]
	add := func(to *[]model.Entry[model.BulkOperationBytes], names []string) {
		for _, name := range names {
			total += b.Usage[name]
			*to = append(*to, model.Entry[model.BulkOperationBytes]{Key: name, Value: model.BulkOperationBytes{BulkPutBytes: model.Some(b.Usage[name])}})
		}
	}
	add(&usage.LocalSecondaryIndexes, b.Local)
	add(&usage.GlobalSecondaryIndexes, b.Global)
	usage.BulkPutBytes = model.Some(total)
	out.BulkOperationUsage = []model.BulkOperationUsage{usage}
	return out, nil
}
