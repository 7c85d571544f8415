package pebblekv

import "sync"

// flights knows which commits are between their start and the end of their
// sync, so that a reader can wait for those that its snapshot may contain.
//
// Commits take off in the newest wave. A reader that needs to wait closes that
// wave to further commits, and waits until it and all earlier ones have landed.
type flights struct {
	mu struct {
		sync.Mutex
		oldest *wave // first that has not landed, or newest
		closed *wave // the one before newest; nil before the first
		newest *wave
	}
}

// wave is a group of commits that a reader may wait for together.
type wave struct {
	flying int           // commits that have not landed; guarded by flights.mu
	next   *wave         // the wave that took off after this one
	landed chan struct{} // closed when this wave and all earlier ones are down
}

func newWave() *wave { return &wave{landed: make(chan struct{})} }

func newFlights() *flights {
	f := &flights{}
	w := newWave()
	f.mu.oldest, f.mu.newest = w, w
	return f
}

// takeOff registers a commit before it becomes visible. The caller owes land.
func (f *flights) takeOff() *wave {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mu.newest.flying++
	return f.mu.newest
}

// land unregisters a commit after its sync.
func (f *flights) land(w *wave) {
	f.mu.Lock()
	defer f.mu.Unlock()
	w.flying--
	for o := f.mu.oldest; o.flying == 0 && o != f.mu.newest; o = o.next {
		close(o.landed)
		f.mu.oldest = o.next
	}
}

// inFlight returns a channel that is closed once every commit now in flight has
// landed, or nil if there is none.
func (f *flights) inFlight() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	last := f.mu.newest
	switch {
	case last.flying > 0:
		last.next = newWave()
		f.mu.closed, f.mu.newest = last, last.next
		return last.landed
	case f.mu.oldest != last:
		return f.mu.closed.landed
	default:
		return nil
	}
}
