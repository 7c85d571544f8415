package api

import (
	"context"

	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/model"
	"github.com/statordb/stator/internal/transfer"
)

// DescribeExport returns the state of an export.
func (a *API) DescribeExport(ctx context.Context, in *model.DescribeExportInput) (*model.DescribeExportOutput, error) {
	e, err := a.Transfers.GetExport(ctx, in.ExportArn.V)
	if err != nil {
		return nil, transferError(err, ddberr.ExportNotFound(in.ExportArn.V), nil)
	}
	out, err := describeExport(e)
	return &model.DescribeExportOutput{ExportDescription: out}, err
}

func describeExport(e *transfer.Export) (*model.ExportDescription, error) {
	in, err := e.In()
	if err != nil {
		return nil, err
	}
	out := &model.ExportDescription{
		ExportArn: model.Some(e.ARN()), ExportStatus: model.Some(e.Status),
		StartTime: timestamp(e.Started), EndTime: timestamp(e.Ended), ExportTime: timestamp(e.At),
		TableArn: model.Some(e.TableARN), TableId: model.Some(e.TableID), ClientToken: optional(e.Token),
		S3Bucket: in.S3Bucket, S3BucketOwner: in.S3BucketOwner, S3Prefix: in.S3Prefix,
		S3SseAlgorithm: model.Some(in.S3SseAlgorithm.Or("AES256")), S3SseKmsKeyId: in.S3SseKmsKeyId,
		ExportFormat: model.Some(in.ExportFormat.Or("DYNAMODB_JSON")), ExportType: model.Some(in.ExportType.Or("FULL_EXPORT")),
		ExportManifest: optional(e.Manifest), FailureCode: optional(e.FailureCode), FailureMessage: optional(e.FailureMessage),
		FilterSpecification: in.FilterSpecification,
	}
	if e.Incremental() {
		out.IncrementalExportSpecification = &model.IncrementalExportSpecification{
			ExportFromTime: timestamp(e.From), ExportToTime: timestamp(e.To),
			ExportViewType: model.Some(in.IncrementalExportSpecification.ExportViewType.Or("NEW_AND_OLD_IMAGES")),
		}
	}
	if e.Status == transfer.Completed {
		out.ItemCount, out.BilledSizeBytes = model.Some(e.Items), model.Some(e.Bytes)
	}
	return out, nil
}
