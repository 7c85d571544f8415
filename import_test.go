package stator_test

import (
	"encoding/json"
	"errors"
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
	eachDepot(t, func(d *depot) {
		d.recovery(35)
		for _, items := range []int{0, 300} {
			for n := range items {
				d.put(order(n, "new"))
			}
			if items > 0 {
				d.put(everyType())
				items++
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

func (d *depot) bulk(prefix string, change func(*dynamodb.StartBulkPutItemsInput)) (*types.BulkOperationDescription, error) {
	in := &dynamodb.StartBulkPutItemsInput{
		TableName:            aws.String("orders"),
		InputS3Configuration: &types.InputS3Configuration{S3Bucket: aws.String("files"), S3KeyPrefix: &prefix, InputFormat: types.BulkOperationInputFormatDynamodbJson},
		OutputS3Configuration: &types.OutputS3Configuration{
			S3Bucket: aws.String("files"), S3KeyPrefix: aws.String("out/"), OutputType: []types.OutputTypeEnum{types.OutputTypeEnumError, types.OutputTypeEnumConditionCheckFailure},
		},
	}
	if change != nil {
		change(in)
	}
	out, err := d.db.StartBulkPutItems(d.Context(), in)
	if err != nil {
		return nil, err
	}
	return out.BulkOperationDescription, nil
}

func (d *depot) awaitBulk(b *types.BulkOperationDescription, err error) *types.BulkOperationDescription {
	d.Helper()
	if err != nil {
		d.Fatal(err)
	}
	patience.Until(d, func() bool {
		out, err := d.db.DescribeBulkOperation(d.Context(), &dynamodb.DescribeBulkOperationInput{BulkOperationArn: b.BulkOperationArn})
		if err != nil {
			d.Fatal(err)
		}
		b = out.BulkOperationDescription
		return b.BulkOperationStatus != types.BulkOperationStatusInProgress && b.BulkOperationStatus != types.BulkOperationStatusCancelling
	}, "the end of bulk puts")
	return b
}

// lineOf returns a record that puts an item.
func (d *depot) lineOf(it item) string { return `{"Item":` + wireOf(d.T, it) + "}\n" }

func TestBulkPut(t *testing.T) {
	eachDepot(t, func(d *depot) {
		d.put(order(0, "there"), order(1, "there"), order(2, "there"))
		var one, two strings.Builder
		for n := range 3000 {
			one.WriteString(d.lineOf(order(n, "bulk")))
		}
		for n := range 10 {
			fmt.Fprintf(&two, "$ion_1_0 {Item:{pk:\"c%d\",sk:\"i%d\",state:\"ion\"}}\n", n, n)
		}
		d.write("in/1.json", one.String())
		d.write("ion/1.ion", two.String())
		b := d.awaitBulk(d.bulk("in/", nil))
		equal(d.T, "status", b.BulkOperationStatus, types.BulkOperationStatusCompleted)
		equal(d.T, "figures", fmt.Sprint(b.ProcessedItemCount, b.FailedItemCount, *b.ProcessedInputBytes, *b.TotalInputBytes), fmt.Sprint(3000, 0, one.Len(), one.Len()))
		usage := b.BulkOperationUsage[0]
		if *usage.Table.BulkPutBytes == 0 || *usage.GlobalSecondaryIndexes["byState"].BulkPutBytes != *usage.Table.BulkPutBytes || *usage.LocalSecondaryIndexes["byDay"].BulkPutBytes == 0 ||
			*usage.BulkPutBytes <= 2**usage.Table.BulkPutBytes {
			d.Errorf("the usage is %d of %v", *usage.BulkPutBytes, usage)
		}
		b = d.awaitBulk(d.bulk("ion/", func(in *dynamodb.StartBulkPutItemsInput) {
			in.InputS3Configuration.InputFormat = types.BulkOperationInputFormatIon
		}))
		equal(d.T, "status", b.BulkOperationStatus, types.BulkOperationStatusCompleted)
		equal(d.T, "items", len(d.contents("orders", "")), 3010)
		equal(d.T, "entries", len(d.contents("orders", "byState")), 3010)
		equal(d.T, "an item", textOf(d.contents("orders", "")["c1|o0001"]["state"]), "bulk")
	})
}

func TestBulkReports(t *testing.T) {
	eachDepot(t, func(d *depot) {
		d.put(order(1, "there"))
		absent := func(n int, state string) string {
			return strings.Replace(d.lineOf(order(n, state)), "}\n", `,"ConditionExpression":"attribute_not_exists(pk) or #s = :s","ExpressionAttributeNames":{"#s":"state"},"ExpressionAttributeValues":{":s":{"S":"paid"}}}`+"\n", 1)
		}
		bad := strings.Replace(d.lineOf(order(5, "x")), "}\n", `,"ConditionExpression":"nonsense"}`+"\n", 1)
		d.write("in/1", absent(1, "new")+absent(2, "new")+"nonsense\n"+`{"Item":{"pk":{"S":"x"}}}`+"\n"+bad)
		b := d.awaitBulk(d.bulk("in/", nil))
		equal(d.T, "status", b.BulkOperationStatus, types.BulkOperationStatusCompletedWithErrors)
		equal(d.T, "figures", fmt.Sprint(b.ProcessedItemCount, b.FailedItemCount), "5 3")
		equal(d.T, "refused", textOf(d.contents("orders", "")["c1|o0001"]["state"]), "there")
		equal(d.T, "put", textOf(d.contents("orders", "")["c2|o0002"]["state"]), "new")
		id := (*b.BulkOperationArn)[strings.LastIndexByte(*b.BulkOperationArn, '/')+1:]
		folder := "out/AWSDynamoDB/" + id + "/"
		var manifest struct {
			BulkOperationStatus string
			ProcessedItemCount  int
			Reports             []string
		}
		if err := json.Unmarshal(d.file(folder+"manifest.json"), &manifest); err != nil {
			d.Fatal(err)
		}
		equal(d.T, "manifest", manifest.BulkOperationStatus, "COMPLETED_WITH_ERRORS")
		equal(d.T, "reports", len(manifest.Reports), 2)
		for _, key := range manifest.Reports {
			lines := strings.Split(strings.TrimSpace(string(d.file(key))), "\n")
			if strings.Contains(key, "/error/") {
				equal(d.T, "errors", len(lines), 3)
				equal(d.T, "an error", lines[1], `{"itemS3Pointer":{"bucket":"files","key":"in/1","itemIndex":3},"errorMessages":["One or more parameter values were invalid: Missing the key sk in the item"]}`)
				continue
			}
			equal(d.T, "a refused item", lines[0], `{"itemS3Pointer":{"bucket":"files","key":"in/1","itemIndex":0},"attemptedItem":`+wireOf(d.T, order(1, "new"))+`,"existingItem":`+wireOf(d.T, order(1, "there"))+`}`)
		}
		d.write("only/1", absent(1, "new"))
		equal(d.T, "conditions alone", d.awaitBulk(d.bulk("only/", nil)).BulkOperationStatus, types.BulkOperationStatusCompleted)
		d.write("damaged/1", "this is not compressed")
		d.write("damaged/2", "")
		b = d.awaitBulk(d.bulk("damaged/", func(in *dynamodb.StartBulkPutItemsInput) {
			in.InputS3Configuration.InputCompressionType = types.InputCompressionTypeGzip
		}))
		equal(d.T, "a damaged object", fmt.Sprint(b.BulkOperationStatus, b.FailedItemCount), "COMPLETED_WITH_ERRORS1")
	})
}

func TestBulkErrors(t *testing.T) {
	eachDepot(t, func(d *depot) {
		_, err := d.bulk("in/", func(in *dynamodb.StartBulkPutItemsInput) { in.TableName = aws.String("nothing") })
		equal(d.T, "no table", code(err), "ResourceNotFoundException")
		_, err = d.bulk("in/", func(in *dynamodb.StartBulkPutItemsInput) { in.OutputS3Configuration.S3Bucket = nil })
		equal(d.T, "no output", code(err), "ValidationException")
		b := d.awaitBulk(d.bulk("in/", func(in *dynamodb.StartBulkPutItemsInput) {
			in.InputS3Configuration.S3Bucket = aws.String("no-such-bucket")
		}))
		equal(d.T, "no bucket", fmt.Sprint(b.BulkOperationStatus, " ", aws.ToString(b.FailureCode)), "FAILED S3NoSuchBucket")
		_, err = d.db.CancelBulkOperation(d.Context(), &dynamodb.CancelBulkOperationInput{BulkOperationArn: b.BulkOperationArn})
		equal(d.T, "cancelling what is over", code(err), "ValidationException")
		_, err = d.db.CancelBulkOperation(d.Context(), &dynamodb.CancelBulkOperationInput{BulkOperationArn: aws.String(*b.BulkOperationArn + "0")})
		equal(d.T, "cancelling nothing", code(err), "ResourceNotFoundException")
		d.write("in/1", d.lineOf(order(1, "x")))
		with := func(prefix string) (*types.BulkOperationDescription, error) {
			return d.bulk(prefix, func(in *dynamodb.StartBulkPutItemsInput) { in.ClientToken = aws.String("t") })
		}
		first := d.awaitBulk(with("in/"))
		again, err := with("in/")
		if err != nil || *again.BulkOperationArn != *first.BulkOperationArn {
			d.Errorf("the same request again: %v", err)
		}
		_, err = with("other/")
		equal(d.T, "another request", code(err), "IdempotentParameterMismatchException")
		out, err := d.db.ListBulkOperations(d.Context(), &dynamodb.ListBulkOperationsInput{MaxResults: aws.Int32(1)})
		if err != nil || len(out.BulkOperationsSummaryList) != 1 || out.NextToken == nil {
			d.Fatalf("listed: %+v, %v", out, err)
		}
		next, err := d.db.ListBulkOperations(d.Context(), &dynamodb.ListBulkOperationsInput{NextToken: out.NextToken})
		if err != nil || len(next.BulkOperationsSummaryList) != 1 || *next.BulkOperationsSummaryList[0].BulkOperationArn == *out.BulkOperationsSummaryList[0].BulkOperationArn {
			d.Errorf("listed: %+v, %v", next, err)
		}
	})
}

// Bulk puts end soon when they are cancelled, and stay cancelled.
func TestBulkCancel(t *testing.T) {
	eachDepot(t, func(d *depot) {
		var lines strings.Builder
		for n := range 20_000 {
			lines.WriteString(d.lineOf(order(n, "x")))
		}
		d.write("in/1", lines.String())
		b, err := d.bulk("in/", func(in *dynamodb.StartBulkPutItemsInput) { in.MaxWriteRequestUnits = aws.Int64(1024) })
		if err != nil {
			d.Fatal(err)
		}
		out, err := d.db.CancelBulkOperation(d.Context(), &dynamodb.CancelBulkOperationInput{BulkOperationArn: b.BulkOperationArn})
		if err != nil {
			d.Fatal(err)
		}
		equal(d.T, "status", out.BulkOperationStatus, types.BulkOperationStatusCancelling)
		d.reopen()
		b = d.awaitBulk(b, nil)
		equal(d.T, "status in the end", fmt.Sprint(b.BulkOperationStatus, " ", aws.ToString(b.FailureMessage)), "CANCELLED The bulk operation was cancelled.")
		equal(d.T, "items", int64(len(d.contents("orders", ""))), b.ProcessedItemCount)
	})
}

// Bulk puts go on behind the last records that are known to be put: each condition
// is tested once, and each error reported once.
func TestBulkGoesOn(t *testing.T) {
	eachDepot(t, func(d *depot) {
		if d.config.DataDir == "" {
			return // nothing is left to go on with
		}
		const items = 12_000
		for object := range 3 {
			var lines strings.Builder
			for n := object; n < items; n += 3 {
				lines.WriteString(strings.Replace(d.lineOf(order(n, "x")), "}\n", `,"ConditionExpression":"attribute_not_exists(pk)"}`+"\n", 1))
				if n%1000 == 0 {
					lines.WriteString("nonsense\n")
				}
			}
			d.write(fmt.Sprintf("in/%d", object), lines.String())
		}
		b, err := d.bulk("in/", nil)
		if err != nil {
			d.Fatal(err)
		}
		for range 5 {
			d.reopen()
		}
		b = d.awaitBulk(b, nil)
		equal(d.T, "figures", fmt.Sprint(b.BulkOperationStatus, b.ProcessedItemCount, b.FailedItemCount), fmt.Sprint(types.BulkOperationStatusCompletedWithErrors, items+12, 12))
		equal(d.T, "items", len(d.contents("orders", "")), items)
		lines := 0
		err = filepath.WalkDir(filepath.Join(d.config.BucketDir, "files", "out"), func(path string, entry os.DirEntry, err error) error {
			if err != nil || entry.IsDir() || entry.Name() == "manifest.json" {
				return err
			}
			if strings.Contains(path, "condition") {
				return errors.New("a condition was false")
			}
			text, err := os.ReadFile(path)
			lines += strings.Count(string(text), "\n")
			return err
		})
		if err != nil {
			d.Error(err)
		}
		equal(d.T, "errors reported", lines, 12)
	})
}
