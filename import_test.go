package stator_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/statordb/stator/internal/patience"
)

// asOrders asks for a table like orders, as far as an import can make it.
func asOrders(name, prefix string) *dynamodb.ImportTableInput {
	return &dynamodb.ImportTableInput{
		S3BucketSource: &types.S3BucketSource{S3Bucket: aws.String("files"), S3KeyPrefix: &prefix}, InputFormat: types.InputFormatDynamodbJson,
		TableCreationParameters: &types.TableCreationParameters{
			TableName: &name, BillingMode: types.BillingModePayPerRequest, KeySchema: keyAttributes("pk", "sk"),
			AttributeDefinitions: []types.AttributeDefinition{defined("pk", "S"), defined("sk", "S"), defined("state", "S"), defined("day", "N")},
			GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{
				{IndexName: aws.String("byState"), KeySchema: keyAttributes("state", "sk"), Projection: &types.Projection{ProjectionType: types.ProjectionTypeAll}},
				{IndexName: aws.String("byDay"), KeySchema: keyAttributes("pk", "day"), Projection: &types.Projection{ProjectionType: types.ProjectionTypeKeysOnly}},
			},
		},
	}
}

// imported makes an import and returns it when it is over.
func (d *depot) imported(in *dynamodb.ImportTableInput) *types.ImportTableDescription {
	d.Helper()
	out, err := d.db.ImportTable(d.Context(), in)
	if err != nil {
		d.Fatal(err)
	}
	equal(d.T, "status of a new import", out.ImportTableDescription.ImportStatus, types.ImportStatusInProgress)
	return d.awaitImport(*out.ImportTableDescription.ImportArn)
}

func (d *depot) awaitImport(arn string) (i *types.ImportTableDescription) {
	d.Helper()
	patience.Until(d, func() bool {
		out, err := d.db.DescribeImport(d.Context(), &dynamodb.DescribeImportInput{ImportArn: &arn})
		if err != nil {
			d.Fatal(err)
		}
		i = out.ImportTableDescription
		return i.ImportStatus != types.ImportStatusInProgress
	}, "the end of an import")
	return i
}

// complete checks that an import is.
func (d *depot) complete(i *types.ImportTableDescription, items int) {
	d.Helper()
	if i.ImportStatus != types.ImportStatusCompleted || i.ImportedItemCount != int64(items) || i.ProcessedItemCount != int64(items) || i.ErrorCount != 0 {
		d.Fatalf("the import is %s: %d of %d imported, %d errors, %s %s", i.ImportStatus, i.ImportedItemCount, i.ProcessedItemCount, i.ErrorCount,
			aws.ToString(i.FailureCode), aws.ToString(i.FailureMessage))
	}
}

// dataPrefix returns what the keys of the data files of an export begin with.
func dataPrefix(e *types.ExportDescription) string {
	return strings.TrimSuffix(*e.ExportManifest, "manifest-summary.json") + "data/"
}

func TestImportOfExport(t *testing.T) {
	t.Parallel()
	eachDepot(t, func(d *depot) {
		d.recovery(35)
		for _, items := range []int{0, 300} {
			for n := range items {
				d.put(order(n, "new"))
			}
			if items > 0 {
				large := order(501, "large") // as large as an item can be
				large["text"] = str(strings.Repeat("é", (400<<10-60)/2))
				d.put(everyType(), large)
				items += 2
			}
			want := d.snapshot("orders")
			for _, format := range []types.ExportFormat{types.ExportFormatDynamodbJson, types.ExportFormatIon} {
				e := d.exported(func(in *dynamodb.ExportTableToPointInTimeInput) { in.ExportFormat = format })
				name := fmt.Sprintf("%s%d", format, items)
				in := asOrders(name, dataPrefix(e))
				in.InputFormat, in.InputCompressionType = types.InputFormat(format), types.InputCompressionTypeGzip
				d.complete(d.imported(in), items)
				equal(d.T, "status of the table", d.described(name).TableStatus, types.TableStatusActive)
				d.same(name, want)
			}
		}
	})
}

