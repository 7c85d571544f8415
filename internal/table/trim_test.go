package table_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/statordb/stator/internal/kv"
	"github.com/statordb/stator/internal/kv/memkv"
	"github.com/statordb/stator/internal/meter"
	"github.com/statordb/stator/internal/table"
)

// onClear is a store that calls cleared behind each Clear.
type onClear struct {
	kv.Store
	cleared func()
}

func (c *onClear) Clear(ctx context.Context, start, end []byte) error {
	err := c.Store.Clear(ctx, start, end)
	c.cleared()
	return err
}

// TestTrimAgainstFreeze: a table that is frozen while its log is trimmed does not
// promise what the log had, though recovery has more days again.
func TestTrimAgainstFreeze(t *testing.T) {
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	store := &onClear{Store: memkv.New(memkv.Options{}), cleared: func() {}}
	catalog, err := table.OpenCatalog(ctx, store, clock, meter.New(clock, false))
	must(t, err)
	e := table.NewEngine(store, catalog, quiet)
	tbl := create(t, e, simpleTable("t"))
	_, err = e.SetPITR(ctx, "t", true, 1)
	must(t, err)
	old := now.Add(time.Hour)
	must(t, e.Rotate(ctx, "t", e.Catalog.Get("t").Shards[0].Number, 1))
	now = now.Add(72 * time.Hour)

	frozen := 0
	store.cleared = func() {
		_, err := e.SetPITR(ctx, "t", true, 35)
		must(t, err)
		if _, err = e.FreezeTable(ctx, tbl, "trimmed", old); !errors.Is(err, table.ErrForgotten) {
			t.Errorf("frozen for an instant whose changes are removed: %v", err)
		}
		frozen++
	}
	must(t, e.TrimLogs(ctx, now, now.Add(-24*time.Hour)))
	if frozen != 1 {
		t.Errorf("%d shards were removed, want 1", frozen)
	}
	if shards := e.Catalog.Get("t").Shards; len(shards) != 1 {
		t.Errorf("%d shards are left, want the open one", len(shards))
	}
}
