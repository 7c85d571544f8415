package stator_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/statordb/stator"
)

// killed is a depot whose server is a process that is killed.
type killed struct {
	*depot
	dir     string
	process *process
}

// restart kills the server and starts it again.
func (k *killed) restart() {
	k.Helper()
	if err := k.process.cmd.Process.Kill(); err != nil {
		k.Fatal(err)
	}
	<-k.process.ended
	k.process = serve(k.T, k.dir)
	k.db = newClient(k.process.url)
}

// TestTransfersKilled kills the server in the middle of exports, imports and bulk
// puts. An export has the items of the instant at which it was asked for, a table
// that is imported is whole, and each condition of bulk puts is tested once.
func TestTransfersKilled(t *testing.T) {
	t.Parallel()
	const items = 5000
	dir := filepath.Join(t.TempDir(), "data")
	k := &killed{dir: dir, process: serve(t, dir)}
	k.depot = &depot{&archive{T: t, db: newClient(k.process.url), config: stator.Config{BucketDir: filepath.Join(dir, "buckets")}}}
	k.create()
	k.load(items)
	k.recovery(35)
	for round := range 3 {
		want := k.asJSON(k.contents("orders", ""))
		e, err := k.export(nil)
		if err != nil {
			t.Fatal(err)
		}
		k.put(order(round, "later"))
		k.restart()
		e = k.awaitExport(*e.ExportArn)
		equal(t, "status of the export", e.ExportStatus, types.ExportStatusCompleted)
		equalSlices(t, "items exported", k.items(e), want)
		k.importKilled(e, want, round)
	}
	k.bulkKilled(items)
	k.process.terminate()
}

// importKilled imports an export, with a kill on the way.
func (k *killed) importKilled(e *types.ExportDescription, want []string, round int) {
	k.Helper()
	in := asOrders(fmt.Sprint("import", round), dataPrefix(e))
	in.InputCompressionType = types.InputCompressionTypeGzip
	out, err := k.db.ImportTable(k.Context(), in)
	if err != nil {
		k.Fatal(err)
	}
	arn := out.ImportTableDescription.ImportArn
	for now := out.ImportTableDescription; now.ImportStatus == types.ImportStatusInProgress && now.ProcessedItemCount < int64(len(want)*round/3); {
		described, err := k.db.DescribeImport(k.Context(), &dynamodb.DescribeImportInput{ImportArn: arn})
		if err != nil {
			k.Fatal(err)
		}
		now = described.ImportTableDescription
	}
	k.restart()
	k.complete(k.awaitImport(*arn), len(want))
	equalSlices(k.T, "items imported", k.asJSON(k.contents(*in.TableCreationParameters.TableName, "")), want)
	equal(k.T, "entries imported", len(k.contents(*in.TableCreationParameters.TableName, "byState")), len(want))
}

// bulkKilled puts as many items as there are, which must not be there, with kills
// on the way.
func (k *killed) bulkKilled(items int) {
	k.Helper()
	for object := range 2 {
		var lines strings.Builder
		for n := object; n < items; n += 2 {
			it := order(n, "bulk")
			it["pk"] = str(fmt.Sprint("bulk ", n))
			lines.WriteString(strings.Replace(k.lineOf(it), "}\n", `,"ConditionExpression":"attribute_not_exists(pk)"}`+"\n", 1))
		}
		k.write(fmt.Sprintf("in/%d", object), lines.String())
	}
	before := len(k.contents("orders", ""))
	b, err := k.bulk("in/", nil)
	if err != nil {
		k.Fatal(err)
	}
	for round := range 3 {
		for now := b; now.BulkOperationStatus == types.BulkOperationStatusInProgress && now.ProcessedItemCount < int64(items*round/3); {
			out, err := k.db.DescribeBulkOperation(k.Context(), &dynamodb.DescribeBulkOperationInput{BulkOperationArn: b.BulkOperationArn})
			if err != nil {
				k.Fatal(err)
			}
			now = out.BulkOperationDescription
		}
		k.restart()
	}
	b = k.awaitBulk(b, nil)
	equal(k.T, "bulk puts", fmt.Sprint(b.BulkOperationStatus, b.ProcessedItemCount, b.FailedItemCount), fmt.Sprint(types.BulkOperationStatusCompleted, items, 0))
	equal(k.T, "items put", len(k.contents("orders", ""))-before, items)
	found, err := filepath.Glob(filepath.Join(k.config.BucketDir, "files", "out", "AWSDynamoDB", "*", "*", "*"))
	if err != nil || len(found) > 0 {
		k.Errorf("conditions were false: %q, %v", found, err)
	}
}

// TestDamagedExport changes a bit in the files of an export, here and there. An
// import of it makes the same table, or none.
func TestDamagedExport(t *testing.T) {
	d := &depot{&archive{T: t, config: stator.Config{BucketDir: t.TempDir()}}}
	d.open()
	t.Cleanup(d.close)
	d.create()
	d.recovery(35)
	for n := range 50 {
		d.put(order(n, "new"))
	}
	want := d.asJSON(d.contents("orders", ""))
	refused, flips := 0, 0
	for _, format := range []types.ExportFormat{types.ExportFormatDynamodbJson, types.ExportFormatIon} {
		e := d.exported(func(in *dynamodb.ExportTableToPointInTimeInput) { in.ExportFormat = format })
		_, files := d.summaryOf(e)
		for _, f := range files {
			whole := d.file(f.DataFileS3Key)
			for bit := 3; bit < 8*len(whole); bit += 8*len(whole)/40 + 1 {
				broken := append([]byte{}, whole...)
				broken[bit/8] ^= 1 << (bit % 8)
				d.write(f.DataFileS3Key, string(broken))
				name := fmt.Sprint("damaged", flips)
				flips++
				in := asOrders(name, dataPrefix(e))
				in.InputFormat, in.InputCompressionType = types.InputFormat(format), types.InputCompressionTypeGzip
				i := d.imported(in)
				if i.ImportStatus == types.ImportStatusCompleted {
					equalSlices(t, "items", d.asJSON(d.contents(name, "")), want)
					continue
				}
				refused++
				equal(t, "code", aws.ToString(i.FailureCode), "InvalidInputFile")
				if !strings.Contains(aws.ToString(i.FailureMessage), f.DataFileS3Key) {
					t.Errorf("the reason does not name the file: %s", aws.ToString(i.FailureMessage))
				}
				if _, err := d.db.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: &name}); code(err) != "ResourceNotFoundException" {
					t.Errorf("%s is there: %v", name, err)
				}
			}
			d.write(f.DataFileS3Key, string(whole))
		}
	}
	t.Logf("%d bits were flipped, %d imports refused", flips, refused)
	if refused < flips/2 {
		t.Error("most of the damage was not found")
	}
}