func TestImportAnswer(t *testing.T) {
	eachDepot(t, func(d *depot) {
		d.write("in/1", `{"Item":{"pk":{"S":"c1"},"sk":{"S":"x"}}}`)
		in := asOrders("table", "in/")
		in.ClientToken = aws.String("token")
		i := d.imported(in)
		d.complete(i, 1)
		equal(d.T, "bytes", *i.ProcessedSizeBytes, 41)
		equal(d.T, "log group", *i.CloudWatchLogGroupArn, "arn:aws:logs:us-east-1:123456789012:log-group:/aws-dynamodb/imports:*")
		equal(d.T, "table", *i.TableArn, "arn:aws:dynamodb:us-east-1:123456789012:table/table")
		equal(d.T, "token", *i.ClientToken, "token")
		equal(d.T, "name", *i.TableCreationParameters.TableName, "table")
		if !strings.HasPrefix(*i.ImportArn, *i.TableArn+"/import/") {
			d.Errorf("the ARN is %s", *i.ImportArn)
		}
		again, err := d.db.ImportTable(d.Context(), in)
		if err != nil || *again.ImportTableDescription.ImportArn != *i.ImportArn {
			d.Errorf("the same request again: %v", err)
		}
		in.InputFormat = types.InputFormatIon
		_, err = d.db.ImportTable(d.Context(), in)
		equal(d.T, "another request", code(err), "ImportConflictException")
		in.ClientToken = nil
		_, err = d.db.ImportTable(d.Context(), in)
		equal(d.T, "a table that is there", code(err), "ResourceInUseException")
		if err != nil && !strings.Contains(err.Error(), "Table already exists: table") {
			d.Error(err)
		}
		in = asOrders("other", "in/")
		in.TableCreationParameters.KeySchema[1].AttributeName = aws.String("undefined")
		_, err = d.db.ImportTable(d.Context(), in)
		equal(d.T, "parameters that no table can have", code(err), "ValidationException")
		_, err = d.db.DescribeImport(d.Context(), &dynamodb.DescribeImportInput{ImportArn: aws.String(*i.TableArn + "/import/01234567890123-00000000")})
		equal(d.T, "no such import", code(err), "ImportNotFoundException")
		for _, in := range []*dynamodb.ListImportsInput{{}, {TableArn: i.TableArn}} {
			out, err := d.db.ListImports(d.Context(), in)
			if err != nil || len(out.ImportSummaryList) != 1 || *out.ImportSummaryList[0].ImportArn != *i.ImportArn {
				d.Errorf("listed: %+v, %v", out, err)
			}
		}
	})
}

func TestListImports(t *testing.T) {
	eachDepot(t, func(d *depot) {
		d.write("in/1", "")
		var want []string
		for n := range 5 {
			want = append(want, *d.imported(asOrders(fmt.Sprint("table", 9-n), "in/")).ImportArn)
			d.move(time.Second)
		}
		slices.Reverse(want) // newest first
		var got []string
		for pages := dynamodb.NewListImportsPaginator(d.db, &dynamodb.ListImportsInput{PageSize: aws.Int32(2)}); pages.HasMorePages(); {
			page, err := pages.NextPage(d.Context())
			if err != nil {
				d.Fatal(err)
			}
			for _, i := range page.ImportSummaryList {
				got = append(got, *i.ImportArn)
			}
		}
		equalSlices(d.T, "imports", got, want)
	})
}

func TestImportCSV(t *testing.T) {
	eachDepot(t, func(d *depot) {
		d.write("csv/1.csv", "pk,sk,day,state,note\nc1,o1,4,new,\"a, \"\"b\"\"\"\nc2,o2,,,007\n")
		d.write("csv/2.csv", "sk,pk\no3,c3\n")
		in := asOrders("table", "csv/")
		in.InputFormat = types.InputFormatCsv
		d.complete(d.imported(in), 3)
		equalSlices(d.T, "items", d.asJSON(d.contents("table", "")), []string{
			`{"day":{"N":"4"},"note":{"S":"a, \"b\""},"pk":{"S":"c1"},"sk":{"S":"o1"},"state":{"S":"new"}}`,
			`{"note":{"S":"007"},"pk":{"S":"c2"},"sk":{"S":"o2"}}`, `{"pk":{"S":"c3"},"sk":{"S":"o3"}}`,
		})
		equal(d.T, "entries", len(d.contents("table", "byDay")), 1)
		d.write("tsv/1", "c1\to1\n")
		in = asOrders("tabs", "tsv/")
		in.InputFormat = types.InputFormatCsv
		in.InputFormatOptions = &types.InputFormatOptions{Csv: &types.CsvOptions{Delimiter: aws.String("\t"), HeaderList: []string{"pk", "sk"}}}
		d.complete(d.imported(in), 1)
	})
}

