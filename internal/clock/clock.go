// Package clock is a clock that its user moves, so that what takes hours can
// be tested without waiting.
package clock

import (
	"errors"
	"sync"
	"time"
)

// Check returns an error unless at is a time that everything can reckon with:
// nanoseconds since 1970 in 63 bits.
func Check(at time.Time) error {
	if year := at.UTC().Year(); year < 1970 || year > 2261 {
		return errors.New("use a time from 1970 to 2261")
	}
	return nil
}

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
