package backup

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/statordb/stator/internal/kv"
	"github.com/statordb/stator/internal/record"
	"github.com/statordb/stator/internal/table"
)

// Backup is a backup of a table. It does not change once it is there.
type Backup struct {
	ID      string // of the time and of chance; with the table's name it is unique
	Name    string
	System  bool `json:",omitempty"` // made because the table was deleted
	Created time.Time
	Expires time.Time   `json:",omitzero"`
	Frozen  string      // the name under which the rows are frozen
	Count   table.Count // of the table's items
	Source  *table.Descriptor
}

// Key names a backup.
type Key struct{ Table, ID string }

// Key returns the key of b.
func (b *Backup) Key() Key { return Key{b.Source.Name, b.ID} }

const (
	backupRows  = "bb"
	restoreRows = "br"

	timeDigits = 14
	idLen      = timeDigits + 1 + 8
)

func (k Key) row() []byte { return []byte(backupRows + k.ID + k.Table) }

// after returns the first row behind that of k.
func (k Key) after() []byte { return append(k.row(), 0) }

// timeRow returns where the backups begin that were made at t or later.
func timeRow(t time.Time) []byte {
	const most = 99_999_999_999_999
	return fmt.Appendf([]byte(backupRows), "%0*d", timeDigits, max(0, min(t.UnixMilli(), most)))
}

// newID returns an id of a backup made at t. Those of system backups end in
// zeros, as DynamoDB's do, unless that one is taken.
func newID(t time.Time, system bool) string {
	chance := uuid.NewString()[:8]
	if system {
		chance = "00000000"
	}
	return fmt.Sprintf("%s-%s", timeRow(t)[len(backupRows):], chance)
}

// IsID reports whether s has the form of an id.
func IsID(s string) bool {
	return len(s) == idLen && s[timeDigits] == '-' &&
		strings.Trim(s[:timeDigits], "0123456789") == "" && strings.Trim(s[timeDigits+1:], "0123456789abcdef") == ""
}

// add gives b an id and stores it.
func (bs *Backups) add(ctx context.Context, b *Backup) error {
	return bs.Store.Update(ctx, kv.TxOptions{}, func(tx kv.Tx) error {
		b.ID = newID(b.Created, b.System)
		for {
			taken, err := tx.GetLocked(ctx, b.Key().row())
			if err != nil {
				return err
			}
			if taken == nil {
				return record.Put(tx, b.Key().row(), b)
			}
			b.ID = newID(b.Created, false)
		}
	})
}
