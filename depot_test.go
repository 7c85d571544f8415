package stator_test

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/statordb/stator"
	"github.com/statordb/stator/internal/attr"
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
