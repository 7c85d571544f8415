package stator_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	streamtypes "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
	"github.com/aws/smithy-go"

	"github.com/statordb/stator"
)

// streamed is a server whose clock is moved by hand, with the table "Music"
// that has a stream.
type streamed struct {
	*testing.T
	items   *dynamodb.Client
	streams *dynamodbstreams.Client
	clock   *handClock
	arn     *string
}

func newStreamed(t *testing.T, view types.StreamViewType) *streamed {
	t.Helper()
	clock := &handClock{at: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)}
	srv, err := stator.Open(stator.Config{Now: clock.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
	})
	s := &streamed{T: t, items: newClient(srv.URL()), clock: clock, streams: newStreamsClient(srv.URL())}
	s.createMusic(view)
	return s
}

func (s *streamed) createMusic(view types.StreamViewType) {
	s.Helper()
	out, err := s.items.CreateTable(context.Background(), &dynamodb.CreateTableInput{
		TableName: aws.String("Music"), AttributeDefinitions: stringKeys("pk"), KeySchema: keySchema("pk", "")[:1],
		BillingMode:         types.BillingModePayPerRequest,
		StreamSpecification: &types.StreamSpecification{StreamEnabled: aws.Bool(true), StreamViewType: view},
	})
	if err != nil {
		s.Fatal(err)
	}
	s.arn = out.TableDescription.LatestStreamArn
}

func newStreamsClient(url string) *dynamodbstreams.Client {
	return dynamodbstreams.New(dynamodbstreams.Options{
		BaseEndpoint: &url, Region: "us-east-1", Retryer: aws.NopRetryer{}, HTTPClient: whole,
		Credentials: credentials.NewStaticCredentialsProvider("key", "secret", ""),
	})
}

func (s *streamed) put(key, value string) {
	s.Helper()
	_, err := s.items.PutItem(context.Background(), &dynamodb.PutItemInput{TableName: aws.String("Music"), Item: item{"pk": str(key), "v": str(value)}})
	if err != nil {
		s.Fatal(err)
	}
}

func (s *streamed) remove(key string) {
	s.Helper()
	_, err := s.items.DeleteItem(context.Background(), &dynamodb.DeleteItemInput{TableName: aws.String("Music"), Key: item{"pk": str(key)}})
	if err != nil {
		s.Fatal(err)
	}
}

func (s *streamed) describe() *streamtypes.StreamDescription {
	s.Helper()
	out, err := s.streams.DescribeStream(context.Background(), &dynamodbstreams.DescribeStreamInput{StreamArn: s.arn})
	if err != nil {
		s.Fatal(err)
	}
	return out.StreamDescription
}

func (s *streamed) iterator(shard int, kind streamtypes.ShardIteratorType, sequence *string) (*string, error) {
	out, err := s.streams.GetShardIterator(context.Background(), &dynamodbstreams.GetShardIteratorInput{
		StreamArn: s.arn, ShardId: s.describe().Shards[shard].ShardId, ShardIteratorType: kind, SequenceNumber: sequence,
	})
	if err != nil {
		return nil, err
	}
	return out.ShardIterator, nil
}

func (s *streamed) read(iterator *string, limit int32) (*dynamodbstreams.GetRecordsOutput, error) {
	return s.streams.GetRecords(context.Background(), &dynamodbstreams.GetRecordsInput{ShardIterator: iterator, Limit: aws.Int32(limit)})
}

// events returns the records as "EVENT key old>new".
func (s *streamed) events(iterator *string, limit int32) (events []string, next *string) {
	s.Helper()
	out, err := s.read(iterator, limit)
	if err != nil {
		s.Fatal(err)
	}
	text := func(image map[string]streamtypes.AttributeValue) string {
		if v, ok := image["v"].(*streamtypes.AttributeValueMemberS); ok {
			return v.Value
		}
		return ""
	}
	for _, r := range out.Records {
		events = append(events, fmt.Sprintf("%s %s %s>%s", r.EventName,
			r.Dynamodb.Keys["pk"].(*streamtypes.AttributeValueMemberS).Value, text(r.Dynamodb.OldImage), text(r.Dynamodb.NewImage)))
	}
	return events, out.NextShardIterator
}

