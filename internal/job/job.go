// Package job runs work in the background: in bounded steps, each of which
// may run again, from a cursor that survives restarts.
//
// # Invariant
//
// A job's cursor is stored only after the step that returned it: after a stop
// or a kill a job repeats its last steps, and never leaves one out.
package job

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/statordb/stator/internal/kv"
)

// Job is work in bounded steps.
type Job interface {
	// Name identifies the job among all, over restarts.
	Name() string
	// Step does some work from cursor, nil at first. It returns the cursor of
	// the step after it, nil when the job is done, and how long to wait before
	// that. A step that failed is run again.
	Step(ctx context.Context, cursor []byte) (next []byte, wait time.Duration, err error)
}

const (
	saveInterval = time.Second // between two cursors stored
	retryFirst   = 100 * time.Millisecond
	retryMost    = 30 * time.Second
)

// Runner runs jobs until they are done or it is closed.
type Runner struct {
	store  kv.Store
	prefix []byte
	log    *slog.Logger
	ctx    context.Context // of every step; ends at Close
	cancel context.CancelFunc
	group  sync.WaitGroup
	mu     struct {
		sync.Mutex
		running map[string]context.CancelFunc
		closed  bool
	}
}

// NewRunner returns a runner that keeps the cursors under keys with prefix.
func NewRunner(store kv.Store, prefix []byte, log *slog.Logger) *Runner {
	r := &Runner{store: store, prefix: prefix, log: log}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	r.mu.running = map[string]context.CancelFunc{}
	return r
}

// Start runs j, from where it was when it ran last. A job that is running
// already, or a closed runner, makes it do nothing.
func (r *Runner) Start(j Job) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.mu.closed || r.mu.running[j.Name()] != nil {
		return
	}
	ctx, cancel := context.WithCancel(r.ctx)
	r.mu.running[j.Name()] = cancel
	r.group.Go(func() {
		r.run(ctx, j)
		cancel()
		r.mu.Lock()
		delete(r.mu.running, j.Name())
		r.mu.Unlock()
	})
}

// Close stops all jobs and returns when they have stopped. They go on when
// they are started again.
func (r *Runner) Close() {
	r.mu.Lock()
	r.mu.closed = true
	r.mu.Unlock()
	r.cancel()
	r.group.Wait()
}

// run steps j until it is done or ctx ends.
func (r *Runner) run(ctx context.Context, j Job) {
	var cursor []byte
	retry := retryFirst
	loaded, saved := false, time.Now()
	for ctx.Err() == nil {
		next, wait, err := cursor, time.Duration(0), error(nil)
		if !loaded {
			next, err = r.load(ctx, j)
			loaded = err == nil
		} else if next, wait, err = j.Step(ctx, cursor); err == nil {
			if next == nil {
				r.finish(ctx, j)
				return
			}
			if time.Since(saved) > saveInterval {
				err = r.save(ctx, j, next)
				saved = time.Now()
			}
		}
		if err != nil {
			if ctx.Err() == nil {
				r.log.Warn("job step failed, will be repeated", "job", j.Name(), "error", err)
			}
			wait, retry = retry, min(2*retry, retryMost)
		} else {
			cursor, retry = next, retryFirst
		}
		Pause(ctx, wait)
	}
}

// Pause waits for d or the end of ctx.
func Pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

func (r *Runner) key(j Job) []byte {
	return append(r.prefix[:len(r.prefix):len(r.prefix)], j.Name()...)
}

func (r *Runner) load(ctx context.Context, j Job) (cursor []byte, err error) {
	err = r.store.View(ctx, kv.ReadOptions{}, func(reader kv.Reader) error {
		value, err := reader.Get(ctx, r.key(j))
		cursor = append([]byte(nil), value...)
		return err
	})
	return cursor, err
}

func (r *Runner) save(ctx context.Context, j Job, cursor []byte) error {
	err := r.store.Update(ctx, kv.TxOptions{}, func(tx kv.Tx) error { return tx.Put(r.key(j), cursor) })
	if err != nil {
		return fmt.Errorf("save cursor: %w", err)
	}
	return nil
}

// finish forgets the cursor of a job that is done. If it cannot, a later job
// of the same name would go on from it; names are therefore not used twice.
func (r *Runner) finish(ctx context.Context, j Job) {
	err := r.store.Update(ctx, kv.TxOptions{}, func(tx kv.Tx) error { return tx.Delete(r.key(j)) })
	if err != nil && ctx.Err() == nil {
		r.log.Warn("cursor of a finished job not removed", "job", j.Name(), "error", err)
	}
}
