package backup_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/backup"
	"github.com/statordb/stator/internal/clock"
	"github.com/statordb/stator/internal/extsort"
	"github.com/statordb/stator/internal/kv"
	"github.com/statordb/stator/internal/kv/kvtest"
	"github.com/statordb/stator/internal/kv/memkv"
	"github.com/statordb/stator/internal/meter"
	"github.com/statordb/stator/internal/patience"
	"github.com/statordb/stator/internal/table"
)

// faulty is a store whose Load waits, fails or both when a test says so.
type faulty struct {
	kv.Store
	loads atomic.Int64
	fail  atomic.Bool
	hold  chan struct{} // nil, or closed when Load may go on
	full  atomic.Bool   // Freeze fails, half done
}

func (f *faulty) Freeze(ctx context.Context, name string, ranges []kv.Range) error {
	err := f.Store.Freeze(ctx, name, ranges)
	if f.full.Load() {
		return errors.New("disk full")
	}
	return err
}

func (f *faulty) Load(ctx context.Context, pairs iter.Seq2[kv.Pair, error]) error {
	f.loads.Add(1)
	if f.hold != nil {
		select {
		case <-f.hold:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if f.fail.Load() {
		return errors.New("block 7 is damaged")
	}
	return f.Store.Load(ctx, pairs)
}

// server is an engine and its backups on a store that outlives them.
type server struct {
	*testing.T
	store   *faulty
	clock   *clock.Manual
	engine  *table.Engine
	backups *backup.Backups
	logged  lockedBuffer
}

type lockedBuffer struct {
	sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.Lock()
	defer b.Unlock()
	return b.Buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.Lock()
	defer b.Unlock()
	return b.Buffer.String()
}

func newServer(t *testing.T) *server {
	s := &server{T: t, store: &faulty{Store: kvtest.Twice(memkv.New(memkv.Options{}))}, clock: clock.NewManual(time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC))}
	s.open()
	t.Cleanup(s.close)
	return s
}

func (s *server) open() {
	s.Helper()
	log := slog.New(slog.NewTextHandler(&s.logged, nil))
	catalog, err := table.OpenCatalog(s.Context(), s.store, s.clock.Now, meter.New(s.clock.Now, false))
	s.must(err)
	s.engine = table.NewEngine(s.store, catalog, log)
	s.backups, err = backup.Open(s.Context(), backup.Config{
		Store: s.store, Engine: s.engine, Scratch: extsort.Scratch{FS: vfs.NewMem(), Dir: "scratch"}, Now: s.clock.Now, Log: log,
	})
	s.must(err)
	s.backups.Start()
}

func (s *server) close() {
	s.backups.Close()
	s.engine.Close()
}

// reopen ends the server, in the middle of what it does, and starts it again.
func (s *server) reopen() {
	s.Helper()
	s.close()
	s.open()
}

func (s *server) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func keyAttrs(name string) []table.KeyAttr { return []table.KeyAttr{{Name: name, Type: attr.S}} }

// described returns a table with the index byState.
func described(name string) *table.Descriptor {
	return &table.Descriptor{
		Name: name, ID: name + "-id", Created: time.Unix(1, 0).UTC(), Key: table.KeySchema{Hash: keyAttrs("pk")},
		Indexes: []*table.Index{{Name: "byState", Global: true, Key: table.KeySchema{Hash: keyAttrs("state")}, Projection: table.Projection{Type: "ALL"}}},
	}
}

// newTable makes a table called name with n items.
func (s *server) newTable(name string, n int) *table.Table {
	s.Helper()
	t, err := s.engine.Create(s.Context(), described(name))
	s.must(err)
	for i := range n {
		s.put(t, i, "new")
	}
	return s.engine.Catalog.Get(name)
}

func (s *server) put(t *table.Table, n int, state string) {
	s.Helper()
	it := attr.NewItem(attr.Attribute{Name: "pk", Value: attr.String(fmt.Sprint(n))}, attr.Attribute{Name: "state", Value: attr.String(state)})
	_, err := s.engine.Write(s.Context(), table.Mutation{Table: s.engine.Catalog.Get(t.Name), Key: it, Next: func(attr.Item) (attr.Item, error) { return it, nil }})
	s.must(err)
}

// whole waits for the table called name and checks that it has n items.
func (s *server) whole(name string, n int) {
	s.Helper()
	t := s.await(name, func(t *table.Table) bool { return t != nil && !t.Creating })
	equal(s.T, "items of "+name, t.Counts.Of(t.Space).Items, int64(n))
	s.must(s.engine.CheckAll(s.Context()))
}

// await returns the table called name when ok says so.
func (s *server) await(name string, ok func(*table.Table) bool) *table.Table {
	s.Helper()
	var t *table.Table
	patience.Until(s, func() bool { t = s.engine.Catalog.Get(name); return ok(t) }, "table "+name)
	return t
}

// frozen returns how many things are frozen.
func (s *server) frozen() int {
	s.Helper()
	names, err := s.store.FrozenNames(s.Context())
	s.must(err)
	return len(names)
}

// awaitFrozen waits until so many things are frozen: those that served a restore
// are thawed after its table is whole.
func (s *server) awaitFrozen(n int) {
	s.Helper()
	patience.Until(s, func() bool { return s.frozen() == n }, "what served a restore is thawed")
}

func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// TestInterruptedRestore stops a restore before its table is whole, again and
// again: each time it begins anew, and in the end the table is whole.
func TestInterruptedRestore(t *testing.T) {
	s := newServer(t)
	src := s.newTable("src", 100)
	s.store.hold = make(chan struct{})
	b, err := s.backups.Create(t.Context(), src, "safe")
	s.must(err)
	_, err = s.backups.FromBackup(t.Context(), b, time.Time{}, described("fromBackup"))
	s.must(err)
	_, err = s.backups.FromPast(t.Context(), src, time.Time{}, described("fromPast"))
	s.must(err)
	s.put(src, 1000, "new") // not in either
	for range 3 {
		s.close()
		s.store.loads.Store(0)
		s.open()
		patience.Until(t, func() bool { return s.store.loads.Load() == 2 }, "both are held in the middle")
		for _, name := range []string{"fromBackup", "fromPast"} {
			if tbl := s.engine.Catalog.Get(name); tbl == nil || !tbl.Creating {
				t.Errorf("after a stop %s is not being created", name)
			}
		}
		if _, err := s.backups.Delete(t.Context(), b.Key()); !errors.Is(err, backup.ErrInUse) {
			t.Errorf("Delete of a backup in use: %v", err)
		}
	}
	close(s.store.hold)
	s.whole("fromBackup", 100)
	s.whole("fromPast", 100)
	s.awaitFrozen(1) // the backup's
	patience.Until(t, func() bool {
		_, err = s.backups.Delete(t.Context(), b.Key())
		return !errors.Is(err, backup.ErrInUse)
	}, "a backup that is not in use")
	s.must(err)
	equal(t, "frozen", s.frozen(), 0)
}

// TestFailedRestore: a table that cannot be filled is removed, with a reason in
// the log, and nothing is left of it.
func TestFailedRestore(t *testing.T) {
	s := newServer(t)
	src := s.newTable("src", 10)
	b, err := s.backups.Create(t.Context(), src, "safe")
	s.must(err)
	s.store.fail.Store(true)
	_, err = s.backups.FromBackup(t.Context(), b, time.Time{}, described("new"))
	s.must(err)
	_, err = s.backups.FromPast(t.Context(), src, time.Time{}, described("old"))
	s.must(err)
	gone := func(tbl *table.Table) bool { return tbl == nil }
	s.await("new", gone)
	s.await("old", gone)
	s.awaitFrozen(1)
	for _, want := range []string{"table=new source=src", "table=old source=src", "block 7 is damaged"} {
		if !strings.Contains(s.logged.String(), want) {
			t.Errorf("the log lacks %q", want)
		}
	}
	s.store.fail.Store(false)
	s.reopen()
	equal(t, "table", s.engine.Catalog.Get("new"), nil)
	_, err = s.backups.FromBackup(t.Context(), b, time.Time{}, described("new"))
	s.must(err)
	s.whole("new", 10)
}

// TestHalfMade: what a stop left between two steps of a backup or of a restore is
// cleared by the next start, and what others froze stays.
func TestHalfMade(t *testing.T) {
	s := newServer(t)
	src := s.newTable("src", 10)
	b, err := s.backups.Create(t.Context(), src, "safe")
	s.must(err)
	for _, name := range []string{"backup-without-record", "export-of-somebody"} {
		_, err := s.engine.FreezeTable(t.Context(), src, name, time.Time{})
		s.must(err)
	}
	// The record of a restore whose table was not made.
	s.must(s.store.Update(t.Context(), kv.TxOptions{}, func(tx kv.Tx) error {
		return tx.Put([]byte("brnever"), []byte(`{"Table": "never", "ID": "never", "Frozen": "backup-without-record", "Source": {"Name": "src"}}`))
	}))
	s.reopen()
	names, err := s.store.FrozenNames(t.Context())
	s.must(err)
	if want := []string{b.Frozen, "export-of-somebody"}; !slices.Equal(names, want) {
		t.Errorf("frozen are %q, want %q", names, want)
	}
	s.reopen()
	_, err = s.backups.FromBackup(t.Context(), b, time.Time{}, described("new"))
	s.must(err)
	s.whole("new", 10)
}

// TestInterruptedDeletion stops the deletion of a table with point-in-time
// recovery before its rows are frozen, and after: it leaves one system backup,
// with everything.
func TestInterruptedDeletion(t *testing.T) {
	for _, stopped := range []string{"before it is frozen", "before it is recorded"} {
		t.Run(stopped, func(t *testing.T) {
			s := newServer(t)
			s.newTable("src", 10)
			src, err := s.engine.SetPITR(t.Context(), "src", true, 35)
			s.must(err)
			// The process ends there: the deletion is not finished.
			s.must(s.engine.KeepDeleted(t.Context(), func(ctx context.Context, d *table.Descriptor, _ table.Count) error {
				if stopped == "before it is recorded" {
					s.must(s.engine.FreezeDeleted(ctx, d, "backup-"+d.ID))
				}
				return errors.New("the process ends")
			}))
			if _, err := s.engine.Delete(t.Context(), "src", func(*table.Descriptor) error { return nil }); err == nil {
				t.Fatal("the deletion ended")
			}
			s.reopen()
			s.reopen()
			list, _, err := s.backups.List(t.Context(), backup.Filter{System: true})
			s.must(err)
			if len(list) != 1 {
				t.Fatalf("%d backups", len(list))
			}
			equal(t, "items", list[0].Count.Items, 10)
			equal(t, "id of the table", list[0].Source.ID, src.ID)
			_, err = s.backups.FromBackup(t.Context(), list[0], time.Time{}, described("new"))
			s.must(err)
			s.whole("new", 10)
		})
	}
}

// TestManyRestores: no more than 50 at a time.
func TestManyRestores(t *testing.T) {
	s := newServer(t)
	b, err := s.backups.Create(t.Context(), s.newTable("src", 3), "safe")
	s.must(err)
	s.store.hold = make(chan struct{})
	for n := range backup.MaxRestores {
		_, err := s.backups.FromBackup(t.Context(), b, time.Time{}, described(fmt.Sprint("new", n)))
		s.must(err)
	}
	if _, err := s.backups.FromBackup(t.Context(), b, time.Time{}, described("more")); !errors.Is(err, backup.ErrMany) {
		t.Errorf("one more: %v", err)
	}
	if _, err := s.backups.FromPast(t.Context(), s.engine.Catalog.Get("src"), time.Time{}, described("more")); !errors.Is(err, backup.ErrMany) {
		t.Errorf("one more: %v", err)
	}
	equal(t, "frozen", s.frozen(), 1)
	close(s.store.hold)
	for n := range backup.MaxRestores {
		s.whole(fmt.Sprint("new", n), 3)
	}
}

// TestSameInstant: backups made at one instant have ids of their own, also system
// backups of tables of one name.
func TestSameInstant(t *testing.T) {
	s := newServer(t)
	for n := range 3 {
		d := described("src")
		d.ID = fmt.Sprint("src-", n)
		_, err := s.engine.Create(t.Context(), d)
		s.must(err)
		_, err = s.engine.SetPITR(t.Context(), "src", true, 1)
		s.must(err)
		_, err = s.backups.Create(t.Context(), s.engine.Catalog.Get("src"), "safe")
		s.must(err)
		_, err = s.engine.Delete(t.Context(), "src", func(*table.Descriptor) error { return nil })
		s.must(err)
	}
	list, more, err := s.backups.List(t.Context(), backup.Filter{User: true, System: true})
	s.must(err)
	equal(t, "backups", len(list), 6)
	equal(t, "more", more, false)
	ids := map[string]bool{}
	for _, b := range list {
		ids[b.ID] = true
		equal(t, "form of "+b.ID, backup.IsID(b.ID), true)
	}
	equal(t, "ids", len(ids), 6)
	s.clock.Move(s.clock.Now().Add(35 * 24 * time.Hour))
	s.must(s.backups.Expire(t.Context()))
	n, _, err := s.backups.Totals(t.Context())
	s.must(err)
	equal(t, "backups after 35 days", n, 3)
	equal(t, "frozen after 35 days", s.frozen(), 3)
}

// TestForgottenPast: an instant that recovery knew when it was asked for, and does
// not know any more when the table is frozen, is refused: the writes made while
// it was off cannot be undone.
func TestForgottenPast(t *testing.T) {
	s := newServer(t)
	s.newTable("src", 3)
	src, err := s.engine.SetPITR(t.Context(), "src", true, 35)
	s.must(err)
	s.clock.Move(s.clock.Now().Add(time.Hour))
	at := s.clock.Now()
	for _, enabled := range []bool{false, true} {
		s.clock.Move(s.clock.Now().Add(time.Hour))
		_, err = s.engine.SetPITR(t.Context(), "src", enabled, 35)
		s.must(err)
		s.put(src, 1, "written while recovery was off")
		if _, err := s.backups.FromPast(t.Context(), src, at, described("past")); !errors.Is(err, table.ErrForgotten) {
			t.Errorf("recovery enabled: %v; an instant before that: %v", enabled, err)
		}
	}
	equal(t, "frozen", s.frozen(), 0)
}

// TestDeletionTriedAgain: the rows of a deleted table that could not be kept at once
// are kept later, and not removed before.
func TestDeletionTriedAgain(t *testing.T) {
	s := newServer(t)
	s.newTable("src", 10)
	_, err := s.engine.SetPITR(t.Context(), "src", true, 35)
	s.must(err)
	s.store.full.Store(true)
	if _, err := s.engine.Delete(t.Context(), "src", func(*table.Descriptor) error { return nil }); err == nil {
		t.Fatal("the deletion ended")
	}
	if err := s.engine.FinishDeletions(t.Context()); err == nil {
		t.Fatal("the deletion ended")
	}
	s.store.full.Store(false)
	for range 2 {
		s.must(s.engine.FinishDeletions(t.Context()))
	}
	list, _, err := s.backups.List(t.Context(), backup.Filter{System: true})
	s.must(err)
	if len(list) != 1 {
		t.Fatalf("%d backups", len(list))
	}
	_, err = s.backups.FromBackup(t.Context(), list[0], time.Time{}, described("new"))
	s.must(err)
	s.whole("new", 10)
	equal(t, "frozen", s.frozen(), 1)
}
