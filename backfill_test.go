package stator_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/statordb/stator"
)

// growing is a table that gets an index while it is written and its server
// is killed.
type growing struct {
	*testing.T
	dir    string
	items  int
	server atomic.Pointer[process]
}

// TestIndexIsBuiltAcrossKills adds an index to a table of STATOR_INDEX_ITEMS
// items under load, kills the server ten times on the way, and checks every
// row of the table and the index in the end.
func TestIndexIsBuiltAcrossKills(t *testing.T) {
	t.Parallel()
	g := &growing{T: t, dir: t.TempDir(), items: 30_000}
	kills := 10
	if testing.Short() {
		g.items, kills = 5_000, 3
	}
	if n, err := strconv.Atoi(os.Getenv("STATOR_INDEX_ITEMS")); err == nil {
		g.items = n
	}
	rng := testRand(t)
	g.server.Store(serve(t, g.dir))
	g.load()
	g.createIndex()
	stop := g.write(rng)
	onTheWay := 0
	for range kills {
		pauseFor(time.Duration(20+rng.IntN(200)) * time.Millisecond)
		if g.status() == types.IndexStatusCreating {
			onTheWay++
		}
		g.restart()
	}
	for g.status() != types.IndexStatusActive && !t.Failed() {
		pauseFor(50 * time.Millisecond)
	}
	stop()
	server := g.server.Load()
	server.terminate()
	t.Logf("items %d, kills %d, of them while the index was being created %d", g.items, kills, onTheWay)
	mustBeSound(t, g.dir, stator.KindData)
}

// pauseFor lets the server work; nothing depends on how far it comes.
func pauseFor(d time.Duration) { <-time.After(d) }

func (g *growing) client() *dynamodb.Client { return newClient(g.server.Load().url) }

func (g *growing) restart() {
	old := g.server.Load()
	if err := old.cmd.Process.Kill(); err != nil {
		g.Error(err)
	}
	old.wait()
	g.server.Store(serve(g.T, g.dir))
}

// growingItem returns item i; every fifth lacks the key of the index.
func growingItem(i int) item {
	it := item{"PK": str(fmt.Sprintf("item-%07d", i)), "text": str("some text")}
	if i%5 != 0 {
		it["group"] = str(fmt.Sprint("g", i%97))
	}
	return it
}

// load fills the table.
func (g *growing) load() {
	c, ctx := g.client(), context.Background()
	_, err := c.CreateTable(ctx, &dynamodb.CreateTableInput{
		TableName: aws.String("Growing"), BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: stringKeys("PK"), KeySchema: []types.KeySchemaElement{{AttributeName: aws.String("PK"), KeyType: types.KeyTypeHash}},
	})
	if err != nil {
		g.Fatal(err)
	}
	var next atomic.Int64
	var loaders sync.WaitGroup
	for range 8 {
		loaders.Go(func() {
			for start := int(next.Add(25)) - 25; start < g.items; start = int(next.Add(25)) - 25 {
				var requests []types.WriteRequest
				for i := start; i < min(start+25, g.items); i++ {
					requests = append(requests, types.WriteRequest{PutRequest: &types.PutRequest{Item: growingItem(i)}})
				}
				if _, err := c.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{"Growing": requests}}); err != nil {
					g.Error(err)
					return
				}
			}
		})
	}
	loaders.Wait()
}

func (g *growing) createIndex() {
	_, err := g.client().UpdateTable(context.Background(), &dynamodb.UpdateTableInput{
		TableName: aws.String("Growing"), AttributeDefinitions: stringKeys("group"),
		GlobalSecondaryIndexUpdates: []types.GlobalSecondaryIndexUpdate{{Create: &types.CreateGlobalSecondaryIndexAction{
			IndexName:  aws.String("byGroup"),
			KeySchema:  []types.KeySchemaElement{{AttributeName: aws.String("group"), KeyType: types.KeyTypeHash}},
			Projection: &types.Projection{ProjectionType: types.ProjectionTypeAll},
		}}},
	})
	if err != nil {
		g.Fatal(err)
	}
}

// write puts and deletes items until the function that it returns is called.
// What fails while the server is down is left undone.
func (g *growing) write(rng *rand.Rand) (stop func()) {
	var stopped atomic.Bool
	var writers sync.WaitGroup
	for range 4 {
		mine := rand.New(rand.NewPCG(rng.Uint64(), 0))
		writers.Go(func() {
			for !stopped.Load() {
				server := g.server.Load()
				c, hangUp := onceClient(server.url)
				for server == g.server.Load() && !stopped.Load() {
					_ = g.change(c, mine)
				}
				hangUp()
			}
		})
	}
	return func() {
		stopped.Store(true)
		writers.Wait()
	}
}

func (g *growing) change(c *dynamodb.Client, rng *rand.Rand) error {
	i, ctx := rng.IntN(g.items), context.Background()
	if rng.IntN(3) == 0 {
		_, err := c.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: aws.String("Growing"), Key: item{"PK": growingItem(i)["PK"]}})
		return err
	}
	it := growingItem(i)
	it["group"] = str(fmt.Sprint("g", rng.IntN(97)))
	_, err := c.PutItem(ctx, &dynamodb.PutItemInput{TableName: aws.String("Growing"), Item: it})
	return err
}

// status returns the state of the index.
func (g *growing) status() types.IndexStatus {
	d, err := g.client().DescribeTable(context.Background(), &dynamodb.DescribeTableInput{TableName: aws.String("Growing")})
	if err != nil || len(d.Table.GlobalSecondaryIndexes) != 1 {
		g.Fatalf("described as %v, %v", d, err)
	}
	return d.Table.GlobalSecondaryIndexes[0].IndexStatus
}
