package transfer

import (
	"cmp"
	"context"
	"errors"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/bucket"
	"github.com/statordb/stator/internal/expr"
	"github.com/statordb/stator/internal/itemfile"
	"github.com/statordb/stator/internal/job"
	"github.com/statordb/stator/internal/kv"
	"github.com/statordb/stator/internal/model"
	"github.com/statordb/stator/internal/record"
	"github.com/statordb/stator/internal/table"
)

// Export is an export of a table.
type Export struct {
	Head
	Source *table.Descriptor // as it is frozen
	Past   bool              `json:",omitempty"` // it was asked for as of At, not as it is frozen
	At     time.Time         `json:",omitzero"`  // the instant that a full export shows
	From   time.Time         `json:",omitzero"`  // with To, of an incremental export
	To     time.Time         `json:",omitzero"`

	Items    int64  // records written
	Bytes    int64  // size of the items read
	Manifest string // key of the summary, when it is over
}

// In returns the request that e was made by.
func (e *Export) In() (*model.ExportTableToPointInTimeInput, error) {
	in := new(model.ExportTableToPointInTimeInput)
	return in, e.decode(in)
}

// Incremental reports whether e has the changes from From to To.
func (e *Export) Incremental() bool { return !e.To.IsZero() }

// frozenPrefix begins the names under which tables are frozen for exports.
const frozenPrefix = "export-"

func (e *Export) frozen() string { return frozenPrefix + e.ID }

// Moment is what an export shows of a table.
type Moment struct {
	At       time.Time // the instant; zero: now
	From, To time.Time // of an incremental export
}

// MadeExport returns the export that a request with the same client token made,
// nil if there is none.
func (t *Transfers) MadeExport(ctx context.Context, owner string, in *model.ExportTableToPointInTimeInput) (*Export, error) {
	return made[Export](ctx, t, KindExport, owner, in.ClientToken.V, in)
}

// Export begins the export of from that in asks for. The table is frozen: what is
// written to it from now on is not in there. arn is that of the table. It returns
// table.ErrForgotten.
func (t *Transfers) Export(ctx context.Context, from *table.Table, arn string, in *model.ExportTableToPointInTimeInput, m Moment) (*Export, error) {
	e := &Export{Head: t.newHead(KindExport, from.Descriptor, arn, in.ClientToken.V, in), Past: !m.At.IsZero(), From: m.From, To: m.To}
	if !e.Incremental() {
		e.At = m.At
		if !e.Past {
			e.At = e.Started
		}
	}
	needed := m.At
	if e.Incremental() {
		needed = m.From
	}
	frozen, err := t.Engine.FreezeTable(ctx, from, e.frozen(), needed)
	if err == nil {
		e.Source = frozen.Descriptor
		err = t.add(ctx, e, in)
	}
	if err != nil {
		err = errors.Join(err, t.Store.Thaw(context.WithoutCancel(ctx), e.frozen()))
		if errors.Is(err, errTaken) {
			return takenBy(t.MadeExport(ctx, table.OwnerOf(from.Name), in))
		}
		return nil, err
	}
	began := *e
	t.start(&e.Head, t.export(e))
	return &began, nil
}

// GetExport returns the export that arn names, or ErrNotFound.
func (t *Transfers) GetExport(ctx context.Context, arn string) (*Export, error) {
	return get[Export](ctx, t, KindExport, arn)
}

// ListExports returns a page of the exports, and whether there are more.
func (t *Transfers) ListExports(ctx context.Context, p Page) ([]*Export, bool, error) {
	return list[Export](ctx, t, KindExport, p, byARN)
}

// thawOrphans thaws what was frozen for exports that are not there or over.
func (t *Transfers) thawOrphans(ctx context.Context) error {
	needed := map[string]bool{}
	exports, err := record.All[Export](ctx, t.Store, record.Under(exportRows))
	if err != nil {
		return err
	}
	for _, e := range exports {
		needed[e.frozen()] = e.Status == InProgress
	}
	names, err := t.Store.FrozenNames(ctx)
	for _, name := range names {
		if strings.HasPrefix(name, frozenPrefix) && !needed[name] {
			err = errors.Join(err, t.Store.Thaw(ctx, name))
		}
	}
	return err
}

