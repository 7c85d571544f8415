// Package transfer moves items between tables and files in buckets: exports of
// tables, imports into new ones, and bulk puts into those that are there.
//
// Each is a record and a job:
//
//	'b' 'e' table '/' id     an Export, JSON
//	'b' 'i' table '/' id     an Import
//	'b' 'o' table '/' id     a Bulk, with how far it is
//	'b' 't' kind token       a client token, JSON
//	'b' 'x' name             what the jobs remember
//
// # Invariant
//
// What a record says is done, is done. After a kill an export or an import begins
// again: it writes the same files, or empties the table that it fills, which
// nobody sees before it is whole. Bulk puts go on behind the last records that are
// known to be put, and repeat at most those that a kill cut off.
package transfer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/statordb/stator/internal/bucket"
	"github.com/statordb/stator/internal/extsort"
	"github.com/statordb/stator/internal/job"
	"github.com/statordb/stator/internal/kv"
	"github.com/statordb/stator/internal/record"
	"github.com/statordb/stator/internal/table"
)

// Config is what Transfers need. All members but Logs and LogFS are required.
type Config struct {
	Store   kv.Store
	Engine  *table.Engine
	Buckets bucket.Store
	Scratch extsort.Scratch
	// Logs is the directory of the files that say what of an import could not be
	// imported: ID.jsonl, files of LogFS, which is the disk if nil. "" is for none.
	Logs  string
	LogFS vfs.FS
	Now   func() time.Time
	Log   *slog.Logger
}

// Errors of Transfers.
var (
	ErrNotFound      = errors.New("there is no such record")
	ErrTokenMismatch = errors.New("the client token was used with another request")
)

// Transfers are the exports, imports and bulk puts of a store. They are safe for
// concurrent use.
type Transfers struct {
	Config
	jobs  *job.Runner
	slots chan struct{} // one for each job that is working

	forgot time.Time // when Forget did its work last
	mu     struct {
		sync.Mutex
		imports map[string]*progress // under way, by id
		running map[string]int       // how many are under way, by kind
	}
}

// buckets returns those of the account of the table that is kept under name.
func (t *Transfers) buckets(name string) bucket.Store {
	if account, _, _ := t.Engine.Home.Split(name); account != t.Engine.Home.Account {
		return t.Buckets.Of(account)
	}
	return t.Buckets
}

// TooMany is the error of one more than can be under way.
type TooMany struct{ Kind string }

func (m *TooMany) Error() string { return fmt.Sprintf("more than %d of kind %s", Most[m.Kind], m.Kind) }

// Most is how many of a kind can be under way. (API reference,
// ExportTableToPointInTime and ImportTable, LimitExceededException; that of bulk
// puts is not known.)
var Most = map[string]int{KindExport: 300, KindImport: 50, KindBulk: 50}

// workers is how many exports, imports and bulk puts are worked on at a time.
const workers = 2

// Open returns the transfers in a store, after it has cleared what a stop left
// half-made. They go on after Start.
func Open(ctx context.Context, c Config) (*Transfers, error) {
	if c.LogFS == nil {
		c.LogFS = vfs.Default
	}
	t := &Transfers{Config: c, jobs: job.NewRunner(c.Store, []byte("bx"), c.Log), slots: make(chan struct{}, workers)}
	t.mu.imports, t.mu.running = map[string]*progress{}, map[string]int{}
	if err := errors.Join(t.thawOrphans(ctx), t.forgetUnmade(ctx)); err != nil {
		return nil, fmt.Errorf("open exports and imports: %w", err)
	}
	return t, nil
}

// Start goes on with what a stop has interrupted.
func (t *Transfers) Start(ctx context.Context) error {
	exports, err := record.Select(ctx, t.Store, record.Under(exportRows), 0, func(e *Export) bool { return e.Status == InProgress })
	for _, e := range exports {
		_ = t.count(KindExport, 1) // there were not more
		t.start(&e.Head, t.export(e))
	}
	imports, err2 := record.Select(ctx, t.Store, record.Under(importRows), 0, func(i *Import) bool { return i.Status == InProgress })
	for _, i := range imports {
		_ = t.count(KindImport, 1)
		t.startImport(i)
	}
	bulks, err3 := record.Select(ctx, t.Store, record.Under(bulkRows), 0, func(b *Bulk) bool { return b.Status == InProgress || b.Status == Cancelling })
	for _, b := range bulks {
		_ = t.count(KindBulk, 1)
		t.start(&b.Head, t.bulk(b))
	}
	return errors.Join(err, err2, err3)
}

