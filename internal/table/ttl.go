package table

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/job"
	"github.com/statordb/stator/internal/kv"
	"github.com/statordb/stator/internal/kv/sealkv"
)

// TTL is the time to live of a table's items.
type TTL struct {
	Attribute string // that holds the time, seconds since 1970, as N; "" when disabled
	// Listed says that the entries of all items are there; a new setting begins
	// without those of older items.
	Listed  bool
	Changed time.Time // by the last request
}

// Enabled reports whether items expire.
func (t TTL) Enabled() bool { return t.Attribute != "" }

// Every item that can expire has an entry without value, ordered by time:
//
//	'x' space seconds hash partition-key sort-key
//
// Entries may outlive their items' times: who follows one looks at the item.

// maxLate is how late an item can be to expire: one whose time is older is
// kept. (Developer guide, "Time to live".)
const maxLate = 5 * 365 * 24 * time.Hour

// maxExpiry is the largest time in seconds that is looked at.
const maxExpiry = math.MaxUint32 << 8

// expiryOf returns the second in which it expires by its attribute name.
func expiryOf(it attr.Item, name string) (seconds uint64, ok bool) {
	v := it.Get(name)
	if v.IsZero() || v.Type() != attr.N {
		return 0, false
	}
	f, err := strconv.ParseFloat(v.NumberText(), 64)
	if err != nil || f < 0 || f > maxExpiry {
		return 0, false
	}
	return uint64(f), true
}

func appendExpiryPrefix(dst []byte, space uint32) []byte {
	return binary.BigEndian.AppendUint32(append(dst, expiryPrefix), space)
}

// expiryKey returns the key of the entry of the item under key.
func expiryKey(key []byte, seconds uint64) []byte {
	dst := make([]byte, 0, len(key)+8)
	dst = append(append(dst, expiryPrefix), key[1:spaceLen]...)
	return append(binary.BigEndian.AppendUint64(dst, seconds), key[spaceLen:]...)
}

// cutExpiryKey takes an entry's key apart.
func cutExpiryKey(entry []byte) (seconds uint64, key []byte) {
	key = append([]byte{dataPrefix}, entry[1:spaceLen]...)
	return binary.BigEndian.Uint64(entry[spaceLen:]), append(key, entry[spaceLen+8:]...)
}

// keepExpiry brings the entry of c's item from the old item to the new one.
func (c *Change) keepExpiry(tx kv.Tx) error {
	name := c.Table.TTL.Attribute
	if name == "" {
		return nil
	}
	before, had := expiryOf(c.Old, name)
	next, has := expiryOf(c.New, name)
	if had == has && before == next {
		return nil
	}
	if had {
		if err := tx.Delete(expiryKey(c.key, before)); err != nil {
			return err
		}
	}
	if !has {
		return nil
	}
	return tx.Put(expiryKey(c.key, next), nil)
}

// clearExpiry removes the entries of a space, if there are any. Nothing writes
// them meanwhile.
func (c *Catalog) clearExpiry(ctx context.Context, space uint32) error {
	start := appendExpiryPrefix(nil, space)
	first, err := keysIn(ctx, c.store, kv.Range{Start: start, End: after(start)}, 1)
	if err == nil && len(first) > 0 {
		err = c.store.Clear(ctx, start, after(start))
	}
	if err != nil {
		return fmt.Errorf("clear expiry times: %w", err)
	}
	return nil
}

// SetTTL changes the time to live of the table called name as edit says, and
// returns when it is in effect.
func (e *Engine) SetTTL(ctx context.Context, name string, edit func(*TTL) error) (*Table, error) {
	e.ttl.Lock() // not to clear the entries of the next setting
	defer e.ttl.Unlock()
	t, err := e.Change(ctx, name, func(d *Descriptor) error { return edit(&d.TTL) })
	if err != nil {
		return nil, err
	}
	return t, e.startTTL(ctx, t)
}

// resumeTTL is startTTL for t as it is now, though requests are served.
func (e *Engine) resumeTTL(ctx context.Context, t *Table) error {
	e.ttl.Lock()
	defer e.ttl.Unlock()
	now := e.Catalog.Get(t.Name)
	if now == nil || now.Space != t.Space {
		return nil
	}
	return e.startTTL(ctx, now)
}

