package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"sync/atomic"
	"time"

	"github.com/statordb/stator/internal/bucket"
	"github.com/statordb/stator/internal/itemfile"
	"github.com/statordb/stator/internal/kv"
	"github.com/statordb/stator/internal/model"
	"github.com/statordb/stator/internal/record"
	"github.com/statordb/stator/internal/table"
)

// Bulk is bulk puts into a table.
type Bulk struct {
	Head
	// Object, Version and Index say where they go on: at a record of an object. ""
	// is the first object.
	Object, Version string
	Index           int64

	Processed  int64 // records: put, failed, or with a condition that is false
	Failed     int64 // records, and objects, that could not be put
	Refused    int64 `json:",omitempty"` // records with a condition that is false
	Bytes      int64 // read of the objects
	TotalBytes int64 // of all objects, when it is known
	// Usage is the size of what was put: of items under "", of index entries under
	// the name of their index.
	Usage map[string]int64
	// Local and Global are the names of the indexes that the table had.
	Local, Global []string `json:",omitempty"`
}

// In returns the request that b was made by.
func (b *Bulk) In() (*model.StartBulkPutItemsInput, error) {
	in := new(model.StartBulkPutItemsInput)
	return in, b.decode(in)
}

// MadeBulk returns the bulk puts that a request with the same client token made,
// nil if there are none.
func (t *Transfers) MadeBulk(ctx context.Context, owner string, in *model.StartBulkPutItemsInput) (*Bulk, error) {
	return made[Bulk](ctx, t, KindBulk, owner, in.ClientToken.V, in)
}

// Bulk begins the bulk puts into a table that in asks for. arn is that of the
// table.
func (t *Transfers) Bulk(ctx context.Context, into *table.Table, arn string, in *model.StartBulkPutItemsInput) (*Bulk, error) {
	b := &Bulk{Head: t.newHead(KindBulk, into.Descriptor, arn, in.ClientToken.V, in), Usage: map[string]int64{}}
	for _, x := range into.Indexes {
		if x.Global {
			b.Global = append(b.Global, x.Name)
		} else {
			b.Local = append(b.Local, x.Name)
		}
	}
	if err := t.add(ctx, b, in); errors.Is(err, errTaken) {
		return takenBy(t.MadeBulk(ctx, table.OwnerOf(into.Name), in))
	} else if err != nil {
		return nil, err
	}
	began := *b
	began.Usage = maps.Clone(b.Usage)
	t.start(&b.Head, t.bulk(b))
	return &began, nil
}

// GetBulk returns the bulk puts that arn names, or ErrNotFound.
func (t *Transfers) GetBulk(ctx context.Context, arn string) (*Bulk, error) {
	return get[Bulk](ctx, t, KindBulk, arn)
}

// ListBulk returns a page of the bulk puts, and whether there are more.
func (t *Transfers) ListBulk(ctx context.Context, p Page) ([]*Bulk, bool, error) {
	return list[Bulk](ctx, t, KindBulk, p, byTime)
}

// CancelBulk ends the bulk puts that arn names, soon: what is put stays. It
// returns what they are then, which says whether they were over already.
func (t *Transfers) CancelBulk(ctx context.Context, arn string) (*Bulk, error) {
	b, err := t.GetBulk(ctx, arn)
	if err != nil {
		return nil, err
	}
	return b, t.change(ctx, b, func(now *Bulk) bool {
		if *b = *now; now.Status != InProgress {
			return false
		}
		now.Status, b.Status = Cancelling, Cancelling
		return true
	})
}

// change stores what edit makes of the record of b, if edit says so.
func (t *Transfers) change(ctx context.Context, b *Bulk, edit func(now *Bulk) bool) error {
	key := b.row()
	return t.Store.Update(ctx, kv.TxOptions{Keys: [][]byte{key}}, func(tx kv.Tx) error {
		text, err := tx.GetLocked(ctx, key)
		if err != nil || text == nil {
			return err
		}
		now, err := record.Parse[Bulk](key, text)
		if err != nil {
			return err
		}
		if !edit(now) {
			return nil
		}
		return record.Put(tx, key, now)
	})
}

