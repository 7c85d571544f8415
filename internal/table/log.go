package table

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/kv"
)

// changeLog is what the versions of a table share of its change log: where
// changes go, and what is known about the ends of the shards. Which shards
// there are is in the descriptor.
//
// A write finds its shard in here while it holds the lock of its item, not in
// the version that it has a lease on: so of two changes of one item the later
// never goes to an older shard.
type changeLog struct {
	now func() time.Time
	to  atomic.Pointer[destination] // nil: changes are not logged
	mu  struct {
		sync.Mutex
		tails map[uint32]*Tail // by shard
	}
}

// destination is where changes go.
type destination struct {
	shards []logShard
	images Images // that a reader needs
}

type logShard struct {
	from, to uint32 // hashes, both included
	key      []byte // what its rows begin with
	tail     *Tail
}

// Tail is the end of an open shard. It says whether reading on is worthwhile,
// and lets readers wait for that.
type Tail struct {
	stamp    atomic.Uint64 // no change in the shard has a larger one
	changes  atomic.Int64  // logged since the shard was opened, or the process started
	awaited  atomic.Bool   // somebody waits: writers, of whom few are awaited, take no lock to see it
	mu       sync.Mutex
	awaiting chan struct{} // closed at the next change; nil: nobody waits
}

// Changes returns how many changes reached the shard since it was opened, or
// the process started.
func (t *Tail) Changes() int64 { return t.changes.Load() }

// Stamp returns a stamp that no change in the shard exceeds.
func (t *Tail) Stamp() uint64 { return t.stamp.Load() }

// Wait returns a channel that is closed when there may be changes with stamp
// from or a later one.
func (t *Tail) Wait(from uint64) <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.awaiting == nil {
		t.awaiting = make(chan struct{})
		t.awaited.Store(true) // before the stamp is looked at, as grew looks at this behind it
	}
	waiting := t.awaiting
	if t.stamp.Load() >= from {
		t.wake()
	}
	return waiting
}

// wake ends the waiting. The caller holds mu.
func (t *Tail) wake() {
	if t.awaiting != nil {
		t.awaited.Store(false)
		close(t.awaiting)
		t.awaiting = nil
	}
}

// grew notes a committed change with a stamp of at most last.
func (t *Tail) grew(last uint64) {
	t.changes.Add(1)
	for old := t.stamp.Load(); old < last && !t.stamp.CompareAndSwap(old, last); old = t.stamp.Load() {
	}
	if t.awaited.Load() {
		t.mu.Lock()
		t.wake()
		t.mu.Unlock()
	}
}

// shardOf returns the shard for the row under key.
func (d *destination) shardOf(key []byte) *logShard {
	hash := hashOf(key)
	for i := range d.shards {
		if s := &d.shards[i]; hash >= s.from && hash <= s.to {
			return s
		}
	}
	panic(fmt.Sprintf("no shard of the change log has the hash %08x", hash))
}

// A record of the change log, as the value of a row whose key ends with its
// stamp: the version, flags, the time in microseconds (varint), the length of
// the old image if there are both (uvarint), and the images, or the key if
// there is none.
const recordVersion = 1

// Flags of a record.
const (
	recordHadOld   = 1 << iota // there was an item before
	recordHasNew               // there is one after
	recordOldImage             // the old image is stored
	recordNewImage             // the new image is stored
	recordExpired              // the item was deleted because its time to live was over
)

// log writes the record of c, if the table's changes are logged.
func (c *Change) log(tx kv.Tx) error {
	d := c.Table.changes.to.Load()
	if d == nil {
		return nil
	}
	c.shard = d.shardOf(c.key)
	buf := rows.Get().(*[]byte)
	defer rows.Put(buf)
	at := c.at
	if at.IsZero() {
		at = c.Table.changes.now()
	}
	*buf = d.appendRecord((*buf)[:0], c, at)
	return tx.Append(c.shard.key, *buf)
}

