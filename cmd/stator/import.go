package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/statordb/stator/internal/bucket"
	"github.com/statordb/stator/internal/handover"
	"github.com/statordb/stator/internal/progress"
)

const importUsage = "stator import TABLE --from PATH | --bucket BUCKET, with --partition-key NAME:TYPE for a new table; stator import --help lists the flags"

// importTable fills a new table, or adds to one, from files here or in a bucket.
func importTable(args []string) error {
	i := &importing{}
	set := flag.NewFlagSet("stator import", flag.ContinueOnError)
	i.define(set)
	values, err := parseArguments(set, args, "TABLE")
	if err != nil {
		return err
	}
	i.table = values[0]
	if (i.from == "") == (i.bucket == "") {
		return misuse{errors.New("use " + importUsage)}
	}
	ctx, stop := interruptible()
	defer stop()
	return i.explain(i.run(ctx))
}

// importing is stator import.
type importing struct {
	remote
	buckets                                          bucketFlags
	table, from, bucket, prefix, format, compression string
	partitionKey, sortKey, csvDelimiter, csvHeader   string
	bytes                                            int64 // of the files; 0: not known
}

func (i *importing) define(set *flag.FlagSet) {
	i.remote.define(set)
	i.buckets.define(set)
	set.StringVar(&i.from, "from", "", "file, directory of files, or export, of this machine; for a server on it that has its buckets in a directory")
	set.StringVar(&i.bucket, "bucket", "", "bucket of the server that the files are in")
	set.StringVar(&i.prefix, "prefix", "", "what their keys in the bucket begin with")
	set.StringVar(&i.format, "format", "", "DYNAMODB_JSON, ION or CSV; empty is what the names of the files say")
	set.StringVar(&i.compression, "compression", "", "NONE, GZIP or ZSTD; empty is what the names of the files say")
	set.StringVar(&i.partitionKey, "partition-key", "", "of the new table: NAME:S, NAME:N or NAME:B; empty adds to a table that is there")
	set.StringVar(&i.sortKey, "sort-key", "", "of the new table: NAME:S, NAME:N or NAME:B")
	set.StringVar(&i.csvDelimiter, "csv-delimiter", "", "of CSV: a comma if empty")
	set.StringVar(&i.csvHeader, "csv-header", "", "of CSV: names of the columns, with commas, if they are not in the first line")
}

func (i *importing) run(ctx context.Context) error {
	if i.from == "" {
		if i.format == "" || i.compression == "" {
			if err := i.look(ctx); err != nil {
				return err
			}
		}
		return i.begin(ctx)
	}
	local, err := i.hand(ctx)
	if err == nil {
		err = i.begin(ctx)
	}
	if local != nil && !errors.As(err, new(goesOn)) && !errors.As(err, new(reported)) { // else somebody reads it
		err = errors.Join(err, local.Remove())
	}
	return err
}

// reported is an error that a report in the bucket says more of.
type reported struct{ error }

// hand puts the files where the server reads its buckets.
func (i *importing) hand(ctx context.Context) (*handover.Bucket, error) {
	m := meter(i.json, "checking", progress.Bytes)
	files, err := handover.Find(ctx, i.from, m.Set)
	m.Clear()
	if err != nil {
		return nil, err
	}
	if len(files.Skipped) > 0 {
		fmt.Fprintln(os.Stderr, "skipped", strings.Join(files.Skipped, ", "))
	}
	i.take(files)
	local, err := handover.NewBucket(i.buckets.directory(), "import-")
	if err != nil {
		return nil, err
	}
	i.bucket, i.prefix, i.bytes = local.Name, handover.Prefix, files.Bytes
	m = meter(i.json, "copying", progress.Bytes)
	defer m.Clear()
	return local, local.Put(ctx, files, m.Set)
}

// take takes from the names of the files what was not given.
func (i *importing) take(files *handover.Files) {
	i.format, i.compression = cmp.Or(i.format, files.Format), cmp.Or(i.compression, files.Compression)
}

// look looks at the keys in the bucket for what was not given, if it is in a
// directory here.
func (i *importing) look(ctx context.Context) error {
	files, err := handover.InBucket(ctx, i.buckets.directory(), i.bucket, i.prefix)
	switch {
	case err == nil && len(files.Paths) == 0 && i.format == "":
		return i.nothing("")
	case err == nil:
		i.take(files)
	case i.format == "" && errors.Is(err, bucket.ErrNoBucket):
		return misuse{fmt.Errorf("bucket %s is not in %s, so that its keys do not say what the objects are: give --format DYNAMODB_JSON, ION or CSV", i.bucket, i.buckets.directory())}
	case i.format == "":
		return err
	}
	return nil
}

