package stator_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/statordb/stator/internal/patience"
)

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
	t.Parallel()
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
		one.Reset()
		for n := range 1000 {
			one.WriteString(d.lineOf(order(n%20, fmt.Sprintf("time %d", n/20))))
		}
		d.write("again/1", one.String())
		d.awaitBulk(d.bulk("again/", nil))
		for n := range 20 {
			equal(d.T, "what was put last", textOf(d.contents("orders", "")[fmt.Sprintf("c%d|o%04d", n%7, n)]["state"]), "time 49")
		}
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
			RefusedItemCount    int
			Reports             []string
		}
		if err := json.Unmarshal(d.file(folder+"manifest.json"), &manifest); err != nil {
			d.Fatal(err)
		}
		equal(d.T, "manifest", manifest.BulkOperationStatus, "COMPLETED_WITH_ERRORS")
		equal(d.T, "refused", manifest.RefusedItemCount, 1)
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
	t.Parallel()
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