// startTTL starts or finishes what the time to live of t asks for. The caller
// holds e.ttl.
func (e *Engine) startTTL(ctx context.Context, t *Table) error {
	if t.TTL.Enabled() && !t.TTL.Listed {
		e.jobs.Start(&lister{engine: e, table: t.Name, id: t.ID, changed: t.TTL.Changed})
	}
	if t.TTL.Enabled() {
		return nil
	}
	return e.clearExpiry(ctx, t.Space)
}

// lister adds the entries of the items that were there before time to live
// was enabled. The cursor is the key of the next item.
type lister struct {
	engine    *Engine
	table, id string
	changed   time.Time // tells apart the times that it was enabled
}

var _ job.Job = (*lister)(nil)

// Name implements job.Job.
func (l *lister) Name() string {
	return "expiry/" + l.id + "/" + strconv.FormatInt(l.changed.UnixNano(), 10)
}

// Step implements job.Job.
func (l *lister) Step(ctx context.Context, cursor []byte) (next []byte, wait time.Duration, err error) {
	t := l.engine.Lease(l.table)
	if t == nil {
		return nil, 0, nil
	}
	more, err := func() (bool, error) {
		defer t.Release()
		if t.ID != l.id || !t.TTL.Enabled() || !t.TTL.Changed.Equal(l.changed) {
			return false, nil
		}
		r := kv.Range{Start: spaceKey(t.Space), End: after(spaceKey(t.Space))}
		if len(cursor) > 0 {
			r.Start = cursor
		}
		keys, rest, err := itemKeys(ctx, l.engine.store, r)
		if err != nil || len(keys) == 0 {
			return false, err
		}
		next = rest
		return rest != nil, l.list(ctx, t, keys)
	}()
	if err != nil || more {
		return next, 0, err
	}
	_, err = l.engine.Change(ctx, l.table, func(d *Descriptor) error {
		if d.ID == l.id && d.TTL.Enabled() && d.TTL.Changed.Equal(l.changed) {
			d.TTL.Listed = true
		}
		return nil
	})
	return nil, 0, ignoreGone(err)
}

