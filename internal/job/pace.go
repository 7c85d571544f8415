package job

import (
	"context"
	"iter"
	"sync/atomic"
	"time"
)

// Requests counts the requests that a server has got.
type Requests struct{ n atomic.Int64 }

// Add counts one.
func (r *Requests) Add() { r.n.Add(1) }

// pace makes long work in the background give way to requests: while there are
// some it takes a fifth of the time, else all of it.
type pace struct {
	requests *Requests
	begun    time.Time // of the work since the last pause
	answered int64     // requests until then
}

const (
	slice      = 4 * time.Millisecond // of work, between two pauses
	restPer    = 4                    // times as long as the work
	longest    = time.Second / 10     // rest: what seems to be long work may have been waiting
	manyPerSec = 200                  // requests; fewer are not kept waiting by the work
)

// step is called between small pieces of work. It returns when there is to be
// more, or ctx ends.
func (p *pace) step(ctx context.Context) {
	took := time.Since(p.begun)
	if took < slice {
		return
	}
	now := p.requests.n.Load()
	if float64(now-p.answered) > manyPerSec*took.Seconds() {
		Pause(ctx, min(restPer*took, longest))
		now = p.requests.n.Load()
	}
	p.begun, p.answered = time.Now(), now
}

// Paced yields what seq does, giving way to requests: the work is what is done
// with it.
func Paced[T any](ctx context.Context, requests *Requests, seq iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		p := pace{requests, time.Now(), requests.n.Load()}
		for v, err := range seq {
			p.step(ctx)
			if !yield(v, err) {
				return
			}
		}
	}
}
