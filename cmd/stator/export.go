package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/statordb/stator/internal/handover"
	"github.com/statordb/stator/internal/progress"
)

const exportUsage = "stator export TABLE --to DIR | --bucket BUCKET; stator export --help lists the flags"

// exportTable exports a table, to a directory or a bucket.
func exportTable(args []string) error {
	e := &exporting{}
	set := flag.NewFlagSet("stator export", flag.ContinueOnError)
	e.define(set)
	values, err := parseArguments(set, args, "TABLE")
	if err != nil {
		return err
	}
	e.table = values[0]
	if (e.to == "") == (e.bucket == "") {
		return misuse{errors.New("use " + exportUsage)}
	}
	in, err := e.input()
	if err != nil {
		return misuse{err}
	}
	ctx, stop := interruptible()
	defer stop()
	return e.explain(e.run(ctx, in))
}

// exporting is stator export.
type exporting struct {
	remote
	buckets                                                   bucketFlags
	table, to, bucket, prefix, format, at, since, until, view string
}

func (e *exporting) define(set *flag.FlagSet) {
	e.remote.define(set)
	e.buckets.define(set)
	set.StringVar(&e.to, "to", "", "directory to make, with the export in it; for a server on this machine that has its buckets in a directory")
	set.StringVar(&e.bucket, "bucket", "", "bucket of the server that the export goes to")
	set.StringVar(&e.prefix, "prefix", "", "what the keys in the bucket begin with")
	set.StringVar(&e.format, "format", "DYNAMODB_JSON", "DYNAMODB_JSON or ION")
	set.StringVar(&e.at, "at", "", "export the table as it was, at a time like 2026-11-01T12:00:00Z")
	set.StringVar(&e.since, "since", "", "export what has changed since a time; with --until")
	set.StringVar(&e.until, "until", "", "export what has changed until a time; with --since")
	set.StringVar(&e.view, "view", "NEW_AND_OLD_IMAGES", "of changes: NEW_IMAGE or NEW_AND_OLD_IMAGES")
}

// input returns the request, but for the ARN of the table and the bucket.
func (e *exporting) input() (*dynamodb.ExportTableToPointInTimeInput, error) {
	in := &dynamodb.ExportTableToPointInTimeInput{ExportFormat: types.ExportFormat(strings.ToUpper(e.format))}
	if e.prefix != "" {
		in.S3Prefix = &e.prefix
	}
	var err error
	instant := func(flag, text string) *time.Time {
		if text == "" {
			return nil
		}
		at, bad := time.Parse(time.RFC3339, text)
		if bad != nil {
			err = fmt.Errorf("--%s %q: give a time like 2026-11-01T12:00:00Z", flag, text)
		}
		return &at
	}
	in.ExportTime = instant("at", e.at)
	if e.since == "" && e.until == "" {
		return in, err
	}
	if e.since == "" || e.until == "" || e.at != "" {
		return nil, errors.New("--since and --until go together, and without --at")
	}
	in.ExportType = types.ExportTypeIncrementalExport
	in.IncrementalExportSpecification = &types.IncrementalExportSpecification{
		ExportFromTime: instant("since", e.since), ExportToTime: instant("until", e.until), ExportViewType: types.ExportViewType(e.view)}
	return in, err
}

func (e *exporting) run(ctx context.Context, in *dynamodb.ExportTableToPointInTimeInput) (err error) {
	var local *handover.Bucket
	if e.to != "" {
		if _, err := os.Stat(e.to); err == nil {
			return fmt.Errorf("%s is there already: give a directory that is not", e.to)
		}
		if local, err = handover.NewBucket(e.buckets.directory(), "export-"); err != nil {
			return err
		}
		e.bucket = local.Name
		defer func() {
			if !errors.As(err, new(goesOn)) {
				err = errors.Join(err, local.Remove())
			}
		}()
	}
	c := e.client()
	table, err := c.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &e.table})
	if err != nil {
		return err
	}
	in.TableArn, in.S3Bucket = table.Table.TableArn, &e.bucket
	out, err := c.ExportTableToPointInTime(ctx, in)
	if err != nil {
		return err
	}
	d, err := e.await(ctx, out.ExportDescription, aws.ToInt64(table.Table.ItemCount))
	if err == nil && local != nil {
		err = local.Take(ctx, *d.ExportManifest, e.to)
	}
	if err != nil {
		return err
	}
	return e.print(d)
}

// await waits until the export of a table of about so many items is over.
func (e *exporting) await(ctx context.Context, d *types.ExportDescription, items int64) (*types.ExportDescription, error) {
	m := meter(e.json, "exporting "+e.table, progress.Items)
	defer m.Clear()
	work := fmt.Sprintf("the export %s, into bucket %s,", *d.ExportArn, e.bucket)
	left := goesOn{interrupted{fmt.Sprintf("the export %s goes on in the server, into bucket %s", *d.ExportArn, e.bucket)}}
	for d.ExportStatus == types.ExportStatusInProgress {
		if !pause(ctx) {
			return nil, left
		}
		out, err := e.client().DescribeExport(ctx, &dynamodb.DescribeExportInput{ExportArn: d.ExportArn})
		if ctx.Err() != nil {
			return nil, left
		}
		if err != nil {
			return nil, e.lost(work, err)
		}
		d = out.ExportDescription
		m.Set(aws.ToInt64(d.ItemCount), items)
	}
	if d.ExportStatus != types.ExportStatusCompleted {
		return nil, fmt.Errorf("the export %s is %s: %s: %s", *d.ExportArn, d.ExportStatus, aws.ToString(d.FailureCode), aws.ToString(d.FailureMessage))
	}
	return d, nil
}

func (e *exporting) print(d *types.ExportDescription) error {
	if e.json {
		return printJSON(d)
	}
	where := "bucket " + e.bucket + ", " + *d.ExportManifest
	if e.to != "" {
		where = e.to
	}
	fmt.Printf("table %s: %d items, %s, in %s\n", e.table, aws.ToInt64(d.ItemCount), progress.Bytes(aws.ToInt64(d.BilledSizeBytes)), where)
	return nil
}
