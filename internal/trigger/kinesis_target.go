package trigger

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/smithy-go"

	"github.com/statordb/stator/internal/stream"
	"github.com/statordb/stator/internal/table"
	"github.com/statordb/stator/internal/wire"
)

// Limits of PutRecords. (Kinesis API reference.)
const (
	kinesisRecords = 500
	kinesisBytes   = 5 << 20 // of all data and partition keys
	kinesisRecord  = 1 << 20 // of one
)

// kinesisTarget is a Kinesis data stream.
type kinesisTarget struct {
	client *kinesis.Client
	stream string // name
	stats  *kinesisStats
}

// kinesisStats counts what reached the data streams of a table.
type kinesisStats struct {
	Stats
	units     atomic.Int64 // change data capture units
	throttled atomic.Int64 // records
	tooLarge  atomic.Int64 // records
}

// deliver puts the records in rounds, of which each has one record of an item
// at most: PutRecords may take some and refuse others, and the changes of an
// item shall not overtake each other.
func (k *kinesisTarget) deliver(ctx context.Context, batch []record) (rest []record, err error) {
	for rest = k.fitting(batch); len(rest) > 0; {
		round, later := nextRound(rest)
		failed, err := k.put(ctx, round)
		if len(failed) == 0 && err == nil {
			rest = later
			continue
		}
		return inOrder(rest, failed, later), err
	}
	return nil, nil
}

// fitting drops the records that a data stream cannot take. (Developer guide,
// "Kinesis Data Streams for DynamoDB": an item's change may be larger than a
// record; it is counted as failed to replicate.)
func (k *kinesisTarget) fitting(batch []record) (fitting []record) {
	for _, r := range batch {
		if len(r.json)+len(partitionKey(r)) > kinesisRecord {
			k.stats.tooLarge.Add(1)
		} else {
			fitting = append(fitting, r)
		}
	}
	return fitting
}

// nextRound returns the first record of each item, as many as one request
// takes, and the others.
func nextRound(records []record) (round, later []record) {
	seen, size := map[string]bool{}, 0
	for _, r := range records {
		key := partitionKey(r)
		size += len(r.json) + len(key)
		if seen[key] || len(round) == kinesisRecords || size > kinesisBytes {
			later = append(later, r)
		} else {
			round = append(round, r)
		}
		seen[key] = true
	}
	return round, later
}

// inOrder returns the records of all that are in one of two lists.
func inOrder(all []record, lists ...[]record) (found []record) {
	in := map[string]bool{}
	for _, list := range lists {
		for _, r := range list {
			in[r.ID] = true
		}
	}
	for _, r := range all {
		if in[r.ID] {
			found = append(found, r)
		}
	}
	return found
}

// put sends one request and returns the records that were refused, and why.
func (k *kinesisTarget) put(ctx context.Context, round []record) (failed []record, err error) {
	in := &kinesis.PutRecordsInput{StreamName: &k.stream}
	for _, r := range round {
		in.Records = append(in.Records, types.PutRecordsRequestEntry{Data: r.json, PartitionKey: aws.String(partitionKey(r))})
	}
	out, err := k.client.PutRecords(ctx, in)
	switch {
	case isThrottling(err):
		k.stats.throttled.Add(int64(len(round)))
		return round, err
	case err != nil:
		return round, err
	case len(out.Records) != len(round):
		return round, fmt.Errorf("Kinesis answers about %d records, not the %d it was sent", len(out.Records), len(round))
	}
	for i, answer := range out.Records {
		if answer.ErrorCode == nil && answer.SequenceNumber != nil {
			k.stats.units.Add(int64(table.WriteUnits(max(round[i].Old.Size(), round[i].New.Size()))))
			continue
		}
		if aws.ToString(answer.ErrorCode) == throttlingCode {
			k.stats.throttled.Add(1)
		}
		failed = append(failed, round[i])
		err = fmt.Errorf("Kinesis refuses a record: %s %s", aws.ToString(answer.ErrorCode), aws.ToString(answer.ErrorMessage))
	}
	return failed, err
}

const throttlingCode = "ProvisionedThroughputExceededException"

func isThrottling(err error) bool {
	var e smithy.APIError
	return errors.As(err, &e) && e.ErrorCode() == throttlingCode
}

// partitionKey returns a hash of the item's key, so that the changes of an item
// go to one shard.
func partitionKey(r record) string {
	sum := md5.Sum(r.Keys.Stored())
	return hex.EncodeToString(sum[:])
}

// kinesisEncoder returns how the changes of a table are encoded for a data stream. (Developer guide, "Working with DynamoDB streams and Kinesis Data
// Streams"; ApproximateCreationDateTime is in milliseconds or microseconds.)
func (b base) kinesisEncoder(precision string) func(stream.Stream, stream.Record) []byte {
	return func(of stream.Stream, r stream.Record) []byte {
		at := r.Time.UnixMilli()
		if precision == "MICROSECOND" {
			at = r.Time.UnixMicro()
		}
		identity := "null"
		if r.Expired {
			identity = `{"principalId":"dynamodb.amazonaws.com","type":"Service"}`
		}
		text := wire.AppendString([]byte(`{"awsRegion":`), b.streams.Region(of))
		text = fmt.Appendf(text, `,"eventID":"%s-%s-%s-%s-%s","eventName":"%s","userIdentity":%s,"recordFormat":"application/json","tableName":`,
			r.ID[:8], r.ID[8:12], r.ID[12:16], r.ID[16:20], r.ID[20:], r.Event, identity)
		text = wire.AppendString(text, of.Table.Title())
		text = fmt.Appendf(text, `,"dynamodb":{"ApproximateCreationDateTime":%d,"ApproximateCreationDateTimePrecision":"%s","Keys":`, at, precision)
		text = r.Keys.AppendJSON(text)
		if !r.New.IsEmpty() {
			text = r.New.AppendJSON(append(text, `,"NewImage":`...))
		}
		if !r.Old.IsEmpty() {
			text = r.Old.AppendJSON(append(text, `,"OldImage":`...))
		}
		return fmt.Appendf(text, `,"SizeBytes":%d},"eventSource":"aws:dynamodb"}`, r.Size)
	}
}
