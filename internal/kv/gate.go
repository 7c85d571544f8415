package kv

import "sync/atomic"

// closing marks Gate.state once Close has been called; the bits below it count
// the calls in progress.
const closing = 1 << 62

// Gate lets a driver refuse calls after Close and wait for those in progress.
// Make one with NewGate.
type Gate struct {
	state atomic.Int64
	left  chan struct{} // holds a token when the last call in progress may have left
}

// NewGate returns an open Gate.
func NewGate() *Gate {
	return &Gate{left: make(chan struct{}, 1)}
}

// Enter counts a call in; it returns ErrClosed after Close. After nil the
// caller owes one Leave.
func (g *Gate) Enter() error {
	if g.state.Add(1)&closing != 0 {
		g.Leave()
		return ErrClosed
	}
	return nil
}

// Leave counts a call out.
func (g *Gate) Leave() {
	if g.state.Add(-1) != closing {
		return
	}
	select {
	case g.left <- struct{}{}:
	default:
	}
}

// Close refuses calls from now on and waits until those in progress have left.
// It returns ErrClosed, without waiting, if the Gate was shut before.
func (g *Gate) Close() error {
	if err := g.Shut(); err != nil {
		return err
	}
	for g.state.Load() != closing {
		<-g.left
	}
	return nil
}

// Shut is Close without the wait.
func (g *Gate) Shut() error {
	for {
		old := g.state.Load()
		if old&closing != 0 {
			return ErrClosed
		}
		if g.state.CompareAndSwap(old, old|closing) {
			return nil
		}
	}
}