// list writes the entries of the items under keys.
func (l *lister) list(ctx context.Context, t *Table, keys [][]byte) error {
	err := l.engine.store.Update(ctx, kv.TxOptions{Keys: keys}, func(tx kv.Tx) error {
		for _, key := range keys {
			value, err := tx.GetLocked(ctx, key)
			if err != nil {
				return err
			}
			if value == nil { // deleted meanwhile
				continue
			}
			r, err := parseRow(value)
			if err != nil {
				return err
			}
			c := Change{Table: t, key: key, New: r.Item}
			if err := c.keepExpiry(tx); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("list expiry times of %s: %w", t.Name, err)
	}
	return nil
}

// keysIn returns up to n keys of r.
func keysIn(ctx context.Context, store kv.Store, r kv.Range, n int) (keys [][]byte, err error) {
	err = store.View(ctx, kv.ReadOptions{}, func(reader kv.Reader) error {
		keys = nil
		for p, err := range reader.Scan(ctx, r) {
			if err != nil {
				return err
			}
			if keys = append(keys, bytes.Clone(p.Key)); len(keys) == n {
				break
			}
		}
		return nil
	})
	return keys, err
}

// expireChunk is how many items one transaction deletes.
const expireChunk = 128

// ExpireAll deletes the items of all tables whose time to live is over at now. Items
// under a key that cannot be used stay, and those behind them do not wait for them.
func (e *Engine) ExpireAll(ctx context.Context, now time.Time) error {
	var errs []error
	e.Each(func(t *Table) {
		if !t.TTL.Enabled() || e.Access(t.Descriptor) != nil {
			return
		}
		if err := e.expireTable(ctx, t.Name, now); err != nil {
			errs = append(errs, fmt.Errorf("delete expired items of %s: %w", t.Name, err))
		}
	})
	return errors.Join(errs...)
}

// expireTable is ExpireAll for the table called name. Of items that stay it says so
// once, until there are none.
func (e *Engine) expireTable(ctx context.Context, name string, now time.Time) error {
	var pace pace
	var x expiry
	for more := true; more && ctx.Err() == nil; {
		start := time.Now()
		var err error
		if more, err = e.expire(ctx, name, now, &x); err != nil {
			return err
		}
		if more {
			job.Pause(ctx, pace.wait(e.store, time.Since(start)))
		}
	}
	if x.why == nil {
		e.unexpired.Delete(name)
	} else if _, said := e.unexpired.Swap(name, true); !said {
		return fmt.Errorf("%d items stay until their key can be used: %w", x.stay, x.why)
	}
	return nil
}

// expiry is one run of expireTable.
type expiry struct {
	behind []byte // the last entry that was looked at
	stay   int    // items that cannot be read
	why    *sealkv.Inaccessible
}

// expire deletes a chunk of a table's items whose time to live is over and
// reports whether there may be more.
func (e *Engine) expire(ctx context.Context, name string, now time.Time, x *expiry) (more bool, err error) {
	t := e.Lease(name)
	if t == nil {
		return false, nil
	}
	defer t.Release()
	if !t.TTL.Enabled() || now.Unix() < 0 {
		return false, nil
	}
	prefix := appendExpiryPrefix(nil, t.Space)
	r := kv.Range{
		Start: binary.BigEndian.AppendUint64(bytes.Clone(prefix), uint64(max(0, now.Add(-maxLate).Unix()))),
		End:   binary.BigEndian.AppendUint64(prefix, uint64(now.Unix())),
	}
	if bytes.Compare(x.behind, r.Start) >= 0 {
		r.Start = append(x.behind, 0)
	}
	entries, err := keysIn(ctx, e.store, r, expireChunk)
	if err != nil || len(entries) == 0 {
		return false, err
	}
	more, x.behind = len(entries) == expireChunk, entries[len(entries)-1]
	entries = slices.DeleteFunc(entries, func(entry []byte) bool {
		_, key := cutExpiryKey(entry)
		return e.ongoing.has(key)
	})
	e.writing.RLock()
	defer e.writing.RUnlock()
	changes, err := e.deleteExpired(ctx, t, entries, x)
	if err != nil {
		return false, err
	}
	for i := range changes {
		e.settle(&changes[i], 0)
	}
	return more, nil
}

// deleteExpired deletes the items of entries, and the entries of items that
// were renewed. It counts in x the items that cannot be read.
func (e *Engine) deleteExpired(ctx context.Context, t *Table, entries [][]byte, x *expiry) (changes []Change, err error) {
	keys := make([][]byte, len(entries))
	for i, entry := range entries {
		_, keys[i] = cutExpiryKey(entry)
	}
	before := *x
	err = e.store.Update(ctx, kv.TxOptions{Keys: keys}, func(tx kv.Tx) error {
		changes, *x = nil, before
		for i, entry := range entries {
			seconds, _ := cutExpiryKey(entry)
			value, err := tx.GetLocked(ctx, keys[i])
			if errors.As(err, &x.why) {
				x.stay++
				continue
			}
			if err != nil {
				return err
			}
			c, err := e.deleteAt(ctx, tx, t, keys[i], value, seconds)
			if err != nil {
				return err
			}
			if c.New.IsEmpty() && !c.Old.IsEmpty() {
				c.detach(false)
				changes = append(changes, c)
			} else if err := tx.Delete(entry); err != nil {
				return err
			}
		}
		return nil
	})
	return changes, err
}

// deleteAt deletes the item under key, where value is, if it still expires in the
// second given.
func (e *Engine) deleteAt(ctx context.Context, tx kv.Tx, t *Table, key, value []byte, seconds uint64) (Change, error) {
	if value == nil {
		return Change{}, nil
	}
	r, err := parseRow(value)
	if err != nil {
		return Change{}, err
	}
	if at, ok := expiryOf(r.Item, t.TTL.Attribute); !ok || at != seconds {
		return Change{}, nil
	}
	m := Mutation{Table: t, Key: r.Item, Expired: true, Next: func(attr.Item) (attr.Item, error) { return attr.Item{}, nil }}
	return e.Apply(ctx, tx, m, key)
}
