package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/statordb/stator/internal/progress"
)

// reportPrefix begins the keys of reports of what could not be put.
const reportPrefix = "not-imported/"

// add puts the items into a table that is there.
func (i *importing) add(ctx context.Context) error {
	if i.format == "CSV" {
		return misuse{errors.New("CSV makes new tables only: give --partition-key, or DYNAMODB_JSON or ION")}
	}
	source := &types.InputS3Configuration{S3Bucket: &i.bucket, InputFormat: types.BulkOperationInputFormat(i.format)}
	if i.compression != "" {
		source.InputCompressionType = types.InputCompressionType(i.compression)
	}
	if i.prefix != "" {
		source.S3KeyPrefix = &i.prefix
	}
	report := &types.OutputS3Configuration{S3Bucket: &i.bucket, S3KeyPrefix: aws.String(reportPrefix),
		OutputType: []types.OutputTypeEnum{types.OutputTypeEnumError}}
	out, err := i.client().StartBulkPutItems(ctx, &dynamodb.StartBulkPutItemsInput{
		TableName: &i.table, InputS3Configuration: source, OutputS3Configuration: report})
	if absent := (*types.ResourceNotFoundException)(nil); errors.As(err, &absent) {
		return fmt.Errorf("there is no table %s to add to: give --partition-key, and it is made", i.table)
	}
	if err != nil {
		return err
	}
	return i.awaitPuts(ctx, out.BulkOperationDescription)
}

// awaitPuts waits until the puts are over; Ctrl-C cancels them.
func (i *importing) awaitPuts(ctx context.Context, d *types.BulkOperationDescription) error {
	m := meter(i.json, "putting into "+i.table, progress.Bytes)
	defer m.Clear()
	cancelled := false
	for d.BulkOperationStatus == types.BulkOperationStatusInProgress || d.BulkOperationStatus == types.BulkOperationStatusCancelling {
		if !pause(ctx) && !cancelled {
			cancelled, ctx = true, context.WithoutCancel(ctx)
			if _, err := i.client().CancelBulkOperation(ctx, &dynamodb.CancelBulkOperationInput{BulkOperationArn: d.BulkOperationArn}); err != nil {
				return goesOn{interrupted{fmt.Sprintf("the operation %s goes on in the server: %v", *d.BulkOperationArn, i.explain(err))}}
			}
		}
		out, err := i.client().DescribeBulkOperation(ctx, &dynamodb.DescribeBulkOperationInput{BulkOperationArn: d.BulkOperationArn})
		if ctx.Err() != nil {
			continue
		}
		if err != nil {
			return i.lost(fmt.Sprintf("the operation %s, from bucket %s,", *d.BulkOperationArn, i.bucket), err)
		}
		d = out.BulkOperationDescription
		m.Set(aws.ToInt64(d.ProcessedInputBytes), aws.ToInt64(d.TotalInputBytes))
	}
	m.Clear()
	if cancelled && d.BulkOperationStatus == types.BulkOperationStatusCancelled {
		return interrupted{fmt.Sprintf("%d items are in table %s and stay there", d.ProcessedItemCount, i.table)}
	}
	if i.json {
		if err := printJSON(d); err != nil {
			return err
		}
	} else {
		processed, failed := d.ProcessedItemCount, d.FailedItemCount
		fmt.Printf("table %s: %d items put of %d, %d with errors\n", i.table, processed-failed, processed, failed)
	}
	if d.BulkOperationStatus == types.BulkOperationStatusCompletedWithErrors {
		return reported{fmt.Errorf("%d items are not in the table: bucket %s, %s says which and why", d.FailedItemCount, i.bucket, reportPrefix)}
	}
	if d.BulkOperationStatus != types.BulkOperationStatusCompleted {
		return fmt.Errorf("the operation %s is %s: %s %s", *d.BulkOperationArn, d.BulkOperationStatus, aws.ToString(d.FailureCode), aws.ToString(d.FailureMessage))
	}
	return nil
}
