package stator_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/statordb/stator"
)

// wantLimit fails unless err is a LimitExceededException with all texts.
func wantLimit(t *testing.T, err error, texts ...string) {
	t.Helper()
	var limit *types.LimitExceededException
	if !errors.As(err, &limit) {
		t.Fatalf("no limit: %v", err)
	}
	for _, text := range texts {
		if !strings.Contains(limit.ErrorMessage(), text) {
			t.Errorf("%q does not say %q", limit.ErrorMessage(), text)
		}
	}
}

// units changes the throughput of Load.
func units(c *dynamodb.Client, read, write int64) error {
	_, err := c.UpdateTable(context.Background(), &dynamodb.UpdateTableInput{
		TableName: aws.String("Load"), ProvisionedThroughput: &types.ProvisionedThroughput{ReadCapacityUnits: &read, WriteCapacityUnits: &write},
	})
	return err
}

// Four decreases in a day, then one an hour; a new day, four again.
func TestDecreasesAreLimited(t *testing.T) {
	c, clock := enforcing(t) // noon
	createProvisioned(t, c, 100, 100)
	for i := range int64(4) {
		if err := units(c, 90-i, 90-i); err != nil {
			t.Fatal(err)
		}
	}
	wantLimit(t, units(c, 80, 80), "Number of decreases today: 4.",
		"Last decrease at Sunday, November 1, 2026 at 12:00:00 PM Coordinated Universal Time.",
		"Next decrease can be made at Sunday, November 1, 2026 at 1:00:00 PM Coordinated Universal Time")
	wantLimit(t, units(c, 200, 80))
	if err := units(c, 200, 200); err != nil {
		t.Errorf("an increase: %v", err)
	}
	clock.advance(time.Hour)
	if err := units(c, 80, 80); err != nil {
		t.Errorf("an hour later: %v", err)
	}
	wantLimit(t, units(c, 79, 80), "Number of decreases today: 5.")
	clock.advance(10*time.Hour + 30*time.Minute)
	if err := units(c, 78, 78); err != nil {
		t.Errorf("in the evening: %v", err)
	}
	wantLimit(t, units(c, 77, 77), "Next decrease can be made at Monday, November 2, 2026 at 12:00:00 AM")
	clock.advance(30 * time.Minute)
	out, err := c.DescribeTable(context.Background(), &dynamodb.DescribeTableInput{TableName: aws.String("Load")})
	if err != nil || *out.Table.ProvisionedThroughput.NumberOfDecreasesToday != 0 {
		t.Errorf("after midnight: %+v, %v", out, err)
	}
	for i := range int64(4) {
		if err := units(c, 70-i, 70); err != nil {
			t.Errorf("the next day: %v", err)
		}
	}
}

func bill(c *dynamodb.Client, mode types.BillingMode) error {
	in := &dynamodb.UpdateTableInput{TableName: aws.String("Load"), BillingMode: mode}
	if mode == types.BillingModeProvisioned {
		in.ProvisionedThroughput = &types.ProvisionedThroughput{ReadCapacityUnits: aws.Int64(5), WriteCapacityUnits: aws.Int64(5)}
	}
	_, err := c.UpdateTable(context.Background(), in)
	return err
}

// A table switches to on-demand four times in 24 hours.
func TestSwitchesAreLimited(t *testing.T) {
	c, clock := enforcing(t)
	createProvisioned(t, c, 5, 5)
	for range 4 {
		if err := errors.Join(bill(c, types.BillingModePayPerRequest), bill(c, types.BillingModeProvisioned)); err != nil {
			t.Fatal(err)
		}
		clock.advance(time.Hour)
	}
	wantLimit(t, bill(c, types.BillingModePayPerRequest), "limited to 4 times in 1 day(s)", "Next update can be made at Mon Nov 02 12:00:00 UTC 2026")
	clock.advance(20 * time.Hour)
	if err := bill(c, types.BillingModePayPerRequest); err != nil {
		t.Errorf("a day after the first: %v", err)
	}
}

// Without enforced capacity nobody is kept from changing a table.
func TestChangesAreFree(t *testing.T) {
	clock := &handClock{at: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)}
	srv, err := stator.Open(stator.Config{Now: clock.now})
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	c := newClient(srv.URL())
	createProvisioned(t, c, 100, 100)
	for i := range int64(10) {
		err := errors.Join(units(c, 50-i, 50), bill(c, types.BillingModePayPerRequest), bill(c, types.BillingModeProvisioned), units(c, 100, 100))
		if err != nil {
			t.Fatal(err)
		}
	}
}

