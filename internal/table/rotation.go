package table

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/statordb/stator/internal/kv"
	"github.com/statordb/stator/internal/record"
)

// follow makes changes go where d says. Stamps given out later are above last.
func (l *changeLog) follow(d *Descriptor, last uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	tails := map[uint32]*Tail{}
	var to *destination
	if written := d.written(); len(written) > 0 {
		to = new(destination)
		to.images, _ = d.images()
		for _, s := range written {
			tail := l.mu.tails[s.Number]
			if tail == nil {
				tail = new(Tail)
				tail.stamp.Store(last)
			}
			tails[s.Number] = tail
			to.shards = append(to.shards, logShard{s.From, s.To, appendShardKey(nil, d.Space, s.Number), tail})
		}
	}
	l.to.Store(to)
	for number, tail := range l.mu.tails {
		if tails[number] == nil {
			tail.mu.Lock()
			tail.wake()
			tail.mu.Unlock()
		}
	}
	l.mu.tails = tails
}

// Tail returns the end of an open shard of t, nil if changes do not go there.
func (t *Table) Tail(shard uint32) *Tail {
	t.changes.mu.Lock()
	defer t.changes.mu.Unlock()
	return t.changes.mu.tails[shard]
}

// outdated returns the open shards of d that changes do not go to.
func (d *Descriptor) outdated() (shards []*Shard) {
	written := d.written()
	for _, s := range d.Shards {
		if s.Open() && !slices.Contains(written, s) {
			shards = append(shards, s)
		}
	}
	return shards
}

// closeOutdated closes the shards that changes do not go to. No write that
// could add to them is under way.
func (c *Catalog) closeOutdated(d *Descriptor) {
	for _, s := range d.outdated() {
		s.Closed, s.Last = c.now(), c.store.LastStamp()
	}
}

// Rotate closes an open shard of the table called name and opens n in its
// place, each for a part of its hashes. A shard that is not open any more is
// left alone.
func (c *Catalog) Rotate(ctx context.Context, name string, shard uint32, n int) error {
	_, err := c.Change(ctx, name, func(d *Descriptor) error {
		written := d.written()
		if i := slices.IndexFunc(written, func(s *Shard) bool { return s.Number == shard }); i >= 0 {
			d.splitShard(written[i], n, c.now())
		}
		return nil
	})
	return err
}

// Departed returns the descriptors of deleted tables whose change logs can still
// be read, in the order in which the tables were created.
func (c *Catalog) Departed() []*Descriptor {
	c.mu.RLock()
	defer c.mu.RUnlock()
	var departed []*Descriptor
	for _, space := range slices.Sorted(maps.Keys(c.mu.departed)) {
		departed = append(departed, c.mu.departed[space])
	}
	return departed
}

// renewLabel gives the stream of d, a new table, a label that no stream of a
// deleted table of its name has: the clock may stand, or have been set back.
func (c *Catalog) renewLabel(d *Descriptor) {
	for _, old := range c.Departed() {
		last := old.StreamLatest()
		if old.Name != d.Name || last == nil || len(d.Streams) == 0 || d.Streams[0].Created.After(last.Created) {
			continue
		}
		s := &d.Streams[0]
		s.setCreated(last.Created.Add(time.Millisecond))
		for _, shard := range d.Shards {
			shard.Stream = s.Label
		}
	}
}

// depart returns what is kept of d when its table is deleted at now: nil if
// its change log is empty.
func (d *Descriptor) depart(now time.Time) *Descriptor {
	if len(d.Shards) == 0 {
		return nil
	}
	departed := d.Clone()
	departed.Deleted, departed.PITR = now, PITR{}
	if departed.StreamEnabled() != nil {
		departed.DisableStream(now)
	}
	departed.prepare()
	return departed
}

// Deleted tables are kept for one reason or another, or both.
const (
	departedRow = 1 // its change log can still be read, see Departed
	keptRow     = 2 // its rows are still to be kept or removed, see KeepDeleted
)

// deletedKey is where the descriptor of a deleted table is.
func deletedKey(why byte, space uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte{catalogPrefix, why}, space)
}

// loadDeleted reads the descriptors of the tables that are kept for a reason.
func loadDeleted(ctx context.Context, r kv.Reader, why byte, into map[uint32]*Descriptor) error {
	prefix := []byte{catalogPrefix, why}
	for d, err := range record.In[Descriptor](ctx, r, kv.Range{Start: prefix, End: after(prefix)}) {
		if err != nil {
			return fmt.Errorf("descriptor of a deleted table: %w", err)
		}
		d.prepare()
		into[d.Space] = d
	}
	return nil
}

