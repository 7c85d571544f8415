package stator_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/statordb/stator"
	"github.com/statordb/stator/internal/bucket/buckettest"
)

func at(t time.Time) func(*dynamodb.ExportTableToPointInTimeInput) {
	return func(in *dynamodb.ExportTableToPointInTimeInput) { in.ExportTime = &t }
}

func TestExport(t *testing.T) {
	t.Parallel()
	eachDepot(t, func(d *depot) {
		d.recovery(35)
		empty := d.exported(nil)
		equal(d.T, "items of an empty table", *empty.ItemCount, 0)
		_, files := d.summaryOf(empty)
		if len(files) == 0 {
			d.Error("an empty table has no files")
		}
		for n := range 200 {
			d.put(order(n, "new"))
		}
		d.put(everyType())
		d.move(time.Hour)
		before, then := d.contents("orders", ""), d.srv.Now()
		d.move(time.Hour)
		for n := range 100 {
			d.put(order(2*n, "paid"))
		}
		now := d.contents("orders", "")
		for _, format := range []types.ExportFormat{types.ExportFormatDynamodbJson, types.ExportFormatIon} {
			full := d.exported(func(in *dynamodb.ExportTableToPointInTimeInput) { in.ExportFormat = format })
			equalSlices(d.T, "items now", d.items(full), d.asJSON(now))
			past := d.exported(func(in *dynamodb.ExportTableToPointInTimeInput) {
				in.ExportFormat, in.ExportTime, in.S3Prefix = format, &then, aws.String("some/where")
			})
			equalSlices(d.T, "items then", d.items(past), d.asJSON(before))
			equal(d.T, "export time", past.ExportTime.UTC(), then.UTC())
			if !strings.HasPrefix(*past.ExportManifest, "some/where/AWSDynamoDB/") {
				d.Errorf("the manifest is %s", *past.ExportManifest)
			}
		}
		equal(d.T, "partial files", strings.Join(d.partialFiles(), " "), "")
	})
}

// partialFiles returns the files of the bucket that are no objects.
func (d *depot) partialFiles() (names []string) {
	d.Helper()
	err := filepath.WalkDir(filepath.Join(d.config.BucketDir, "files"), func(path string, _ os.DirEntry, err error) error {
		if strings.Contains(path, ".stator-part") {
			names = append(names, path)
		}
		return err
	})
	if err != nil {
		d.Fatal(err)
	}
	return names
}

func TestExportSummary(t *testing.T) {
	eachDepot(t, func(d *depot) {
		d.recovery(35)
		d.put(order(1, "new"))
		e := d.exported(func(in *dynamodb.ExportTableToPointInTimeInput) {
			in.S3Prefix, in.S3SseAlgorithm, in.S3SseKmsKeyId = aws.String("p"), types.S3SseAlgorithmKms, aws.String("key")
		})
		summary, _ := d.summaryOf(e)
		id := (*e.ExportArn)[strings.LastIndexByte(*e.ExportArn, '/')+1:]
		want := map[string]any{
			"version": "2020-06-30", "exportArn": *e.ExportArn, "startTime": "2026-11-01T12:00:00.000Z", "endTime": "2026-11-01T12:00:00.000Z",
			"tableArn": ordersARN, "tableId": *e.TableId, "exportTime": "2026-11-01T12:00:00.000Z", "s3Bucket": "files", "s3Prefix": "p",
			"s3SseAlgorithm": "KMS", "s3SseKmsKeyId": "key", "manifestFilesS3Key": "p/AWSDynamoDB/" + id + "/manifest-files.json",
			"billedSizeBytes": float64(*e.BilledSizeBytes), "itemCount": 1.0, "outputFormat": "DYNAMODB_JSON",
		}
		if !reflect.DeepEqual(summary, want) {
			d.Errorf("the summary is\n%v\nnot\n%v", summary, want)
		}
		equal(d.T, "_started", len(d.file("p/AWSDynamoDB/"+id+"/_started")), 0)
	})
}

func incremental(from, to time.Time, view types.ExportViewType) func(*dynamodb.ExportTableToPointInTimeInput) {
	return func(in *dynamodb.ExportTableToPointInTimeInput) {
		in.ExportType = types.ExportTypeIncrementalExport
		in.IncrementalExportSpecification = &types.IncrementalExportSpecification{ExportFromTime: &from, ExportViewType: view}
		if !to.IsZero() {
			in.IncrementalExportSpecification.ExportToTime = &to
		}
	}
}

// changed is what an incremental export says of an item.
type changed struct{ old, now string }

