package bench

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// tableTime is how long a table may take to be created.
const tableTime = 2 * time.Minute

// indexName is the name of the index of a dataset.
const indexName = "byGroup"

// extra is what the table of a dataset has besides its items.
type extra string

// The extras.
const (
	plain       extra = ""
	indexed     extra = "gsi"    // an index by gk, all attributes projected
	streamed    extra = "stream" // a stream of new and old images
	recoverable extra = "pitr"   // point-in-time recovery
)

// dataset is a table of items that the loads read and overwrite. Item i has
// the partition key i/10 and the sort key i%10, and its group in gk. All
// datasets of one size have the same items, whatever extra they have.
type dataset struct {
	table     string
	extra     extra
	items     int // a multiple of perPartition
	itemBytes int // size of an item by DynamoDB's rules
	pool      []byte
}

// newDataset returns a dataset in a table of a new name.
func newDataset(table string, items, itemBytes int) *dataset {
	rng := rand.New(rand.NewPCG(1, 2))
	return &dataset{
		table:     cmp.Or(table, fmt.Sprintf("bench-%08x", rand.Uint32())),
		items:     max(items+perPartition-1, perPartition) / perPartition * perPartition,
		itemBytes: itemBytes,
		pool:      newPool(rng),
	}
}

// with returns a dataset of the same items in a table that has x.
func (d *dataset) with(x extra) *dataset {
	other := *d
	other.table += "-" + string(x)
	other.extra = x
	return &other
}

// create makes the table and puts all items into it.
func (d *dataset) create(ctx context.Context, c *Conn, host string) error {
	if _, err := call(ctx, c, newRequest(host, "CreateTable", d.definition())); err != nil {
		return err
	}
	if err := d.wait(ctx, c, host, tableTime, tableActive); err != nil {
		return err
	}
	if d.extra == recoverable {
		if err := d.setRecovery(ctx, c, host, true); err != nil {
			return err
		}
	}
	return d.fill(ctx, host, c.signer)
}

// setRecovery enables or disables point-in-time recovery.
func (d *dataset) setRecovery(ctx context.Context, c *Conn, host string, enabled bool) error {
	body := fmt.Sprintf(`{"TableName":%q,"PointInTimeRecoverySpecification":{"PointInTimeRecoveryEnabled":%t}}`, d.table, enabled)
	_, err := call(ctx, c, newRequest(host, "UpdateContinuousBackups", body))
	return err
}

// Definitions of the keys and of an index.
const (
	keyDefinitions  = `{"AttributeName":"pk","AttributeType":"S"},{"AttributeName":"sk","AttributeType":"N"}`
	groupDefinition = `{"AttributeName":"gk","AttributeType":"S"}`
)

// definition is the body of CreateTable.
func (d *dataset) definition() string {
	attributes, more := keyDefinitions, ""
	switch d.extra {
	case indexed:
		attributes += "," + groupDefinition
		more = `,"GlobalSecondaryIndexes":[` + indexDefinition("ALL") + `]`
	case streamed:
		more = `,"StreamSpecification":{"StreamEnabled":true,"StreamViewType":"NEW_AND_OLD_IMAGES"}`
	}
	return `{"TableName":"` + d.table + `","BillingMode":"PAY_PER_REQUEST","AttributeDefinitions":[` + attributes + `],` +
		`"KeySchema":[{"AttributeName":"pk","KeyType":"HASH"},{"AttributeName":"sk","KeyType":"RANGE"}]` + more + `}`
}

// indexDefinition defines the index in CreateTable and UpdateTable.
func indexDefinition(projection string) string {
	return `{"IndexName":"` + indexName + `","KeySchema":[{"AttributeName":"gk","KeyType":"HASH"}],` +
		`"Projection":{"ProjectionType":"` + projection + `"}}`
}

// tableActive reports whether a description is of a table that can be used.
func tableActive(description []byte) bool {
	return bytes.Contains(description, []byte(`"TableStatus":"ACTIVE"`))
}

// pollTime is how often a table is looked at. It is short beside the building
// of an index, and long beside an answer.
const pollTime = 10 * time.Millisecond

// wait returns when the table's description is what it should be, or an error
// if that takes longer than limit.
func (d *dataset) wait(ctx context.Context, c *Conn, host string, limit time.Duration, reached func(description []byte) bool) error {
	describe := newRequest(host, "DescribeTable", `{"TableName":"`+d.table+`"}`)
	for start := time.Now(); time.Since(start) < limit; time.Sleep(pollTime) {
		answer, err := call(ctx, c, describe)
		if err != nil || reached(answer) {
			return err
		}
	}
	return fmt.Errorf("table %s is not what it should be after %v", d.table, limit)
}

// fillers is how many connections fill a table.
const fillers = 16

// fill puts all items.
func (d *dataset) fill(ctx context.Context, host string, signer *Signer) error {
	var failed [fillers]error
	var running sync.WaitGroup
	for part := range fillers {
		running.Go(func() { failed[part] = d.fillPart(ctx, host, signer, part) })
	}
	running.Wait()
	if err := cmp.Or(failed[:]...); err != nil {
		return fmt.Errorf("put items: %w", err)
	}
	return nil
}

// fillPart puts every fillers-th batch of items, beginning with part.
func (d *dataset) fillPart(ctx context.Context, host string, signer *Signer, part int) error {
	put := newRequest(host, "BatchWriteItem", d.body("BatchWriteItem"))
	source := texts{d.pool, rand.New(rand.NewPCG(3, uint64(part)))}
	size := len(put.keys)
	if part*size >= d.items {
		return nil
	}
	c, err := dial(ctx, host, signer)
	if err != nil {
		return err
	}
	defer c.Close()
	for i := part * size; i < d.items; i += fillers * size {
		put.setItem(i, d.items)
		put.setTexts(&source)
		if err := d.putBatch(ctx, c, put); err != nil {
			return err
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

// drop deletes the table, so that nothing of it is kept.
func (d *dataset) drop(ctx context.Context, c *Conn, host string) error {
	if d.extra == recoverable {
		if err := d.setRecovery(ctx, c, host, false); err != nil {
			return err
		}
	}
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
