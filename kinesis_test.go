package stator_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/statordb/stator"
	"github.com/statordb/stator/internal/patience"
)

const streamARN = "arn:aws:kinesis:us-east-1:123456789012:stream/changes"

// fakeKinesis speaks as much of Kinesis' protocol as a producer needs. It has
// one data stream, "changes".
type fakeKinesis struct {
	*httptest.Server
	mu struct {
		sync.Mutex
		records []kinesisRecord
		calls   int // of PutRecords
		// answer may answer a call of PutRecords itself; or say which records are
		// refused for want of throughput.
		answer func(w http.ResponseWriter, call, records int) (handled bool, refused []int)
	}
}

// kinesisRecord is what the data of a record is.
type kinesisRecord struct {
	AwsRegion, EventID, EventName, RecordFormat, TableName, EventSource string
	UserIdentity                                                        *struct{ PrincipalId, Type string }
	Dynamodb                                                            struct {
		ApproximateCreationDateTime          int64
		ApproximateCreationDateTimePrecision string
		Keys, NewImage, OldImage             map[string]map[string]string
		SizeBytes                            int
	}
	partitionKey string
}

func newFakeKinesis(t *testing.T) *fakeKinesis {
	k := &fakeKinesis{}
	k.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		var in struct {
			StreamName string
			Records    []struct {
				Data         []byte
				PartitionKey string
			}
		}
		if err == nil {
			err = json.Unmarshal(text, &in)
		}
		if err != nil || !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 ") {
			t.Errorf("request %s (%v), signed %q", text, err, r.Header.Get("Authorization"))
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		if in.StreamName != "changes" {
			w.WriteHeader(400)
			fmt.Fprintf(w, `{"__type": "ResourceNotFoundException", "message": "Stream %s under account 123456789012 not found."}`, in.StreamName)
			return
		}
		if r.Header.Get("X-Amz-Target") != "Kinesis_20131202.PutRecords" {
			fmt.Fprint(w, `{"StreamDescriptionSummary": {"StreamName": "changes", "StreamStatus": "ACTIVE"}}`)
			return
		}
		k.mu.Lock()
		defer k.mu.Unlock()
		k.mu.calls++
		var refused []int
		if k.mu.answer != nil {
			var handled bool
			if handled, refused = k.mu.answer(w, k.mu.calls, len(in.Records)); handled {
				return
			}
		}
		var answers []string
		for i, r := range in.Records {
			if slices.Contains(refused, i) {
				answers = append(answers, `{"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "Rate exceeded"}`)
				continue
			}
			record := kinesisRecord{partitionKey: r.PartitionKey}
			if err := json.Unmarshal(r.Data, &record); err != nil {
				t.Errorf("record %s: %v", r.Data, err)
			}
			k.mu.records = append(k.mu.records, record)
			answers = append(answers, fmt.Sprintf(`{"SequenceNumber": "%d", "ShardId": "shardId-000000000000"}`, len(k.mu.records)))
		}
		fmt.Fprintf(w, `{"FailedRecordCount": %d, "Records": [%s]}`, len(refused), strings.Join(answers, ","))
	}))
	t.Cleanup(k.Close)
	return k
}

func (k *fakeKinesis) all() []kinesisRecord {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.mu.records)
}

// await returns when so many records are there.
func (k *fakeKinesis) await(t *testing.T, n int) []kinesisRecord {
	t.Helper()
	patience.Until(t, func() bool { return len(k.all()) >= n }, fmt.Sprintf("%d records", n))
	return k.all()
}

// enable enables the destination arn of the table Music.
func (s *triggered) enable(arn string) error {
	out, err := s.items.EnableKinesisStreamingDestination(context.Background(), &dynamodb.EnableKinesisStreamingDestinationInput{TableName: aws.String("Music"), StreamArn: &arn})
	if err == nil && (out.DestinationStatus != types.DestinationStatusEnabling || *out.StreamArn != arn || *out.TableName != "Music") {
		s.Errorf("enabling answers %+v", out)
	}
	return err
}

func (s *triggered) disable(arn string) error {
	out, err := s.items.DisableKinesisStreamingDestination(context.Background(), &dynamodb.DisableKinesisStreamingDestinationInput{TableName: aws.String("Music"), StreamArn: &arn})
	if err == nil && out.DestinationStatus != types.DestinationStatusDisabling {
		s.Errorf("disabling answers %+v", out)
	}
	return err
}

// destinations returns the destinations of the table Music.
func (s *triggered) destinations() []types.KinesisDataStreamDestination {
	s.Helper()
	out, err := s.items.DescribeKinesisStreamingDestination(context.Background(), &dynamodb.DescribeKinesisStreamingDestinationInput{TableName: aws.String("Music")})
	if err != nil {
		s.Fatal(err)
	}
	return out.KinesisDataStreamDestinations
}