func (d *depot) changes(e *types.ExportDescription) map[string]changed {
	d.Helper()
	all := map[string]changed{}
	for _, r := range d.records(e) {
		c := r.Change
		key := string(c.Keys.AppendJSON(nil))
		if all[key] != (changed{}) {
			d.Errorf("%s has two changes", key)
		}
		written := time.UnixMicro(c.Written)
		if written.Before(*e.IncrementalExportSpecification.ExportFromTime) || !written.Before(*e.IncrementalExportSpecification.ExportToTime) {
			d.Errorf("%s was written at %v", key, written)
		}
		all[key] = changed{string(c.Old.AppendJSON(nil)), string(c.New.AppendJSON(nil))}
	}
	return all
}

func TestIncrementalExport(t *testing.T) {
	eachDepot(t, func(d *depot) {
		d.recovery(35)
		d.put(order(1, "old"), order(2, "old"), order(3, "old"))
		d.move(time.Hour)
		from := d.srv.Now()
		d.put(order(2, "new"), order(4, "new"), order(5, "new"))
		d.remove(order(3, ""))
		d.remove(order(5, ""))
		d.move(time.Hour)
		to := d.srv.Now()
		d.put(order(1, "newer"), order(2, "newer"))
		wire := func(n int, state string) string { return wireOf(d.T, order(n, state)) }
		key := func(n int) string { return wireOf(d.T, item{"pk": order(n, "")["pk"], "sk": order(n, "")["sk"]}) }
		want := map[string]changed{key(2): {wire(2, "old"), wire(2, "new")}, key(3): {wire(3, "old"), "{}"}, key(4): {"{}", wire(4, "new")}}
		for _, format := range []types.ExportFormat{types.ExportFormatDynamodbJson, types.ExportFormatIon} {
			e := d.exported(func(in *dynamodb.ExportTableToPointInTimeInput) {
				incremental(from, to, "")(in)
				in.ExportFormat = format
			})
			if got := d.changes(e); !maps.Equal(got, want) {
				d.Errorf("%s: the changes are\n%v\nnot\n%v", format, got, want)
			}
			summary, files := d.summaryOf(e)
			equal(d.T, "view", summary["outputView"].(string), "NEW_AND_OLD_IMAGES")
			equal(d.T, "from", summary["exportFromTime"].(string), "2026-11-01T13:00:00.000Z")
			if !strings.HasPrefix(files[0].DataFileS3Key, "AWSDynamoDB/data/") {
				d.Errorf("the data is in %s", files[0].DataFileS3Key)
			}
		}
		for k, c := range want {
			want[k] = changed{"{}", c.now}
		}
		if got := d.changes(d.exported(incremental(from, to, types.ExportViewTypeNewImage))); !maps.Equal(got, want) {
			d.Errorf("the new images are\n%v\nnot\n%v", got, want)
		}
		d.move(time.Hour)
		equal(d.T, "changes until now", len(d.changes(d.exported(incremental(to, time.Time{}, "")))), 2)
	})
}

func (d *depot) remove(it item) {
	d.Helper()
	if _, err := d.db.DeleteItem(d.Context(), &dynamodb.DeleteItemInput{TableName: aws.String("orders"), Key: item{"pk": it["pk"], "sk": it["sk"]}}); err != nil {
		d.Fatal(err)
	}
}

func TestExportFilter(t *testing.T) {
	eachDepot(t, func(d *depot) {
		d.recovery(35)
		for n := range 50 {
			d.put(order(n, []string{"new", "paid"}[n%2]))
		}
		filtered := func(f types.FilterSpecification) []string {
			e := d.exported(func(in *dynamodb.ExportTableToPointInTimeInput) { in.FilterSpecification = &f })
			if !reflect.DeepEqual(e.FilterSpecification, &f) {
				d.Errorf("the filter is shown as %+v", e.FilterSpecification)
			}
			return d.items(e)
		}
		values := item{":c": str("c3"), ":o": str("o0020")}
		got := filtered(types.FilterSpecification{
			KeyConditionExpression: aws.String("pk = :c and sk < :o"), FilterExpression: aws.String("#s = :n"), ProjectionExpression: aws.String("sk, #s"),
			ExpressionAttributeNames: map[string]string{"#s": "state"}, ExpressionAttributeValues: item{":c": values[":c"], ":o": values[":o"], ":n": str("paid")},
		})
		equalSlices(d.T, "items", got, []string{`{"sk":{"S":"o0003"},"state":{"S":"paid"}}`, `{"sk":{"S":"o0017"},"state":{"S":"paid"}}`})
		equal(d.T, "items of a partition", len(filtered(types.FilterSpecification{KeyConditionExpression: aws.String("pk = :c"), ExpressionAttributeValues: item{":c": str("c3")}})), 7)
		equal(d.T, "items by key attribute", len(filtered(types.FilterSpecification{FilterExpression: aws.String("sk < :o"), ExpressionAttributeValues: item{":o": str("o0020")}})), 20)
		for expression, text := range map[string]string{
			"pk = :c and":   `Invalid FilterExpression: Syntax error; token: "<EOF>", near: "and"`,
			"pk = :missing": "Invalid FilterExpression: An expression attribute value used in expression is not defined; attribute value: :missing",
		} {
			_, err := d.export(func(in *dynamodb.ExportTableToPointInTimeInput) {
				in.FilterSpecification = &types.FilterSpecification{FilterExpression: &expression, ExpressionAttributeValues: item{":c": str("c3")}}
			})
			if code(err) != "ValidationException" || !strings.Contains(err.Error(), text) {
				d.Errorf("%s: %v", expression, err)
			}
		}
	})
}

