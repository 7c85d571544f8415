package stream_test

import (
	"context"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/kv"
	"github.com/statordb/stator/internal/kv/memkv"
	"github.com/statordb/stator/internal/meter"
	"github.com/statordb/stator/internal/stream"
	"github.com/statordb/stator/internal/table"
)

var ctx = context.Background()

func open(t *testing.T, store kv.Store, now func() time.Time) (*table.Engine, *stream.Streams) {
	t.Helper()
	catalog, err := table.OpenCatalog(ctx, store, now, meter.New(now, false))
	if err != nil {
		t.Fatal(err)
	}
	e := table.NewEngine(store, catalog, slog.New(slog.NewTextHandler(io.Discard, nil)))
	t.Cleanup(e.Close)
	return e, stream.New(e, table.Home{Account: "123456789012", Region: "us-east-1"}, now)
}

// streamed creates a table with a stream.
func streamed(t *testing.T, e *table.Engine, name string, now time.Time) {
	t.Helper()
	d := &table.Descriptor{Name: name, ID: name, Key: table.KeySchema{Hash: []table.KeyAttr{{Name: "pk", Type: attr.S}}}}
	d.EnableStream("NEW_IMAGE", now)
	if _, err := e.Create(ctx, d); err != nil {
		t.Fatal(err)
	}
}

func put(t *testing.T, e *table.Engine, name, key string) {
	t.Helper()
	tbl := e.Lease(name)
	defer tbl.Release()
	it := attr.NewItem(attr.Attribute{Name: "pk", Value: attr.String(key)})
	_, err := e.Write(ctx, table.Mutation{Table: tbl, Key: it, Next: func(attr.Item) (attr.Item, error) { return it, nil }})
	if err != nil {
		t.Fatal(err)
	}
}

// The records of a table that nobody writes any more are removed although the
// server was started again since.
func TestTrimAfterRestart(t *testing.T) {
	store := memkv.New(memkv.Options{})
	now := time.Unix(1e9, 0)
	clock := func() time.Time { return now }
	e, _ := open(t, store, clock)
	streamed(t, e, "a", now)
	put(t, e, "a", "1")
	e.Close()
	e, streams := open(t, store, clock)
	for range 12 {
		now = now.Add(5 * time.Hour)
		if err := streams.Keep(ctx); err != nil {
			t.Fatal(err)
		}
	}
	left := 0
	tbl := e.Catalog.Get("a")
	for number := range tbl.LastShard {
		err := e.ReadLog(ctx, tbl.Space, number+1, 0, func(table.Record) bool { left++; return true })
		if err != nil {
			t.Fatal(err)
		}
	}
	if left > 0 {
		t.Errorf("%d records are left after 60 hours", left)
	}
	if n := len(tbl.Shards); n > 1 {
		t.Errorf("%d shards without records", n)
	}
}

// A page of shards begins behind the last of the page before, though the clock
// was set back.
func TestShardsAfter(t *testing.T) {
	shards := []*table.Shard{
		{Number: 1, Opened: time.UnixMilli(5000)}, {Number: 2, Opened: time.UnixMilli(7000)}, {Number: 3, Opened: time.UnixMilli(6000)},
	}
	for i, s := range shards {
		if rest := stream.After(shards, stream.ShardID(s)); len(rest) != 2-i || i < 2 && rest[0] != shards[i+1] {
			t.Errorf("%d shards are behind shard %d", len(rest), s.Number)
		}
	}
	trimmed := &table.Shard{Number: 1, Opened: time.UnixMilli(5000)}
	if rest := stream.After(shards[1:], stream.ShardID(trimmed)); len(rest) != 2 {
		t.Errorf("%d shards are behind one past its retention", len(rest))
	}
}
