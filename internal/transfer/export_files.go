package transfer

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/statordb/stator/internal/itemfile"
	"github.com/statordb/stator/internal/model"
)

// The objects of an export (developer guide, "DynamoDB table export output
// format"), below the prefix:
//
//	AWSDynamoDB/ID/_started
//	AWSDynamoDB/ID/manifest-files.json, a line for each data file
//	AWSDynamoDB/ID/manifest-summary.json
//	AWSDynamoDB/ID/manifest-files.checksum and manifest-summary.checksum
//	AWSDynamoDB/ID/data/NAME.json.gz, or ion.gz; those of incremental exports in
//	AWSDynamoDB/data/
//
// That a checksum is the MD5 in base64, as it is in the manifest of the files, has
// no source.

const (
	fileBytes = 16 << 20 // of storage for each data file, roughly
	mostFiles = 10_000
)

// base returns what the keys of an export begin with.
func base(in *model.ExportTableToPointInTimeInput) string {
	if prefix := strings.Trim(in.S3Prefix.V, "/"); prefix != "" {
		return prefix + "/AWSDynamoDB/"
	}
	return "AWSDynamoDB/"
}

// folder returns what the keys of the manifests begin with.
func (e *Export) folder(in *model.ExportTableToPointInTimeInput) string { return base(in) + e.ID + "/" }

// dataFile is a line of manifest-files.json.
type dataFile struct {
	ItemCount     int64  `json:"itemCount"`
	MD5Checksum   string `json:"md5Checksum"`
	ETag          string `json:"etag"`
	DataFileS3Key string `json:"dataFileS3Key"`

	bytes int64 // size of the items read for it
}

// total is what went into a data file.
type total struct{ records, bytes int64 }

// fileName returns the name of data file i: the same one when it is written again.
func (e *Export) fileName(i int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", e.ARN(), i))
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:16]))
}

func (x *exporting) put(ctx context.Context, key string, body io.Reader) (etag string, err error) {
	etag, err = x.transfers.buckets(x.Table).Put(ctx, x.in.S3Bucket.V, key, body, x.options())
	if err != nil {
		return "", fmt.Errorf("write s3://%s/%s: %w", x.in.S3Bucket.V, key, err)
	}
	return etag, nil
}

// file writes data file i.
func (x *exporting) file(ctx context.Context, i int, fill func(*itemfile.Writer) (total, error)) (dataFile, error) {
	folder, extension := x.folder(x.in), ".json.gz"
	if x.Incremental() {
		folder = base(x.in)
	}
	if x.format() == itemfile.Ion {
		extension = ".ion.gz"
	}
	key := folder + "data/" + x.fileName(i) + extension
	sum := md5.New()
	var n total
	body, to := io.Pipe()
	filled := make(chan error, 1)
	go func() {
		var err error
		n, err = writeRecords(to, x.format(), fill)
		to.CloseWithError(err) // nil is the end
		filled <- err
	}()
	etag, err := x.put(ctx, key, io.TeeReader(body, sum))
	body.CloseWithError(errors.Join(io.ErrClosedPipe, err)) // ends fill if the object could not be written
	if failed := <-filled; err == nil {
		err = failed
	}
	return dataFile{n.records, base64.StdEncoding.EncodeToString(sum.Sum(nil)), etag, key, n.bytes}, err
}

func writeRecords(to io.Writer, f itemfile.Format, fill func(*itemfile.Writer) (total, error)) (total, error) {
	w, err := itemfile.NewWriter(to, f, itemfile.Gzip)
	if err != nil {
		return total{}, err
	}
	n, err := fill(w)
	return n, errors.Join(err, w.Close())
}

// summary is manifest-summary.json. The version of that of an incremental export
// and the names of its times have no source but for what was seen of exports.
type summary struct {
	Version            string  `json:"version"`
	ExportARN          string  `json:"exportArn"`
	StartTime          string  `json:"startTime"`
	EndTime            string  `json:"endTime"`
	TableARN           string  `json:"tableArn"`
	TableID            string  `json:"tableId"`
	ExportTime         string  `json:"exportTime,omitempty"`
	ExportFromTime     string  `json:"exportFromTime,omitempty"`
	ExportToTime       string  `json:"exportToTime,omitempty"`
	S3Bucket           string  `json:"s3Bucket"`
	S3Prefix           *string `json:"s3Prefix"`
	S3SseAlgorithm     string  `json:"s3SseAlgorithm"`
	S3SseKmsKeyID      *string `json:"s3SseKmsKeyId"`
	ManifestFilesS3Key string  `json:"manifestFilesS3Key"`
	BilledSizeBytes    int64   `json:"billedSizeBytes"`
	ItemCount          int64   `json:"itemCount"`
	OutputFormat       string  `json:"outputFormat"`
	OutputView         string  `json:"outputView,omitempty"`
	ExportType         string  `json:"exportType,omitempty"`
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}

func optional(o model.Opt[string]) *string {
	if !o.Set {
		return nil
	}
	return &o.V
}

// manifests writes what says which files there are. The summary is the last.
func (x *exporting) manifests(ctx context.Context) error {
	var lines []byte
	x.Items, x.Bytes = 0, 0
	for _, f := range x.files {
		x.Items, x.Bytes = x.Items+f.ItemCount, x.Bytes+f.bytes
		line, err := json.Marshal(f)
		if err != nil {
			return err
		}
		lines = append(append(lines, line...), '\n')
	}
	folder := x.folder(x.in)
	if err := x.manifest(ctx, folder+"manifest-files", lines); err != nil {
		return err
	}
	s := summary{
		Version: "2020-06-30", ExportARN: x.ARN(), StartTime: stamp(x.Started), EndTime: stamp(x.transfers.Now()),
		TableARN: x.TableARN, TableID: x.TableID, ExportTime: stamp(x.At), ExportFromTime: stamp(x.From), ExportToTime: stamp(x.To),
		S3Bucket: x.in.S3Bucket.V, S3Prefix: optional(x.in.S3Prefix), S3SseAlgorithm: x.in.S3SseAlgorithm.Or("AES256"), S3SseKmsKeyID: optional(x.in.S3SseKmsKeyId),
		ManifestFilesS3Key: folder + "manifest-files.json", BilledSizeBytes: x.Bytes, ItemCount: x.Items, OutputFormat: string(x.format()),
	}
	if x.Incremental() {
		s.Version, s.ExportType = "2023-08-01", "INCREMENTAL_EXPORT"
		s.OutputView = x.in.IncrementalExportSpecification.ExportViewType.Or("NEW_AND_OLD_IMAGES")
	}
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	x.Manifest = folder + "manifest-summary.json"
	return x.manifest(ctx, folder+"manifest-summary", text)
}

// manifest writes a manifest behind its checksum.
func (x *exporting) manifest(ctx context.Context, name string, text []byte) error {
	sum := md5.Sum(text)
	_, err := x.put(ctx, name+".checksum", strings.NewReader(base64.StdEncoding.EncodeToString(sum[:])))
	if err == nil {
		_, err = x.put(ctx, name+".json", bytes.NewReader(text))
	}
	return err
}
