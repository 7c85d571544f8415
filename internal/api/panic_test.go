package api

import (
	"context"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/statordb/stator/internal/backup"
	"github.com/statordb/stator/internal/kv"
	"github.com/statordb/stator/internal/kv/memkv"
	"github.com/statordb/stator/internal/meter"
	"github.com/statordb/stator/internal/table"
)

// faulty is a store whose transactions panic on demand.
type faulty struct {
	kv.Store
	panics atomic.Bool
}

func (f *faulty) Update(ctx context.Context, o kv.TxOptions, fn func(kv.Tx) error) error {
	if f.panics.Load() {
		panic("the disk is on fire")
	}
	return f.Store.Update(ctx, o, fn)
}

// createTab creates the table "tab".
const createTab = `{"TableName":"tab","AttributeDefinitions":[{"AttributeName":"pk","AttributeType":"S"}],"KeySchema":[{"AttributeName":"pk","KeyType":"HASH"}],"BillingMode":"PAY_PER_REQUEST"}`

// newFaulty returns an API with the table "tab" over a faulty store.
func newFaulty(t *testing.T) (*API, *faulty, *strings.Builder) {
	t.Helper()
	store, logged := &faulty{Store: memkv.New(memkv.Options{})}, new(strings.Builder)
	catalog, err := table.OpenCatalog(t.Context(), store, time.Now, meter.New(time.Now, false))
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(logged, nil))
	engine := table.NewEngine(store, catalog, log)
	t.Cleanup(engine.Close)
	backups, err := backup.Open(t.Context(), backup.Config{Store: store, Engine: engine, Now: time.Now, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(backups.Close)
	a := New(Config{Engine: engine, Backups: backups, Home: table.Home{Account: "123456789012", Region: "us-east-1"}, Now: time.Now, Log: log})
	do(t, a, "CreateTable", createTab, 200)
	return a, store, logged
}

func do(t *testing.T, a *API, operation, body string, status int) {
	t.Helper()
	if res := a.Do(t.Context(), nil, operation, []byte(body), nil); res.Status != status {
		t.Fatalf("%s: %d %s", operation, res.Status, res.Body)
	}
}

// TestPanicInBatch: a panic in one write of a batch is an answer, and what
// the batch had leased is free.
func TestPanicInBatch(t *testing.T) {
	a, store, logged := newFaulty(t)
	const batch = `{"RequestItems":{"tab":[{"PutRequest":{"Item":{"pk":{"S":"a"}}}},{"PutRequest":{"Item":{"pk":{"S":"b"}}}}]}}`
	store.panics.Store(true)
	do(t, a, "BatchWriteItem", batch, 500)
	store.panics.Store(false)
	if !strings.Contains(logged.String(), "the disk is on fire") || !strings.Contains(logged.String(), "(*faulty).Update") {
		t.Errorf("the log does not say where it panicked: %s", logged)
	}
	do(t, a, "BatchWriteItem", batch, 200)
	do(t, a, "DeleteTable", `{"TableName":"tab"}`, 200) // waits for leases
}

// TestPanicWhileBinding: a panic after tables were leased leaves no lease.
func TestPanicWhileBinding(t *testing.T) {
	a, _, _ := newFaulty(t)
	panicked := func() (r any) {
		defer func() { r = recover() }()
		var held leases
		defer held.release()
		_, _ = a.bindTransactWrite(&held, []transactWrite{{tableName: "tab"}}) // was not parsed
		return nil
	}()
	if panicked == nil {
		t.Fatal("no panic")
	}
	do(t, a, "DeleteTable", `{"TableName":"tab"}`, 200)
}
