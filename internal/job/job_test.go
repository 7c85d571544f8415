package job_test

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/statordb/stator/internal/job"
	"github.com/statordb/stator/internal/kv"
	"github.com/statordb/stator/internal/kv/memkv"
)

// counting does a number of steps; its cursor is the number of the next one.
type counting struct {
	name  string
	steps byte
	seen  chan byte // every step done
	fail  atomic.Bool
	wait  time.Duration
}

func (c *counting) Name() string { return c.name }

func (c *counting) Step(_ context.Context, cursor []byte) ([]byte, time.Duration, error) {
	if c.fail.CompareAndSwap(true, false) {
		return nil, 0, errors.New("not this time")
	}
	n := byte(0)
	if len(cursor) > 0 {
		n = cursor[0]
	}
	c.seen <- n
	if n+1 == c.steps {
		return nil, 0, nil
	}
	return []byte{n + 1}, c.wait, nil
}

func runner(store kv.Store) *job.Runner {
	return job.NewRunner(store, []byte("job/"), slog.New(slog.DiscardHandler))
}

func TestStepsInOrderAndOnceMoreAfterFailure(t *testing.T) {
	store := memkv.New(memkv.Options{})
	defer store.Close()
	r := runner(store)
	c := &counting{name: "c", steps: 5, seen: make(chan byte)}
	c.fail.Store(true)
	r.Start(c)
	r.Start(c) // runs already
	for want := range byte(5) {
		if got := <-c.seen; got != want {
			t.Errorf("step %d, want %d", got, want)
		}
	}
	r.Close()
	r.Start(c) // closed: does nothing
}

// TestResume stops a job and starts it anew with what is stored: it repeats
// steps at most, and leaves none out.
func TestResume(t *testing.T) {
	store := memkv.New(memkv.Options{})
	defer store.Close()
	done := map[byte]bool{}
	next, last := byte(0), byte(30)
	for run := 0; !done[last-1]; run++ {
		r := runner(store)
		c := &counting{name: "c", steps: last, seen: make(chan byte, last), wait: 50 * time.Millisecond}
		r.Start(c)
		first := <-c.seen
		if first > next {
			t.Fatalf("run %d began with step %d, %d was not done", run, first, next)
		}
		done[first], next = true, max(next, first+1)
		for range 24 { // over a second of steps, so that a cursor is stored
			if n, ok := <-c.seen; ok {
				done[n], next = true, max(next, n+1)
				if n == last-1 {
					break
				}
			}
		}
		r.Close()
		if run > 3 {
			t.Fatal("no progress")
		}
	}
	for n := range last {
		if !done[n] {
			t.Errorf("step %d left out", n)
		}
	}
}