// export returns the work of e, which is done in one step.
func (t *Transfers) export(e *Export) func(context.Context) (bool, time.Duration, error) {
	return func(ctx context.Context) (bool, time.Duration, error) {
		if e.Status == InProgress { // else it is only to be thawed
			err := t.writeExport(ctx, e)
			switch {
			case ctx.Err() != nil:
				return false, 0, ctx.Err()
			case err != nil:
				t.Log.Warn("an export failed", "export", e.ARN(), "error", err)
				err = t.end(ctx, e, Failed, failed(err))
			default:
				err = t.end(ctx, e, Completed, nil)
			}
			if err != nil {
				return false, 0, err
			}
		}
		return true, 0, t.Store.Thaw(ctx, e.frozen())
	}
}

// exporting is an export that is being written.
type exporting struct {
	*Export
	transfers *Transfers
	in        *model.ExportTableToPointInTimeInput
	parsed    *expr.Parsed // of the filter; nil: there is none
	whole     kv.Range     // what is read
	files     []dataFile
}

// writeExport writes all objects of e, the one that says what there is last.
func (t *Transfers) writeExport(ctx context.Context, e *Export) (err error) {
	in, err := e.In()
	if err != nil {
		return err
	}
	x := &exporting{Export: e, transfers: t, in: in}
	if err := x.bind(); err != nil {
		return err
	}
	if _, err := x.put(ctx, e.folder(in)+"_started", strings.NewReader("")); err != nil {
		return err
	}
	frozen, err := t.Store.Frozen(ctx, e.frozen())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, frozen.Close()) }()
	if e.Incremental() {
		err = x.changes(ctx, frozen)
	} else {
		err = x.items(ctx, frozen)
	}
	if err != nil {
		return err
	}
	return x.manifests(ctx)
}

// bind finds what the filter leaves.
func (x *exporting) bind() error {
	x.whole = x.Source.Whole()
	if x.in.FilterSpecification == nil {
		return nil
	}
	parsed, bounds, err := ParseFilter(x.in.FilterSpecification, x.Source)
	if err != nil {
		return err
	}
	x.parsed = parsed
	if parsed.KeyCondition != nil {
		x.whole = x.Source.QueryRange(nil, bounds)
	}
	return nil
}

// ParseFilter reads the expressions of a filter and puts its key condition to the
// key of d. It returns their fault.
func ParseFilter(f *model.FilterSpecification, d *table.Descriptor) (*expr.Parsed, expr.KeyRange, error) {
	r := expr.Request{
		NamesGiven: f.ExpressionAttributeNames != nil, Values: f.ExpressionAttributeValues,
		Takes: []expr.Kind{expr.KindFilter, expr.KindKeyCondition},
	}
	for _, n := range f.ExpressionAttributeNames {
		r.Names = append(r.Names, expr.Name{Key: n.Key, Value: n.Value})
	}
	for text, o := range map[**string]*model.Opt[string]{&r.Filter: &f.FilterExpression, &r.KeyCondition: &f.KeyConditionExpression, &r.Projection: &f.ProjectionExpression} {
		if o.Set {
			*text = &o.V
		}
	}
	parsed, fault := expr.Parse(r)
	if fault != nil {
		return nil, expr.KeyRange{}, fault
	}
	if parsed.KeyCondition == nil {
		return parsed, expr.KeyRange{}, nil
	}
	bounds, fault := parsed.KeyCondition.Bind(keyAttrs(d.Key.Hash), keyAttrs(d.Key.Sort))
	if fault == nil {
		fault = expr.FilterKeyFault("Filter Expression", parsed.Filter, d.Key.Names())
	}
	if fault != nil {
		return nil, expr.KeyRange{}, fault
	}
	return parsed, bounds, nil
}

