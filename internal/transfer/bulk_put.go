package transfer

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/expr"
	"github.com/statordb/stator/internal/itemfile"
	"github.com/statordb/stator/internal/job"
	"github.com/statordb/stator/internal/kv"
	"github.com/statordb/stator/internal/meter"
	"github.com/statordb/stator/internal/table"
)

// put is what became of a record.
type put struct {
	record itemfile.Record
	failed error // why it cannot be put
	// refused says that its condition is false for existing, which is empty if
	// there is no such item.
	refused  bool
	existing attr.Item
	sizes    map[string]int64 // of the item under "", of entries under their index
	units    float64
}

func units(puts []put) (sum float64) {
	for _, p := range puts {
		sum += p.units
	}
	return sum
}

// putters is how many records are put side by side, so that they share syncs of
// the disk.
const putters = 128

// putAll puts records through the path that every write takes, those with one key
// in their order. What was begun is put although ctx ends, so that it can be
// counted, unless it is throttled. An error says that no more can be put; some of
// the records may be.
func (t *Transfers) putAll(ctx context.Context, b *Bulk, records []itemfile.Record, resumed bool) ([]put, error) {
	into := t.Engine.Catalog.Get(b.Table)
	if into == nil {
		return nil, errTableGone
	}
	var queues [putters][]*put
	puts := make([]put, len(records))
	for i := range puts {
		puts[i].record = records[i]
		n := xxhash.Sum64(records[i].Item.Project(into.KeyNames()).Stored()) % putters
		queues[n] = append(queues[n], &puts[i])
	}
	work, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stop(nil)
	var group sync.WaitGroup
	for _, queue := range queues {
		group.Go(func() {
			for _, p := range queue {
				if work.Err() != nil {
					return
				}
				if err := t.put(ctx, work, b, p, resumed); err != nil {
					stop(err)
				}
			}
		})
	}
	group.Wait()
	return puts, context.Cause(work)
}

// errTableGone is the failure of bulk puts whose table was deleted.
var errTableGone = &failure{"TableNotFound", "The table was deleted."}

const (
	throttledFirst = 10 * time.Millisecond
	throttledMost  = time.Second
)

// put puts the item of one record, by work. It waits for throughput until ctx ends.
func (t *Transfers) put(ctx, work context.Context, b *Bulk, p *put, resumed bool) error {
	condition, why := parseCondition(&p.record)
	for wait := throttledFirst; ; wait = min(2*wait, throttledMost) {
		if p.failed = why; why != nil {
			return nil
		}
		change, err := t.write(work, b, &p.record, condition)
		var refused *table.ConditionFailed
		var throttle *meter.Throttle
		var fault *ddberr.Fault
		var e *ddberr.Error
		switch {
		case err == nil:
			p.wrote(&change)
			return nil
		case errors.As(err, &refused):
			// A stop may have come between the put and the note of it.
			if !resumed || !refused.Old.Equal(p.record.Item) {
				p.refused, p.existing = true, refused.Old
			}
			return nil
		case errors.As(err, &throttle), errors.Is(err, table.ErrOngoing), errors.Is(err, kv.ErrConflict):
			if job.Pause(ctx, wait); ctx.Err() != nil {
				return ctx.Err()
			}
		case errors.As(err, &fault), errors.As(err, &e), errors.Is(err, table.ErrCollectionFull), errors.Is(err, errChange):
			why = err
		case p.record.Err != nil && errors.Is(err, p.record.Err):
			why = err
		default:
			return err
		}
	}
}

// parseCondition returns the condition on which an item is to be put, nil for none.
func parseCondition(rec *itemfile.Record) (*expr.Condition, error) {
	if rec.Put == nil || rec.Err != nil {
		return nil, nil
	}
	parsed, fault := expr.Parse(*rec.Put)
	if fault != nil {
		return nil, fault
	}
	return parsed.Condition, nil
}

// write checks a record against the table as it is now, and writes its item.
func (t *Transfers) write(ctx context.Context, b *Bulk, rec *itemfile.Record, condition *expr.Condition) (table.Change, error) {
	into := t.Engine.Lease(b.Table)
	if into == nil {
		return table.Change{}, errTableGone
	}
	defer into.Release()
	if into.ID != b.TableID {
		return table.Change{}, errTableGone
	}
	if err := checkItem(into.Descriptor, rec); err != nil {
		return table.Change{}, err
	}
	if condition != nil {
		keys := into.Key.Names()
		fault := condition.CheckKeys("Key", keys)
		for _, x := range into.Indexes {
			if fault == nil {
				fault = condition.CheckKeys("IndexKey", x.Key.Names())
			}
		}
		if fault != nil {
			return table.Change{}, fault
		}
	}
	return t.Engine.Write(ctx, table.Mutation{
		Table: into, Key: rec.Item, Condition: condition,
		Next: func(attr.Item) (attr.Item, error) { return rec.Item, nil },
	})
}

// wrote notes what a put wrote.
func (p *put) wrote(c *table.Change) {
	p.sizes = map[string]int64{"": int64(c.NewSize)}
	p.units = c.Units()
	for _, w := range c.Indexes {
		p.sizes[w.Index.Name] += int64(w.Size)
		p.units += w.Units
	}
}
