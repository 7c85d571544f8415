package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// tableTime is how long a table may take to be created.
const tableTime = 2 * time.Minute

// dataset is a table of items that the loads read and overwrite. Item i has
// the partition key i/10 and the sort key i%10.
type dataset struct {
	table     string
	items     int // a multiple of perPartition
	itemBytes int // size of an item by DynamoDB's rules
	pool      []byte
}

// newDataset returns a dataset in a table of a new name.
func newDataset(items, itemBytes int) *dataset {
	rng := rand.New(rand.NewPCG(1, 2))
	return &dataset{
		table:     fmt.Sprintf("bench-%08x", rand.Uint32()),
		items:     max(items+perPartition-1, perPartition) / perPartition * perPartition,
		itemBytes: itemBytes,
		pool:      newPool(rng),
	}
}

// create makes the table and puts all items into it.
func (d *dataset) create(ctx context.Context, c *Conn, host string) error {
	body := `{"TableName":"` + d.table + `","BillingMode":"PAY_PER_REQUEST",` +
		`"AttributeDefinitions":[{"AttributeName":"pk","AttributeType":"S"},{"AttributeName":"sk","AttributeType":"N"}],` +
		`"KeySchema":[{"AttributeName":"pk","KeyType":"HASH"},{"AttributeName":"sk","KeyType":"RANGE"}]}`
	if _, err := call(ctx, c, newRequest(host, "CreateTable", body)); err != nil {
		return err
	}
	if err := d.wait(ctx, c, host); err != nil {
		return err
	}
	return d.fill(ctx, c, host)
}

// wait returns when the table is active.
func (d *dataset) wait(ctx context.Context, c *Conn, host string) error {
	describe := newRequest(host, "DescribeTable", `{"TableName":"`+d.table+`"}`)
	for start := time.Now(); time.Since(start) < tableTime; {
		answer, err := call(ctx, c, describe)
		if err != nil {
			return err
		}
		if bytes.Contains(answer, []byte(`"TableStatus":"ACTIVE"`)) {
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	return fmt.Errorf("table %s is not active after %v", d.table, tableTime)
}

// fill puts all items.
func (d *dataset) fill(ctx context.Context, c *Conn, host string) error {
	put := newRequest(host, "BatchWriteItem", d.body("BatchWriteItem"))
	source := texts{d.pool, rand.New(rand.NewPCG(3, 4))}
	for i := 0; i < d.items; i += len(put.keys) {
		put.setItem(i, d.items)
		put.setTexts(&source)
		if err := d.putBatch(ctx, c, put); err != nil {
			return fmt.Errorf("put items: %w", err)
		}
	}
	return nil
}

// putBatch sends put until nothing of it is unprocessed.
func (d *dataset) putBatch(ctx context.Context, c *Conn, put *request) error {
	for wait := time.Millisecond; wait < 20*time.Second; wait *= 2 {
		answer, err := call(ctx, c, put)
		if err != nil || d.answered(put, answer) {
			return err
		}
		time.Sleep(wait)
	}
	return errors.New("the server leaves items unprocessed")
}

// drop deletes the table.
func (d *dataset) drop(ctx context.Context, c *Conn, host string) error {
	_, err := call(ctx, c, newRequest(host, "DeleteTable", `{"TableName":"`+d.table+`"}`))
	return err
}

// call sends r; an answer that is not a success is an error.
func call(ctx context.Context, c *Conn, r *request) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	status, body, err := c.Exchange(r.bytes, time.Now())
	if err == nil && status != 200 {
		err = fmt.Errorf("status %d: %.200s", status, body)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.operation, err)
	}
	return body, nil
}
