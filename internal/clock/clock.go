// Package clock is a clock that its user moves, so that what takes hours can
// be tested without waiting.
package clock

import (
	"sync"
	"time"
)

// Manual stands still until it is moved. It is safe for concurrent use.
type Manual struct {
	mu struct {
		sync.Mutex
		at time.Time
	}
}

// NewManual returns a clock that shows at.
func NewManual(at time.Time) *Manual {
	m := &Manual{}
	m.mu.at = at
	return m
}

// Now returns the time that m shows.
func (m *Manual) Now() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.mu.at
}

// Move sets m to at, which may be earlier.
func (m *Manual) Move(at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mu.at = at
}
