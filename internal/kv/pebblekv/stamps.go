package pebblekv

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"

	"github.com/statordb/stator/internal/kv"
)

// stampBlock stamps are reserved at a time.
const stampBlock = 1 << 20

// stampKey holds the first stamp that is not reserved (see the package doc).
var stampKey = []byte{kv.ReservedPrefix, 's', 't', 'a', 'm', 'p'}

// stamps gives out the stamps of Append.
type stamps struct {
	last atomic.Uint64 // given out, to batches that are visible or about to be
	mu   struct {
		sync.Mutex
		next  uint64 // the next to give out
		limit uint64 // the first that is not reserved on disk
	}
}

// load continues after the last reserved block.
func (s *stamps) load(db *pebble.DB) error {
	v, pin, err := db.Get(stampKey)
	if errors.Is(err, pebble.ErrNotFound) {
		s.start(1)
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the last stamp: %w", plain(err))
	}
	defer pin.Close()
	if len(v) != kv.StampSize {
		return fmt.Errorf("read the last stamp: %d bytes where %d belong", len(v), kv.StampSize)
	}
	s.start(binary.BigEndian.Uint64(v))
	return nil
}

func (s *stamps) start(next uint64) {
	s.mu.next, s.mu.limit = next, next
	s.last.Store(next - 1)
}

// apply writes stamps into b at the given offsets and makes b visible, in one
// order for all batches. The caller owes b.SyncWait, outside the lock.
func (s *stamps) apply(db *pebble.DB, b *pebble.Batch, offsets []int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	first := s.mu.next
	s.mu.next += uint64(len(offsets))
	if s.mu.next > s.mu.limit {
		s.mu.limit = s.mu.next + stampBlock
		if err := b.Set(stampKey, binary.BigEndian.AppendUint64(nil, s.mu.limit), nil); err != nil {
			return err
		}
	}
	s.last.Store(s.mu.next - 1)
	repr := b.Repr()
	for i, off := range offsets {
		binary.BigEndian.PutUint64(repr[off:], first+uint64(i))
	}
	return db.ApplyNoSyncWait(b, pebble.Sync)
}
