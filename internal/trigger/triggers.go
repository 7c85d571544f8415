package trigger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/statordb/stator/internal/kv"
	"github.com/statordb/stator/internal/stream"
)

// Errors of Triggers.
var (
	ErrNotFound = errors.New("there is no such trigger")
	ErrNoStream = errors.New("the table has no stream: enable one, with update-table --stream-specification")
)

// Triggers are the triggers of a store, running.
type Triggers struct {
	base
	changes sync.Mutex // held while a trigger is stored, started and stopped
	mu      struct {
		sync.Mutex
		workers map[string]*running
	}
}

// running is a trigger that was started.
type running struct {
	trigger *Trigger
	stats   *Stats
	stop    context.CancelFunc
	stopped chan struct{}
}

// Status is a trigger and what it has done since the process started.
type Status struct {
	Trigger
	Delivered int64  `json:"delivered"`            // records
	Failures  int64  `json:"failures"`             // deliveries
	GivenUp   int64  `json:"given_up"`             // records
	LastError string `json:"last_error,omitempty"` // of the delivery before, if it failed
}

// Rows, under 'g':
//
//	'g' 't' name                        a Trigger, JSON
//	'g' 'p' name 0x00 space shard       its position in a shard: the next stamp
func triggerKey(name string) []byte { return append([]byte("gt"), name...) }

