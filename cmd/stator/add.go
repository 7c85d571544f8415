package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

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
		OutputType: []types.OutputTypeEnum{types.OutputTypeEnumError, types.OutputTypeEnumConditionCheckFailure}}
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
	puts := i.outcome(d)
	if cancelled && d.BulkOperationStatus == types.BulkOperationStatusCancelled {
		return interrupted{fmt.Sprintf("%d items are in table %s and stay there", puts.put, i.table)}
	}
	if i.json {
		if err := printJSON(d); err != nil {
			return err
		}
	} else {
		fmt.Printf("table %s: %s\n", i.table, puts)
	}
	switch d.BulkOperationStatus {
	case types.BulkOperationStatusCompleted, types.BulkOperationStatusCompletedWithErrors:
	default:
		return fmt.Errorf("the operation %s is %s: %s %s", *d.BulkOperationArn, d.BulkOperationStatus, aws.ToString(d.FailureCode), aws.ToString(d.FailureMessage))
	}
	if d.ProcessedItemCount == 0 && aws.ToInt64(d.TotalInputBytes) == 0 {
		return i.nothing("")
	}
	if left := puts.refused + puts.failed; left > 0 {
		return reported{fmt.Errorf("%d items were not put: %s says which and why", left, puts.report)}
	}
	return nil
}

// outcome is what became of the items that were to be put.
type outcome struct {
	put, refused, failed int64
	counted              bool   // those refused, among those put if not
	report               string // what says which were not put
}

// String implements fmt.Stringer.
func (o outcome) String() string {
	text := fmt.Sprintf("%d items put of %d, ", o.put, o.put+o.refused+o.failed)
	switch {
	case !o.counted:
		text = fmt.Sprintf("%d items put, or refused by their condition as %s says, and ", o.put, o.report)
	case o.refused > 0:
		text += fmt.Sprintf("%d refused by their condition, ", o.refused)
	}
	return text + fmt.Sprintf("%d with errors", o.failed)
}

// outcome returns what became of the items. How many were refused only the
// manifest of the reports says, which is on this machine or not; if nothing at
// all was put, so does the usage.
func (i *importing) outcome(d *types.BulkOperationDescription) outcome {
	id := (*d.BulkOperationArn)[strings.LastIndexByte(*d.BulkOperationArn, '/')+1:]
	key := reportPrefix + "AWSDynamoDB/" + id + "/manifest.json"
	o := outcome{put: d.ProcessedItemCount - d.FailedItemCount, failed: d.FailedItemCount, report: "bucket " + i.bucket + ", " + key}
	bucket := filepath.Join(i.buckets.directory(), i.bucket)
	var manifest struct {
		RefusedItemCount int64
		Reports          []string
	}
	switch text, err := os.ReadFile(filepath.Join(bucket, filepath.FromSlash(key))); {
	case err == nil && json.Unmarshal(text, &manifest) == nil:
		o.refused, o.counted = manifest.RefusedItemCount, true
		o.report = filepath.Join(bucket, filepath.FromSlash(key))
		if len(manifest.Reports) == 1 {
			o.report = filepath.Join(bucket, filepath.FromSlash(manifest.Reports[0]))
		}
	case len(d.BulkOperationUsage) == 1 && aws.ToInt64(d.BulkOperationUsage[0].BulkPutBytes) == 0:
		o.refused, o.counted = o.put, true
	}
	o.put -= o.refused
	return o
}