// A transaction of reads that is out of capacity is canceled, with a reason
// for the items of the table that is.
func TestThrottledTransactGet(t *testing.T) {
	c, _ := enforcing(t)
	createProvisioned(t, c, 3, 100)
	ctx := context.Background()
	get := func() error {
		_, err := c.TransactGetItems(ctx, &dynamodb.TransactGetItemsInput{TransactItems: []types.TransactGetItem{
			{Get: &types.Get{TableName: aws.String("Load"), Key: item{"pk": str("a")}}},
		}})
		return err
	}
	var canceled *types.TransactionCanceledException
	for range 3 {
		if err := get(); err != nil && !errors.As(err, &canceled) {
			t.Fatal(err)
		}
	}
	if canceled == nil || len(canceled.CancellationReasons) != 1 || *canceled.CancellationReasons[0].Code != "ProvisionedThroughputExceeded" {
		t.Errorf("got %+v", canceled)
	}
}

// A write that an index refuses, again and again, costs its table nothing; nor
// does it cost an index that has admitted it.
func TestRefusedWriteIsFree(t *testing.T) {
	c, _ := enforcing(t)
	gsi := func(name string, write int64) types.GlobalSecondaryIndex {
		return types.GlobalSecondaryIndex{
			IndexName: &name, KeySchema: []types.KeySchemaElement{{AttributeName: aws.String("g"), KeyType: types.KeyTypeHash}},
			Projection:            &types.Projection{ProjectionType: types.ProjectionTypeAll},
			ProvisionedThroughput: &types.ProvisionedThroughput{ReadCapacityUnits: aws.Int64(1), WriteCapacityUnits: &write},
		}
	}
	createProvisioned(t, c, 10, 10, gsi("wide", 10), gsi("narrow", 2))
	for i := range 20 {
		if got := reason(t, put(c, string(rune('a'+i)))); i >= 2 && got != "IndexWriteProvisionedThroughputExceeded "+loadARN+"/index/narrow" {
			t.Fatalf("write %d: %q", i, got)
		}
	}
	for i := range 8 { // items that are in no index
		_, err := c.PutItem(context.Background(), &dynamodb.PutItemInput{TableName: aws.String("Load"), Item: item{"pk": str(string(rune('A' + i)))}})
		if err != nil {
			t.Fatalf("write %d of the table alone: %v", i, err)
		}
	}
}

// A transaction that a condition cancels pays for its preparation.
func TestCanceledTransactionPays(t *testing.T) {
	c, _ := enforcing(t)
	createProvisioned(t, c, 5, 5)
	cancel := func() error {
		_, err := c.TransactWriteItems(context.Background(), &dynamodb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{
			{Put: &types.Put{TableName: aws.String("Load"), Item: item{"pk": str("a")}}},
			{ConditionCheck: &types.ConditionCheck{TableName: aws.String("Load"), Key: item{"pk": str("b")}, ConditionExpression: aws.String("attribute_exists(pk)")}},
		}})
		return err
	}
	var codes []string
	for range 4 {
		var canceled *types.TransactionCanceledException
		if err := cancel(); !errors.As(err, &canceled) {
			t.Fatal(err)
		}
		codes = append(codes, *canceled.CancellationReasons[1].Code)
	}
	// Two units each: five are used up in the third.
	if got := strings.Join(codes, " "); got != "ConditionalCheckFailed ConditionalCheckFailed ProvisionedThroughputExceeded ProvisionedThroughputExceeded" {
		t.Errorf("got %s", got)
	}
}

// Deletion protection is changed at most once in 15 seconds (sheet of 2026, 10).
func TestProtectionIsLimited(t *testing.T) {
	c, clock := enforcing(t)
	createProvisioned(t, c, 5, 5)
	protect := func(on bool) error {
		_, err := c.UpdateTable(context.Background(), &dynamodb.UpdateTableInput{TableName: aws.String("Load"), DeletionProtectionEnabled: &on})
		return err
	}
	if err := protect(true); err != nil {
		t.Fatal(err)
	}
	clock.advance(14 * time.Second)
	var throttled *types.ThrottlingException
	if err := protect(false); !errors.As(err, &throttled) {
		t.Fatalf("after 14 seconds: %v", err)
	}
	equal(t, "text", throttled.ErrorMessage(), "Deletion protection setting for table Load modified within the previous 15000 milliseconds. Please try again after 2026-11-01T12:00:15.000")
	clock.advance(time.Second)
	if err := protect(false); err != nil {
		t.Errorf("after 15 seconds: %v", err)
	}
}

// A table's class is set at most twice in 30 days.
func TestClassChangesAreLimited(t *testing.T) {
	c, clock := enforcing(t)
	createProvisioned(t, c, 5, 5)
	set := func(class types.TableClass) error {
		_, err := c.UpdateTable(context.Background(), &dynamodb.UpdateTableInput{TableName: aws.String("Load"), TableClass: class})
		return err
	}
	if err := errors.Join(set(types.TableClassStandardInfrequentAccess), set(types.TableClassStandard)); err != nil {
		t.Fatal(err)
	}
	clock.advance(29 * 24 * time.Hour)
	wantLimit(t, set(types.TableClassStandard), "Subscriber limit exceeded: Updates to TableClass are limited to 2 times in 30 day(s).")
	clock.advance(24 * time.Hour)
	if err := set(types.TableClassStandard); err != nil {
		t.Errorf("after 30 days: %v", err)
	}
}
