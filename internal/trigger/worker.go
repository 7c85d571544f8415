package trigger

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/job"
	"github.com/statordb/stator/internal/kv"
	"github.com/statordb/stator/internal/stream"
	"github.com/statordb/stator/internal/table"
)

const (
	// lookInterval is how often a trigger looks for shards and streams that are
	// new.
	lookInterval = time.Second
	// maxPayload is how large an event gets. (Lambda developer guide, "Quotas":
	// 6 MB; images grow when they are JSON.)
	maxPayload = 5 << 20
)

// base is what all workers share.
type base struct {
	store   kv.Store
	streams *stream.Streams
	now     func() time.Time
	log     *slog.Logger
}

// worker reads what a trigger asks for and delivers it.
type worker struct {
	base
	trigger *Trigger
	sources func() []stream.Stream // read one after the other
	encode  func(of stream.Stream, r stream.Record) []byte
	filter  filter
	target  target
	stats   *Stats
	running sync.Map // shards being read -> struct{}
	shards  sync.WaitGroup
}

// run reads all shards, parents before their children, until ctx ends.
func (w *worker) run(ctx context.Context) {
	defer w.shards.Wait()
	if err := w.tidy(ctx); err != nil && ctx.Err() == nil {
		w.log.Error("trigger cannot forget old positions", "trigger", w.trigger.Name, "error", err)
	}
	for ctx.Err() == nil {
		if err := w.look(ctx); err != nil && ctx.Err() == nil {
			w.log.Error("trigger cannot read its position", "trigger", w.trigger.Name, "error", err)
		}
		job.Pause(ctx, lookInterval)
	}
}

// tidy forgets the positions in shards that are gone.
func (w *worker) tidy(ctx context.Context) error {
	there := map[string]bool{}
	for _, of := range w.sources() {
		for _, shard := range of.Table.Shards {
			there[string(w.positionKey(of, shard))] = true
		}
	}
	return w.forget(ctx, w.trigger.Name, func(key []byte) bool { return !there[string(key)] })
}

// look starts readers of the shards that can be read now. A stream is read when
// those before it have ended.
func (w *worker) look(ctx context.Context) error {
	for _, of := range w.sources() {
		ended, err := w.lookAt(ctx, of)
		if err != nil || !ended {
			return err
		}
	}
	return nil
}

// lookAt starts readers of the shards of a stream that can be read now, and
// reports whether there is nothing left to read in any.
func (w *worker) lookAt(ctx context.Context, of stream.Stream) (ended bool, err error) {
	shards := of.Shards()
	done := map[string]bool{"": true}
	for _, shard := range shards {
		key := w.positionKey(of, shard)
		at, err := w.position(ctx, key)
		if err != nil {
			return false, err
		}
		if at == shardEnd || !shard.Open() && shard.Last < w.trigger.Start {
			done[stream.ShardID(shard)] = true
			continue
		}
		if _, busy := w.running.Load(string(key)); busy || !done[of.ParentID(shard)] {
			continue
		}
		w.running.Store(string(key), struct{}{})
		w.shards.Go(func() {
			defer w.running.Delete(string(key))
			w.read(ctx, of, shard, key, max(at, w.trigger.Start))
		})
	}
	return len(done) == len(shards)+1, nil
}

// shardEnd is the position behind the last change of a closed shard.
const shardEnd = ^uint64(0)

// positionPrefix is what the keys of a trigger's positions begin with.
func positionPrefix(name string) []byte { return append(append([]byte("gp"), name...), 0) }

func (w *worker) positionKey(of stream.Stream, shard *table.Shard) []byte {
	key := positionPrefix(w.trigger.Name)
	key = binary.BigEndian.AppendUint32(key, of.Table.Space)
	return binary.BigEndian.AppendUint32(key, shard.Number)
}

// position returns the smallest stamp that was not dealt with.
func (w *worker) position(ctx context.Context, key []byte) (at uint64, err error) {
	err = w.store.View(ctx, kv.ReadOptions{Keys: [][]byte{key}}, func(r kv.Reader) error {
		value, err := r.Get(ctx, key)
		if len(value) == 8 {
			at = binary.BigEndian.Uint64(value)
		}
		return err
	})
	return at, err
}

func (w *worker) save(ctx context.Context, key []byte, at uint64) error {
	err := w.store.Update(ctx, kv.TxOptions{Keys: [][]byte{key}}, func(tx kv.Tx) error {
		return tx.Put(key, binary.BigEndian.AppendUint64(nil, at))
	})
	if err != nil {
		return fmt.Errorf("save the position: %w", err)
	}
	return nil
}