// advance stores next as what has become of b, but for its having been cancelled.
func (t *Transfers) advance(ctx context.Context, b, next *Bulk) error {
	err := t.change(ctx, b, func(now *Bulk) bool {
		if now.Status == Cancelling && next.Ended.IsZero() {
			next.Status = Cancelling
		}
		*now = *next
		return true
	})
	if err == nil {
		*b = *next
	}
	return err
}

// bulkRun is bulk puts under way. It puts a chunk of records at a time, and stores
// how far it is behind each.
type bulkRun struct {
	*Bulk
	transfers *Transfers
	in        *model.StartBulkPutItemsInput
	source    *source
	objects   []bucket.Object // those that are left
	done      int64           // size of those that are not
	open      *object         // the first of objects, nil before it is opened
	read      atomic.Int64    // bytes of it
	resumed   bool            // the next chunk may have been put before
}

// bulk returns the work of b, a chunk at a time.
func (t *Transfers) bulk(b *Bulk) func(context.Context) (bool, time.Duration, error) {
	var run *bulkRun
	return func(ctx context.Context) (done bool, wait time.Duration, err error) {
		if run == nil {
			run = &bulkRun{Bulk: b, transfers: t, resumed: true}
			err = run.begin(ctx)
		}
		if err == nil && b.Status != Cancelling {
			done, wait, err = run.chunk(ctx)
		}
		var why *failure
		switch {
		case err == nil && b.Status == Cancelling:
			why = &failure{"Cancelled", "The bulk operation was cancelled."}
			done, err = true, run.finish(ctx, Cancelled, why)
		case err == nil && done:
			status := Completed
			if b.Failed > 0 {
				status = CompletedWithErrors
			}
			err = run.finish(ctx, status, nil)
		case err != nil && ctx.Err() == nil:
			t.Log.Warn("bulk puts failed", "operation", b.ARN(), "error", err)
			done, err = true, run.finish(ctx, Failed, failed(err))
		}
		if err != nil || done {
			run.closeObject()
		}
		if err != nil {
			run = nil
			return false, 0, err
		}
		return done, wait, nil
	}
}

// begin finds the objects, and where to go on.
func (r *bulkRun) begin(ctx context.Context) (err error) {
	if r.in, err = r.In(); err != nil {
		return err
	}
	c := r.in.InputS3Configuration
	r.source = &source{
		store: r.transfers.buckets(r.Table), bucket: c.S3Bucket.V, prefix: c.S3KeyPrefix.V,
		options: itemfile.Options{Format: itemfile.Format(c.InputFormat.V), Compression: itemfile.Compression(c.InputCompressionType.V)},
	}
	all, err := r.source.objects(ctx)
	if err != nil {
		return err
	}
	r.TotalBytes = 0
	for _, o := range all {
		r.TotalBytes += o.Size
		switch {
		case o.Key < r.Object:
			r.done += o.Size
		case o.Key == r.Object && o.Version != r.Version:
			return &failure{"InputObjectModified", fmt.Sprintf("s3://%s/%s has changed since it was begun", r.source.bucket, o.Key)}
		default:
			r.objects = append(r.objects, o)
		}
	}
	if r.Object != "" && (len(r.objects) == 0 || r.objects[0].Key != r.Object) {
		return &failure{"InputObjectModified", fmt.Sprintf("s3://%s/%s is not there any more", r.source.bucket, r.Object)}
	}
	return nil
}

const (
	chunkRecords = 1024
	chunkBytes   = 8 << 20 // of memory
)

