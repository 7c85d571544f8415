package backup

import (
	"context"
	"errors"
	"fmt"

	"github.com/statordb/stator/internal/kv"
	"github.com/statordb/stator/internal/record"
	"github.com/statordb/stator/internal/table"
)

// Check reads every backup in store and calls found with what is wrong. It
// returns how many backups there are, and how many items in them.
func Check(ctx context.Context, store kv.Store, found func(error)) (backups int, items int64, err error) {
	list, err := record.All[Backup](ctx, store, record.Under(backupRows))
	for _, b := range list {
		n, fault := check(ctx, store, b)
		if ctx.Err() != nil {
			return len(list), items, ctx.Err()
		}
		if items += n; fault != nil {
			found(fmt.Errorf("backup %s of table %s: %w", b.Name, b.Source.Name, fault))
		}
	}
	return len(list), items, err
}

// check reads the rows of b and returns how many items there are.
func check(ctx context.Context, store kv.Store, b *Backup) (items int64, err error) {
	frozen, err := store.Frozen(ctx, b.Frozen)
	if err != nil {
		return 0, err
	}
	counts, err := table.CheckFrozen(ctx, b.Source, frozen)
	return counts[b.Source.Space].Items, errors.Join(err, frozen.Close())
}
