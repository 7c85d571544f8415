package stator_test

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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
	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/bucket/buckettest"
	"github.com/statordb/stator/internal/itemfile"
	"github.com/statordb/stator/internal/patience"
)

// eachDepot runs a test in memory and on disk, with buckets in a directory.
func eachDepot(t *testing.T, test func(*depot)) {
	for _, kind := range []string{"memory", "disk"} {
		t.Run(kind, func(t *testing.T) {
			d := &depot{&archive{T: t, config: stator.Config{Clock: noon.Format(time.RFC3339), BucketDir: t.TempDir()}}}
			if kind == "disk" {
				d.config.DataDir = t.TempDir()
			}
			d.open()
			t.Cleanup(d.close)
			d.create()
			test(d)
		})
	}
}

// depot is an archive with buckets.
type depot struct{ *archive }

const ordersARN = "arn:aws:dynamodb:us-east-1:123456789012:table/orders"

// file returns the content of an object in the bucket "files".
func (d *depot) file(key string) []byte {
	d.Helper()
	content, err := os.ReadFile(filepath.Join(d.config.BucketDir, "files", key))
	if err != nil {
		d.Fatal(err)
	}
	return content
}

func (d *depot) write(key, content string) {
	d.Helper()
	path := filepath.Join(d.config.BucketDir, "files", key)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(content), 0o600)); err != nil {
		d.Fatal(err)
	}
}

// export begins an export to the bucket "files".
func (d *depot) export(change func(*dynamodb.ExportTableToPointInTimeInput)) (*types.ExportDescription, error) {
	in := &dynamodb.ExportTableToPointInTimeInput{TableArn: aws.String(ordersARN), S3Bucket: aws.String("files")}
	if change != nil {
		change(in)
	}
	out, err := d.db.ExportTableToPointInTime(d.Context(), in)
	if err != nil {
		return nil, err
	}
	return out.ExportDescription, nil
}

// exported makes an export and returns it when it is complete.
func (d *depot) exported(change func(*dynamodb.ExportTableToPointInTimeInput)) *types.ExportDescription {
	d.Helper()
	e, err := d.export(change)
	if err != nil {
		d.Fatal(err)
	}
	equal(d.T, "status of a new export", e.ExportStatus, types.ExportStatusInProgress)
	e = d.awaitExport(*e.ExportArn)
	if e.ExportStatus != types.ExportStatusCompleted {
		d.Fatalf("the export is %s: %s %s", e.ExportStatus, aws.ToString(e.FailureCode), aws.ToString(e.FailureMessage))
	}
	return e
}

func (d *depot) awaitExport(arn string) (e *types.ExportDescription) {
	d.Helper()
	patience.Until(d, func() bool {
		out, err := d.db.DescribeExport(d.Context(), &dynamodb.DescribeExportInput{ExportArn: &arn})
		if err != nil {
			d.Fatal(err)
		}
		e = out.ExportDescription
		return e.ExportStatus != types.ExportStatusInProgress
	}, "the end of an export")
	return e
}

// manifestLine is a line of manifest-files.json.
type manifestLine struct {
	ItemCount                        int
	MD5Checksum, ETag, DataFileS3Key string
}

// summaryOf reads the manifests of an export, checks their checksums and those of
// the data files, and returns the summary and the files.
func (d *depot) summaryOf(e *types.ExportDescription) (summary map[string]any, files []manifestLine) {
	d.Helper()
	read := func(key string) []byte {
		text := d.file(key)
		sum := md5.Sum(text)
		equal(d.T, "checksum of "+key, string(d.file(strings.TrimSuffix(key, ".json")+".checksum")), base64.StdEncoding.EncodeToString(sum[:]))
		return text
	}
	if err := json.Unmarshal(read(*e.ExportManifest), &summary); err != nil {
		d.Fatal(err)
	}
	total := 0
	for line := range strings.Lines(string(read(summary["manifestFilesS3Key"].(string)))) {
		var f manifestLine
		if err := json.Unmarshal([]byte(line), &f); err != nil {
			d.Fatal(err)
		}
		sum := md5.Sum(d.file(f.DataFileS3Key))
		equal(d.T, "MD5 of "+f.DataFileS3Key, f.MD5Checksum, base64.StdEncoding.EncodeToString(sum[:]))
		equal(d.T, "entity tag of "+f.DataFileS3Key, f.ETag, hex.EncodeToString(sum[:]))
		total += f.ItemCount
		files = append(files, f)
	}
	equal(d.T, "items in the files", int64(total), *e.ItemCount)
	equal(d.T, "items in the summary", summary["itemCount"].(float64), float64(*e.ItemCount))
	return summary, files
}