// awaitState returns when the newest destination of the table Music is in a state.
func (s *triggered) awaitState(want types.DestinationStatus) types.KinesisDataStreamDestination {
	s.Helper()
	var last types.KinesisDataStreamDestination
	patience.Until(s, func() bool {
		all := s.destinations()
		if len(all) > 0 {
			last = all[len(all)-1]
		}
		return last.DestinationStatus == want
	}, fmt.Sprintf("a destination that is %s", want))
	return last
}

// A data stream gets what changes from its enabling to its disabling, a stream
// of the table or none beside it, and goes on after a restart.
func TestKinesisDelivers(t *testing.T) {
	t.Parallel()
	k := newFakeKinesis(t)
	config := stator.Config{DataDir: t.TempDir(), KinesisEndpoint: k.URL}
	s := newTriggered(t, config)
	s.createMusic(types.StreamViewTypeKeysOnly)
	s.put("before", "1")
	if err := s.enable(streamARN); err != nil {
		t.Fatal(err)
	}
	if d := s.awaitState(types.DestinationStatusActive); *d.StreamArn != streamARN || d.ApproximateCreationDateTimePrecision != types.ApproximateCreationDateTimePrecisionMillisecond {
		t.Errorf("destination %+v", d)
	}
	s.put("a", "1")
	s.put("a", "2")
	s.remove("a")
	all := k.await(t, 3)
	r := all[1]
	if r.AwsRegion != "us-east-1" || len(r.EventID) != 36 || r.RecordFormat != "application/json" || r.TableName != "Music" || r.EventSource != "aws:dynamodb" || r.UserIdentity != nil ||
		r.EventName != "MODIFY" || r.Dynamodb.Keys["pk"]["S"] != "a" || r.Dynamodb.OldImage["v"]["S"] != "1" || r.Dynamodb.NewImage["v"]["S"] != "2" || r.Dynamodb.SizeBytes != 3+2*5 {
		t.Errorf("record %+v", r)
	}
	if d := time.Since(time.UnixMilli(r.Dynamodb.ApproximateCreationDateTime)); d < 0 || d > patience.Limit {
		t.Errorf("record is of %d", r.Dynamodb.ApproximateCreationDateTime)
	}
	if all[0].EventName != "INSERT" || all[2].EventName != "REMOVE" || all[0].partitionKey != all[2].partitionKey {
		t.Errorf("records %+v", all)
	}
	if err := s.srv.Close(); err != nil {
		t.Fatal(err)
	}
	s = newTriggered(t, config)
	s.put("b", "1")
	k.await(t, 4)
	_, err := s.items.UpdateTable(context.Background(), &dynamodb.UpdateTableInput{TableName: aws.String("Music"), StreamSpecification: &types.StreamSpecification{StreamEnabled: aws.Bool(false)}})
	if err != nil {
		t.Fatal(err)
	}
	s.put("c", "1")
	k.await(t, 5)
	if err := s.disable(streamARN); err != nil {
		t.Fatal(err)
	}
	s.awaitState(types.DestinationStatusDisabled)
	s.put("d", "1")
	if err := s.enable(streamARN); err != nil {
		t.Fatal(err)
	}
	s.put("e", "1")
	var keys []string
	for _, r := range k.await(t, 6) {
		keys = append(keys, r.Dynamodb.Keys["pk"]["S"])
	}
	if got := strings.Join(keys, " "); got != "a a a b c e" {
		t.Errorf("delivered %q", got)
	}
}

// The stream of a table beside a destination shows no more than its view.
func TestKinesisBesideStream(t *testing.T) {
	k := newFakeKinesis(t)
	s := newTriggered(t, stator.Config{KinesisEndpoint: k.URL})
	s.createMusic(types.StreamViewTypeKeysOnly)
	if err := s.enable(streamARN); err != nil {
		t.Fatal(err)
	}
	s.put("a", "1")
	k.await(t, 1)
	shards := s.describe().Shards
	if len(shards) != 2 || *shards[1].ParentShardId != *shards[0].ShardId {
		t.Fatalf("shards %+v", shards)
	}
	oldest, err := s.iterator(1, "TRIM_HORIZON", nil)
	if err != nil {
		t.Fatal(err)
	}
	out, err := s.read(oldest, 10)
	if err != nil || len(out.Records) != 1 || len(out.Records[0].Dynamodb.NewImage) != 0 || *out.Records[0].Dynamodb.SizeBytes != 3 {
		t.Errorf("the stream has %+v (%v)", out, err)
	}
}

