package transfer_test

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/statordb/stator/internal/bucket"
	"github.com/statordb/stator/internal/extsort"
	"github.com/statordb/stator/internal/kv"
	"github.com/statordb/stator/internal/kv/memkv"
	"github.com/statordb/stator/internal/meter"
	"github.com/statordb/stator/internal/model"
	"github.com/statordb/stator/internal/patience"
	"github.com/statordb/stator/internal/table"
	"github.com/statordb/stator/internal/transfer"
)

// slowThaw is a store whose first Thaw removes only a part.
type slowThaw struct {
	kv.Store
	thaws atomic.Int64
}

func (s *slowThaw) Thaw(ctx context.Context, name string) error {
	err := s.Store.Thaw(ctx, name)
	if s.thaws.Add(1) == 1 {
		return errors.New("a file cannot be removed")
	}
	return err
}

// TestExportEndsOnce: an export that is over is not begun again because what
// served it cannot be removed.
func TestExportEndsOnce(t *testing.T) {
	ctx, log := t.Context(), slog.New(slog.DiscardHandler)
	store := &slowThaw{Store: memkv.New(memkv.Options{})}
	catalog, err := table.OpenCatalog(ctx, store, time.Now, meter.New(time.Now, false))
	if err != nil {
		t.Fatal(err)
	}
	engine := table.NewEngine(store, catalog, log)
	defer engine.Close()
	of, err := transfer.Open(ctx, transfer.Config{
		Store: store, Engine: engine, Buckets: bucket.NewDir(t.TempDir()), Scratch: extsort.Scratch{FS: vfs.NewMem(), Dir: "scratch"}, Now: time.Now, Log: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer of.Close()
	from, err := engine.Create(ctx, descriptor("from"))
	if err != nil {
		t.Fatal(err)
	}
	in := &model.ExportTableToPointInTimeInput{S3Bucket: model.Some("bucket")}
	e, err := of.Export(ctx, from, "arn:aws:dynamodb:us-east-1:123456789012:table/from", in, transfer.Moment{})
	if err != nil {
		t.Fatal(err)
	}
	patience.Until(t, func() bool { return store.thaws.Load() == 2 }, "another attempt to thaw")
	if e, err = of.GetExport(ctx, e.ARN()); err != nil || e.Status != transfer.Completed {
		t.Errorf("the export is %+v, %v", e, err)
	}
}