func (s *streamed) expect(iterator *string, want string) (next *string) {
	s.Helper()
	got, next := s.events(iterator, 1000)
	if strings.Join(got, ", ") != want {
		s.Errorf("read %q, want %q", strings.Join(got, ", "), want)
	}
	return next
}

func (s *streamed) expectError(err error, want string) {
	s.Helper()
	var e smithy.APIError
	if !errors.As(err, &e) || !strings.HasPrefix(e.ErrorCode()+": "+e.ErrorMessage(), want) {
		s.Errorf("error %v, want %s", err, want)
	}
}

// The records of every kind of change, and none for a change of nothing.
func TestStreamRecords(t *testing.T) {
	s := newStreamed(t, types.StreamViewTypeNewAndOldImages)
	latest, err := s.iterator(0, streamtypes.ShardIteratorTypeLatest, nil)
	if err != nil {
		t.Fatal(err)
	}
	s.put("a", "1")
	s.put("a", "1")
	s.put("a", "2")
	s.remove("a")
	s.remove("a")
	all := "INSERT a >1, MODIFY a 1>2, REMOVE a 2>"
	next := s.expect(latest, all)
	s.expect(next, "")
	oldest, err := s.iterator(0, streamtypes.ShardIteratorTypeTrimHorizon, nil)
	if err != nil {
		t.Fatal(err)
	}
	s.expect(oldest, all)
	first, next := s.events(oldest, 2)
	if len(first) != 2 {
		t.Errorf("Limit 2 reads %q", first)
	}
	s.expect(next, "REMOVE a 2>")

	out, err := s.read(oldest, 1)
	if err != nil {
		t.Fatal(err)
	}
	r := out.Records[0]
	if len(*r.EventID) != 32 || *r.EventVersion != "1.1" || *r.EventSource != "aws:dynamodb" || *r.AwsRegion != "us-east-1" || r.UserIdentity != nil {
		t.Errorf("record %+v", r)
	}
	if d := r.Dynamodb; *d.SizeBytes != 3+3+2 || len(*d.SequenceNumber) < 21 || d.StreamViewType != "NEW_AND_OLD_IMAGES" || !d.ApproximateCreationDateTime.Equal(s.clock.now()) {
		t.Errorf("change %+v, size %d", d, *d.SizeBytes)
	}
	for kind, want := range map[streamtypes.ShardIteratorType]string{
		streamtypes.ShardIteratorTypeAtSequenceNumber: all, streamtypes.ShardIteratorTypeAfterSequenceNumber: "MODIFY a 1>2, REMOVE a 2>",
	} {
		it, err := s.iterator(0, kind, r.Dynamodb.SequenceNumber)
		if err != nil {
			t.Fatal(err)
		}
		s.expect(it, want)
	}
}