// begin begins the import and waits for its end.
func (i *importing) begin(ctx context.Context) error {
	i.format, i.compression = strings.ToUpper(i.format), strings.ToUpper(i.compression)
	if i.format == "" {
		return misuse{errors.New("the names of the files do not say what they are: give --format DYNAMODB_JSON, ION or CSV")}
	}
	if i.partitionKey == "" {
		return i.add(ctx)
	}
	in, err := i.input()
	if err != nil {
		return misuse{err}
	}
	out, err := i.client().ImportTable(ctx, in)
	if err != nil {
		return err
	}
	return i.await(ctx, out.ImportTableDescription)
}

// input returns the request for a new table.
func (i *importing) input() (*dynamodb.ImportTableInput, error) {
	table := &types.TableCreationParameters{TableName: &i.table, BillingMode: types.BillingModePayPerRequest}
	for _, k := range []struct {
		flag, text string
		kind       types.KeyType
	}{{"partition-key", i.partitionKey, types.KeyTypeHash}, {"sort-key", i.sortKey, types.KeyTypeRange}} {
		if k.text == "" {
			continue
		}
		name, kind, ok := strings.Cut(k.text, ":")
		if !ok || !strings.Contains("SNB", kind) || len(kind) != 1 {
			return nil, fmt.Errorf("--%s %q: give a name and S, N or B, like id:S", k.flag, k.text)
		}
		table.AttributeDefinitions = append(table.AttributeDefinitions,
			types.AttributeDefinition{AttributeName: &name, AttributeType: types.ScalarAttributeType(kind)})
		table.KeySchema = append(table.KeySchema, types.KeySchemaElement{AttributeName: &name, KeyType: k.kind})
	}
	in := &dynamodb.ImportTableInput{
		TableCreationParameters: table, InputFormat: types.InputFormat(i.format), S3BucketSource: &types.S3BucketSource{S3Bucket: &i.bucket},
	}
	if i.compression != "" {
		in.InputCompressionType = types.InputCompressionType(i.compression)
	}
	if i.prefix != "" {
		in.S3BucketSource.S3KeyPrefix = &i.prefix
	}
	if i.csvDelimiter != "" || i.csvHeader != "" {
		csv := &types.CsvOptions{}
		if i.csvDelimiter != "" {
			csv.Delimiter = aws.String(strings.ReplaceAll(i.csvDelimiter, `\t`, "\t"))
		}
		if i.csvHeader != "" {
			csv.HeaderList = strings.Split(i.csvHeader, ",")
		}
		in.InputFormatOptions = &types.InputFormatOptions{Csv: csv}
	}
	return in, nil
}

// await waits until the import is over.
func (i *importing) await(ctx context.Context, d *types.ImportTableDescription) error {
	m := meter(i.json, "importing "+i.table, progress.Bytes)
	defer m.Clear()
	work := fmt.Sprintf("the import %s, from bucket %s,", *d.ImportArn, i.bucket)
	left := goesOn{interrupted{fmt.Sprintf("the import %s goes on in the server, from bucket %s", *d.ImportArn, i.bucket)}}
	for d.ImportStatus == types.ImportStatusInProgress || d.ImportStatus == types.ImportStatusCancelling {
		if !pause(ctx) {
			return left
		}
		out, err := i.client().DescribeImport(ctx, &dynamodb.DescribeImportInput{ImportArn: d.ImportArn})
		if ctx.Err() != nil {
			return left
		}
		if err != nil {
			return i.lost(work, err)
		}
		d = out.ImportTableDescription
		m.Set(aws.ToInt64(d.ProcessedSizeBytes), i.bytes)
	}
	m.Clear()
	if i.json {
		if err := printJSON(d); err != nil {
			return err
		}
	} else {
		fmt.Printf("table %s: %d items imported of %d, %d with errors, %s read\n",
			i.table, d.ImportedItemCount, d.ProcessedItemCount, d.ErrorCount, progress.Bytes(aws.ToInt64(d.ProcessedSizeBytes)))
	}
	if d.ErrorCount > 0 {
		return fmt.Errorf("%d items are not in the table: imports/ in the server's data directory says which and why", d.ErrorCount)
	}
	if d.ImportStatus != types.ImportStatusCompleted {
		return fmt.Errorf("the import %s is %s: %s: %s", *d.ImportArn, d.ImportStatus, aws.ToString(d.FailureCode), aws.ToString(d.FailureMessage))
	}
	if d.ProcessedItemCount == 0 && aws.ToInt64(d.ProcessedSizeBytes) == 0 {
		return i.nothing("; table " + i.table + " is there, empty")
	}
	return nil
}

// nothing is the error of an import from a bucket of which nothing was read; more
// is what else there is to say.
func (i *importing) nothing(more string) error {
	if i.from != "" {
		return nil // files that are empty
	}
	return fmt.Errorf("nothing to import: no object in bucket %s begins with %q, or none that does has anything in it%s", i.bucket, i.prefix, more)
}
