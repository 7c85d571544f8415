package table

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/statordb/stator/internal/kv"
	"github.com/statordb/stator/internal/kv/sealkv"
	"github.com/statordb/stator/internal/meter"
	"github.com/statordb/stator/internal/record"
	"github.com/statordb/stator/internal/seal"
)

// Errors of the Catalog.
var (
	ErrExists   = errors.New("table exists")
	ErrNotFound = errors.New("table not found")
)

// ignoreGone returns err unless it says that the table is gone.
func ignoreGone(err error) error {
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// Catalog keeps the descriptors: in memory for reading, in the store for good.
//
// A writer holds a lease on the version of the descriptor that it uses. A
// change publishes the new version and then waits for the leases on the old
// one to end, so that once Change returns no write follows the old version.
type Catalog struct {
	store kv.Store
	meter *meter.Meter
	now   func() time.Time
	// changes is held from the transaction of a change to its publication, so
	// that versions are published in the order in which they were committed.
	// It is the one lock held across I/O: changes are rare, and reading and
	// leasing tables never takes it.
	changes sync.Mutex
	keep    func(context.Context, *Descriptor, Count) error // see KeepDeleted
	seals   *sealkv.Store                                   // nil: tables have no keys of their own
	mu      struct {
		sync.RWMutex
		tables   map[string]*Table
		departed map[uint32]*Descriptor // deleted, by space; see Departed
		kept     map[uint32]*Descriptor // deleted, by space, with rows to be kept or removed; see FinishDeletions
	}
}

// Table is one version of a descriptor in use, with the table's counters.
type Table struct {
	*Descriptor
	Counts  *Counts
	changes *changeLog
	meters  map[uint32]*meter.Resource // by space; LSIs have their table's
	leases  atomic.Int64
	retired atomic.Bool
}

func catalogKey(name string) []byte { return append([]byte{catalogPrefix, 0}, name...) }

func metaKey(name string) []byte { return append([]byte{metaPrefix}, name...) }

const dropPrefix = "drop/"

// OpenCatalog reads the descriptors from store and finishes what a stop
// interrupted: the removal of tables, the closing of shards. The tables'
// capacity is counted by m; now is the clock. Who has written calls
// CloseCounts in the end.
func OpenCatalog(ctx context.Context, store kv.Store, now func() time.Time, m *meter.Meter) (*Catalog, error) {
	c := newCatalog(store, now, m)
	drops, _, err := c.read(ctx)
	if err != nil {
		return nil, err
	}
	for _, d := range c.mu.kept {
		drops = slices.DeleteFunc(drops, func(space uint32) bool { return slices.Contains(d.spaces(), space) })
	}
	return c, errors.Join(c.openCounts(ctx), c.drop(ctx, drops), c.closeShards(ctx))
}

func newCatalog(store kv.Store, now func() time.Time, m *meter.Meter) *Catalog {
	c := &Catalog{store: store, meter: m, now: now}
	c.mu.tables = map[string]*Table{}
	c.mu.departed = map[uint32]*Descriptor{}
	c.mu.kept = map[uint32]*Descriptor{}
	return c
}

// read reads the descriptors. It returns the spaces that are to be cleared, and
// whether the counts are right.
func (c *Catalog) read(ctx context.Context) (drops []uint32, right bool, err error) {
	err = c.store.View(ctx, kv.ReadOptions{Consistent: true}, func(r kv.Reader) error {
		drops = nil
		value, err := r.Get(ctx, countsRight)
		if err != nil {
			return err
		}
		right = value != nil
		if err := c.load(ctx, r, right); err != nil {
			return err
		}
		if err := errors.Join(loadDeleted(ctx, r, departedRow, c.mu.departed), loadDeleted(ctx, r, keptRow, c.mu.kept)); err != nil {
			return err
		}
		prefix := metaKey(dropPrefix)
		for p, err := range r.Scan(ctx, kv.Range{Start: prefix, End: after(prefix)}) {
			if err != nil {
				return err
			}
			drops = append(drops, binary.BigEndian.Uint32(p.Key[len(prefix):]))
		}
		return nil
	})
	if err != nil {
		return nil, false, fmt.Errorf("read the catalog: %w", err)
	}
	return drops, right, nil
}

// closeShards closes the shards that a stop left open.
func (c *Catalog) closeShards(ctx context.Context) error {
	var errs []error
	c.Each(func(t *Table) {
		if t.outdated() != nil {
			_, err := c.Change(ctx, t.Name, func(d *Descriptor) error { c.closeOutdated(d); return nil })
			errs = append(errs, err)
		}
	})
	for _, d := range c.Departed() {
		if d.outdated() != nil {
			errs = append(errs, c.changeDeparted(ctx, d, c.closeOutdated))
		}
	}
	return errors.Join(errs...)
}

func (c *Catalog) load(ctx context.Context, r kv.Reader, right bool) error {
	prefix := catalogKey("")
	for p, err := range r.Scan(ctx, kv.Range{Start: prefix, End: after(prefix)}) {
		if err != nil {
			return err
		}
		d, err := record.Parse[Descriptor](p.Key, p.Value)
		if err != nil {
			return fmt.Errorf("descriptor of table %s: %w", p.Key[len(prefix):], err)
		}
		d.prepare()
		t := &Table{Descriptor: d, Counts: newCounts(), changes: &changeLog{now: c.now}, meters: c.meters(d, nil)}
		t.changes.follow(d, c.store.LastStamp())
		for _, space := range d.spaces() {
			if err := t.Counts.load(ctx, r, space, right); err != nil {
				return err
			}
		}
		c.mu.tables[d.Name] = t
	}
	return nil
}

// spaces returns the spaces of d and of its indexes.
func (d *Descriptor) spaces() []uint32 {
	spaces := []uint32{d.Space}
	for _, x := range d.Indexes {
		spaces = append(spaces, x.Space)
	}
	return spaces
}

// SealWith seals the values of tables that have keys of their own, in the store
// that the Catalog was opened on. Nothing is written before.
func (c *Catalog) SealWith(s *sealkv.Store) {
	c.seals = s
	c.Each(func(t *Table) { s.Assign(t.spaces(), t.SSE.DataKey) })
}

// GiveKey returns s, which may be enabled, with a new key for the values of a
// table, wrapped by the key that s names, or by the one for those that name none.
// A key that cannot be used makes a *seal.KeyError.
func (c *Catalog) GiveKey(ctx context.Context, s SSE) (SSE, error) {
	if c.seals == nil || !s.Enabled {
		return s, nil
	}
	arn, err := c.keyARN(ctx, s)
	if err == nil {
		s.Key = arn
		s.DataKey, err = c.seals.NewKey(ctx, arn)
	}
	return s, err
}

func (c *Catalog) keyARN(ctx context.Context, s SSE) (arn string, err error) {
	return c.seals.Resolve(ctx, cmp.Or(s.Key, seal.ManagedAlias))
}

// ChangeKey returns next, to which a table is to change from s, with a new key for
// its values, unless it has one that the same key wraps.
func (c *Catalog) ChangeKey(ctx context.Context, s, next SSE) (SSE, error) {
	if c.seals == nil || !next.Enabled {
		return next, nil
	}
	arn, err := c.keyARN(ctx, next)
	if err != nil {
		return next, err
	}
	if s.DataKey != 0 && s.Key == arn {
		next.Key, next.DataKey = arn, s.DataKey
		return next, nil
	}
	return c.GiveKey(ctx, next)
}

// Access returns why the values of d cannot be read and written, nil if they can.
func (c *Catalog) Access(d *Descriptor) *sealkv.Inaccessible {
	if c.seals == nil || d.SSE.DataKey == 0 {
		return nil
	}
	return c.seals.Access(d.SSE.DataKey)
}

// Get returns the table called name, or nil. It may be used to read, not to
// write.
func (c *Catalog) Get(name string) *Table {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.mu.tables[name]
}

// Titles returns up to limit titles of the tables of owner (see Home) behind
// after, sorted, and whether there are more.
func (c *Catalog) Titles(owner, after string, limit int) (names []string, more bool) {
	c.mu.RLock()
	for name := range c.mu.tables {
		if title := Title(name); title > after && OwnerOf(name) == owner {
			names = append(names, title)
		}
	}
	c.mu.RUnlock()
	slices.Sort(names)
	if len(names) > limit {
		return names[:limit], true
	}
	return names, false
}

// Each calls f with every table, sorted by name.
func (c *Catalog) Each(f func(*Table)) {
	c.mu.RLock()
	tables := slices.SortedFunc(maps.Values(c.mu.tables), func(a, b *Table) int { return strings.Compare(a.Name, b.Name) })
	c.mu.RUnlock()
	for _, t := range tables {
		f(t)
	}
}

// Create adds the table d, giving it and its indexes their spaces. It returns
// ErrExists if the name is taken.
func (c *Catalog) Create(ctx context.Context, d *Descriptor) (*Table, error) {
	c.changes.Lock()
	defer c.changes.Unlock()
	key, next := catalogKey(d.Name), metaKey("next-space")
	var fresh *Descriptor
	err := c.store.Update(ctx, kv.TxOptions{Keys: [][]byte{key, next}}, func(tx kv.Tx) error {
		if old, err := tx.GetLocked(ctx, key); err != nil || old != nil {
			return errors.Join(err, found(old))
		}
		fresh = d.Clone()
		c.renewLabel(fresh)
		if err := assignSpaces(ctx, tx, next, fresh); err != nil {
			return err
		}
		c.stampShards(fresh)
		return record.Put(tx, key, fresh)
	})
	if err != nil {
		return nil, err
	}
	return c.publish(fresh, newCounts(), &changeLog{now: c.now}), nil
}

func found(value []byte) error {
	if value != nil {
		return ErrExists
	}
	return nil
}

// assignSpaces gives every space of d that has none yet the next number.
func assignSpaces(ctx context.Context, tx kv.Tx, key []byte, d *Descriptor) error {
	value, err := tx.GetLocked(ctx, key)
	if err != nil {
		return err
	}
	next := uint32(1)
	if value != nil {
		next = binary.BigEndian.Uint32(value)
	}
	give := func(space *uint32) {
		if *space == 0 {
			*space = next
			next++
		}
	}
	give(&d.Space)
	for _, x := range d.Indexes {
		give(&x.Space)
	}
	return tx.Put(key, binary.BigEndian.AppendUint32(nil, next))
}

// Change replaces the descriptor of the table called name by what edit makes
// of a copy. An error of edit is returned unchanged; ErrNotFound if there is
// no such table.
//
// Shards of the change log that changes no longer go to are closed, in a
// second step: only when nobody follows the version before is it known what
// they hold.
func (c *Catalog) Change(ctx context.Context, name string, edit func(*Descriptor) error) (*Table, error) {
	c.changes.Lock()
	defer c.changes.Unlock()
	t, err := c.change(ctx, name, edit)
	if err != nil || t.outdated() == nil {
		return t, err
	}
	// The change is made: who asked for it may be gone.
	return c.change(context.WithoutCancel(ctx), name, func(d *Descriptor) error { c.closeOutdated(d); return nil })
}

// change makes one version. The caller holds changes.
func (c *Catalog) change(ctx context.Context, name string, edit func(*Descriptor) error) (*Table, error) {
	old := c.Get(name)
	if old == nil {
		return nil, ErrNotFound
	}
	key, next := catalogKey(name), metaKey("next-space")
	var d *Descriptor
	err := c.store.Update(ctx, kv.TxOptions{Keys: [][]byte{key, next}}, func(tx kv.Tx) error {
		d = old.Clone()
		if err := edit(d); err != nil {
			return err
		}
		d.Version++
		if err := assignSpaces(ctx, tx, next, d); err != nil {
			return err
		}
		c.stampShards(d)
		return record.Put(tx, key, d)
	})
	if err != nil {
		return nil, err
	}
	return c.publish(d, old.Counts, old.changes), nil
}

// stampShards sets the first stamps of the shards that d opens.
func (c *Catalog) stampShards(d *Descriptor) {
	for _, s := range d.Shards {
		if s.First == 0 {
			s.First = c.store.LastStamp() + 1
		}
	}
}

// publish makes d the current version of its table and waits for the leases
// on the one before to end. Changes go where d says before it can be leased:
// then only leases on the one before may still use the log as it was.
func (c *Catalog) publish(d *Descriptor, counts *Counts, changes *changeLog) *Table {
	d.prepare()
	changes.follow(d, c.store.LastStamp())
	if c.seals != nil {
		c.seals.Assign(d.spaces(), d.SSE.DataKey)
	}
	c.mu.Lock()
	old := c.mu.tables[d.Name]
	t := &Table{Descriptor: d, Counts: counts, changes: changes, meters: c.meters(d, old)}
	c.mu.tables[t.Name] = t
	c.mu.Unlock()
	old.retire()
	return t
}

// Delete removes the table called name and its data. check may refuse.
func (c *Catalog) Delete(ctx context.Context, name string, check func(*Descriptor) error) (*Table, error) {
	t, err := c.forget(ctx, name, check)
	if err != nil {
		return nil, err
	}
	ctx = context.WithoutCancel(ctx) // it is deleted: who asked for it may be gone
	if t.isKept() {
		err = c.saveCounts(ctx, t)
	}
	return t, errors.Join(err, c.finishDeletion(ctx, t.Descriptor))
}

// forget removes the descriptor of the table called name, noting that its
// spaces are to be cleared.
func (c *Catalog) forget(ctx context.Context, name string, check func(*Descriptor) error) (*Table, error) {
	c.changes.Lock()
	defer c.changes.Unlock()
	t := c.Get(name)
	if t == nil {
		return nil, ErrNotFound
	}
	if err := check(t.Descriptor); err != nil {
		return nil, err
	}
	key := catalogKey(name)
	departed := t.depart(c.now())
	err := c.store.Update(ctx, kv.TxOptions{Keys: [][]byte{key}}, func(tx kv.Tx) error {
		for _, space := range t.spaces() {
			if err := tx.Put(dropKey(space), nil); err != nil {
				return err
			}
		}
		if departed != nil {
			if err := record.Put(tx, deletedKey(departedRow, t.Space), departed); err != nil {
				return err
			}
		}
		if t.isKept() {
			if err := record.Put(tx, deletedKey(keptRow, t.Space), t.Descriptor); err != nil {
				return err
			}
		}
		return tx.Delete(key)
	})
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	delete(c.mu.tables, name)
	if departed != nil {
		c.mu.departed[t.Space] = departed
	}
	c.mu.Unlock()
	t.changes.follow(&Descriptor{}, 0)
	t.retire()
	if departed == nil {
		return t, nil
	}
	return t, c.changeDeparted(ctx, departed, c.closeOutdated)
}

func dropKey(space uint32) []byte {
	return binary.BigEndian.AppendUint32(metaKey(dropPrefix), space)
}

// drop clears the rows of spaces and forgets them.
func (c *Catalog) drop(ctx context.Context, spaces []uint32) error {
	for _, space := range spaces {
		start := spaceKey(space)
		if err := c.store.Clear(ctx, start, after(start)); err != nil {
			return fmt.Errorf("clear space %d: %w", space, err)
		}
		if err := c.clearExpiry(ctx, space); err != nil {
			return err
		}
		err := c.store.Update(ctx, kv.TxOptions{Keys: [][]byte{dropKey(space)}}, func(tx kv.Tx) error {
			return errors.Join(tx.Delete(dropKey(space)), tx.Delete(countsKey(space)), tx.Delete(deletedKey(keptRow, space)))
		})
		if err != nil {
			return fmt.Errorf("forget space %d: %w", space, err)
		}
	}
	return nil
}
