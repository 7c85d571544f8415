package pebblekv

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/statordb/stator/internal/kv"
)

const (
	// frozenDir, below the store's directory, has one directory for each thing
	// frozen: a store of its own, whose files are hard links to those of the
	// store wherever both have the same.
	frozenDir = "frozen"
	// unfinished ends the name of one that is being made. A start removes it.
	unfinished = ".tmp"

	frozenCacheBytes = 8 << 20
)

// frozen are the things frozen that are open. Its lock is held across the
// opening and the removal of one.
type frozen struct {
	sync.Mutex
	open map[string]*frozenStore
}

// Freeze implements kv.Store. Its time grows with the number of files that
// hold the ranges, which are linked, and with the length of the log, which is
// copied.
func (s *Store) Freeze(ctx context.Context, name string, ranges []kv.Range) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.gate.Leave()
	if err := kv.CheckName(name); err != nil {
		return err
	}
	s.frozen.Lock()
	defer s.frozen.Unlock()
	dir := s.frozenPath(name)
	if _, err := s.files.Stat(dir); err == nil {
		return fmt.Errorf("%w: %s", kv.ErrFrozen, name)
	}
	if err := s.checkpoint(dir, ranges); err != nil {
		return fmt.Errorf("freeze: %w", err)
	}
	// The log, which was copied, may be ahead of what readers see.
	if landed := s.flights.inFlight(); landed != nil {
		<-landed
	}
	return nil
}

// checkpoint makes dir, whole or not at all, a store with the rows of ranges.
func (s *Store) checkpoint(dir string, ranges []kv.Range) (err error) {
	defer s.failure.failOnPanic(&err) // it writes to the log
	spans := make([]pebble.CheckpointSpan, len(ranges))
	for i, r := range ranges {
		spans[i].Start, spans[i].End = bounds(r)
	}
	temporary := dir + unfinished
	if err := s.files.RemoveAll(temporary); err != nil {
		return err
	}
	if err := s.db.Checkpoint(temporary, pebble.WithFlushedWAL(), pebble.WithRestrictToSpans(spans)); err != nil {
		return err
	}
	err = s.failure.err() // which Checkpoint does not tell
	if err == nil {
		err = writeSynced(s.files, temporary)
	}
	if err == nil {
		err = s.files.Rename(temporary, dir)
	}
	if err != nil {
		return errors.Join(err, s.files.RemoveAll(temporary))
	}
	return syncDir(s.files, s.files.PathDir(dir))
}

func syncDir(files vfs.FS, dir string) error {
	d, err := files.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (s *Store) frozenPath(name string) string {
	return s.files.PathJoin(s.dir, frozenDir, name)
}

// Frozen implements kv.Store.
func (s *Store) Frozen(ctx context.Context, name string) (kv.Frozen, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.gate.Leave()
	s.frozen.Lock()
	defer s.frozen.Unlock()
	f := s.frozen.open[name]
	if f == nil {
		dir := s.frozenPath(name)
		if _, err := s.files.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%w: %s", kv.ErrNotFrozen, name)
		}
		db, err := s.openFrozen(dir)
		if err != nil {
			return nil, fmt.Errorf("open frozen rows in %s: %w", dir, plain(err))
		}
		f = &frozenStore{db: db, name: name, store: s}
		s.frozen.open[name] = f
	}
	f.users++
	return &frozenHandle{frozenStore: f}, nil
}

// openFrozen opens a store to read it. A failure of its is not one of s.
func (s *Store) openFrozen(dir string) (*pebble.DB, error) {
	log := s.failure.log
	f := &failure{dir: dir, log: log, onFatal: func(err error) { log.Error("frozen rows cannot be read", "error", err) }}
	o := s.options
	o.CacheBytes, o.ReadOnly = frozenCacheBytes, true
	if err := checkSynced(s.files, dir); err != nil {
		return nil, err
	}
	return pebble.Open(dir, o.pebbleOptions(f, new(atomic.Int64), nil))
}

// Thaw implements kv.Store.
func (s *Store) Thaw(ctx context.Context, name string) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.gate.Leave()
	s.frozen.Lock()
	defer s.frozen.Unlock()
	if s.frozen.open[name] != nil {
		return fmt.Errorf("%w: %s", kv.ErrFrozen, name)
	}
	dir := s.frozenPath(name)
	if _, err := s.files.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	// Under another name first: half of it is not to be taken for the whole.
	err := errors.Join(s.files.Rename(dir, dir+unfinished), syncDir(s.files, s.files.PathDir(dir)))
	if err == nil {
		err = s.files.RemoveAll(dir + unfinished)
	}
	if err != nil {
		return fmt.Errorf("thaw: %w", err)
	}
	return nil
}

// FrozenNames implements kv.Store.
func (s *Store) FrozenNames(ctx context.Context) ([]string, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.gate.Leave()
	s.frozen.Lock()
	defer s.frozen.Unlock()
	return s.frozenNames()
}

// frozenNames is FrozenNames for who holds the lock of frozen.
func (s *Store) frozenNames() ([]string, error) {
	names, err := s.files.List(s.files.PathJoin(s.dir, frozenDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list frozen rows: %w", err)
	}
	slices.Sort(names)
	return names, nil
}

// sweep removes what a crash has left unfinished.
func (s *Store) sweep() error {
	dir := s.files.PathJoin(s.dir, frozenDir)
	names, err := s.files.List(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	errs := []error{
		s.files.RemoveAll(s.loadPath()), s.files.RemoveAll(s.stillPath()), s.files.RemoveAll(s.stillPath() + unfinished),
	}
	for _, name := range names {
		if strings.HasSuffix(name, unfinished) {
			errs = append(errs, s.files.RemoveAll(s.files.PathJoin(dir, name)))
		}
	}
	return errors.Join(errs...)
}

// frozenStore is one of the things frozen, open.
type frozenStore struct {
	db    *pebble.DB
	name  string
	store *Store
	users int // handles; guarded by the lock of frozen
}

// frozenHandle is a kv.Frozen.
type frozenHandle struct {
	*frozenStore
	closing sync.Once
}

// Get implements kv.Reader.
func (f *frozenHandle) Get(ctx context.Context, key []byte) ([]byte, error) {
	if err := ctx.Err(); err != nil || !kv.Readable(key) {
		return nil, err
	}
	v, pin, err := f.db.Get(key)
	switch {
	case errors.Is(err, pebble.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read frozen row: %w", plain(err))
	}
	v = append(make([]byte, 0, len(v)), v...)
	return v, pin.Close()
}

// Scan implements kv.Reader.
func (f *frozenHandle) Scan(ctx context.Context, r kv.Range) iter.Seq2[kv.Pair, error] {
	return scan(ctx, f.db, r)
}

// Bytes implements kv.Frozen.
func (f *frozenHandle) Bytes() uint64 { return f.db.Metrics().DiskSpaceUsage() }

// Close implements kv.Frozen.
func (f *frozenHandle) Close() (err error) {
	f.closing.Do(func() {
		open := &f.store.frozen
		open.Lock()
		defer open.Unlock()
		if f.users--; f.users == 0 {
			delete(open.open, f.name)
			err = f.db.Close()
		}
	})
	return err
}