// appendRecord appends the record of c, made at a time.
func (d *destination) appendRecord(dst []byte, c *Change, at time.Time) []byte {
	var flags byte
	set := func(flag byte, on bool) bool {
		if on {
			flags |= flag
		}
		return on
	}
	old := set(recordHadOld, !c.Old.IsEmpty()) && d.images.Old
	next := set(recordHasNew, !c.New.IsEmpty()) && d.images.New
	set(recordOldImage, old)
	set(recordNewImage, next)
	set(recordExpired, c.Expired)
	dst = binary.AppendVarint(append(dst, recordVersion, flags), at.UnixMicro())
	if old && next {
		dst = binary.AppendUvarint(dst, uint64(len(c.Old.Stored())))
	}
	if old {
		dst = append(dst, c.Old.Stored()...)
	}
	if next {
		dst = append(dst, c.New.Stored()...)
	}
	if !old && !next {
		it := c.New
		if it.IsEmpty() {
			it = c.Old
		}
		dst = append(dst, it.Project(c.Table.keyNames).Stored()...)
	}
	return dst
}

// Record is a change of an item as the change log has it.
type Record struct {
	Stamp          uint64    // larger than those of all changes of the item before
	Time           time.Time // to the microsecond
	HadOld, HasNew bool      // whether there was an item before, and is one after
	Expired        bool      // deleted because its time to live was over
	Key            attr.Item // set if there is no image
	Old, New       attr.Item // images, empty if they were not asked for
	Bytes          int       // stored
}

// parseRecord reads a record, sharing the memory of p.
func parseRecord(p kv.Pair) (Record, error) {
	v := p.Value
	if len(v) < 3 || v[0] != recordVersion || len(p.Key) < kv.StampSize {
		return Record{}, fmt.Errorf("record of the change log has unknown version %x", v[:min(len(v), 1)])
	}
	flags := v[1]
	micros, n := binary.Varint(v[2:])
	if n <= 0 {
		return Record{}, errors.New("record of the change log has no time")
	}
	r := Record{
		Stamp: binary.BigEndian.Uint64(p.Key[len(p.Key)-kv.StampSize:]), Time: time.UnixMicro(micros),
		HadOld: flags&recordHadOld != 0, HasNew: flags&recordHasNew != 0, Expired: flags&recordExpired != 0, Bytes: len(v),
	}
	v = v[2+n:]
	switch flags & (recordOldImage | recordNewImage) {
	case 0:
		r.Key = attr.FromStored(v)
	case recordOldImage:
		r.Old = attr.FromStored(v)
	case recordNewImage:
		r.New = attr.FromStored(v)
	default:
		size, n := binary.Uvarint(v)
		if n <= 0 || size > uint64(len(v)-n) {
			return Record{}, errors.New("record of the change log is cut short")
		}
		v = v[n:]
		r.Old, r.New = attr.FromStored(v[:size]), attr.FromStored(v[size:])
	}
	return r, nil
}

// ReadLog calls visit with the records of a shard of the table that has space,
// from the stamp first on, until visit returns false. A Record is valid until
// visit returns. Records that a power cut could still take back are not seen.
func (e *Engine) ReadLog(ctx context.Context, space, shard uint32, first uint64, visit func(Record) bool) error {
	return e.store.View(ctx, kv.ReadOptions{Consistent: true}, func(reader kv.Reader) error {
		return scanLog(ctx, reader, logRange(space, shard, first), visit)
	})
}

// scanLog calls visit with the records in r until it returns false.
func scanLog(ctx context.Context, reader kv.Reader, r kv.Range, visit func(Record) bool) error {
	for p, err := range reader.Scan(ctx, r) {
		var record Record
		if err == nil {
			record, err = parseRecord(p)
		}
		if err != nil {
			return fmt.Errorf("read the change log: %w", err)
		}
		if !visit(record) {
			return nil
		}
	}
	return nil
}

// logRange returns the rows of a shard from the stamp first on.
func logRange(space, shard uint32, first uint64) kv.Range {
	prefix := appendShardKey(nil, space, shard)
	return kv.Range{Start: binary.BigEndian.AppendUint64(prefix[:len(prefix):len(prefix)], first), End: after(prefix)}
}

// LastStamp returns a stamp that no change made so far exceeds, and that every
// later change does.
func (e *Engine) LastStamp() uint64 { return e.store.LastStamp() }