// Records that are throttled are sent again, and those alone; so is everything
// after garbage, an error and an outage. An item's changes stay in order.
func TestKinesisRetries(t *testing.T) {
	t.Parallel()
	k := newFakeKinesis(t)
	k.mu.answer = func(w http.ResponseWriter, call, records int) (bool, []int) {
		switch call {
		case 1:
			fmt.Fprint(w, `{"Records": [{}]}`)
		case 2:
			fmt.Fprint(w, `<html>`)
		case 3:
			w.WriteHeader(500)
		case 4:
			panic(http.ErrAbortHandler) // closes the connection
		case 5:
			w.WriteHeader(400)
			fmt.Fprint(w, `{"__type": "ProvisionedThroughputExceededException"}`)
		default:
			if call%2 == 0 {
				return false, []int{0} // the first of each second call
			}
			return false, nil
		}
		return true, nil
	}
	s := newTriggered(t, stator.Config{KinesisEndpoint: k.URL})
	s.createMusic(types.StreamViewTypeKeysOnly)
	if err := s.enable(streamARN); err != nil {
		t.Fatal(err)
	}
	s.awaitState(types.DestinationStatusActive)
	for i := range 10 {
		for _, key := range []string{"a", "b", "c"} {
			s.put(key, fmt.Sprint(i))
		}
	}
	next := map[string]int{}
	for _, r := range k.await(t, 30) {
		key := r.Dynamodb.Keys["pk"]["S"]
		if got := r.Dynamodb.NewImage["v"]["S"]; got != fmt.Sprint(next[key]) {
			t.Errorf("item %s: version %s after %d versions", key, got, next[key])
		}
		next[key]++
	}
	if n := len(k.all()); n != 30 {
		t.Errorf("%d records for 30 changes", n)
	}
	var text string
	patience.Until(t, func() bool { // what was delivered is counted once it is answered
		text = s.metrics()
		return strings.Contains(text, `stator_consumed_change_data_capture_units_total{table="Music"} 30`)
	}, "the metrics of 30 units")
	if !strings.Contains(text, `stator_failed_to_replicate_record_count_total{table="Music"} 0`) {
		t.Error("metrics count lost records")
	}
	if strings.Contains(text, `stator_throttled_put_record_count_total{table="Music"} 0`) {
		t.Error("metrics count no throttled record")
	}
}

// metrics returns what GET /metrics answers.
func (s *triggered) metrics() string {
	s.Helper()
	res, err := http.Get(s.srv.URL() + "/metrics")
	if err != nil {
		s.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		s.Fatal(err)
	}
	return string(text)
}

// A record that no data stream takes is counted and left out.
func TestKinesisTooLarge(t *testing.T) {
	k := newFakeKinesis(t)
	s := newTriggered(t, stator.Config{KinesisEndpoint: k.URL})
	s.createMusic(types.StreamViewTypeKeysOnly)
	if err := s.enable(streamARN); err != nil {
		t.Fatal(err)
	}
	s.put("large", strings.Repeat("\x01", 200_000)) // six bytes each in JSON
	s.put("small", "1")
	if all := k.await(t, 1); all[0].Dynamodb.Keys["pk"]["S"] != "small" {
		t.Errorf("delivered %+v", all)
	}
	if text := s.metrics(); !strings.Contains(text, `stator_failed_to_replicate_record_count_total{table="Music"} 1`) {
		t.Error("metrics do not count the record")
	}
}

// The precision of times can be chosen and changed.
func TestKinesisPrecision(t *testing.T) {
	k := newFakeKinesis(t)
	s := newTriggered(t, stator.Config{KinesisEndpoint: k.URL})
	s.createMusic(types.StreamViewTypeKeysOnly)
	if err := s.enable(streamARN); err != nil {
		t.Fatal(err)
	}
	s.awaitState(types.DestinationStatusActive)
	s.put("a", "1")
	k.await(t, 1)
	out, err := s.items.UpdateKinesisStreamingDestination(context.Background(), &dynamodb.UpdateKinesisStreamingDestinationInput{
		TableName: aws.String("Music"), StreamArn: aws.String(streamARN),
		UpdateKinesisStreamingConfiguration: &types.UpdateKinesisStreamingConfiguration{ApproximateCreationDateTimePrecision: types.ApproximateCreationDateTimePrecisionMicrosecond},
	})
	if err != nil || out.DestinationStatus != types.DestinationStatusUpdating {
		t.Fatalf("update: %+v %v", out, err)
	}
	if d := s.awaitState(types.DestinationStatusActive); d.ApproximateCreationDateTimePrecision != types.ApproximateCreationDateTimePrecisionMicrosecond {
		t.Errorf("destination %+v", d)
	}
	s.put("a", "2")
	all := k.await(t, 2)
	if len(all) != 2 || all[1].Dynamodb.ApproximateCreationDateTimePrecision != "MICROSECOND" || all[1].Dynamodb.ApproximateCreationDateTime/1000 < all[0].Dynamodb.ApproximateCreationDateTime {
		t.Errorf("records %+v", all)
	}
}

