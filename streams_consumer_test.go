package stator_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	streamtypes "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
)

// consumer reads a stream as client libraries do: the shards of a parent
// before its children, from the last sequence number that it has seen. Items
// are counters: it checks that each record goes on from the one before of its
// item.
type consumer struct {
	*testing.T
	client   *dynamodbstreams.Client
	arn      *string
	done     map[string]bool    // shards read to their end
	last     map[string]*string // sequence number, by shard
	iterator map[string]*string
	counters map[string]string // the new image of the item's last record, by key
	records  int
}

func newConsumer(t *testing.T, arn *string) *consumer {
	return &consumer{T: t, arn: arn, done: map[string]bool{}, last: map[string]*string{}, iterator: map[string]*string{}, counters: map[string]string{}}
}

// connect goes on with a server that was started again.
func (c *consumer) connect(url string) {
	c.client = newStreamsClient(url)
	clear(c.iterator)
}

// drain reads until there is nothing new. It returns an error if the server is
// gone.
func (c *consumer) drain() error {
	for {
		before, shards := c.records, len(c.done)
		var start *string
		for {
			out, err := c.client.DescribeStream(context.Background(), &dynamodbstreams.DescribeStreamInput{StreamArn: c.arn, ExclusiveStartShardId: start, Limit: aws.Int32(3)})
			if err != nil {
				return err
			}
			for _, shard := range out.StreamDescription.Shards {
				if parent := shard.ParentShardId; !c.done[*shard.ShardId] && (parent == nil || c.done[*parent]) {
					if err := c.read(*shard.ShardId); err != nil {
						return err
					}
				}
			}
			if start = out.StreamDescription.LastEvaluatedShardId; start == nil {
				break
			}
		}
		if c.records == before && len(c.done) == shards {
			return nil
		}
	}
}

// read reads a shard as far as it goes.
func (c *consumer) read(shard string) error {
	for {
		if c.iterator[shard] == nil {
			in := &dynamodbstreams.GetShardIteratorInput{StreamArn: c.arn, ShardId: &shard, ShardIteratorType: streamtypes.ShardIteratorTypeTrimHorizon}
			if c.last[shard] != nil {
				in.ShardIteratorType, in.SequenceNumber = streamtypes.ShardIteratorTypeAfterSequenceNumber, c.last[shard]
			}
			out, err := c.client.GetShardIterator(context.Background(), in)
			if err != nil {
				return err
			}
			c.iterator[shard] = out.ShardIterator
		}
		out, err := c.client.GetRecords(context.Background(), &dynamodbstreams.GetRecordsInput{ShardIterator: c.iterator[shard], Limit: aws.Int32(50)})
		var expired *streamtypes.ExpiredIteratorException
		if errors.As(err, &expired) {
			c.iterator[shard] = nil
			continue
		}
		if err != nil {
			return err
		}
		for _, r := range out.Records {
			c.take(r)
			c.last[shard] = r.Dynamodb.SequenceNumber
		}
		c.iterator[shard] = out.NextShardIterator
		if out.NextShardIterator == nil {
			c.done[shard] = true
			return nil
		}
		if len(out.Records) == 0 {
			return nil
		}
	}
}

func (c *consumer) take(r streamtypes.Record) {
	counter := func(image map[string]streamtypes.AttributeValue) string {
		if n, ok := image["n"].(*streamtypes.AttributeValueMemberN); ok {
			return n.Value
		}
		return ""
	}
	key := r.Dynamodb.Keys["pk"].(*streamtypes.AttributeValueMemberS).Value
	old, next := counter(r.Dynamodb.OldImage), counter(r.Dynamodb.NewImage)
	if old != c.counters[key] {
		c.Errorf("item %s goes from %q to %q, the record before left %q", key, old, next, c.counters[key])
	}
	c.counters[key] = next
	c.records++
}