// chunk puts the next records and stores that. It is done when there are none.
func (r *bulkRun) chunk(ctx context.Context) (done bool, wait time.Duration, err error) {
	if len(r.objects) == 0 {
		return true, 0, nil
	}
	began := time.Now()
	key := r.objects[0].Key
	records, broken, err := r.records(ctx)
	if err != nil {
		return false, 0, err
	}
	puts, err := r.transfers.putAll(ctx, r.Bulk, records, r.resumed)
	if err != nil {
		return false, 0, err
	}
	r.resumed = false
	next := r.after(puts)
	if broken != nil { // there is nothing more to be had of this object
		puts = append(puts, put{record: itemfile.Record{Index: next.Index}, failed: errors.New(broken.text)})
		next.Failed++
	}
	if err := r.report(ctx, key, puts); err != nil {
		return false, 0, err
	}
	if r.open == nil && len(r.objects) > 0 {
		next.Object, next.Version, next.Index = r.objects[0].Key, r.objects[0].Version, 0
	} else if r.open != nil {
		next.Object, next.Version = key, r.objects[0].Version
	}
	next.Bytes = min(r.done+r.read.Load(), r.TotalBytes)
	if err := r.transfers.advance(context.WithoutCancel(ctx), r.Bulk, next); err != nil {
		return false, 0, err
	}
	if most := r.in.MaxWriteRequestUnits.V; most > 0 {
		wait = time.Duration(units(puts)/float64(most)*float64(time.Second)) - time.Since(began)
	}
	return len(r.objects) == 0, max(0, wait), nil
}

// after returns what becomes of r with puts.
func (r *bulkRun) after(puts []put) *Bulk {
	next := *r.Bulk
	next.Usage = maps.Clone(r.Usage)
	for _, p := range puts {
		next.Processed++
		next.Index = p.record.Index + 1
		switch {
		case p.failed != nil:
			next.Failed++
		case p.refused:
			next.Refused++
		}
		for name, size := range p.sizes {
			next.Usage[name] += size
		}
	}
	return &next
}

// records reads the next records of the first object, which is closed and dropped
// at its end. broken says that it cannot be read on.
func (r *bulkRun) records(ctx context.Context) (records []itemfile.Record, broken *failure, err error) {
	if r.open == nil {
		r.read.Store(0)
		if r.open, err = r.source.open(ctx, r.objects[0].Key, &r.read); err != nil {
			return nil, nil, err
		}
		if r.objects[0].Key != r.Object {
			r.Index = 0
		}
	}
	for size := 0; len(records) < chunkRecords && size < chunkBytes; {
		rec, err := r.open.next()
		switch {
		case errors.As(err, &broken), errors.Is(err, io.EOF):
			r.done += r.objects[0].Size
			r.objects = r.objects[1:]
			r.closeObject()
			r.read.Store(0)
			return records, broken, nil
		case err != nil:
			return nil, nil, err
		case ctx.Err() != nil:
			return nil, nil, ctx.Err()
		case rec.Index < r.Index: // put before
			continue
		}
		size += rec.Bytes()
		records = append(records, rec)
	}
	return records, nil, nil
}

func (r *bulkRun) closeObject() {
	if r.open != nil {
		_ = r.open.close() // it was read
		r.open = nil
	}
}

// finish writes the manifest and ends the record.
func (r *bulkRun) finish(ctx context.Context, status string, why *failure) error {
	next := *r.Bulk
	next.Status, next.Ended = status, r.transfers.Now()
	if why != nil {
		next.FailureCode, next.FailureMessage = why.code, why.text
	}
	if err := r.manifest(ctx, &next); err != nil {
		switch {
		case ctx.Err() != nil:
			return ctx.Err() // it is ended after the next start
		case status != Failed:
			return r.finish(ctx, Failed, failed(err))
		}
		r.transfers.Log.Warn("the manifest of bulk puts could not be written", "operation", r.ARN(), "error", err)
	}
	return r.transfers.advance(context.WithoutCancel(ctx), r.Bulk, &next)
}