// What cannot be, and why.
func TestKinesisRefused(t *testing.T) {
	k := newFakeKinesis(t)
	s := newTriggered(t, stator.Config{KinesisEndpoint: k.URL})
	const state = "ValidationException: Table is not in a valid state to enable Kinesis Streaming Destination: "
	s.expectError(s.enable(streamARN), "ResourceNotFoundException: Requested resource not found: Table: Music not found")
	s.createMusic(types.StreamViewTypeKeysOnly)
	if all := s.destinations(); all == nil || len(all) != 0 {
		t.Errorf("destinations %+v", all)
	}
	s.expectError(s.disable(streamARN), state+"KinesisStreamingDestination must be ACTIVE to perform DISABLE operation.")
	s.expectError(s.enable("arn:aws:sqs:us-east-1:123456789012:not-a-data-stream"), "ValidationException: Invalid StreamArn")
	if err := s.enable(streamARN); err != nil {
		t.Fatal(err)
	}
	s.awaitState(types.DestinationStatusActive)
	s.expectError(s.enable(streamARN), state+"EnableKinesisStreamingDestination must be DISABLED or ENABLE_FAILED to perform ENABLE operation.")
	if err := s.disable(streamARN); err != nil {
		t.Fatal(err)
	}
	s.expectError(s.disable(streamARN), state+"KinesisStreamingDestination must be ACTIVE to perform DISABLE operation.")
	missing := "arn:aws:kinesis:us-east-1:123456789012:stream/missing"
	for range 2 { // a failure can be enabled again
		if err := s.enable(missing); err != nil {
			t.Fatal(err)
		}
		if d := s.awaitState(types.DestinationStatusEnableFailed); *d.DestinationStatusDescription != "ResourceNotFoundException: Stream missing under account 123456789012 not found." {
			t.Errorf("destination %+v", d)
		}
	}
	if all := s.destinations(); len(all) != 2 {
		t.Errorf("destinations %+v", all)
	}
	without := newTriggered(t, stator.Config{})
	without.createMusic(types.StreamViewTypeKeysOnly)
	s.expectError(without.enable(streamARN), "ValidationException: This server has no Kinesis endpoint: start it with --kinesis-endpoint URL")
	if _, err := stator.Open(stator.Config{KinesisEndpoint: "localhost:4567"}); err == nil || !strings.Contains(err.Error(), "use a URL like") {
		t.Errorf("an endpoint without http: %v", err)
	}
}

// What a deleted table has not delivered is delivered; a table of the same name
// has nothing to do with that.
func TestKinesisDeletedTable(t *testing.T) {
	k := newFakeKinesis(t)
	var blocked atomic.Bool
	blocked.Store(true)
	k.mu.answer = func(w http.ResponseWriter, _, _ int) (bool, []int) {
		if blocked.Load() {
			w.WriteHeader(500)
		}
		return blocked.Load(), nil
	}
	s := newTriggered(t, stator.Config{KinesisEndpoint: k.URL})
	s.createMusic(types.StreamViewTypeKeysOnly)
	if err := s.enable(streamARN); err != nil {
		t.Fatal(err)
	}
	s.awaitState(types.DestinationStatusActive)
	s.put("a", "1")
	if _, err := s.items.DeleteTable(context.Background(), &dynamodb.DeleteTableInput{TableName: aws.String("Music")}); err != nil {
		t.Fatal(err)
	}
	s.createMusic(types.StreamViewTypeKeysOnly)
	s.put("b", "1")
	if all := s.destinations(); len(all) != 0 {
		t.Errorf("the new table has destinations %+v", all)
	}
	blocked.Store(false)
	if all := k.await(t, 1); all[0].Dynamodb.NewImage["pk"]["S"] != "a" {
		t.Errorf("delivered %+v", all)
	}
}

// An endpoint that is dead holds back neither the table nor the end of the server.
func TestKinesisDeadEndpoint(t *testing.T) {
	k := newFakeKinesis(t)
	k.Close()
	s := newTriggered(t, stator.Config{KinesisEndpoint: k.URL})
	s.createMusic(types.StreamViewTypeKeysOnly)
	if err := s.enable(streamARN); err != nil {
		t.Fatal(err)
	}
	s.put("a", "1")
	if all := s.destinations(); len(all) != 1 || all[0].DestinationStatus != types.DestinationStatusEnabling {
		t.Errorf("destinations %+v", all)
	}
}