// Open starts the triggers that are in store.
func Open(ctx context.Context, store kv.Store, streams *stream.Streams, now func() time.Time, log *slog.Logger) (*Triggers, error) {
	ts := &Triggers{base: base{store, streams, now, log}}
	ts.mu.workers = map[string]*running{}
	var all []*Trigger
	err := store.View(ctx, kv.ReadOptions{}, func(r kv.Reader) error {
		all = nil
		for p, err := range r.Scan(ctx, kv.Range{Start: []byte("gt"), End: []byte("gu")}) {
			if err != nil {
				return err
			}
			t := new(Trigger)
			if err := json.Unmarshal(p.Value, t); err != nil {
				return fmt.Errorf("trigger %s: %w", p.Key[len("gt"):], err)
			}
			all = append(all, t)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the triggers: %w", err)
	}
	for _, t := range all {
		if err := ts.start(t, new(Stats)); err != nil {
			ts.Close()
			return nil, fmt.Errorf("trigger %s: %w", t.Name, err)
		}
	}
	return ts, nil
}

// Close stops all triggers. They go on where they were when they are opened
// again.
func (ts *Triggers) Close() {
	ts.changes.Lock()
	defer ts.changes.Unlock()
	ts.mu.Lock()
	all := slices.Collect(maps.Values(ts.mu.workers))
	ts.mu.Unlock()
	for _, r := range all {
		r.stop()
	}
	for _, r := range all {
		<-r.stopped
	}
}

// start runs t, counting in stats.
func (ts *Triggers) start(t *Trigger, stats *Stats) error {
	filter, err := parseFilters(t.Filters)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	r := &running{trigger: t, stats: stats, stop: stop, stopped: make(chan struct{})}
	ts.mu.Lock()
	ts.mu.workers[t.Name] = r
	ts.mu.Unlock()
	if t.Paused {
		close(r.stopped)
		return nil
	}
	w := &worker{
		base: ts.base, trigger: t, filter: filter, target: newTarget(t), stats: r.stats, encode: ts.lambdaRecord,
		sources: func() []stream.Stream { return ts.streams.Of(t.Table) },
	}
	go func() {
		defer close(r.stopped)
		w.run(ctx)
	}()
	return nil
}

// halt stops the trigger called name, if it runs, and returns its counters.
func (ts *Triggers) halt(name string) *Stats {
	ts.mu.Lock()
	r := ts.mu.workers[name]
	ts.mu.Unlock()
	if r == nil {
		return new(Stats)
	}
	r.stop()
	<-r.stopped
	return r.stats
}

// Put creates a trigger, or changes the one of the name, which goes on where
// it was. Its errors are single lines for the user.
func (ts *Triggers) Put(ctx context.Context, t Trigger) error {
	old, err := ts.Get(t.Name)
	there := err == nil && old.Table == t.Table
	switch _, streamed := ts.streams.Enabled(t.Table); {
	case streamed || there || t.Table == "":
	case !ts.streams.HasTable(t.Table):
		return fmt.Errorf("there is no table %s: create it, with a stream", t.Table)
	default:
		return fmt.Errorf("table %s: %w", t.Table, ErrNoStream)
	}
	return ts.Declare(ctx, t)
}

// Declare is Put for a trigger whose table or stream may not be there yet: it
// waits for them.
func (ts *Triggers) Declare(ctx context.Context, t Trigger) error {
	if err := t.check(); err != nil {
		return err
	}
	ts.changes.Lock()
	defer ts.changes.Unlock()
	old, err := ts.Get(t.Name)
	of, streamed := ts.streams.Enabled(t.Table)
	switch {
	case err == nil && old.Table == t.Table:
		t.Start = old.Start
	case streamed && t.From != "LATEST":
		t.Start = of.First()
	default:
		t.Start = ts.streams.LastStamp() + 1
	}
	text, err := json.Marshal(t)
	if err != nil {
		return err
	}
	err = ts.store.Update(ctx, kv.TxOptions{}, func(tx kv.Tx) error { return tx.Put(triggerKey(t.Name), text) })
	if err != nil {
		return fmt.Errorf("store the trigger: %w", err)
	}
	return ts.start(&t, ts.halt(t.Name))
}

// Delete removes the trigger called name and its positions.
func (ts *Triggers) Delete(ctx context.Context, name string) error {
	ts.changes.Lock()
	defer ts.changes.Unlock()
	if _, err := ts.Get(name); err != nil {
		return err
	}
	ts.halt(name)
	err := ts.forget(ctx, name, func([]byte) bool { return true })
	if err == nil {
		err = ts.store.Update(ctx, kv.TxOptions{}, func(tx kv.Tx) error { return tx.Delete(triggerKey(name)) })
	}
	if err != nil {
		return fmt.Errorf("remove the trigger: %w", err)
	}
	ts.mu.Lock()
	defer ts.mu.Unlock()
	delete(ts.mu.workers, name)
	return nil
}

// forget removes the positions of the trigger called name whose keys are old.
func (b base) forget(ctx context.Context, name string, old func(key []byte) bool) error {
	prefix := positionPrefix(name)
	end := append(prefix[:len(prefix)-1:len(prefix)-1], 1)
	return b.store.Update(ctx, kv.TxOptions{}, func(tx kv.Tx) error {
		var keys [][]byte
		for p, err := range tx.Scan(ctx, kv.Range{Start: prefix, End: end}) {
			if err != nil {
				return err
			}
			if old(p.Key) {
				keys = append(keys, slices.Clone(p.Key))
			}
		}
		for _, key := range keys {
			if err := tx.Delete(key); err != nil {
				return err
			}
		}
		return nil
	})
}

// Get returns the trigger called name, or ErrNotFound.
func (ts *Triggers) Get(name string) (Status, error) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	r := ts.mu.workers[name]
	if r == nil {
		return Status{}, ErrNotFound
	}
	return r.status(), nil
}

// List returns all triggers, sorted by name.
func (ts *Triggers) List() []Status {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	list := []Status{}
	for _, name := range slices.Sorted(maps.Keys(ts.mu.workers)) {
		list = append(list, ts.mu.workers[name].status())
	}
	return list
}

func (r *running) status() Status {
	return Status{
		Trigger: *r.trigger, Delivered: r.stats.done.Load(), Failures: r.stats.tries.Load(),
		GivenUp: r.stats.lost.Load(), LastError: r.stats.lastError(),
	}
}
