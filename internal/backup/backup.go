// Package backup keeps backups of tables, and makes tables of them and of the
// past of tables with point-in-time recovery.
//
// A backup is the table's rows as they were, frozen in the store, and a record
// that says what they are:
//
//	'b' 'b' id table     a Backup, JSON; ids sort by time
//	'b' 'r' table-id     a restore under way, JSON
//	'b' 'j' name         what the jobs remember
//
// # Invariant
//
// Rows are frozen before the record that names them is written, and thawed after
// it is removed: a record has its rows, and Open thaws rows without a record. A
// table that is being restored has its record until it is whole; if it cannot
// become so it is removed.
package backup

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/statordb/stator/internal/extsort"
	"github.com/statordb/stator/internal/job"
	"github.com/statordb/stator/internal/kv"
	"github.com/statordb/stator/internal/record"
	"github.com/statordb/stator/internal/table"
)

// Errors of Backups.
var (
	ErrNotFound = errors.New("there is no such backup")
	ErrInUse    = errors.New("a table is being restored from the backup")
	ErrMany     = errors.New("too many tables are being restored")
)

// frozenPrefix begins the names of all that is frozen here.
const frozenPrefix = "backup-"

// systemKept is how long a system backup is kept. (Developer guide, "Deleting a
// table with point-in-time recovery enabled".)
const systemKept = 35 * 24 * time.Hour

// Config is what Backups need. All members are required.
type Config struct {
	Store   kv.Store
	Engine  *table.Engine
	Scratch extsort.Scratch
	Now     func() time.Time
	Log     *slog.Logger
}

// Backups are the backups of a store and the restores under way. They are safe
// for concurrent use.
type Backups struct {
	Config
	jobs  *job.Runner
	slots chan struct{} // one for each restore that is working
	// removing is held while a backup is removed and while a restore from one
	// begins, across I/O.
	removing sync.Mutex
	mu       struct {
		sync.Mutex
		restores map[string]*restore // under way, by the id of their table
	}
}

// Open returns the backups in a store, after it has cleared what a stop left
// half-made. From then on, tables that are deleted with point-in-time recovery
// leave a system backup. Restores go on after Start.
func Open(ctx context.Context, c Config) (*Backups, error) {
	bs := &Backups{Config: c, jobs: job.NewRunner(c.Store, []byte("bj"), c.Log), slots: make(chan struct{}, workers)}
	bs.mu.restores = map[string]*restore{}
	err := bs.loadRestores(ctx)
	if err == nil {
		err = bs.thawOrphans(ctx)
	}
	if err == nil {
		err = c.Engine.KeepDeleted(ctx, bs.keepDeleted)
	}
	if err != nil {
		return nil, fmt.Errorf("open the backups: %w", err)
	}
	return bs, nil
}

// Close stops the restores. They begin again when they are opened again.
func (bs *Backups) Close() { bs.jobs.Close() }

// thawOrphans thaws what was frozen here and has no record.
func (bs *Backups) thawOrphans(ctx context.Context) error {
	named := map[string]bool{}
	for _, r := range bs.mu.restores {
		named[r.Frozen] = true
	}
	list, err := record.All[Backup](ctx, bs.Store, record.Under(backupRows))
	if err != nil {
		return err
	}
	for _, b := range list {
		named[b.Frozen] = true
	}
	names, err := bs.Store.FrozenNames(ctx)
	for _, name := range names {
		if strings.HasPrefix(name, frozenPrefix) && !named[name] {
			err = errors.Join(err, bs.Store.Thaw(ctx, name))
		}
	}
	return err
}

// freeze is Engine.FreezeTable under a name that it returns too.
func (bs *Backups) freeze(ctx context.Context, t *table.Table, from time.Time) (*table.Table, string, error) {
	name := frozenPrefix + uuid.NewString()
	now, err := bs.Engine.FreezeTable(ctx, t, name, from)
	if err != nil {
		return nil, "", bs.thawed(ctx, name, err)
	}
	return now, name, nil
}

// thawed returns err after it has thawed name, which is of no use any more.
func (bs *Backups) thawed(ctx context.Context, name string, err error) error {
	return errors.Join(err, bs.Store.Thaw(context.WithoutCancel(ctx), name))
}

// Create makes a backup of t.
func (bs *Backups) Create(ctx context.Context, t *table.Table, name string) (*Backup, error) {
	created := bs.Now()
	t, frozen, err := bs.freeze(ctx, t, time.Time{})
	if err != nil {
		return nil, err
	}
	b := &Backup{Name: name, Created: created, Frozen: frozen, Count: t.Counts.Of(t.Space), Source: t.Descriptor}
	if err := bs.add(ctx, b); err != nil {
		return nil, bs.thawed(ctx, frozen, err)
	}
	return b, nil
}

// keepDeleted makes the system backup of a table that is being deleted, unless it
// is there already.
func (bs *Backups) keepDeleted(ctx context.Context, d *table.Descriptor, count table.Count) error {
	now := bs.Now()
	b := &Backup{
		Name: d.Title() + "$DeletedTableBackup", System: true, Created: now, Expires: now.Add(systemKept),
		Frozen: frozenPrefix + d.ID, Count: count, Source: d,
	}
	made, _, err := bs.List(ctx, Filter{Owner: table.OwnerOf(d.Name), Table: d.Name, System: true})
	if err != nil || slices.ContainsFunc(made, func(o *Backup) bool { return o.Frozen == b.Frozen }) {
		return err
	}
	if err := bs.Store.Thaw(ctx, b.Frozen); err != nil { // of an attempt that failed
		return err
	}
	if err := bs.Engine.FreezeDeleted(ctx, d, b.Frozen); err != nil {
		return err
	}
	return bs.add(ctx, b)
}

// Delete removes the backup that k names and returns it. It returns ErrNotFound
// if there is none, ErrInUse while a table is being restored from it.
func (bs *Backups) Delete(ctx context.Context, k Key) (*Backup, error) {
	bs.removing.Lock()
	defer bs.removing.Unlock()
	b, err := bs.Get(ctx, k)
	if err != nil {
		return nil, err
	}
	if bs.inUse(b.Frozen) {
		return nil, ErrInUse
	}
	if err := record.Remove(ctx, bs.Store, k.row()); err != nil {
		return nil, fmt.Errorf("remove backup %s of %s: %w", k.ID, k.Table, err)
	}
	return b, bs.thawed(ctx, b.Frozen, nil)
}

// Expire removes the system backups whose time is over.
func (bs *Backups) Expire(ctx context.Context) error {
	now := bs.Now()
	list, _, err := bs.List(ctx, Filter{System: true, To: now.Add(time.Millisecond - systemKept)})
	for _, b := range list {
		if now.Before(b.Expires) {
			continue
		}
		if _, failed := bs.Delete(ctx, b.Key()); failed != nil && !errors.Is(failed, ErrInUse) && !errors.Is(failed, ErrNotFound) {
			err = errors.Join(err, failed)
		}
	}
	return err
}
