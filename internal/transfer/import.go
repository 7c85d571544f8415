package transfer

import (
	"cmp"
	"context"
	"errors"
	"io"
	"iter"
	"sync"
	"sync/atomic"
	"time"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/bucket"
	"github.com/statordb/stator/internal/itemfile"
	"github.com/statordb/stator/internal/job"
	"github.com/statordb/stator/internal/model"
	"github.com/statordb/stator/internal/record"
	"github.com/statordb/stator/internal/table"
)

// Import is an import into a new table.
type Import struct {
	Head
	// Filled says that the table has all items; what is left is to say so.
	Filled bool `json:",omitempty"`

	Errors    int64 // records that could not be imported
	Processed int64 // records read
	Imported  int64 // of them, those whose items are in the table
	Bytes     int64 // read of the objects
}

// In returns the request that i was made by.
func (i *Import) In() (*model.ImportTableInput, error) {
	in := new(model.ImportTableInput)
	return in, i.decode(in)
}

// progress is how far an import is.
type progress struct {
	errors, processed, imported, bytes atomic.Int64
}

// copyTo sets the figures of i.
func (p *progress) copyTo(i *Import) {
	i.Errors, i.Processed, i.Imported, i.Bytes = p.errors.Load(), p.processed.Load(), p.imported.Load(), p.bytes.Load()
}

// MadeImport returns the import that a request with the same client token made,
// nil if there is none.
func (t *Transfers) MadeImport(ctx context.Context, owner string, in *model.ImportTableInput) (*Import, error) {
	return made[Import](ctx, t, KindImport, owner, in.ClientToken.V, in)
}

// Import makes the table d and begins to fill it as in asks for. arn is that of
// the table. It returns table.ErrExists.
func (t *Transfers) Import(ctx context.Context, d *table.Descriptor, arn string, in *model.ImportTableInput) (*Import, error) {
	i := &Import{Head: t.newHead(KindImport, d, arn, in.ClientToken.V, in)}
	if err := t.add(ctx, i, in); errors.Is(err, errTaken) {
		return takenBy(t.MadeImport(ctx, table.OwnerOf(d.Name), in))
	} else if err != nil {
		return nil, err
	}
	d.Creating = true
	if _, err := t.Engine.Create(ctx, d); err != nil {
		_ = t.count(KindImport, -1)
		return nil, errors.Join(err, t.remove(context.WithoutCancel(ctx), &i.Head))
	}
	began := *i
	t.startImport(i)
	return &began, nil
}

func (t *Transfers) startImport(i *Import) {
	t.mu.Lock()
	t.mu.imports[i.ID] = new(progress)
	t.mu.Unlock()
	t.start(&i.Head, t.importing(i))
}

// progress returns that of the import with an id, nil if it is not under way.
func (t *Transfers) progress(id string) *progress {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.mu.imports[id]
}

// GetImport returns the import that arn names, with its figures so far, or
// ErrNotFound.
func (t *Transfers) GetImport(ctx context.Context, arn string) (*Import, error) {
	i, err := get[Import](ctx, t, KindImport, arn)
	if err != nil {
		return nil, err
	}
	if p := t.progress(i.ID); p != nil && i.Status == InProgress {
		p.copyTo(i)
	}
	return i, nil
}

// ListImports returns a page of the imports, and whether there are more.
func (t *Transfers) ListImports(ctx context.Context, p Page) ([]*Import, bool, error) {
	return list[Import](ctx, t, KindImport, p, byTime)
}

// creating returns the table that i fills, nil if it is whole or not there.
func (t *Transfers) creating(i *Import) *table.Table {
	now := t.Engine.Catalog.Get(i.Table)
	if now == nil || now.ID != i.TableID || !now.Creating {
		return nil
	}
	return now
}

// forgetUnmade removes the records of imports whose table a kill kept from being
// made: who asked for them has no answer.
func (t *Transfers) forgetUnmade(ctx context.Context) error {
	unmade, err := record.Select(ctx, t.Store, record.Under(importRows), 0, func(i *Import) bool {
		return i.Status == InProgress && !i.Filled && t.creating(i) == nil
	})
	for _, i := range unmade {
		err = errors.Join(err, t.remove(ctx, &i.Head))
	}
	return err
}

// importing returns the work of i, which is done in one step. It begins anew when
// it is repeated.
func (t *Transfers) importing(i *Import) func(context.Context) (bool, time.Duration, error) {
	return func(ctx context.Context) (bool, time.Duration, error) {
		if !i.Filled {
			err := t.fill(ctx, i)
			if ctx.Err() != nil {
				return false, 0, ctx.Err()
			}
			if err != nil {
				return t.abandon(ctx, i, err)
			}
		}
		if now := t.creating(i); now != nil {
			if _, err := t.Engine.FinishCreating(ctx, now); err != nil {
				return false, 0, err
			}
		}
		status, why := Completed, (*failure)(nil)
		if i.Errors > 0 {
			status, why = Failed, errItems
		}
		return t.ended(i, t.end(ctx, i, status, why))
	}
}

// errItems is the failure of an import that left records out. The text is the
// service's.
var errItems = &failure{"ItemValidationError", "Some of the items failed validation checks and were not imported. Please check CloudWatch error logs for more details."}