func TestExportErrors(t *testing.T) {
	eachDepot(t, func(d *depot) {
		_, err := d.export(nil)
		equal(d.T, "without recovery", code(err), "PointInTimeRecoveryUnavailableException")
		_, err = d.export(func(in *dynamodb.ExportTableToPointInTimeInput) { in.TableArn = aws.String(ordersARN + "x") })
		equal(d.T, "no table", code(err), "TableNotFoundException")
		d.recovery(35)
		d.move(time.Hour)
		now := d.srv.Now()
		for what, c := range map[string]struct {
			change func(*dynamodb.ExportTableToPointInTimeInput)
			code   string
		}{
			"too early":     {at(noon.Add(-time.Second)), "InvalidExportTimeException"},
			"too late":      {at(now.Add(time.Second)), "InvalidExportTimeException"},
			"short window":  {incremental(now.Add(-time.Minute), now, ""), "ValidationException"},
			"early window":  {incremental(noon.Add(-time.Minute), now, ""), "InvalidExportTimeException"},
			"late window":   {incremental(noon, now.Add(time.Minute), ""), "InvalidExportTimeException"},
			"no window":     {func(in *dynamodb.ExportTableToPointInTimeInput) { in.ExportType = types.ExportTypeIncrementalExport }, "ValidationException"},
			"no type":       {func(in *dynamodb.ExportTableToPointInTimeInput) { incremental(noon, now, "")(in); in.ExportType = "" }, "ValidationException"},
			"a bad bucket":  {func(in *dynamodb.ExportTableToPointInTimeInput) { in.S3Bucket = aws.String("..") }, "ValidationException"},
			"a bad format":  {func(in *dynamodb.ExportTableToPointInTimeInput) { in.ExportFormat = "CSV" }, "ValidationException"},
			"a key without": {func(in *dynamodb.ExportTableToPointInTimeInput) { in.S3SseKmsKeyId = aws.String("k") }, "ValidationException"},
		} {
			_, err := d.export(c.change)
			equal(d.T, what, code(err), c.code)
		}
		_, err = d.db.DescribeExport(d.Context(), &dynamodb.DescribeExportInput{ExportArn: aws.String(ordersARN + "/export/01234567890123-00000000")})
		equal(d.T, "no such export", code(err), "ExportNotFoundException")
		e, err := d.export(func(in *dynamodb.ExportTableToPointInTimeInput) { in.S3Prefix = aws.String("a//b") })
		if err != nil {
			d.Fatal(err)
		}
		e = d.awaitExport(*e.ExportArn)
		equal(d.T, "an impossible prefix", e.ExportStatus, types.ExportStatusFailed)
		if !strings.Contains(aws.ToString(e.FailureMessage), "a//b") {
			d.Errorf("the reason is %s", aws.ToString(e.FailureMessage))
		}
	})
}

func TestExportTokens(t *testing.T) {
	eachDepot(t, func(d *depot) {
		d.recovery(35)
		with := func(token, prefix string) func(*dynamodb.ExportTableToPointInTimeInput) {
			return func(in *dynamodb.ExportTableToPointInTimeInput) { in.ClientToken, in.S3Prefix = &token, &prefix }
		}
		first := d.exported(with("t", "p"))
		again, err := d.export(with("t", "p"))
		if err != nil || *again.ExportArn != *first.ExportArn || again.ExportStatus != types.ExportStatusCompleted {
			d.Errorf("the same request again gave %+v, %v", again, err)
		}
		_, err = d.export(with("t", "q"))
		equal(d.T, "another request", code(err), "ExportConflictException")
		long := strings.Repeat("t", 1<<17)
		second := d.exported(with(long, "p"))
		if again, err := d.export(with(long, "p")); err != nil || *again.ExportArn != *second.ExportArn {
			d.Errorf("the same request with a long token again gave %v", err)
		}
		_, err = d.export(with(long+"t", "p"))
		equal(d.T, "a longer token", code(err), "")
		d.reopen()
		_, err = d.export(with("t", "q"))
		equal(d.T, "another request after a restart", code(err), "ExportConflictException")
		d.move(8 * time.Hour)
		later := d.exported(with("t", "q"))
		if *later.ExportArn == *first.ExportArn {
			d.Error("the token is valid for more than eight hours")
		}
		d.move(91 * 24 * time.Hour)
		out, err := d.db.ListExports(d.Context(), &dynamodb.ListExportsInput{})
		if err != nil || len(out.ExportSummaries) != 0 {
			d.Errorf("after 91 days there are %d exports, %v", len(out.ExportSummaries), err)
		}
	})
}

