package api

import (
	"context"

	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/model"
	"github.com/statordb/stator/internal/transfer"
)

// DescribeImport returns the state of an import.
func (a *API) DescribeImport(ctx context.Context, in *model.DescribeImportInput) (*model.DescribeImportOutput, error) {
	i, err := a.Transfers.GetImport(ctx, in.ImportArn.V)
	if err != nil {
		return nil, transferError(err, ddberr.ImportNotFound(in.ImportArn.V), nil)
	}
	out, err := a.describeImport(i)
	return &model.DescribeImportOutput{ImportTableDescription: out}, err
}

// importLogs is the ARN of the log group that DynamoDB writes to; here the lines
// are in a file.
func (a *API) importLogs() string {
	return "arn:aws:logs:" + a.Region + ":" + a.Account + ":log-group:/aws-dynamodb/imports:*"
}

func (a *API) describeImport(i *transfer.Import) (*model.ImportTableDescription, error) {
	in, err := i.In()
	if err != nil {
		return nil, err
	}
	return &model.ImportTableDescription{
		ImportArn: model.Some(i.ARN()), ImportStatus: model.Some(i.Status), TableArn: model.Some(i.TableARN), TableId: model.Some(i.TableID),
		ClientToken: optional(i.Token), S3BucketSource: in.S3BucketSource, CloudWatchLogGroupArn: model.Some(a.importLogs()),
		InputFormat: in.InputFormat, InputFormatOptions: in.InputFormatOptions, InputCompressionType: model.Some(in.InputCompressionType.Or("NONE")),
		TableCreationParameters: in.TableCreationParameters, StartTime: timestamp(i.Started), EndTime: timestamp(i.Ended),
		ErrorCount: model.Some(i.Errors), ProcessedItemCount: model.Some(i.Processed), ImportedItemCount: model.Some(i.Imported), ProcessedSizeBytes: model.Some(i.Bytes),
		FailureCode: optional(i.FailureCode), FailureMessage: optional(i.FailureMessage),
	}, nil
}
