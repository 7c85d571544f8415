package table

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/statordb/stator/internal/kv"
)

// PITR is the point-in-time recovery of a table. While it is enabled the change
// log keeps the image of every item before each change, for so many days: the
// table as it was at an instant is the table as it is, with the changes since
// then undone (see Past).
type PITR struct {
	Enabled bool
	Days    int
	// Since is the first instant that can be recovered; zero until every write
	// is logged.
	Since time.Time `json:",omitzero"`
}

// Earliest returns the first instant that can be recovered at now.
func (p PITR) Earliest(now time.Time) time.Time {
	if kept := now.Add(-p.keeps()); kept.After(p.Since) {
		return kept
	}
	return p.Since
}

// keeps is how long changes are kept for p.
func (p PITR) keeps() time.Duration {
	if !p.Enabled {
		return 0
	}
	return time.Duration(p.Days) * 24 * time.Hour
}

// SetPITR enables or disables point-in-time recovery of the table called name,
// or changes its days. Enabled again, it begins anew.
func (e *Engine) SetPITR(ctx context.Context, name string, enabled bool, days int) (*Table, error) {
	t, err := e.Change(ctx, name, func(d *Descriptor) error {
		switched := d.PITR.Enabled != enabled
		if d.PITR.Enabled, d.PITR.Days = enabled, days; switched {
			d.PITR.Since = time.Time{}
			d.renewShards(e.now())
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return e.beginPITR(ctx, t)
}

// beginPITR sets where the recovery of t begins, unless it is set: now, when no
// write follows the version of t before.
func (e *Engine) beginPITR(ctx context.Context, t *Table) (*Table, error) {
	if !t.PITR.Enabled || !t.PITR.Since.IsZero() {
		return t, nil
	}
	return e.Change(context.WithoutCancel(ctx), t.Name, func(d *Descriptor) error {
		if d.ID == t.ID && d.PITR.Enabled && d.PITR.Since.IsZero() {
			d.PITR.Since = e.now()
		}
		return nil
	})
}

// isKept reports whether the rows of d are to be kept when it is deleted.
func (d *Descriptor) isKept() bool { return !d.PITR.Since.IsZero() }

// KeepDeleted makes keep be called with every table that is deleted while it has
// point-in-time recovery, and with the count of its items, before its rows are
// removed; at once with those whose deletion a stop has interrupted. It may be
// called again for one that it was called for. To be called before tables are
// deleted.
func (c *Catalog) KeepDeleted(ctx context.Context, keep func(context.Context, *Descriptor, Count) error) error {
	c.keep = keep
	return c.FinishDeletions(ctx)
}

// FinishDeletions tries again to keep and to remove the rows of deleted tables for
// which that has failed.
func (c *Catalog) FinishDeletions(ctx context.Context) error {
	c.mu.RLock()
	unfinished := maps.Clone(c.mu.kept)
	c.mu.RUnlock()
	var errs []error
	for _, space := range slices.Sorted(maps.Keys(unfinished)) {
		errs = append(errs, c.finishDeletion(ctx, unfinished[space]))
	}
	return errors.Join(errs...)
}

// finishDeletion removes the rows of d, which is forgotten. If it fails it is one of
// those that FinishDeletions tries again.
func (c *Catalog) finishDeletion(ctx context.Context, d *Descriptor) error {
	err := c.removeRows(ctx, d)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.kept[d.Space] = d; err == nil {
		delete(c.mu.kept, d.Space)
	}
	return err
}

func (c *Catalog) removeRows(ctx context.Context, d *Descriptor) error {
	if d.isKept() && c.keep != nil {
		count, err := c.storedCount(ctx, d.Space)
		if err == nil {
			err = c.keep(ctx, d, count)
		}
		if err != nil {
			return fmt.Errorf("keep deleted table %s: %w", d.Name, err)
		}
	}
	return c.drop(ctx, d.spaces())
}

// ErrForgotten is the error for an instant that point-in-time recovery does not
// know, or not any more.
var ErrForgotten = errors.New("the table's past is not known at that instant")

// FreezeTable freezes the items of t under name and, unless from is zero, its
// change log, which a Past and a Window from that instant on need. Entries of
// indexes can be made again. It returns what t is then: no shard of the log that
// has rows is missing in that. It returns ErrForgotten if the log does not go back
// to from: recovery was disabled, or begun anew, or has less days by now.
func (e *Engine) FreezeTable(ctx context.Context, t *Table, name string, from time.Time) (*Table, error) {
	if err := e.freeze(ctx, t.Descriptor, name, !from.IsZero()); err != nil {
		return nil, err
	}
	now := e.Catalog.Get(t.Name)
	if now == nil || now.Space != t.Space {
		return nil, fmt.Errorf("%w, while it was frozen", ErrNotFound)
	}
	if since := now.PITR.Since; !from.IsZero() && (since.IsZero() || from.Before(since)) {
		return nil, ErrForgotten
	}
	return now, nil
}

// FreezeDeleted is FreezeTable, with the log, for a table that is being deleted,
// see KeepDeleted.
func (e *Engine) FreezeDeleted(ctx context.Context, d *Descriptor, name string) error {
	return e.freeze(ctx, d, name, true)
}

func (e *Engine) freeze(ctx context.Context, d *Descriptor, name string, log bool) error {
	ranges := []kv.Range{d.Whole()}
	if log {
		key := appendLogKey(nil, d.Space)
		ranges = append(ranges, kv.Range{Start: key, End: after(key)})
	}
	if err := e.store.Freeze(ctx, name, ranges); err != nil {
		return fmt.Errorf("freeze table %s: %w", d.Name, err)
	}
	return nil
}

// cut returns the smallest stamp of a change of d that was made at an instant
// or later; the largest there can be if none was. What has a smaller stamp was
// committed before: no write that had ended before the instant is cut off, and
// none that began after it is left.
func (d *Descriptor) cut(ctx context.Context, r kv.Reader, at time.Time) (uint64, error) {
	found := ^uint64(0)
	for _, s := range d.Shards {
		switch {
		case !s.Open() && s.Closed.Before(at):
			continue
		case !s.Opened.Before(at):
			found = min(found, s.First)
			continue
		}
		err := scanLog(ctx, r, logRange(d.Space, s.Number, 0), func(record Record) bool {
			if record.Time.Before(at) {
				return true
			}
			found = min(found, record.Stamp)
			return false
		})
		if err != nil {
			return 0, err
		}
	}
	return found, nil
}

// since calls visit with the changes of d from a stamp on: those of one item in
// the order in which they were made.
func (d *Descriptor) since(ctx context.Context, r kv.Reader, stamp uint64, visit func(Record) error) error {
	shards := slices.Clone(d.Shards)
	slices.SortFunc(shards, func(a, b *Shard) int { return int(a.Number) - int(b.Number) })
	for _, s := range shards {
		if !s.Open() && s.Last < stamp {
			continue
		}
		var failed error
		err := scanLog(ctx, r, logRange(d.Space, s.Number, stamp), func(record Record) bool {
			failed = visit(record)
			return failed == nil
		})
		if err == nil {
			err = failed
		}
		if err != nil {
			return err
		}
	}
	return nil
}
