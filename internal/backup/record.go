package backup

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/statordb/stator/internal/kv"
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
				return putJSON(tx, b.Key().row(), b)
			}
			b.ID = newID(b.Created, false)
		}
	})
}

// putJSON stores v under key.
func putJSON(tx kv.Tx, key []byte, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode %q: %w", key, err)
	}
	return tx.Put(key, text)
}

// forget removes the record under key.
func (bs *Backups) forget(ctx context.Context, key []byte) error {
	return bs.Store.Update(ctx, kv.TxOptions{Keys: [][]byte{key}}, func(tx kv.Tx) error { return tx.Delete(key) })
}

// scan returns the records of r that are wanted, the first so many, or all if
// most is zero.
func scan[T any](ctx context.Context, store kv.Store, r kv.Range, most int, wanted func(*T) bool) (list []*T, err error) {
	err = store.View(ctx, kv.ReadOptions{Consistent: true}, func(reader kv.Reader) error {
		list = nil
		for p, err := range reader.Scan(ctx, r) {
			if err != nil {
				return err
			}
			v := new(T)
			if err := json.Unmarshal(p.Value, v); err != nil {
				return fmt.Errorf("record %q: %w", p.Key, err)
			}
			if wanted(v) {
				list = append(list, v)
			}
			if most > 0 && len(list) == most {
				return nil
			}
		}
		return nil
	})
	return list, err
}

// anyBackup is what a scan wants that wants all.
func anyBackup(*Backup) bool { return true }

// all returns the range of the records whose keys begin with prefix, which does
// not end in 0xFF.
func all(prefix string) kv.Range {
	end := []byte(prefix)
	end[len(end)-1]++
	return kv.Range{Start: []byte(prefix), End: end}
}