// read delivers the changes of a shard, from a stamp on, to its end.
func (w *worker) read(ctx context.Context, of stream.Stream, shard *table.Shard, key []byte, at uint64) {
	d := &delivery{
		Trigger: w.trigger, target: w.target, of: of, shard: stream.ShardID(shard),
		now: w.now, log: w.log, stats: w.stats,
	}
	for ctx.Err() == nil {
		next, err := w.chunk(ctx, d, shard, at)
		if err == nil && next != at {
			err = w.save(context.WithoutCancel(ctx), key, next) // also of what ended when it was stopped
		}
		switch {
		case ctx.Err() != nil || next == shardEnd && err == nil:
			return
		case err != nil:
			w.log.Error("trigger cannot go on, will try again", "trigger", w.trigger.Name, "error", err)
			job.Pause(ctx, lookInterval)
		case next == at:
			w.wait(ctx, of, shard, at)
		}
		if err == nil {
			at = next
		}
	}
}

// wait returns when there may be changes from at on.
func (w *worker) wait(ctx context.Context, of stream.Stream, shard *table.Shard, at uint64) {
	of, ok := w.streams.Now(of)
	if !ok {
		job.Pause(ctx, lookInterval)
		return
	}
	select {
	case <-of.Wait(shard, at):
		job.Pause(ctx, time.Millisecond) // a closed shard's channel is ready at once
	case <-ctx.Done():
	}
}

// chunk deals with the next changes of a shard and returns where to go on; at
// itself if there are none yet.
func (w *worker) chunk(ctx context.Context, d *delivery, shard *table.Shard, at uint64) (next uint64, err error) {
	batch, next, err := w.collect(ctx, d, shard, at)
	if err != nil || len(batch) == 0 {
		return next, err
	}
	return next, w.deliver(ctx, d, batch)
}

// collect reads what fills the batches of all lanes, waiting for Window.
func (w *worker) collect(ctx context.Context, d *delivery, shard *table.Shard, at uint64) (batch []record, next uint64, err error) {
	limit := w.trigger.BatchSize * w.trigger.Parallelism
	size := 0
	var deadline <-chan time.Time
	for {
		read, err := w.streams.ReadFrom(ctx, d.of, shard, at, min(limit-len(batch), stream.MaxRecords))
		var gone *ddberr.Error // past its retention, with its stream or without
		if errors.As(err, &gone) {
			return nil, shardEnd, nil
		}
		if err != nil {
			return nil, at, err
		}
		at = read.Next.Stamp()
		for _, r := range read.Records {
			one := record{r, w.encode(read.Of, r)}
			pass, err := w.filter.matches(one.json)
			if err != nil {
				return nil, at, err
			}
			if pass {
				batch = append(batch, one)
				size += len(one.json)
			}
		}
		switch {
		case read.End && len(batch) == 0:
			return nil, shardEnd, nil
		case read.End, len(batch) >= limit, size >= maxPayload:
			return batch, at, nil
		case len(read.Records) > 0:
			continue
		case len(batch) == 0 || w.trigger.Window == 0:
			return batch, at, nil
		case deadline == nil:
			deadline = time.After(time.Duration(w.trigger.Window))
		}
		select {
		case <-read.Of.Wait(shard, at):
			job.Pause(ctx, time.Millisecond)
		case <-deadline:
			return batch, at, nil
		case <-ctx.Done():
			return nil, at, ctx.Err()
		}
	}
}

// deliver deals with a chunk: the records of each lane in batches, one after
// the other, the lanes beside each other. An item's changes are in one lane.
func (w *worker) deliver(ctx context.Context, d *delivery, chunk []record) error {
	w.stats.begin(d.shard, chunk[0].Time)
	defer w.stats.end(d.shard)
	lanes := make([][]record, w.trigger.Parallelism)
	for _, r := range chunk {
		lane := xxhash.Sum64(r.Keys.Stored()) % uint64(len(lanes))
		lanes[lane] = append(lanes[lane], r)
	}
	errs := make([]error, len(lanes))
	var running sync.WaitGroup
	for i, lane := range lanes {
		running.Go(func() {
			for len(lane) > 0 && errs[i] == nil {
				n := cut(lane, w.trigger.BatchSize)
				errs[i] = d.run(ctx, lane[:n], 0)
				lane = lane[n:]
			}
		})
	}
	running.Wait()
	return errors.Join(errs...)
}

// cut returns how many of records, at least one, make a batch.
func cut(records []record, most int) (n int) {
	size := 0
	for n < len(records) && n < most && (n == 0 || size+len(records[n].json) <= maxPayload) {
		size += len(records[n].json)
		n++
	}
	return n
}
