package stator_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	streamtypes "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"github.com/statordb/stator/internal/bench"
)

// rawStream sends requests to a server over one connection.
type rawStream struct {
	testing.TB
	conn net.Conn
	in   *bufio.Reader
}

func newRawStream(t testing.TB, url string) *rawStream {
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() }) // nothing is written any more
	return &rawStream{t, conn, bufio.NewReaderSize(conn, 1<<16)}
}

// getRecords sends one GetRecords and returns how many bytes answer it.
func (r *rawStream) getRecords(iterator string) int {
	body := `{"ShardIterator":"` + iterator + `"}`
	fmt.Fprintf(r.conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-amz-json-1.0\r\n"+
		"X-Amz-Target: DynamoDBStreams_20120810.GetRecords\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	res, err := http.ReadResponse(r.in, nil)
	if err != nil {
		r.Error(err)
		return 0
	}
	defer res.Body.Close()
	n, err := io.Copy(io.Discard, res.Body)
	if err != nil || res.StatusCode != 200 {
		r.Errorf("status %d, %v", res.StatusCode, err)
	}
	return int(n)
}

// streamOf makes a table with a stream and n small items in it, and returns an
// iterator at the beginning of its shard.
func streamOf(b *testing.B, url string, n int) string {
	b.Helper()
	ctx, items, streams := context.Background(), newClient(url), newStreamsClient(url)
	out, err := items.CreateTable(ctx, &dynamodb.CreateTableInput{
		TableName: aws.String("Small"), AttributeDefinitions: stringKeys("pk"), KeySchema: keySchema("pk", "")[:1],
		BillingMode:         types.BillingModePayPerRequest,
		StreamSpecification: &types.StreamSpecification{StreamEnabled: aws.Bool(true), StreamViewType: types.StreamViewTypeNewImage},
	})
	if err != nil {
		b.Fatal(err)
	}
	for i := 0; i < n; i += 25 {
		var puts []types.WriteRequest
		for j := range 25 {
			puts = append(puts, types.WriteRequest{PutRequest: &types.PutRequest{Item: item{"pk": str(strconv.Itoa(i + j)), "v": str("some small text")}}})
		}
		if _, err := items.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{"Small": puts}}); err != nil {
			b.Fatal(err)
		}
	}
	arn, kind := out.TableDescription.LatestStreamArn, streamtypes.ShardIteratorTypeTrimHorizon
	if n == 0 {
		kind = streamtypes.ShardIteratorTypeLatest
	}
	desc, err := streams.DescribeStream(ctx, &dynamodbstreams.DescribeStreamInput{StreamArn: arn})
	if err != nil {
		b.Fatal(err)
	}
	it, err := streams.GetShardIterator(ctx, &dynamodbstreams.GetShardIteratorInput{
		StreamArn: arn, ShardId: desc.StreamDescription.Shards[0].ShardId, ShardIteratorType: kind,
	})
	if err != nil {
		b.Fatal(err)
	}
	return *it.ShardIterator
}

// BenchmarkGetRecords reads a thousand records of one shard per operation.
func BenchmarkGetRecords(b *testing.B) {
	const records = 1000
	server := benchServer(b, b.TempDir())
	iterator := streamOf(b, "http://"+server.Address, records)
	r := newRawStream(b, server.Address)
	b.ResetTimer()
	for range b.N {
		if n := r.getRecords(iterator); n < 200*records {
			b.Fatalf("the answer has %d bytes", n)
		}
	}
	b.ReportMetric(float64(b.N*records)/b.Elapsed().Seconds(), "records/s")
}

// BenchmarkIdleConsumers asks a stream where nothing happens, from a thousand
// consumers, each once a second, for b.N seconds; it reports the part of a
// processor that the server takes (Linux).
func BenchmarkIdleConsumers(b *testing.B) {
	const consumers = 1000
	p := serve(b, b.TempDir())
	iterator := streamOf(b, p.url, 0)
	var connections []*rawStream
	for range consumers {
		connections = append(connections, newRawStream(b, p.url))
	}
	b.ResetTimer()
	before := processorTime(b, p.cmd.Process.Pid)
	var asking sync.WaitGroup
	for i, c := range connections {
		asking.Go(func() {
			time.Sleep(time.Duration(i) * time.Second / consumers)
			for range b.N {
				start := time.Now()
				c.getRecords(iterator)
				time.Sleep(time.Second - time.Since(start))
			}
		})
	}
	asking.Wait()
	b.StopTimer()
	used := processorTime(b, p.cmd.Process.Pid) - before
	b.ReportMetric(100*used.Seconds()/b.Elapsed().Seconds(), "%cpu")
}

