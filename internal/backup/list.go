package backup

import (
	"context"
	"fmt"
	"time"

	"github.com/statordb/stator/internal/record"
	"github.com/statordb/stator/internal/table"
)

// Filter says which backups are listed.
type Filter struct {
	Owner        string    // of the table, see table.Home
	Table        string    // "" for those of all tables of Owner
	From, To     time.Time // made in [From, To); zero: no bound
	User, System bool      // of which kinds
	After        Key       // only those behind it, unless it is empty
	Limit        int       // most, 0 for all
}

// List returns the backups that f asks for, in the order of time, and whether
// there are more.
func (bs *Backups) List(ctx context.Context, f Filter) (list []*Backup, more bool, err error) {
	r := record.Under(backupRows)
	if !f.From.IsZero() {
		r.Start = timeRow(f.From)
	}
	if after := f.After.after(); f.After != (Key{}) && string(after) > string(r.Start) {
		r.Start = after
	}
	if !f.To.IsZero() {
		r.End = timeRow(f.To)
	}
	if string(r.Start) >= string(r.End) {
		return nil, false, nil
	}
	most := 0
	if f.Limit > 0 {
		most = f.Limit + 1
	}
	if list, err = record.Select(ctx, bs.Store, r, most, f.wants); err != nil {
		return nil, false, fmt.Errorf("list backups: %w", err)
	}
	if most > 0 && len(list) == most {
		return list[:f.Limit], true, nil
	}
	return list, false, nil
}

func (f *Filter) wants(b *Backup) bool {
	kind := f.User
	if b.System {
		kind = f.System
	}
	return kind && f.Owner == table.OwnerOf(b.Source.Name) && (f.Table == "" || f.Table == b.Source.Name)
}

// Get returns the backup that k names. It returns ErrNotFound if there is none.
func (bs *Backups) Get(ctx context.Context, k Key) (*Backup, error) {
	b, err := record.Get[Backup](ctx, bs.Store, k.row())
	switch {
	case err != nil:
		return nil, fmt.Errorf("read backup %s of %s: %w", k.ID, k.Table, err)
	case b == nil:
		return nil, ErrNotFound
	}
	return b, nil
}

// Totals returns the number of backups and the size of their items in bytes.
func (bs *Backups) Totals(ctx context.Context) (n, bytes int64, err error) {
	list, _, err := bs.List(ctx, Filter{User: true, System: true})
	for _, b := range list {
		n, bytes = n+1, bytes+b.Count.Bytes
	}
	return n, bytes, err
}
