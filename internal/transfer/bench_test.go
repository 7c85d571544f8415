package transfer_test

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/bucket"
	"github.com/statordb/stator/internal/extsort"
	"github.com/statordb/stator/internal/kv"
	"github.com/statordb/stator/internal/kv/pebblekv"
	"github.com/statordb/stator/internal/meter"
	"github.com/statordb/stator/internal/model"
	"github.com/statordb/stator/internal/patience"
	"github.com/statordb/stator/internal/table"
	"github.com/statordb/stator/internal/transfer"
)

// transfers is a store on disk with the table "full" of items of 1 KB.
type transfers struct {
	*testing.B
	of    *transfer.Transfers
	items int
}

// newTransfers fills the table with TRANSFERBENCH_ITEMS items.
func newTransfers(b *testing.B) *transfers {
	b.Helper()
	t := &transfers{B: b, items: 100_000}
	if n, err := strconv.Atoi(os.Getenv("TRANSFERBENCH_ITEMS")); err == nil {
		t.items = n
	}
	b.Logf("%d items of 1 KB", t.items)
	ctx, dir, log := b.Context(), b.TempDir(), slog.New(slog.DiscardHandler)
	store, err := pebblekv.Open(pebblekv.Options{Dir: filepath.Join(dir, "store"), Logger: log})
	t.must(err)
	b.Cleanup(func() { _ = store.Close() })
	catalog, err := table.OpenCatalog(ctx, store, time.Now, meter.New(time.Now, false))
	t.must(err)
	scratch := extsort.Scratch{FS: vfs.Default, Dir: filepath.Join(dir, "scratch")}
	engine := table.NewEngine(store, catalog, log)
	t.of, err = transfer.Open(ctx, transfer.Config{
		Store: store, Engine: engine, Buckets: bucket.NewDir(filepath.Join(dir, "buckets"), nil), Scratch: scratch, Now: time.Now, Log: log,
	})
	t.must(err)
	b.Cleanup(t.of.Close)
	full, err := engine.Create(ctx, descriptor("full"))
	t.must(err)
	sorted, sorter, err := table.Sort(ctx, full.Descriptor, kilobytes(t.items), scratch)
	t.must(err)
	t.must(engine.Fill(ctx, full, scratch, sorted, func(int) {}))
	t.must(sorter.Close())
	return t
}

func (t *transfers) must(err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func descriptor(name string) *table.Descriptor {
	return &table.Descriptor{Name: name, ID: name + "-id", Created: time.Now(), Key: table.KeySchema{Hash: []table.KeyAttr{{Name: "pk", Type: attr.S}}}}
}

// kilobytes yields n items of 1 KB, half of each as random as it is long.
func kilobytes(n int) iter.Seq2[attr.Item, error] {
	return func(yield func(attr.Item, error) bool) {
		rng, text := rand.New(rand.NewPCG(1, 1)), make([]byte, 950)
		for i := range n {
			for j := range text {
				text[j] = "word of a text with spaces "[j%27]
				if j%2 == 0 {
					text[j] = 'a' + byte(rng.Uint32()%26)
				}
			}
			it := attr.NewItem(attr.Attribute{Name: "pk", Value: attr.String(fmt.Sprint("customer ", i))}, attr.Attribute{Name: "text", Value: attr.String(string(text))})
			if !yield(it, nil) {
				return
			}
		}
	}
}

// export exports the table to a bucket and returns its id.
func (t *transfers) export(to string) string {
	t.Helper()
	in := &model.ExportTableToPointInTimeInput{S3Bucket: model.Some(to)}
	e, err := t.of.Export(t.Context(), t.of.Engine.Catalog.Get("full"), "arn:aws:dynamodb:us-east-1:123456789012:table/full", in, transfer.Moment{})
	t.must(err)
	patience.Until(t, func() bool {
		e, err = t.of.GetExport(t.Context(), e.ARN())
		t.must(err)
		return e.Status != transfer.InProgress
	}, "the end of an export")
	if e.Status != transfer.Completed || e.Items != int64(t.items) {
		t.Fatalf("%+v", e)
	}
	return e.ID
}

func (t *transfers) report() {
	t.ReportMetric(float64(t.items)*float64(t.N)/t.Elapsed().Seconds(), "items/s")
}

// BenchmarkExport is a full export in DYNAMODB_JSON, and beside it the same rows
// read from the storage engine.
func BenchmarkExport(b *testing.B) {
	t := newTransfers(b)
	b.Run("table", func(b *testing.B) {
		t := &transfers{b, t.of, t.items}
		for i := 0; b.Loop(); i++ {
			t.export(fmt.Sprint("bucket", i))
		}
		t.report()
	})
	b.Run("storage", func(b *testing.B) {
		t := &transfers{b, t.of, t.items}
		for b.Loop() {
			t.must(t.of.Store.View(b.Context(), kv.ReadOptions{}, func(r kv.Reader) error {
				for _, err := range r.Scan(b.Context(), t.of.Engine.Catalog.Get("full").Whole()) {
					if err != nil {
						return err
					}
				}
				return nil
			}))
		}
		t.report()
	})
}

// BenchmarkImport is an import of such an export.
func BenchmarkImport(b *testing.B) {
	t := newTransfers(b)
	data := "AWSDynamoDB/" + t.export("bucket") + "/data/"
	for i := 0; b.Loop(); i++ {
		in := &model.ImportTableInput{
			S3BucketSource: &model.S3BucketSource{S3Bucket: model.Some("bucket"), S3KeyPrefix: model.Some(data)},
			InputFormat:    model.Some("DYNAMODB_JSON"), InputCompressionType: model.Some("GZIP"),
		}
		name := fmt.Sprint("made", i)
		imported, err := t.of.Import(b.Context(), descriptor(name), "arn:aws:dynamodb:us-east-1:123456789012:table/"+name, in)
		t.must(err)
		patience.Until(b, func() bool {
			imported, err = t.of.GetImport(context.Background(), imported.ARN())
			t.must(err)
			return imported.Status != transfer.InProgress
		}, "the end of an import")
		if imported.Imported != int64(t.items) {
			b.Fatalf("%+v", imported)
		}
	}
	t.report()
}