// count notes that n more of a kind are under way. It returns *TooMany.
func (t *Transfers) count(kind string, n int) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n > 0 && t.mu.running[kind] >= Most[kind] {
		return &TooMany{kind}
	}
	t.mu.running[kind] += n
	return nil
}

// Close stops the work. It goes on, or begins again, after the next Open.
func (t *Transfers) Close() { t.jobs.Close() }

// start runs step until it returns done.
func (t *Transfers) start(h *Head, step func(context.Context) (done bool, wait time.Duration, err error)) {
	t.jobs.Start(&working{name: h.Kind + "/" + h.Table + "/" + h.ID, slots: t.slots, step: step, over: func() { _ = t.count(h.Kind, -1) }})
}

// working is a job whose cursor is its record.
type working struct {
	name  string
	slots chan struct{}
	step  func(context.Context) (done bool, wait time.Duration, err error)
	over  func() // is called when it is done
}

var _ job.Job = (*working)(nil)

// Name implements job.Job.
func (w *working) Name() string { return w.name }

// Step implements job.Job.
func (w *working) Step(ctx context.Context, _ []byte) ([]byte, time.Duration, error) {
	select {
	case w.slots <- struct{}{}:
		defer func() { <-w.slots }()
	case <-ctx.Done():
		return nil, 0, ctx.Err()
	}
	done, wait, err := w.step(ctx)
	if done {
		if err == nil {
			w.over()
		}
		return nil, 0, err
	}
	return []byte{1}, wait, err
}

// failure is why a transfer failed, as its description says it.
type failure struct{ code, text string }

func (f *failure) Error() string { return f.code + ": " + f.text }

// failed returns the failure that err is. The codes of buckets are the service's,
// but for that of a key, which a bucket of the service can have.
func failed(err error) *failure {
	var f *failure
	if errors.As(err, &f) {
		return f
	}
	code := "InternalServerError"
	switch {
	case errors.Is(err, bucket.ErrNoBucket):
		code = "S3NoSuchBucket"
	case errors.Is(err, bucket.ErrNoObject):
		code = "S3NoSuchKey"
	case errors.Is(err, bucket.ErrDenied):
		code = "S3AccessDenied"
	case errors.Is(err, bucket.ErrKey):
		code = "S3InvalidKey"
	}
	return &failure{code, err.Error()}
}

// recordLife is how long a record is kept when it is over. (API reference,
// ListExports.)
const recordLife = 90 * 24 * time.Hour

// forgetEvery is how often records are looked through: they are many, and kept for
// long.
const forgetEvery = time.Minute

// Forget removes records, with the logs of imports, and client tokens whose time
// is over. It is called every few seconds, by one goroutine.
func (t *Transfers) Forget(ctx context.Context) error {
	now := t.Now()
	if since := now.Sub(t.forgot); since >= 0 && since < forgetEvery {
		return nil
	}
	t.forgot = now
	var over [][]byte
	tokens, err := record.Select(ctx, t.Store, record.Under(tokenRows), 0, func(k *token) bool { return now.Sub(k.Used) >= tokenLife })
	for _, k := range tokens {
		over = append(over, tokenRow(k.Kind, table.OwnerOf(k.Table), k.Token))
	}
	for _, rows := range []string{exportRows, importRows, bulkRows} {
		heads, failed := record.Select(ctx, t.Store, record.Under(rows), 0, func(h *Head) bool {
			return !h.Ended.IsZero() && now.Sub(h.Ended) >= recordLife
		})
		for _, h := range heads {
			over = append(over, h.row())
			err = errors.Join(err, removeLog(t.Logs, h.ID))
		}
		err = errors.Join(err, failed)
	}
	return errors.Join(err, record.Remove(ctx, t.Store, over...))
}