// records returns the records of an export.
func (d *depot) records(e *types.ExportDescription) (all []itemfile.Record) {
	d.Helper()
	_, files := d.summaryOf(e)
	for _, f := range files {
		r, err := itemfile.NewReader(bytes.NewReader(d.file(f.DataFileS3Key)), itemfile.Options{Format: itemfile.Format(e.ExportFormat), Compression: itemfile.Gzip})
		if err != nil {
			d.Fatal(err)
		}
		for {
			rec, err := r.Read()
			if errors.Is(err, io.EOF) {
				break
			}
			if err = errors.Join(err, rec.Err); err != nil {
				d.Fatal(err)
			}
			all = append(all, rec)
		}
		r.Close()
	}
	return all
}

// asJSON returns items as they stand on the wire, sorted.
func (d *depot) asJSON(items map[string]item) []string {
	var all []string
	for _, it := range items {
		all = append(all, wireOf(d.T, it))
	}
	slices.Sort(all)
	return all
}

// items returns the items of a full export, as asJSON does.
func (d *depot) items(e *types.ExportDescription) []string {
	d.Helper()
	var all []string
	for _, r := range d.records(e) {
		all = append(all, string(r.Item.AppendJSON(nil)))
	}
	slices.Sort(all)
	return all
}

func at(t time.Time) func(*dynamodb.ExportTableToPointInTimeInput) {
	return func(in *dynamodb.ExportTableToPointInTimeInput) { in.ExportTime = &t }
}

func TestExport(t *testing.T) {
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

// everyType is an order with a value of each type, and more than one of some.
func everyType() item {
	list := func(vs ...types.AttributeValue) types.AttributeValue { return &types.AttributeValueMemberL{Value: vs} }
	number := func(n string) types.AttributeValue { return &types.AttributeValueMemberN{Value: n} }
	binary := func(b ...byte) types.AttributeValue { return &types.AttributeValueMemberB{Value: b} }
	it := order(500, "all")
	maps.Copy(it, item{
		"number": list(number("0"), number("-1.5"), number("12345678901234567890123456789012345678"), number("9.9999999999999999999999999999999999999E+125"), number("-1E-130")),
		"binary": binary(0, 255, '"', '\n'), "none": &types.AttributeValueMemberB{Value: []byte{}}, "empty": str(""), "text": str("\x00\"'\\\n\u2028 é 😀 {{ }} '''"),
		"true": &types.AttributeValueMemberBOOL{Value: true}, "false": &types.AttributeValueMemberBOOL{}, "null": &types.AttributeValueMemberNULL{Value: true},
		"list": list(list(), str("x"), &types.AttributeValueMemberM{Value: item{}}), "a map": &types.AttributeValueMemberM{Value: item{"$10": str("y"), "'": list()}},
		"ss": strs("b", "a", ""), "ns": &types.AttributeValueMemberNS{Value: []string{"10", "9", "-1"}}, "bs": &types.AttributeValueMemberBS{Value: [][]byte{{1}, {}}},
		"large": str(strings.Repeat("\x01 large ", 50_000)),
	})
	return it
}

// wireOf returns an item as it stands on the wire.
func wireOf(t testing.TB, it item) string {
	t.Helper()
	return string(valueOf(t, &types.AttributeValueMemberM{Value: it}).AsItem().AppendJSON(nil))
}

func valueOf(t testing.TB, v types.AttributeValue) attr.Value {
	t.Helper()
	number := func(text string) attr.Value {
		n, fault := attr.ParseNumber(text)
		if fault != nil {
			t.Fatal(fault)
		}
		return n
	}
	var elems []attr.Value
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		return attr.String(v.Value)
	case *types.AttributeValueMemberN:
		return number(v.Value)
	case *types.AttributeValueMemberB:
		return attr.Binary(v.Value)
	case *types.AttributeValueMemberBOOL:
		return attr.Bool(v.Value)
	case *types.AttributeValueMemberNULL:
		return attr.Null()
	case *types.AttributeValueMemberSS:
		for _, e := range v.Value {
			elems = append(elems, attr.String(e))
		}
		return attr.Set(attr.SS, elems)
	case *types.AttributeValueMemberNS:
		for _, e := range v.Value {
			elems = append(elems, number(e))
		}
		return attr.Set(attr.NS, elems)
	case *types.AttributeValueMemberBS:
		for _, e := range v.Value {
			elems = append(elems, attr.Binary(e))
		}
		return attr.Set(attr.BS, elems)
	case *types.AttributeValueMemberL:
		for _, e := range v.Value {
			elems = append(elems, valueOf(t, e))
		}
		return attr.List(elems...)
	}
	var members []attr.Attribute
	for name, e := range v.(*types.AttributeValueMemberM).Value {
		members = append(members, attr.Attribute{Name: name, Value: valueOf(t, e)})
	}
	return attr.Map(members...)
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