// changeDeparted replaces the descriptor of a deleted table; one without
// shards is forgotten. The caller holds changes.
func (c *Catalog) changeDeparted(ctx context.Context, old *Descriptor, edit func(*Descriptor)) error {
	key := deletedKey(departedRow, old.Space)
	d := old.Clone()
	edit(d)
	d.prepare()
	err := c.store.Update(ctx, kv.TxOptions{Keys: [][]byte{key}}, func(tx kv.Tx) error {
		if len(d.Shards) == 0 {
			return tx.Delete(key)
		}
		return record.Put(tx, key, d)
	})
	if err != nil {
		return fmt.Errorf("change deleted table: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(d.Shards) == 0 {
		delete(c.mu.departed, d.Space)
	} else {
		c.mu.departed[d.Space] = d
	}
	return nil
}

// trimLate is how much longer changes are kept than point-in-time recovery
// promises: who was told an instant has that time to restore to it.
const trimLate = time.Hour

// TrimLogs removes the shards that were closed before horizon, the streams
// that have no shard left, and the memory of deleted tables without streams.
// What point-in-time recovery needs stays, but no stream shows it.
func (c *Catalog) TrimLogs(ctx context.Context, now, horizon time.Time) error {
	var errs []error
	c.Each(func(t *Table) { errs = append(errs, ignoreGone(c.trimLog(ctx, t, now, horizon))) })
	c.changes.Lock()
	defer c.changes.Unlock()
	for _, d := range c.Departed() {
		if old := d.closedBefore(horizon); len(old) > 0 {
			errs = append(errs, errors.Join(c.clearShards(ctx, d.Space, old),
				c.changeDeparted(ctx, d, func(d *Descriptor) { d.forgetShards(old) })))
		}
	}
	return errors.Join(errs...)
}

// trimLog is TrimLogs for one table. That a shard is of no use is written down
// before its rows are removed: who has frozen some of them can tell.
func (c *Catalog) trimLog(ctx context.Context, t *Table, now, horizon time.Time) error {
	if len(t.closedBefore(t.oldestKept(now, horizon))) == 0 && len(t.shownBefore(horizon)) == 0 {
		return nil
	}
	var old []uint32
	_, err := c.Change(ctx, t.Name, func(d *Descriptor) error {
		if d.ID != t.ID {
			return ErrNotFound
		}
		old = d.retireShards(now, horizon)
		return nil
	})
	if err != nil || len(old) == 0 {
		return err
	}
	if err := c.clearShards(ctx, t.Space, old); err != nil {
		return err
	}
	_, err = c.Change(ctx, t.Name, func(d *Descriptor) error {
		if d.ID != t.ID {
			return ErrNotFound
		}
		d.forgetShards(old)
		return nil
	})
	return err
}

// retireShards hides the shards that were closed before horizon from streams and
// returns the numbers of those that recovery does not need either, from now on.
func (d *Descriptor) retireShards(now, horizon time.Time) []uint32 {
	for _, number := range d.shownBefore(horizon) {
		d.shardNumbered(number).Stream = ""
	}
	d.forgetShards(nil) // the streams that have none left
	oldest := d.oldestKept(now, horizon)
	old := d.closedBefore(oldest)
	if len(old) > 0 && d.PITR.Since.Before(oldest) && !d.PITR.Since.IsZero() {
		d.PITR.Since = oldest // for good, however many days it has from now on
	}
	return old
}

// oldestKept returns the time before which no shard of d is needed: by streams
// since horizon, by recovery for longer.
func (d *Descriptor) oldestKept(now, horizon time.Time) time.Time {
	return earlier(horizon, now.Add(-d.PITR.keeps()-trimLate))
}

// closedBefore returns the numbers of the shards of d that were closed before
// horizon.
func (d *Descriptor) closedBefore(horizon time.Time) (numbers []uint32) {
	for _, s := range d.Shards {
		if !s.Open() && s.Closed.Before(horizon) {
			numbers = append(numbers, s.Number)
		}
	}
	return numbers
}

// shownBefore returns the numbers of those that a stream shows.
func (d *Descriptor) shownBefore(horizon time.Time) []uint32 {
	return slices.DeleteFunc(d.closedBefore(horizon), func(number uint32) bool { return d.shardNumbered(number).Stream == "" })
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func (c *Catalog) clearShards(ctx context.Context, space uint32, numbers []uint32) error {
	for _, number := range numbers {
		start := appendShardKey(nil, space, number)
		if err := c.store.Clear(ctx, start, after(start)); err != nil {
			return fmt.Errorf("clear shard %d: %w", number, err)
		}
	}
	return nil
}

// forgetShards removes shards, and the streams that have none left.
func (d *Descriptor) forgetShards(numbers []uint32) {
	d.Shards = slices.DeleteFunc(d.Shards, func(s *Shard) bool { return slices.Contains(numbers, s.Number) })
	d.Streams = slices.DeleteFunc(d.Streams, func(s Stream) bool { return !s.Enabled() && len(d.Visible(s.Label)) == 0 })
}