func TestImportErrors(t *testing.T) {
	eachDepot(t, func(d *depot) {
		d.write("in/1", strings.Join([]string{
			`{"Item":{"pk":{"S":"c1"},"sk":{"S":"x"}}}`, `{"Item":{"sk":{"S":"x"}}}`, "nonsense", `{"Item":{"pk":{"N":"1"},"sk":{"S":"x"}}}`,
			`{"Item":{"pk":{"S":""},"sk":{"S":"x"}}}`, `{"Item":{"pk":{"S":"c1"},"sk":{"S":"y"},"day":{"S":"no number"}}}`,
			`{"Item":{"pk":{"S":"c1"},"sk":{"S":"z"},"n":{"N":"1e126"}}}`, `{"Item":{"pk":{"S":"c1"},"sk":{"S":"large"},"s":{"S":"` + strings.Repeat("x", 400<<10) + `"}}}`,
			`{"Item":{"pk":{"S":"c2"},"sk":{"S":"x"}}}`,
		}, "\n"))
		i := d.imported(asOrders("table", "in/"))
		if i.ImportStatus != types.ImportStatusFailed || aws.ToString(i.FailureCode) != "ItemValidationError" ||
			aws.ToString(i.FailureMessage) != "Some of the items failed validation checks and were not imported. Please check CloudWatch error logs for more details." {
			d.Errorf("the import is %s: %s %s", i.ImportStatus, aws.ToString(i.FailureCode), aws.ToString(i.FailureMessage))
		}
		equal(d.T, "figures", fmt.Sprint(i.ProcessedItemCount, i.ImportedItemCount, i.ErrorCount), "9 2 7")
		equalSlices(d.T, "items", d.asJSON(d.contents("table", "")), []string{`{"pk":{"S":"c1"},"sk":{"S":"x"}}`, `{"pk":{"S":"c2"},"sk":{"S":"x"}}`})
		if d.config.DataDir == "" {
			return
		}
		id := (*i.ImportArn)[strings.LastIndexByte(*i.ImportArn, '/')+1:]
		log, err := os.ReadFile(filepath.Join(d.config.DataDir, "imports", id+".jsonl"))
		if err != nil {
			d.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(string(log)), "\n")
		equal(d.T, "lines of the log", len(lines), 7)
		want := `{"itemS3Pointer":{"bucket":"files","key":"in/1","itemIndex":1},"importArn":"` + *i.ImportArn + `","errorMessages":["One or more parameter values were invalid: Missing the key pk in the item"]}`
		equal(d.T, "the first line", lines[0], want)
		for _, line := range lines {
			var l struct{ ErrorMessages []string }
			if err := json.Unmarshal([]byte(line), &l); err != nil || len(l.ErrorMessages) != 1 || l.ErrorMessages[0] == "" {
				d.Errorf("line %s: %v", line, err)
			}
		}
		d.move(90 * 24 * time.Hour)
		if left, err := os.ReadDir(filepath.Join(d.config.DataDir, "imports")); err != nil || len(left) > 0 {
			d.Errorf("90 days later there are still %q, %v", left, err)
		}
	})
}

// What cannot be read to its end leaves no table.
func TestImportOfNothingWhole(t *testing.T) {
	eachDepot(t, func(d *depot) {
		d.recovery(35)
		for n := range 100 {
			d.put(order(n, "new"))
		}
		e := d.exported(nil)
		_, files := d.summaryOf(e)
		for _, f := range files {
			if f.ItemCount > 0 {
				content := d.file(f.DataFileS3Key)
				content[len(content)/2] ^= 1
				d.write(f.DataFileS3Key, string(content))
			}
		}
		damaged := asOrders("damaged", dataPrefix(e))
		damaged.InputCompressionType = types.InputCompressionTypeGzip
		absent := asOrders("absent", "in/")
		absent.S3BucketSource.S3Bucket = aws.String("no-such-bucket")
		header := asOrders("header", "csv/")
		header.InputFormat = types.InputFormatCsv
		d.write("csv/1", "pk,pk\nx,y\n")
		for want, in := range map[string]*dynamodb.ImportTableInput{"InvalidInputFile": damaged, "S3NoSuchBucket": absent} {
			d.fails(want, in)
		}
		d.fails("InvalidInputFile", header)
	})
}

func (d *depot) fails(failure string, in *dynamodb.ImportTableInput) {
	d.Helper()
	i := d.imported(in)
	equal(d.T, "status", i.ImportStatus, types.ImportStatusFailed)
	equal(d.T, "code", aws.ToString(i.FailureCode), failure)
	_, err := d.db.DescribeTable(d.Context(), &dynamodb.DescribeTableInput{TableName: in.TableCreationParameters.TableName})
	equal(d.T, "the table", code(err), "ResourceNotFoundException")
}

// An import goes on after a stop, and a table that it fills is not to be used
// before it is whole.
func TestImportGoesOn(t *testing.T) {
	t.Parallel()
	eachDepot(t, func(d *depot) {
		if d.config.DataDir == "" {
			return // nothing is left to go on with
		}
		var lines strings.Builder
		const items = 20_000
		for n := range items {
			fmt.Fprintf(&lines, `{"Item":{"pk":{"S":"c%d"},"sk":{"S":"o%d"},"state":{"S":"new"}}}`+"\n", n%7, n)
		}
		d.write("in/1", lines.String())
		for n := range 3 {
			name := fmt.Sprint("table", n)
			out, err := d.db.ImportTable(d.Context(), asOrders(name, "in/"))
			if err != nil {
				d.Fatal(err)
			}
			if _, err := d.db.PutItem(d.Context(), &dynamodb.PutItemInput{TableName: &name, Item: order(1, "new")}); err == nil {
				if d.awaitImport(*out.ImportTableDescription.ImportArn).ImportStatus == types.ImportStatusInProgress {
					d.Error("an item was put into a table that is being filled")
				}
				continue
			}
			d.reopen()
			d.complete(d.awaitImport(*out.ImportTableDescription.ImportArn), items)
			equal(d.T, "items", len(d.contents(name, "")), items)
			equal(d.T, "entries", len(d.contents(name, "byState")), items)
		}
	})
}
