package stator_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// TestCountsAfterKill kills a server before it has stored its counts; the next
// one counts again.
func TestCountsAfterKill(t *testing.T) {
	const items = 50
	dir, ctx := t.TempDir(), context.Background()
	killed := serve(t, dir)
	c := newClient(killed.url)
	_, err := c.CreateTable(ctx, &dynamodb.CreateTableInput{
		TableName: aws.String("Counted"), BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: stringKeys("PK"), KeySchema: []types.KeySchemaElement{{AttributeName: aws.String("PK"), KeyType: types.KeyTypeHash}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range items {
		if _, err := c.PutItem(ctx, &dynamodb.PutItemInput{TableName: aws.String("Counted"), Item: item{"PK": str(fmt.Sprintf("%02d", i))}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := killed.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	killed.wait()
	c = newClient(serve(t, dir).url)
	var have int64
	for range 600 {
		out, err := c.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: aws.String("Counted")})
		if err != nil {
			t.Fatal(err)
		}
		if have = *out.Table.ItemCount; have == items && *out.Table.TableSizeBytes == 4*items {
			return
		}
		pauseFor(50 * time.Millisecond)
	}
	t.Errorf("%d items are counted", have)
}