// Four hours of writes, in steps of a few minutes on a manual clock, with
// rotations, jumps of the clock in both directions, and kills. A consumer over
// the SDK sees every change once, and those of an item in order.
func TestConsumerSeesEverything(t *testing.T) {
	t.Parallel()
	rng := testRand(t)
	dir := filepath.Join(t.TempDir(), "data")
	at := noon
	start := func() (*process, *dynamodb.Client) {
		p := serve(t, dir, "--clock", at.Format(time.RFC3339))
		return p, newClientWith(p.url, func(o *dynamodb.Options) { o.Retryer, o.HTTPClient = aws.NopRetryer{}, whole })
	}
	p, items := start()
	out, err := items.CreateTable(context.Background(), &dynamodb.CreateTableInput{
		TableName: aws.String("Counters"), AttributeDefinitions: stringKeys("pk"), KeySchema: keySchema("pk", "")[:1],
		BillingMode:         types.BillingModePayPerRequest,
		StreamSpecification: &types.StreamSpecification{StreamEnabled: aws.Bool(true), StreamViewType: types.StreamViewTypeNewAndOldImages},
	})
	if err != nil {
		t.Fatal(err)
	}
	c := newConsumer(t, out.TableDescription.LatestStreamArn)
	c.connect(p.url)
	writers := make([]counterWriter, 6)
	steps, kills := 24, 0
	if testing.Short() {
		steps = 10
	}
	// Each comes once in four steps: two rounds make any shard old enough.
	jumps := []time.Duration{5 * time.Minute, 4 * time.Hour, -90 * time.Minute, 5 * time.Minute}
	for step := range steps {
		kill := step%6 == 5
		var running sync.WaitGroup
		for w := range writers {
			own := rand.New(rand.NewPCG(rng.Uint64(), 0))
			running.Go(func() { writers[w].run(t, items, fmt.Sprint("w", w), own, kill) })
		}
		if kill {
			time.Sleep(time.Duration(rng.IntN(20)) * time.Millisecond)
			if err := p.cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			kills++
		}
		running.Wait()
		if step%len(jumps) == 0 {
			rng.Shuffle(len(jumps), func(i, j int) { jumps[i], jumps[j] = jumps[j], jumps[i] })
		}
		at = at.Add(jumps[step%len(jumps)])
		if kill {
			_ = c.drain() // meets the server's end
			p.wait()
			p, items = start()
			c.connect(p.url)
		} else if got := p.send("PUT", "/clock", nil, `{"now": "`+at.Format(time.RFC3339)+`"}`); got.status != 200 {
			t.Fatalf("PUT /clock: %+v", got)
		}
		if err := c.drain(); err != nil {
			t.Fatal(err)
		}
		for w := range writers {
			writers[w].check(c, items)
		}
	}
	t.Logf("%d records of %d shards read, %d kills", c.records, len(c.done)+1, kills)
	if len(c.done) == 0 {
		t.Error("no shard was rotated")
	}
}

// counterWriter adds to counters of its own.
type counterWriter struct {
	acknowledged map[string]int // by key
	asked        map[string]int
}

// run adds 30 times to some counter. It ends early if the server is killed.
func (w *counterWriter) run(t *testing.T, items *dynamodb.Client, name string, rng *rand.Rand, killed bool) {
	if w.acknowledged == nil {
		w.acknowledged, w.asked = map[string]int{}, map[string]int{}
	}
	for range 30 {
		key := name + "-" + strconv.Itoa(rng.IntN(3))
		w.asked[key]++
		_, err := items.UpdateItem(context.Background(), &dynamodb.UpdateItemInput{
			TableName: aws.String("Counters"), Key: item{"pk": str(key)}, UpdateExpression: aws.String("ADD n :one"),
			ExpressionAttributeValues: item{":one": num(1)},
		})
		if err != nil {
			if !killed {
				t.Error(err)
			}
			return
		}
		w.acknowledged[key]++
	}
}

// check compares the counters with what the consumer has read, and goes on
// from there.
func (w *counterWriter) check(c *consumer, items *dynamodb.Client) {
	c.Helper()
	for key, least := range w.acknowledged {
		got, err := items.GetItem(context.Background(), &dynamodb.GetItemInput{TableName: aws.String("Counters"), Key: item{"pk": str(key)}, ConsistentRead: aws.Bool(true)})
		if err != nil {
			c.Fatal(err)
		}
		n := numberOf(got.Item["n"])
		if n != c.counters[key] {
			c.Errorf("item %s is %s, the stream says %q", key, n, c.counters[key])
		}
		count, err := strconv.Atoi(n)
		if err != nil || count < least || count > w.asked[key] {
			c.Errorf("item %s is %s after %d acknowledged additions and %d in all", key, n, least, w.asked[key])
		}
		w.acknowledged[key], w.asked[key] = count, count
	}
}
