package pebblekv

import (
	"hash/maphash"
	"slices"
	"sync"
)

// stripeBits sets the number of stripes. Two keys share one once in 65,536: a
// false wait is rare even with a thousand transactions under way.
const stripeBits = 16

// stripes is a fixed table of locks that stand for all keys, by hash.
type stripes struct {
	seed maphash.Seed
	lock [1 << stripeBits]sync.RWMutex
}

// stripe is an index into stripes.lock.
type stripe uint32

func (s *stripes) hash(key []byte) uint64 { return maphash.Bytes(s.seed, key) }

func stripeOf(hash uint64) stripe { return stripe(hash & (1<<stripeBits - 1)) }

// lockSet is the stripes that one call holds, all in one mode. The zero value
// holds none.
type lockSet struct {
	table  *stripes
	shared bool
	held   []stripe // ascending, each once
}

// acquire waits for the stripes of keys. The set must be empty.
func (l *lockSet) acquire(table *stripes, shared bool, keys [][]byte) {
	l.table, l.shared = table, shared
	want := l.held[:0]
	for _, k := range keys {
		want = append(want, stripeOf(table.hash(k)))
	}
	slices.Sort(want)
	l.held = slices.Compact(want)
	for _, s := range l.held {
		if shared {
			table.lock[s].RLock()
		} else {
			table.lock[s].Lock()
		}
	}
}

func (l *lockSet) holds(s stripe) bool {
	_, ok := slices.BinarySearch(l.held, s)
	return ok
}

// try takes one more stripe, exclusively, without waiting for it, and reports
// whether it did. The set must not be shared, nor hold it already.
func (l *lockSet) try(s stripe) bool {
	if !l.table.lock[s].TryLock() {
		return false
	}
	i, _ := slices.BinarySearch(l.held, s)
	l.held = slices.Insert(l.held, i, s)
	return true
}

// release gives every stripe back.
func (l *lockSet) release() {
	for _, s := range l.held {
		if l.shared {
			l.table.lock[s].RUnlock()
		} else {
			l.table.lock[s].Unlock()
		}
	}
	l.held = l.held[:0]
}