func TestListExports(t *testing.T) {
	eachDepot(t, func(d *depot) {
		d.recovery(35)
		var want []string
		for range 5 {
			want = append(want, *d.exported(nil).ExportArn)
			d.move(time.Second)
		}
		slices.Sort(want)
		slices.Reverse(want)
		for _, in := range []*dynamodb.ListExportsInput{{MaxResults: aws.Int32(2)}, {TableArn: aws.String(ordersARN), MaxResults: aws.Int32(1)}, {}} {
			var got []string
			for pages := dynamodb.NewListExportsPaginator(d.db, in); pages.HasMorePages(); {
				page, err := pages.NextPage(d.Context())
				if err != nil {
					d.Fatal(err)
				}
				for _, e := range page.ExportSummaries {
					equal(d.T, "status", e.ExportStatus, types.ExportStatusCompleted)
					equal(d.T, "type", e.ExportType, types.ExportTypeFullExport)
					got = append(got, *e.ExportArn)
				}
			}
			equalSlices(d.T, "exports", got, want)
		}
		none, err := d.db.ListExports(d.Context(), &dynamodb.ListExportsInput{TableArn: aws.String(ordersARN + "x")})
		if err != nil || len(none.ExportSummaries) != 0 {
			d.Errorf("another table has %v, %v", none, err)
		}
		_, err = d.db.ListExports(d.Context(), &dynamodb.ListExportsInput{NextToken: aws.String("zz")})
		equal(d.T, "a token that is none", code(err), "ValidationException")
	})
}

// An export goes on after a stop, and is of the instant at which it was asked for.
func TestExportGoesOn(t *testing.T) {
	eachDepot(t, func(d *depot) {
		if d.config.DataDir == "" {
			return // nothing is left to go on with
		}
		d.recovery(35)
		for n := range 100 {
			d.put(order(n, "new"))
		}
		want := d.asJSON(d.contents("orders", ""))
		var arns []string
		for n := range 6 {
			e, err := d.export(func(in *dynamodb.ExportTableToPointInTimeInput) { in.S3Prefix = aws.String(fmt.Sprint(n)) })
			if err != nil {
				d.Fatal(err)
			}
			arns = append(arns, *e.ExportArn)
			d.reopen()
			d.put(order(n, "changed meanwhile"))
			want0 := d.asJSON(d.contents("orders", ""))
			e = d.awaitExport(arns[n])
			equal(d.T, "status", e.ExportStatus, types.ExportStatusCompleted)
			equalSlices(d.T, "items", d.items(e), want)
			want = want0
		}
	})
}

// TestTransfersWithS3 moves a table through a server that speaks S3.
func TestTransfersWithS3(t *testing.T) {
	s3 := buckettest.New(t, "files")
	d := &depot{&archive{T: t, config: stator.Config{Clock: noon.Format(time.RFC3339), S3Endpoint: s3.URL}}}
	d.open()
	t.Cleanup(d.close)
	d.create()
	d.recovery(35)
	for n := range 200 {
		d.put(order(n, "new"))
	}
	want := d.snapshot("orders")
	e := d.exported(func(in *dynamodb.ExportTableToPointInTimeInput) {
		in.S3Prefix, in.S3SseAlgorithm = aws.String("a//b c/"), types.S3SseAlgorithmAes256
	})
	equal(t, "encryption", s3.Headers[0].Get("x-amz-server-side-encryption"), "AES256")
	in := asOrders("imported", dataPrefix(e))
	in.InputCompressionType = types.InputCompressionTypeGzip
	d.complete(d.imported(in), 200)
	d.same("imported", want)
	b := d.awaitBulk(d.bulk(dataPrefix(e), func(in *dynamodb.StartBulkPutItemsInput) {
		in.InputS3Configuration.InputCompressionType = types.InputCompressionTypeGzip
	}))
	equal(t, "bulk puts", fmt.Sprint(b.BulkOperationStatus, b.ProcessedItemCount), "COMPLETED200")
	for bucket, want := range map[string]string{"forbidden": "S3AccessDenied", "nothing": "S3NoSuchBucket"} {
		e, err := d.export(func(in *dynamodb.ExportTableToPointInTimeInput) { in.S3Bucket = &bucket })
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "code of the export", aws.ToString(d.awaitExport(*e.ExportArn).FailureCode), want)
		in := asOrders("never", "")
		in.S3BucketSource.S3Bucket = &bucket
		d.fails(want, in)
	}
}
