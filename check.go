package stator

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/statordb/stator/internal/backup"
	"github.com/statordb/stator/internal/check"
	"github.com/statordb/stator/internal/datadir"
	"github.com/statordb/stator/internal/kv"
	"github.com/statordb/stator/internal/kv/pebblekv"
	"github.com/statordb/stator/internal/kv/sealkv"
	"github.com/statordb/stator/internal/seal"
	"github.com/statordb/stator/internal/table"
)

// What Check can check.
const (
	KindData   = "data directory"
	KindBackup = "backup"
	KindExport = "export"
)

// CheckReport is what Check saw. Of an export there are fewer figures than of a
// data directory.
type CheckReport struct {
	Directory    string   `json:"directory"`
	Kind         string   `json:"kind"`
	Files        int      `json:"files"`
	Bytes        int64    `json:"bytes"` // of the files
	Tables       int      `json:"tables,omitempty"`
	Items        int64    `json:"items,omitempty"`
	IndexEntries int64    `json:"indexEntries,omitempty"`
	Changes      int64    `json:"changes,omitempty"` // in change logs
	Backups      int      `json:"backups,omitempty"`
	BackupItems  int64    `json:"backupItems,omitempty"`
	Findings     []string `json:"findings"`
	// Notes say what could not be checked because a key cannot be used, which is no
	// damage.
	Notes []string `json:"notes,omitempty"`
}

// Sound reports whether nothing is wrong.
func (r *CheckReport) Sound() bool { return len(r.Findings) == 0 }

func (r *CheckReport) find(err error) {
	if isInaccessible(err) {
		r.Notes = append(r.Notes, "not checked: "+oneLine(err))
		return
	}
	r.Findings = append(r.Findings, oneLine(err))
}

// isInaccessible reports whether err says that keys of tables cannot be used, and
// nothing else.
func isInaccessible(err error) bool {
	switch e := err.(type) {
	case *sealkv.Inaccessible:
		return true
	case interface{ Unwrap() []error }:
		return !slices.ContainsFunc(e.Unwrap(), func(err error) bool { return !isInaccessible(err) })
	}
	inner := errors.Unwrap(err)
	return inner != nil && isInaccessible(inner)
}

// Check says what is wrong with a data directory that no server has open, with
// a backup of a whole server, or with an export of a table; e is for one that is
// encrypted. It reads every file
// against its checksums and, but for an export, every row. It changes nothing
// but the lock of a data directory. Its error says why it could not check; what is wrong is in the
// report. progress, unless it is nil, is told of the bytes read and of all.
func Check(ctx context.Context, dir string, e Encryption, progress func(done, total int64)) (*CheckReport, error) {
	r := &CheckReport{Directory: dir, Findings: []string{}}
	if _, err := os.ReadDir(dir); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s does not exist: give a data directory, a backup of one, or an export", dir)
	} else if err != nil {
		return nil, fmt.Errorf("cannot read %s: give a data directory, a backup of one, or an export", dir)
	}
	has := func(name string) bool { return exists(filepath.Join(dir, name)) }
	switch {
	case has("FORMAT"), has("store"):
		r.Kind = KindData
		return r, r.data(ctx, dir, e)
	case check.IsExport(dir):
		r.Kind = KindExport
		return r, r.export(ctx, dir, progress)
	case has("MANIFEST"), has("data"):
		r.Kind = KindBackup
		return r, r.backup(ctx, dir, e, progress)
	}
	return nil, fmt.Errorf("%s is neither a data directory nor a backup of one nor an export", dir)
}

func (r *CheckReport) data(ctx context.Context, path string, e Encryption) error {
	dir, err := datadir.OpenToRead(path)
	if err != nil {
		return err
	}
	err = r.store(ctx, dir, e)
	return errors.Join(err, dir.Close())
}

// store checks a store.
func (r *CheckReport) store(ctx context.Context, dir *datadir.Dir, e Encryption) error {
	keys, err := e.keys(ctx, dir, false)
	if err != nil {
		return err
	}
	volume, err := pebblekv.Verify(ctx, dir.Store(), keys, r.find)
	if err != nil {
		return err
	}
	r.Files, r.Bytes = volume.Files, volume.Bytes
	if !r.Sound() {
		return nil // what is in damaged files is of no interest
	}
	store, err := pebblekv.Open(pebblekv.Options{Dir: dir.Store(), Keys: keys, ReadOnly: true, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		r.find(err)
		return nil
	}
	if err := r.rows(ctx, store, keys, e); err != nil {
		r.find(err)
	}
	return errors.Join(ctx.Err(), store.Close())
}

// rows checks what is in a store.
func (r *CheckReport) rows(ctx context.Context, disk *pebblekv.Store, keys *seal.Keys, e Encryption) error {
	var store kv.Store = disk
	c, err := Config{Encryption: e}.withDefaults() // what ARNs say is of no interest here
	if err != nil {
		return err
	}
	sealed, err := c.sealTables(ctx, disk, keys)
	if err != nil {
		return err
	}
	if sealed != nil {
		store = sealed
	}
	note := func(err error) {
		if err != nil && ctx.Err() == nil {
			r.find(err)
		}
	}
	note(disk.Order())
	tables, err := table.CheckStore(ctx, store)
	note(err)
	for _, err := range tables.Findings {
		note(err)
	}
	r.Tables, r.Items, r.IndexEntries, r.Changes = tables.Tables, tables.Items, tables.IndexEntries, tables.Changes
	r.Backups, r.BackupItems, err = backup.Check(ctx, store, note)
	note(err)
	if len(r.Notes) > 0 {
		return r.unreadable(ctx, sealed)
	}
	return nil
}

// unreadable notes how many values of tables cannot be read.
func (r *CheckReport) unreadable(ctx context.Context, sealed *sealkv.Store) error {
	values, err := sealed.Unreadable(ctx)
	for _, why := range slices.Sorted(maps.Keys(values)) {
		r.Notes = append(r.Notes, fmt.Sprintf("%d values cannot be read: %s", values[why], why))
	}
	return err
}

// backup checks that a copy is what was copied, and then that this is sound: what
// was damaged before is copied too.
func (r *CheckReport) backup(ctx context.Context, dir string, e Encryption, progress func(done, total int64)) error {
	m, err := datadir.Verify(ctx, dir, r.find, progress)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		r.find(err)
		return nil
	}
	if r.Sound() {
		var data *datadir.Dir
		if data, err = datadir.Copied(dir); err == nil {
			err = r.store(ctx, data, e)
		}
	}
	r.Files, r.Bytes = len(m.Files), m.Bytes()
	return err
}

func (r *CheckReport) export(ctx context.Context, dir string, progress func(done, total int64)) error {
	s, err := check.Export(ctx, dir, r.find, progress)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		r.find(err)
		return nil
	}
	r.Files, r.Items = len(s.Files), s.ItemCount
	for _, f := range s.Files {
		r.Bytes += f.Size
	}
	return nil
}
