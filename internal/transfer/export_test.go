package transfer_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"strings"
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

// newEngine returns an engine on store, with transfers to and from buckets, and the
// table "from".
func newEngine(t *testing.T, store kv.Store, buckets bucket.Store) (*transfer.Transfers, *table.Table) {
	t.Helper()
	ctx, log := t.Context(), slog.New(slog.DiscardHandler)
	catalog, err := table.OpenCatalog(ctx, store, time.Now, meter.New(time.Now, false))
	if err != nil {
		t.Fatal(err)
	}
	engine := table.NewEngine(store, catalog, log)
	t.Cleanup(engine.Close)
	of, err := transfer.Open(ctx, transfer.Config{
		Store: store, Engine: engine, Buckets: buckets, Scratch: extsort.Scratch{FS: vfs.NewMem(), Dir: "scratch"}, Now: time.Now, Log: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(of.Close)
	from, err := engine.Create(ctx, descriptor("from"))
	if err != nil {
		t.Fatal(err)
	}
	return of, from
}

func export(t *testing.T, of *transfer.Transfers, from *table.Table) (*transfer.Export, error) {
	in := &model.ExportTableToPointInTimeInput{S3Bucket: model.Some("bucket")}
	return of.Export(t.Context(), from, "arn:aws:dynamodb:us-east-1:123456789012:table/from", in, transfer.Moment{})
}

// TestExportEndsOnce: an export that is over is not begun again because what
// served it cannot be removed.
func TestExportEndsOnce(t *testing.T) {
	store := &slowThaw{Store: memkv.New(memkv.Options{})}
	of, from := newEngine(t, store, bucket.NewDir(t.TempDir(), nil))
	e, err := export(t, of, from)
	if err != nil {
		t.Fatal(err)
	}
	patience.Until(t, func() bool { return store.thaws.Load() == 2 }, "another attempt to thaw")
	if e, err = of.GetExport(t.Context(), e.ARN()); err != nil || e.Status != transfer.Completed {
		t.Errorf("the export is %+v, %v", e, err)
	}
}

// TestOtherAccount: an ARN names what is here only if all of it is right.
func TestOtherAccount(t *testing.T) {
	of, from := newEngine(t, memkv.New(memkv.Options{}), bucket.NewDir(t.TempDir(), nil))
	e, err := export(t, of, from)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := of.GetExport(t.Context(), e.ARN()); err != nil {
		t.Error(err)
	}
	for _, other := range []string{strings.Replace(e.ARN(), "123456789012", "210987654321", 1), strings.Replace(e.ARN(), "us-east-1", "us-east-2", 1)} {
		if _, err := of.GetExport(t.Context(), other); !errors.Is(err, transfer.ErrNotFound) {
			t.Errorf("%s: %v", other, err)
		}
	}
}

// closed are buckets in which nothing is put or listed before they are opened.
type closed struct {
	bucket.Store
	opened chan struct{}
}

func (c *closed) wait(ctx context.Context) error {
	select {
	case <-c.opened:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *closed) Put(ctx context.Context, name, key string, body io.Reader, o bucket.PutOptions) (string, error) {
	if err := c.wait(ctx); err != nil {
		return "", err
	}
	return c.Store.Put(ctx, name, key, body, o)
}

func (c *closed) List(ctx context.Context, name, prefix string) iter.Seq2[bucket.Object, error] {
	if err := c.wait(ctx); err != nil {
		return func(yield func(bucket.Object, error) bool) { yield(bucket.Object{}, err) }
	}
	return c.Store.List(ctx, name, prefix)
}

// TestMany: no more exports and imports are under way than an account can have.
func TestMany(t *testing.T) {
	buckets := &closed{bucket.NewDir(t.TempDir(), nil), make(chan struct{})}
	of, from := newEngine(t, memkv.New(memkv.Options{}), buckets)
	imports := 0
	begin := func() error {
		imports++
		in := &model.ImportTableInput{S3BucketSource: &model.S3BucketSource{S3Bucket: model.Some("bucket")}, InputFormat: model.Some("DYNAMODB_JSON")}
		name := fmt.Sprint("made", imports)
		_, err := of.Import(t.Context(), descriptor(name), "arn:aws:dynamodb:us-east-1:123456789012:table/"+name, in)
		return err
	}
	for range transfer.Most[transfer.KindImport] {
		if err := begin(); err != nil {
			t.Fatal(err)
		}
	}
	for range transfer.Most[transfer.KindExport] {
		if _, err := export(t, of, from); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := export(t, of, from); !errors.As(err, new(*transfer.TooMany)) {
		t.Errorf("another export: %v", err)
	}
	if err := begin(); !errors.As(err, new(*transfer.TooMany)) {
		t.Errorf("another import: %v", err)
	}
	close(buckets.opened)
	patience.Until(t, func() bool {
		_, err := export(t, of, from)
		return err == nil && begin() == nil
	}, "room for others")
}
