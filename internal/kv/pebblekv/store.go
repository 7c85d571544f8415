package pebblekv

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	dto "github.com/prometheus/client_model/go"

	"github.com/statordb/stator/internal/kv"
)

// userEnd is the end of the keys that callers can see.
var userEnd = []byte{kv.ReservedPrefix}

// Store is a kv.Store in a directory. Make one with Open.
type Store struct {
	db      *pebble.DB
	limits  kv.Limits
	gate    *kv.Gate
	failure *failure
	stripes *stripes
	flights *flights
	flying  atomic.Int64 // commits in flight
	stamps  stamps
	commits atomic.Uint64
	loaded  atomic.Uint64 // files that Load made
	frozen  frozen
	synced  *synced // nil: the store is read only
	dir     string
	files   vfs.FS
	options Options
	views   sync.Pool // of *view
	txs     sync.Pool // of *tx
}

// Open opens the store in o.Dir, creating it if there is none. Two stores
// that write cannot have the same directory open; the error then says so.
func Open(o Options) (*Store, error) {
	o = o.withDefaults()
	f := &failure{dir: o.Dir, log: o.Logger, onFatal: o.OnFatal}
	s := &Store{
		limits:  o.Limits,
		gate:    kv.NewGate(),
		failure: f,
		stripes: &stripes{seed: maphash.MakeSeed()},
		flights: newFlights(),
		dir:     o.Dir,
		files:   cmp.Or(o.FS, vfs.Default),
		options: o,
	}
	s.frozen.open = map[string]*frozenStore{}
	if err := s.openDB(); err != nil {
		return nil, fmt.Errorf("open storage in %s: %w", o.Dir, plain(err))
	}
	s.views.New = func() any { return &view{reads: reads{store: s}} }
	s.txs.New = func() any { return &tx{reads: reads{store: s}} }
	if err := s.stamps.load(s.db); err != nil {
		return nil, errors.Join(err, s.closeDB())
	}
	return s, nil
}

// openDB opens Pebble, if the files are those that were written.
func (s *Store) openDB() error {
	if err := checkSynced(s.files, s.dir); err != nil {
		return err
	}
	if !s.options.ReadOnly {
		err := errors.Join(s.makeDir(), s.sweep())
		if err != nil {
			return err
		}
		if s.synced, err = openSynced(s.files, s.dir); err != nil {
			return err
		}
	}
	db, err := pebble.Open(s.dir, s.options.pebbleOptions(s.failure, &s.flying, s.synced))
	if err != nil {
		return errors.Join(err, s.synced.finish())
	}
	s.db = db
	return nil
}

// makeDir makes the directory, durably, if it is not there.
func (s *Store) makeDir() error {
	if _, err := s.files.Stat(s.dir); err == nil {
		return nil
	}
	return errors.Join(s.files.MkdirAll(s.dir, 0o700), syncDir(s.files, s.files.PathDir(s.dir)))
}

// closeDB closes what openDB has opened.
func (s *Store) closeDB() error { return errors.Join(s.db.Close(), s.synced.finish()) }

// enter admits a call; after nil the caller owes one gate.Leave.
func (s *Store) enter(ctx context.Context) error {
	if err := s.gate.Enter(); err != nil {
		return err
	}
	err := s.failure.err()
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		s.gate.Leave()
	}
	return err
}

// Clear implements kv.Store. The disk space comes back within seconds.
func (s *Store) Clear(ctx context.Context, start, end []byte) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.gate.Leave()
	lower, upper := bounds(kv.Range{Start: start, End: end})
	b := s.db.NewBatch()
	if err := b.DeleteRange(lower, upper, nil); err != nil {
		return fmt.Errorf("clear: %w", err)
	}
	return s.commit(b, nil)
}

// LastStamp implements kv.Store.
func (s *Store) LastStamp() uint64 { return s.stamps.last.Load() }

// Limits implements kv.Store.
func (s *Store) Limits() kv.Limits { return s.limits }

// Stats implements kv.Store; after Close it returns zeros.
func (s *Store) Stats() kv.Stats {
	if s.gate.Enter() != nil {
		return kv.Stats{}
	}
	defer s.gate.Leave()
	m := s.db.Metrics()
	return kv.Stats{
		DiskBytes:   m.DiskSpaceUsage(),
		CacheBytes:  uint64(m.BlockCache.Size),
		CacheHits:   uint64(m.BlockCache.Hits),
		CacheMisses: uint64(m.BlockCache.Misses),
		Commits:     s.commits.Load(),
		Syncs:       syncs(m),
	}
}

// syncs returns how often the write-ahead log was synced.
func syncs(m *pebble.Metrics) uint64 {
	var h dto.Metric
	if m.LogWriter.FsyncLatency == nil || m.LogWriter.FsyncLatency.Write(&h) != nil {
		return 0
	}
	return h.GetHistogram().GetSampleCount()
}

// Close implements kv.Store. On a store that has failed it returns the failure
// at once and releases nothing: the process is expected to end.
func (s *Store) Close() error {
	if err := s.failure.err(); err != nil {
		return errors.Join(s.gate.Shut(), err)
	}
	if err := s.gate.Close(); err != nil {
		return err
	}
	// What is only in the log and in memory would be replayed by the next Open.
	if !s.options.ReadOnly {
		if err := s.db.Flush(); err != nil {
			s.failure.log.Warn("could not flush before closing", "error", err)
		}
	}
	if err := s.closeDB(); err != nil {
		return fmt.Errorf("close storage: %w", err)
	}
	return nil
}
