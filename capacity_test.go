package stator_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/statordb/stator"
)

// handClock is a clock that a test moves by hand.
type handClock struct {
	mu sync.Mutex
	at time.Time
}

func (c *handClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *handClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// enforcing returns a client of a server that enforces capacity on a clock
// moved by hand. It does not retry.
func enforcing(t *testing.T) (*dynamodb.Client, *handClock) {
	t.Helper()
	clock := &handClock{at: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)}
	srv, err := stator.Open(stator.Config{EnforceCapacity: true, Now: clock.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
	})
	return dynamodb.New(dynamodb.Options{
		BaseEndpoint: aws.String(srv.URL()), Region: "us-east-1", Retryer: aws.NopRetryer{}, HTTPClient: whole,
		Credentials: credentials.NewStaticCredentialsProvider("key", "secret", ""),
	}), clock
}

func createProvisioned(t *testing.T, c *dynamodb.Client, read, write int64, indexes ...types.GlobalSecondaryIndex) {
	t.Helper()
	in := &dynamodb.CreateTableInput{
		TableName:             aws.String("Load"),
		AttributeDefinitions:  []types.AttributeDefinition{{AttributeName: aws.String("pk"), AttributeType: types.ScalarAttributeTypeS}},
		KeySchema:             []types.KeySchemaElement{{AttributeName: aws.String("pk"), KeyType: types.KeyTypeHash}},
		ProvisionedThroughput: &types.ProvisionedThroughput{ReadCapacityUnits: &read, WriteCapacityUnits: &write},
	}
	if indexes != nil {
		in.GlobalSecondaryIndexes = indexes
		in.AttributeDefinitions = append(in.AttributeDefinitions, types.AttributeDefinition{AttributeName: aws.String("g"), AttributeType: types.ScalarAttributeTypeS})
	}
	if _, err := c.CreateTable(context.Background(), in); err != nil {
		t.Fatal(err)
	}
}

func put(c *dynamodb.Client, pk string) error {
	_, err := c.PutItem(context.Background(), &dynamodb.PutItemInput{
		TableName: aws.String("Load"),
		Item: map[string]types.AttributeValue{
			"pk": &types.AttributeValueMemberS{Value: pk}, "g": &types.AttributeValueMemberS{Value: "g"},
		},
	})
	return err
}

// reason returns the ThrottlingReasons code of err, "" for no error.
func reason(t *testing.T, err error) string {
	t.Helper()
	var exceeded *types.ProvisionedThroughputExceededException
	switch {
	case err == nil:
		return ""
	case !errors.As(err, &exceeded) || len(exceeded.ThrottlingReasons) != 1:
		t.Fatalf("no throttling: %v", err)
	}
	return aws.ToString(exceeded.ThrottlingReasons[0].Reason) + " " + aws.ToString(exceeded.ThrottlingReasons[0].Resource)
}

const loadARN = "arn:aws:dynamodb:us-east-1:123456789012:table/Load"

// TestHotPartitionIsThrottled writes one key as fast as it goes: it gets the
// 1,000 units per second of its partition, and other keys are not held back.
func TestHotPartitionIsThrottled(t *testing.T) {
	c, clock := enforcing(t)
	createProvisioned(t, c, 10000, 10000)
	for second := range 3 {
		admitted := 0
		for ; ; admitted++ {
			if r := reason(t, put(c, "hot")); r != "" {
				if want := "TableWriteKeyRangeThroughputExceeded " + loadARN; r != want {
					t.Fatalf("got %s, want %s", r, want)
				}
				break
			}
		}
		if admitted != 1000 {
			t.Errorf("second %d: %d writes of the hot key", second, admitted)
		}
		held := 0
		for i := range 100 {
			if put(c, fmt.Sprintf("other-%d", i)) != nil {
				held++ // shares the hot key's partition, one of ten
			}
		}
		if held > 30 {
			t.Errorf("second %d: %d of 100 neighbours held back", second, held)
		}
		clock.advance(time.Second)
	}
}

func TestProvisionedThroughputIsEnforced(t *testing.T) {
	c, clock := enforcing(t)
	createProvisioned(t, c, 5, 10)
	count := func() (admitted int) {
		for reason(t, put(c, "a")) == "" {
			admitted++
		}
		return admitted
	}
	if n := count(); n != 10 {
		t.Errorf("first second: %d writes", n)
	}
	clock.advance(time.Minute)
	if n := count(); n != 600 {
		t.Errorf("after a minute of rest: %d writes", n)
	}
	clock.advance(time.Hour)
	if n := count(); n != 1000 { // 3000 saved, of which a partition takes 1000 in a second
		t.Errorf("after an hour of rest: %d writes", n)
	}
}

func TestThrottledIndexThrottlesItsTable(t *testing.T) {
	c, _ := enforcing(t)
	createProvisioned(t, c, 100, 100, types.GlobalSecondaryIndex{
		IndexName:             aws.String("byG"),
		KeySchema:             []types.KeySchemaElement{{AttributeName: aws.String("g"), KeyType: types.KeyTypeHash}},
		Projection:            &types.Projection{ProjectionType: types.ProjectionTypeAll},
		ProvisionedThroughput: &types.ProvisionedThroughput{ReadCapacityUnits: aws.Int64(100), WriteCapacityUnits: aws.Int64(3)},
	})
	var last string
	admitted := 0
	for last == "" {
		if last = reason(t, put(c, fmt.Sprint(admitted))); last == "" {
			admitted++
		}
	}
	if want := "IndexWriteProvisionedThroughputExceeded " + loadARN + "/index/byG"; admitted != 3 || last != want {
		t.Errorf("%d writes, then %s", admitted, last)
	}
	out, err := c.Scan(context.Background(), &dynamodb.ScanInput{TableName: aws.String("Load")})
	if err != nil || out.Count != 3 {
		t.Errorf("scan: %v, %v: a throttled write must change nothing", out, err)
	}
}

func TestThrottledBatchLeavesItemsUnprocessed(t *testing.T) {
	c, _ := enforcing(t)
	createProvisioned(t, c, 5, 5)
	var requests []types.WriteRequest
	for i := range 20 {
		requests = append(requests, types.WriteRequest{PutRequest: &types.PutRequest{Item: map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: fmt.Sprint(i)}}}})
	}
	in := &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{"Load": requests}}
	out, err := c.BatchWriteItem(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	if left := len(out.UnprocessedItems["Load"]); left == 0 || left == 20 {
		t.Errorf("%d left", left)
	}
	_, err = c.BatchWriteItem(context.Background(), in)
	if got := reason(t, err); got != "TableWriteProvisionedThroughputExceeded "+loadARN {
		t.Errorf("nothing processable: %s", got)
	}
}
