package trigger

import (
	"sync"
	"sync/atomic"
	"time"
)

// Stats counts what a trigger has done since the process started.
type Stats struct {
	done, tries, lost atomic.Int64
	mu                struct {
		sync.Mutex
		err    string
		oldest map[string]time.Time // of the records being delivered, by shard
	}
}

func (s *Stats) delivered(n int) { s.done.Add(int64(n)); s.note("") }
func (s *Stats) gaveUp(n int)    { s.lost.Add(int64(n)) }
func (s *Stats) failed(err error) {
	s.tries.Add(1)
	s.note(err.Error())
}

func (s *Stats) note(err string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.err = err
}

// lastError returns the error of the delivery before, "" if it succeeded.
func (s *Stats) lastError() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.err
}

// begin notes that a shard's records from a time on are being delivered.
func (s *Stats) begin(shard string, from time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.oldest == nil {
		s.mu.oldest = map[string]time.Time{}
	}
	s.mu.oldest[shard] = from
}

func (s *Stats) end(shard string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.mu.oldest, shard)
}

// oldest returns the time of the oldest record being delivered, zero if there
// is none.
func (s *Stats) oldest() (oldest time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.mu.oldest {
		if oldest.IsZero() || t.Before(oldest) {
			oldest = t
		}
	}
	return oldest
}