func keyAttrs(attrs []table.KeyAttr) []expr.KeyAttr {
	out := make([]expr.KeyAttr, len(attrs))
	for i, a := range attrs {
		out[i] = expr.KeyAttr(a)
	}
	return out
}

// wants reports whether the filter lets an item through.
func (x *exporting) wants(it attr.Item) bool {
	return x.parsed == nil || x.parsed.Filter == nil || x.parsed.Filter.Eval(it)
}

// shown returns what of an item is exported.
func (x *exporting) shown(it attr.Item) attr.Item {
	if x.parsed == nil || x.parsed.Projection == nil || it.IsEmpty() {
		return it
	}
	return x.parsed.Projection.Apply(it)
}

// ranges returns the parts of the table that get a file each.
func (x *exporting) ranges(size int64) []kv.Range {
	if x.parsed != nil && x.parsed.KeyCondition != nil {
		return []kv.Range{x.whole}
	}
	n := min(1+size/fileBytes, mostFiles)
	parts := make([]kv.Range, n)
	for i := range parts {
		parts[i] = x.Source.ScanRange(nil, int64(i), n)
	}
	return parts
}

// items writes the items of a full export.
func (x *exporting) items(ctx context.Context, frozen kv.Frozen) (err error) {
	at := x.At
	if !x.Past {
		at = time.Time{}
	}
	past, err := table.OpenPast(ctx, frozen, x.Source, at, x.transfers.Scratch)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, past.Close()) }()
	parts := x.ranges(int64(frozen.Bytes()))
	files := make([]dataFile, len(parts))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, part := range parts {
		group.Go(func() (err error) {
			files[i], err = x.file(ctx, i, func(w *itemfile.Writer) (total, error) { return x.part(ctx, past, part, w) })
			return err
		})
	}
	x.files = files
	return group.Wait()
}

// part writes the items of a part of the table.
func (x *exporting) part(ctx context.Context, past *table.Past, part kv.Range, w *itemfile.Writer) (n total, err error) {
	for row, err := range job.Paced(ctx, &x.transfers.Engine.Requests, past.Rows(ctx, part)) {
		if err != nil {
			return n, err
		}
		n.bytes += int64(row.Size)
		if !x.wants(row.Item) {
			continue
		}
		if err := w.WriteItem(x.shown(row.Item)); err != nil {
			return n, err
		}
		n.records++
	}
	return n, nil
}

// changes writes the changes of an incremental export.
func (x *exporting) changes(ctx context.Context, frozen kv.Frozen) (err error) {
	window, err := table.OpenWindow(ctx, frozen, x.Source, x.From, x.To, x.transfers.Scratch)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, window.Close()) }()
	newOnly := x.in.IncrementalExportSpecification.ExportViewType.V == "NEW_IMAGE"
	x.files = make([]dataFile, 1)
	x.files[0], err = x.file(ctx, 0, func(w *itemfile.Writer) (n total, err error) {
		for c, err := range job.Paced(ctx, &x.transfers.Engine.Requests, window.Changes(ctx, x.whole)) {
			if err != nil {
				return n, err
			}
			latest := c.New
			if latest.IsEmpty() {
				latest = c.Old
			}
			n.bytes += int64(latest.Size())
			if !x.wants(latest) {
				continue
			}
			change := itemfile.Change{Written: c.Last.UnixMicro(), Keys: latest.Project(x.Source.KeyNames()), New: x.shown(c.New)}
			if !newOnly {
				change.Old = x.shown(c.Old)
			}
			if err := w.WriteChange(change); err != nil {
				return n, err
			}
			n.records++
		}
		return n, nil
	})
	return err
}

// format returns the format of the data files.
func (x *exporting) format() itemfile.Format {
	return itemfile.Format(cmp.Or(x.in.ExportFormat.V, string(itemfile.JSON)))
}

func (x *exporting) options() bucket.PutOptions {
	return bucket.PutOptions{Encryption: x.in.S3SseAlgorithm.V, KMSKey: x.in.S3SseKmsKeyId.V}
}
