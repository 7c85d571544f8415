package table

import (
	"errors"
	"sync"
	"sync/atomic"
)

// ErrOngoing is the error of a write to an item for which a transaction is
// under way.
var ErrOngoing = errors.New("a transaction is under way for the item")

// ongoing knows the items of the transactions under way. The store would make
// others wait for them; DynamoDB refuses the others instead.
type ongoing struct {
	active atomic.Int64 // transactions; plain writes look no further while it is 0
	mu     struct {
		sync.Mutex
		keys map[string]struct{}
	}
}

// has reports whether a transaction is under way for the item under key.
func (o *ongoing) has(key []byte) bool {
	if o.active.Load() == 0 {
		return false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	_, found := o.mu.keys[string(key)]
	return found
}

// begin enters the keys of a transaction; or, if another has some of them,
// returns the indexes of those and enters none.
func (o *ongoing) begin(keys [][]byte) (taken []int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i, key := range keys {
		if _, found := o.mu.keys[string(key)]; found {
			taken = append(taken, i)
		}
	}
	if taken != nil {
		return taken
	}
	if o.mu.keys == nil {
		o.mu.keys = map[string]struct{}{}
	}
	for _, key := range keys {
		o.mu.keys[string(key)] = struct{}{}
	}
	o.active.Add(1)
	return nil
}

// end removes the keys of a transaction that began.
func (o *ongoing) end(keys [][]byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, key := range keys {
		delete(o.mu.keys, string(key))
	}
	o.active.Add(-1)
}
