package backup

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/statordb/stator/internal/job"
	"github.com/statordb/stator/internal/kv"
	"github.com/statordb/stator/internal/record"
	"github.com/statordb/stator/internal/table"
)

// MaxRestores is how many tables can be restored at a time. (API reference,
// RestoreTableFromBackup.)
const MaxRestores = 50

// workers is how many of them are worked on at a time.
const workers = 2

// restore is a table that is being made of frozen rows.
type restore struct {
	Table, ID string // of the table that is being made
	Frozen    string // name of the rows
	Thaw      bool   `json:",omitempty"` // they were frozen for this alone
	Source    *table.Descriptor
	At        time.Time `json:",omitzero"` // the instant that is wanted; zero: as frozen

	items, bytes atomic.Int64 // so far
}

func restoreRow(id string) []byte { return []byte(restoreRows + id) }

// FromBackup makes the table d of the rows of b, as they are there or, if at is
// not zero, as they were at an instant that b knows. It returns the table while
// it is being filled. It returns ErrNotFound if b is no more, ErrMany, and
// table.ErrExists.
func (bs *Backups) FromBackup(ctx context.Context, b *Backup, at time.Time, d *table.Descriptor) (*table.Table, error) {
	bs.removing.Lock()
	defer bs.removing.Unlock()
	if _, err := bs.Get(ctx, b.Key()); err != nil {
		return nil, err
	}
	return bs.begin(ctx, &restore{Frozen: b.Frozen, Source: b.Source, At: at}, d)
}

// FromPast makes the table d of the items that t has or, if at is not zero, had
// at an instant. Its errors are those of FromBackup, table.ErrNotFound and
// table.ErrForgotten.
func (bs *Backups) FromPast(ctx context.Context, t *table.Table, at time.Time, d *table.Descriptor) (*table.Table, error) {
	t, frozen, err := bs.freeze(ctx, t, at)
	if err != nil {
		return nil, err
	}
	made, err := bs.begin(ctx, &restore{Frozen: frozen, Thaw: true, Source: t.Descriptor, At: at}, d)
	if err != nil {
		return nil, bs.thawed(ctx, frozen, err)
	}
	return made, nil
}

// begin makes the table d, to be filled as r says.
func (bs *Backups) begin(ctx context.Context, r *restore, d *table.Descriptor) (*table.Table, error) {
	r.Table, r.ID = d.Name, d.ID
	d.Creating = true
	if !bs.register(r) {
		return nil, ErrMany
	}
	err := bs.Store.Update(ctx, kv.TxOptions{}, func(tx kv.Tx) error { return record.Put(tx, restoreRow(r.ID), r) })
	var t *table.Table
	if err == nil {
		t, err = bs.Engine.Create(ctx, d)
	}
	if err != nil {
		defer bs.unregister(r)
		return nil, errors.Join(err, record.Remove(context.WithoutCancel(ctx), bs.Store, restoreRow(r.ID)))
	}
	bs.jobs.Start(&restoring{bs, r})
	return t, nil
}

// register notes that r is under way, unless too many are.
func (bs *Backups) register(r *restore) bool {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	if len(bs.mu.restores) >= MaxRestores {
		return false
	}
	bs.mu.restores[r.ID] = r
	return true
}

func (bs *Backups) unregister(r *restore) {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	delete(bs.mu.restores, r.ID)
}

// inUse reports whether a restore needs what is frozen under name.
func (bs *Backups) inUse(name string) bool {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	for _, r := range bs.mu.restores {
		if r.Frozen == name {
			return true
		}
	}
	return false
}

// Progress returns how many items the table with an id has got, if it is being
// restored.
func (bs *Backups) Progress(id string) table.Count {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	r := bs.mu.restores[id]
	if r == nil {
		return table.Count{}
	}
	return table.Count{Items: r.items.Load(), Bytes: r.bytes.Load()}
}

// loadRestores reads the restores that are under way, and forgets those whose
// table was never made, or is whole, or is gone.
func (bs *Backups) loadRestores(ctx context.Context) error {
	list, err := record.All[restore](ctx, bs.Store, record.Under(restoreRows))
	for _, r := range list {
		if bs.Engine.Creating(r.Table, r.ID) == nil {
			err = errors.Join(err, record.Remove(ctx, bs.Store, restoreRow(r.ID)))
		} else {
			bs.mu.restores[r.ID] = r
		}
	}
	return err
}

// Start goes on with the restores that a stop has interrupted.
func (bs *Backups) Start() {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	for _, r := range bs.mu.restores {
		bs.jobs.Start(&restoring{bs, r})
	}
}

// restoring fills a table, in one step that begins from the start when it is
// repeated. A table that cannot be filled is removed.
type restoring struct {
	backups *Backups
	restore *restore
}

var _ job.Job = (*restoring)(nil)

// Name implements job.Job.
func (j *restoring) Name() string { return "restore/" + j.restore.ID }

// Step implements job.Job.
func (j *restoring) Step(ctx context.Context, _ []byte) ([]byte, time.Duration, error) {
	bs, r := j.backups, j.restore
	select {
	case bs.slots <- struct{}{}:
		defer func() { <-bs.slots }()
	case <-ctx.Done():
		return nil, 0, ctx.Err()
	}
	err := bs.fill(ctx, r)
	if ctx.Err() != nil {
		return nil, 0, ctx.Err()
	}
	if err != nil {
		bs.Log.Error("a table could not be restored and is removed", "table", r.Table, "source", r.Source.Name, "error", err)
		if err = bs.abandon(ctx, r); err != nil {
			return nil, 0, err
		}
	}
	return nil, 0, bs.finish(ctx, r)
}

// fill makes the table of r whole, unless it is already, or gone.
func (bs *Backups) fill(ctx context.Context, r *restore) (err error) {
	t := bs.Engine.Creating(r.Table, r.ID)
	if t == nil {
		return nil
	}
	frozen, err := bs.Store.Frozen(ctx, r.Frozen)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, frozen.Close()) }()
	past, err := table.OpenPast(ctx, frozen, r.Source, r.At, bs.Scratch)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, past.Close()) }()
	r.items.Store(0)
	r.bytes.Store(0)
	err = bs.Engine.Fill(ctx, t, bs.Scratch, job.Paced(ctx, &bs.Engine.Requests, past.Pairs(ctx, r.Source.Whole())), func(size int) {
		r.items.Add(1)
		r.bytes.Add(int64(size))
	})
	if err == nil {
		_, err = bs.Engine.FinishCreating(ctx, t)
	}
	return err
}

// abandon removes the table of r.
func (bs *Backups) abandon(ctx context.Context, r *restore) error {
	_, err := bs.Engine.Delete(ctx, r.Table, func(d *table.Descriptor) error {
		if d.ID != r.ID || !d.Creating {
			return table.ErrNotFound
		}
		return nil
	})
	if err != nil && !errors.Is(err, table.ErrNotFound) {
		return fmt.Errorf("remove table %s: %w", r.Table, err)
	}
	return nil
}

// finish forgets r, which is over.
func (bs *Backups) finish(ctx context.Context, r *restore) error {
	err := record.Remove(ctx, bs.Store, restoreRow(r.ID))
	if err == nil && r.Thaw {
		err = bs.Store.Thaw(ctx, r.Frozen)
	}
	if err == nil {
		bs.unregister(r)
	}
	return err
}