// abandon ends an import that failed, without its table: half a table is none.
func (t *Transfers) abandon(ctx context.Context, i *Import, cause error) (bool, time.Duration, error) {
	t.Log.Warn("an import failed and its table is removed", "import", i.ARN(), "error", cause)
	if p := t.progress(i.ID); p != nil {
		p.copyTo(i)
	}
	i.Imported = 0
	_, err := t.Engine.Delete(ctx, i.Table, func(d *table.Descriptor) error {
		if d.ID != i.TableID {
			return table.ErrNotFound
		}
		return nil
	})
	if err != nil && !errors.Is(err, table.ErrNotFound) {
		return false, 0, err
	}
	return t.ended(i, t.end(ctx, i, Failed, failed(cause)))
}

// ended is the end of the work of i, unless storing it failed.
func (t *Transfers) ended(i *Import, err error) (bool, time.Duration, error) {
	if err != nil {
		return false, 0, err
	}
	t.mu.Lock()
	delete(t.mu.imports, i.ID)
	t.mu.Unlock()
	return true, 0, nil
}

// fill fills the table of i and stores that.
func (t *Transfers) fill(ctx context.Context, i *Import) error {
	into := t.creating(i)
	if into == nil {
		return table.ErrNotFound
	}
	in, err := i.In()
	if err != nil {
		return err
	}
	so := new(progress)
	t.mu.Lock()
	t.mu.imports[i.ID] = so
	t.mu.Unlock()
	log, err := newErrorLog(t.LogFS, t.Logs, i)
	if err != nil {
		return err
	}
	r := &importReader{table: into, progress: so, log: log, source: importSource(t.buckets(i.Table), into.Descriptor, in)}
	err = t.load(ctx, into, r)
	if err = errors.Join(err, log.close()); err != nil {
		return err
	}
	so.copyTo(i)
	i.Imported = i.Processed - i.Errors
	i.Filled = true
	return t.save(ctx, i)
}

func (t *Transfers) load(ctx context.Context, into *table.Table, r *importReader) error {
	pairs, sorter, err := table.Sort(ctx, into.Descriptor, job.Paced(ctx, &t.Engine.Requests, r.items(ctx)), t.Scratch)
	if err != nil {
		return err
	}
	err = t.Engine.Fill(ctx, into, t.Scratch, job.Paced(ctx, &t.Engine.Requests, pairs), func(int) { r.progress.imported.Add(1) })
	return errors.Join(err, sorter.Close())
}

// importSource returns where the items of d come from.
func importSource(store bucket.Store, d *table.Descriptor, in *model.ImportTableInput) *source {
	s := &source{store: store, bucket: in.S3BucketSource.S3Bucket.V, prefix: in.S3BucketSource.S3KeyPrefix.V}
	s.options = itemfile.Options{Format: itemfile.Format(in.InputFormat.V), Compression: itemfile.Compression(in.InputCompressionType.V)}
	s.options.CSV.Types = map[string]attr.Type{}
	for _, a := range d.Attributes {
		s.options.CSV.Types[a.Name] = a.Type
	}
	if o := in.InputFormatOptions; o != nil && o.Csv != nil {
		s.options.CSV.Header = o.Csv.HeaderList
		s.options.CSV.Delimiter = cmp.Or(o.Csv.Delimiter.V, ",")[0]
	}
	return s
}

// importReader reads the items of an import.
type importReader struct {
	source   *source
	table    *table.Table
	progress *progress
	log      *errorLog
}

const (
	readers = 2 // objects that are read at a time
	// What goes from a reader to who sorts it at a time.
	batchItems = 256
	batchBytes = 1 << 20
)

// items yields the items of all objects that can be stored. It reads several
// objects at a time: the order of their items is that of chance.
func (r *importReader) items(ctx context.Context) iter.Seq2[attr.Item, error] {
	return func(yield func(attr.Item, error) bool) {
		objects, err := r.source.objects(ctx)
		if err != nil {
			yield(attr.Item{}, err)
			return
		}
		ctx, stop := context.WithCancelCause(ctx)
		batches := make(chan []attr.Item, readers)
		var group sync.WaitGroup
		var next atomic.Int64
		for range readers {
			group.Go(func() {
				for n := next.Add(1) - 1; int(n) < len(objects) && ctx.Err() == nil; n = next.Add(1) - 1 {
					if err := r.read(ctx, objects[n].Key, batches); err != nil {
						stop(err)
					}
				}
			})
		}
		go func() {
			group.Wait()
			close(batches)
		}()
		defer func() { // none reads on when this returns
			stop(nil)
			for range batches {
			}
		}()
		for batch := range batches {
			for _, it := range batch {
				if !yield(it, nil) {
					return
				}
			}
		}
		if err := context.Cause(ctx); err != nil {
			yield(attr.Item{}, err)
		}
	}
}

// read sends the items of one object.
func (r *importReader) read(ctx context.Context, key string, batches chan<- []attr.Item) (err error) {
	o, err := r.source.open(ctx, key, &r.progress.bytes)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.close()) }()
	for more := true; more; {
		batch := make([]attr.Item, 0, batchItems)
		for size := 0; len(batch) < batchItems && size < batchBytes; {
			rec, err := o.next()
			if errors.Is(err, io.EOF) {
				more = false
				break
			}
			if err != nil {
				return err
			}
			r.progress.processed.Add(1)
			if why := checkItem(r.table.Descriptor, &rec); why != nil {
				r.progress.errors.Add(1)
				if err := r.log.add(pointer{r.source.bucket, key, rec.Index}, why); err != nil {
					return err
				}
				continue
			}
			batch = append(batch, rec.Item)
			size += rec.Bytes()
		}
		select {
		case batches <- batch:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