// A disabled stream stays readable, with closed shards, until its changes are
// past their retention.
func TestStreamDisabled(t *testing.T) {
	s := newStreamed(t, types.StreamViewTypeNewImage)
	ctx := context.Background()
	s.put("a", "1")
	update := func(spec *types.StreamSpecification) error {
		_, err := s.items.UpdateTable(ctx, &dynamodb.UpdateTableInput{TableName: aws.String("Music"), StreamSpecification: spec})
		return err
	}
	enable := &types.StreamSpecification{StreamEnabled: aws.Bool(true), StreamViewType: types.StreamViewTypeKeysOnly}
	s.expectError(update(enable), "ValidationException: Table already has an enabled stream: TableName: Music")
	if err := update(&types.StreamSpecification{StreamEnabled: aws.Bool(false)}); err != nil {
		t.Fatal(err)
	}
	s.expectError(update(&types.StreamSpecification{StreamEnabled: aws.Bool(false)}), "ValidationException: ")
	s.put("a", "2")
	if d := s.describe(); d.StreamStatus != "DISABLED" || d.Shards[0].SequenceNumberRange.EndingSequenceNumber == nil {
		t.Errorf("disabled stream: %+v", d)
	}
	if err := update(enable); err != nil {
		t.Fatal(err)
	}
	s.put("a", "3")
	list, err := s.streams.ListStreams(ctx, &dynamodbstreams.ListStreamsInput{TableName: aws.String("Music")})
	if err != nil || len(list.Streams) != 2 || *list.Streams[0].StreamArn != *s.arn {
		t.Fatalf("streams %+v, %v", list, err)
	}
	oldest, err := s.iterator(0, streamtypes.ShardIteratorTypeTrimHorizon, nil)
	if err != nil {
		t.Fatal(err)
	}
	if next := s.expect(oldest, "INSERT a >1"); next != nil {
		t.Errorf("a closed shard goes on at %s", *next)
	}
	if _, err := s.items.DeleteTable(ctx, &dynamodb.DeleteTableInput{TableName: aws.String("Music")}); err != nil {
		t.Fatal(err)
	}
	s.expect(oldest, "INSERT a >1")
	s.arn = list.Streams[1].StreamArn
	if d := s.describe(); d.StreamStatus != "DISABLED" || len(d.Shards) != 1 {
		t.Errorf("stream of a deleted table: %+v", d)
	}
	second, err := s.iterator(0, streamtypes.ShardIteratorTypeTrimHorizon, nil)
	if err != nil {
		t.Fatal(err)
	}
	s.expect(second, "MODIFY a >")
}

// What a consumer meets that comes late or asks wrongly.
func TestStreamErrors(t *testing.T) {
	s := newStreamed(t, types.StreamViewTypeNewImage)
	ctx := context.Background()
	s.put("a", "1")
	oldest, _ := s.iterator(0, streamtypes.ShardIteratorTypeTrimHorizon, nil)
	out, err := s.read(oldest, 1)
	if err != nil {
		t.Fatal(err)
	}
	sequence := out.Records[0].Dynamodb.SequenceNumber
	s.clock.advance(15 * time.Minute)
	_, err = s.read(oldest, 1)
	s.expectError(err, "ExpiredIteratorException: ")
	s.clock.advance(24 * time.Hour)
	s.put("b", "1")
	_, err = s.iterator(0, streamtypes.ShardIteratorTypeAtSequenceNumber, sequence)
	s.expectError(err, "TrimmedDataAccessException: ")
	oldest, _ = s.iterator(0, streamtypes.ShardIteratorTypeTrimHorizon, nil)
	s.expect(oldest, "INSERT b >1")

	_, err = s.iterator(0, streamtypes.ShardIteratorTypeLatest, sequence)
	s.expectError(err, "ValidationException: ")
	_, err = s.iterator(0, streamtypes.ShardIteratorTypeAtSequenceNumber, nil)
	s.expectError(err, "ValidationException: ")
	_, err = s.iterator(0, streamtypes.ShardIteratorTypeAtSequenceNumber, aws.String("123456789012345678901"))
	s.expectError(err, "ValidationException: ")
	for _, text := range []string{"x", *oldest + "A", strings.Replace(*oldest, "Music", "Magic", 1)} {
		_, err = s.read(&text, 1)
		s.expectError(err, "ValidationException: Invalid ShardIterator")
	}
	_, err = s.read(oldest, 1001)
	s.expectError(err, "ValidationException: ")
	_, err = s.streams.DescribeStream(ctx, &dynamodbstreams.DescribeStreamInput{StreamArn: aws.String(strings.Replace(*s.arn, "2026", "2025", 1))})
	s.expectError(err, "ResourceNotFoundException: ")
	_, err = s.streams.DescribeStream(ctx, &dynamodbstreams.DescribeStreamInput{StreamArn: aws.String("arn:aws:dynamodb:us-east-1:123456789012:table/Music")})
	s.expectError(err, "ValidationException: ")
	_, err = s.streams.GetShardIterator(ctx, &dynamodbstreams.GetShardIteratorInput{
		StreamArn: s.arn, ShardId: aws.String("shardId-00000001414576573621-f55eea83"), ShardIteratorType: streamtypes.ShardIteratorTypeLatest})
	s.expectError(err, "ResourceNotFoundException: Requested resource not found: Shard does not exist")
}