// BenchmarkExpire removes b.N items whose time to live ends at one moment,
// under the load put; it reports what that leaves of the load's throughput.
func BenchmarkExpire(b *testing.B) {
	ctx := context.Background()
	p := serve(b, b.TempDir(), "--clock", noon.Format(time.RFC3339))
	server := bench.Target{Address: strings.TrimPrefix(p.url, "http://"), PID: p.cmd.Process.Pid}
	fillExpiring(b, p.url)
	s := benchSession(b, server, benchOptions)
	measure := func(stop bench.Stop) bench.Round {
		r, err := s.Run(ctx, server, "put", stop)
		if err != nil || r.Errors > 0 {
			b.Fatal(err, r.FirstError)
		}
		return r
	}
	measure(bench.Stop{Duration: 2 * time.Second})
	first := measure(bench.Stop{Duration: 5 * time.Second})
	before := first.PerSecond()
	b.ResetTimer()
	gone := make(chan error, 1)
	go func() {
		req, err := http.NewRequest("PUT", p.url+"/clock", strings.NewReader(`{"advance": "2h"}`))
		if err == nil {
			var res *http.Response
			if res, err = http.DefaultClient.Do(req); err == nil {
				err = res.Body.Close()
			}
		}
		gone <- err
	}()
	operations, elapsed := uint64(0), time.Duration(0)
	for ended := false; !ended; {
		r := measure(bench.Stop{Duration: 200 * time.Millisecond})
		operations, elapsed = operations+r.Operations, elapsed+r.Elapsed
		select {
		case err := <-gone:
			if ended = true; err != nil {
				b.Fatal(err)
			}
		default:
		}
	}
	b.StopTimer()
	b.ReportMetric(float64(operations)/elapsed.Seconds()/before, "of-put")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "items/s")
	out, err := newClient(p.url).Scan(ctx, &dynamodb.ScanInput{TableName: aws.String("Expiring"), Limit: aws.Int32(1)})
	if err != nil || out.Count > 0 {
		b.Fatalf("items are left (%v)", err)
	}
}

// fillExpiring makes the table Expiring with b.N items.
func fillExpiring(b *testing.B, url string) {
	ctx, items := context.Background(), newClient(url)
	_, err := items.CreateTable(ctx, &dynamodb.CreateTableInput{
		TableName: aws.String("Expiring"), AttributeDefinitions: stringKeys("pk"), KeySchema: keySchema("pk", "")[:1],
		BillingMode: types.BillingModePayPerRequest,
	})
	if err != nil {
		b.Fatal(err)
	}
	_, err = items.UpdateTimeToLive(ctx, &dynamodb.UpdateTimeToLiveInput{TableName: aws.String("Expiring"),
		TimeToLiveSpecification: &types.TimeToLiveSpecification{AttributeName: aws.String("until"), Enabled: aws.Bool(true)}})
	if err != nil {
		b.Fatal(err)
	}
	until := num(int(noon.Add(time.Hour).Unix()))
	var filling sync.WaitGroup
	for part := range 8 {
		filling.Go(func() {
			for i := part * 25; i < b.N; i += 8 * 25 {
				var puts []types.WriteRequest
				for j := i; j < min(i+25, b.N); j++ {
					puts = append(puts, types.WriteRequest{PutRequest: &types.PutRequest{Item: item{"pk": str(strconv.Itoa(j)), "until": until, "v": str(strings.Repeat("x", 100))}}})
				}
				if _, err := items.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{"Expiring": puts}}); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	filling.Wait()
}

// processorTime returns the processor time of a process.
func processorTime(b *testing.B, pid int) time.Duration {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		b.Skip("processor time of another process is known only on Linux")
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	var ticks time.Duration
	for _, field := range fields[11:13] {
		n, err := strconv.Atoi(field)
		if err != nil {
			b.Fatal(err)
		}
		ticks += time.Duration(n)
	}
	return ticks * 10 * time.Millisecond
}
