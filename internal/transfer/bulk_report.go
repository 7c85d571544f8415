package transfer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/statordb/stator/internal/bucket"
	"github.com/statordb/stator/internal/model"
)

// What bulk puts write to their output, below its prefix. That there are reports
// of the two types and a manifest is in the developer guide ("Bulk put items
// output and reconciliation"); the names of the objects and of their members have
// no source.
//
//	AWSDynamoDB/ID/error/N.json                     records that cannot be put
//	AWSDynamoDB/ID/condition-check-failure/N.json   records whose condition is false
//	AWSDynamoDB/ID/manifest.json

// reportLine is a line of a report.
type reportLine struct {
	ItemS3Pointer pointer         `json:"itemS3Pointer"`
	ErrorMessages []string        `json:"errorMessages,omitempty"`
	AttemptedItem json.RawMessage `json:"attemptedItem,omitempty"`
	ExistingItem  json.RawMessage `json:"existingItem,omitempty"`
}

const (
	outputErrors     = "ERROR"
	outputConditions = "CONDITION_CHECK_FAILURE"
)

// output returns the configuration of the reports of a type, nil if there are
// none.
func (r *bulkRun) output(kind string) *model.OutputS3Configuration {
	o := r.in.OutputS3Configuration
	if o == nil || !o.S3Bucket.Set || kind != "" && !slices.Contains(o.OutputType, kind) {
		return nil
	}
	return o
}

func (r *bulkRun) folder(o *model.OutputS3Configuration) string {
	return path.Join(strings.Trim(o.S3KeyPrefix.V, "/"), "AWSDynamoDB", r.ID) + "/"
}

// report writes the reports on puts of the object key. Their names are made of what
// was reported before, so that they are written again when the puts are made again.
func (r *bulkRun) report(ctx context.Context, key string, puts []put) error {
	lines := map[string][]byte{}
	for _, p := range puts {
		line := reportLine{ItemS3Pointer: pointer{r.source.bucket, key, p.record.Index}}
		kind := outputErrors
		switch {
		case p.failed != nil:
			line.ErrorMessages = []string{p.failed.Error()}
		case p.refused:
			kind = outputConditions
			line.AttemptedItem = p.record.Item.AppendJSON(nil)
			if !p.existing.IsEmpty() {
				line.ExistingItem = p.existing.AppendJSON(nil)
			}
		default:
			continue
		}
		text, err := json.Marshal(line)
		if err != nil {
			return err
		}
		lines[kind] = append(append(lines[kind], text...), '\n')
	}
	for kind, text := range lines {
		o := r.output(kind)
		if o == nil {
			continue
		}
		folder := strings.ReplaceAll(strings.ToLower(kind), "_", "-")
		name := fmt.Sprintf("%s%s/%015d.json", r.folder(o), folder, r.Processed+r.Failed)
		if err := r.put(ctx, o, name, text); err != nil {
			return err
		}
	}
	return nil
}

func (r *bulkRun) put(ctx context.Context, o *model.OutputS3Configuration, key string, text []byte) error {
	_, err := r.transfers.buckets(r.Table).Put(ctx, o.S3Bucket.V, key, bytes.NewReader(text), bucket.PutOptions{Encryption: o.S3SseAlgorithm.V, KMSKey: o.S3SseKmsKeyId.V})
	if err != nil {
		return fmt.Errorf("write s3://%s/%s: %w", o.S3Bucket.V, key, err)
	}
	return nil
}

// bulkManifest is manifest.json.
type bulkManifest struct {
	BulkOperationARN    string   `json:"bulkOperationArn"`
	BulkOperationStatus string   `json:"bulkOperationStatus"`
	TableARN            string   `json:"tableArn"`
	StartTime           string   `json:"startTime"`
	EndTime             string   `json:"endTime"`
	ProcessedItemCount  int64    `json:"processedItemCount"`
	FailedItemCount     int64    `json:"failedItemCount"`
	RefusedItemCount    int64    `json:"refusedItemCount"` // by their condition
	Reports             []string `json:"reports"`
}

// manifest writes what there is.
func (r *bulkRun) manifest(ctx context.Context, b *Bulk) error {
	if r.in == nil {
		return nil
	}
	o := r.output("")
	if o == nil {
		return nil
	}
	m := bulkManifest{
		BulkOperationARN: b.ARN(), BulkOperationStatus: b.Status, TableARN: b.TableARN, StartTime: stamp(b.Started), EndTime: stamp(b.Ended.Truncate(time.Millisecond)),
		ProcessedItemCount: b.Processed, FailedItemCount: b.Failed, RefusedItemCount: b.Refused, Reports: []string{},
	}
	for found, err := range r.transfers.buckets(r.Table).List(ctx, o.S3Bucket.V, r.folder(o)) {
		if err != nil && !errors.Is(err, bucket.ErrNoBucket) {
			return err
		}
		if err == nil {
			m.Reports = append(m.Reports, found.Key)
		}
	}
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return r.put(ctx, o, r.folder(o)+"manifest.json", text)
}
