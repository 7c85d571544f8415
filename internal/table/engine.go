package table

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/expr"
	"github.com/statordb/stator/internal/job"
	"github.com/statordb/stator/internal/kv"
	"github.com/statordb/stator/internal/meter"
)

// Engine reads and writes the items of the tables in a Catalog.
type Engine struct {
	*Catalog
	Home        Home         // set before anybody asks for it
	Requests    job.Requests // that long work in the background gives way to
	store       kv.Store
	jobs        *job.Runner
	ongoing     ongoing
	collections collections
	ttl         sync.Mutex // held while the time to live of a table is set
	unexpired   sync.Map   // names of tables with items that cannot expire, of which it was said
	progress    sync.Map   // space of an index being created -> key of the next item, []byte
	// writing is held for reading from before a write's transaction until its
	// counts are added: across the commit, as the locks of its items are. A
	// recount takes it for the moment of its snapshot. It is the outermost lock
	// of a write, which takes it once.
	writing sync.RWMutex
}

// NewEngine returns an engine over store, whose descriptors are in c. Its
// background work starts with StartJobs and stops with Close.
func NewEngine(store kv.Store, c *Catalog, log *slog.Logger) *Engine {
	return &Engine{Catalog: c, store: store, jobs: job.NewRunner(store, metaKey("job/"), log)}
}

// Close stops the background work.
func (e *Engine) Close() { e.jobs.Close() }

// Mutation is one write of one item, before it is known what is there.
type Mutation struct {
	Table     *Table
	Key       attr.Item       // key attributes, checked
	Condition *expr.Condition // nil: none
	// KeepOld makes the Change carry the old item; its size is always known.
	KeepOld bool
	// Expired says that it deletes an item whose time to live is over.
	Expired bool
	// Next computes the item to store from the one there (empty if none); an
	// empty result deletes. It must have no effect outside: it may run again.
	Next func(old attr.Item) (attr.Item, error)
}

// Change is what a Mutation did. Its items are valid while the transaction
// runs.
type Change struct {
	Table            *Table
	Old, New         attr.Item
	OldSize, NewSize int          // in bytes
	Expired          bool         // as the Mutation said
	Indexes          []IndexWrite // of the indexes whose entries changed

	key        []byte // of the item
	collection string // what the keys of its collection begin with; for tables with LSIs
	counts     []countDelta
	shard      *logShard // of the change log, if the change is in there
	at         time.Time // when it was made, for the log; zero: when it is logged
}

func (c *Change) count(space uint32, key []byte, size int, sign int64) {
	c.counts = append(c.counts, countDelta{space, key, Count{sign, sign * int64(size)}})
}

// ConditionFailed is the error of a Mutation whose condition is false.
type ConditionFailed struct{ Old attr.Item }

func (*ConditionFailed) Error() string { return "the condition is false" }

// Write applies m in a transaction of its own. The items of the Change are
// copies, the old one empty unless m asks for it. It returns a *ConditionFailed, ErrOngoing if a transaction is under
// way for the item, or what m.Next returned.
func (e *Engine) Write(ctx context.Context, m Mutation) (Change, error) {
	key := m.Table.ItemKey(m.Key)
	if e.ongoing.has(key) {
		return Change{}, ErrOngoing
	}
	if err := m.Table.admit(meter.Write, nil, key); err != nil {
		return Change{}, err
	}
	e.writing.RLock()
	defer e.writing.RUnlock()
	var c Change
	err := e.store.Update(ctx, kv.TxOptions{Keys: [][]byte{key}}, func(tx kv.Tx) (err error) {
		c.release()
		if c, err = e.Apply(ctx, tx, m, key); err != nil {
			return err
		}
		c.detach(m.KeepOld)
		return nil
	})
	if err != nil {
		c.release()
		m.Table.chargeFailed(key, err)
		return c, err
	}
	e.settle(&c, 1)
	return c, nil
}

// detach makes the items of c outlive the transaction, the old one only if it
// is to be kept.
func (c *Change) detach(keepOld bool) {
	var old attr.Item
	same := c.New.Equal(c.Old) // New may be the old item itself
	if keepOld || same {
		old = c.Old.Clone()
	}
	if same {
		c.New = old
	}
	c.Old = old
}

// chargeFailed takes the units that a write consumes although its condition
// is false. Another write that failed consumes nothing.
func (t *Table) chargeFailed(key []byte, err error) {
	var failed *ConditionFailed
	if errors.As(err, &failed) {
		t.charge(meter.Write, nil, key, WriteUnits(failed.Old.Size()), true)
	} else {
		t.release(meter.Write, nil, key)
	}
}

// settle adds what a committed change did to the table's counters. Its units
// count factor times; the removal of an expired item costs none.
func (e *Engine) settle(c *Change, factor float64) {
	if c.collection != "" {
		e.collections.add(c.collection, c.counts)
	}
	if c.Expired {
		c.Table.Counts.expired.Add(1)
	} else {
		c.charge(factor)
	}
	for _, d := range c.counts {
		c.Table.Counts.add(d)
	}
	if c.shard != nil {
		c.shard.tail.grew(e.store.LastStamp())
	}
}

// charge takes the units of c.
func (c *Change) charge(factor float64) {
	if c.key != nil {
		c.Table.charge(meter.Write, nil, c.key, factor*c.Units(), true)
	}
	for _, w := range c.Indexes {
		c.Table.charge(meter.Write, w.Index, w.key, w.Units, w.admitted)
	}
}

// Apply is the write path: it reads the old item under key, which is
// m.Table's ItemKey of m.Key, tests the condition, computes the next item,
// writes it, and maintains what follows from it.
func (e *Engine) Apply(ctx context.Context, tx kv.Tx, m Mutation, key []byte) (Change, error) {
	c, err := e.decide(ctx, tx, m, key)
	if err != nil {
		return c, err
	}
	return c, c.put(ctx, tx, key)
}

// decide is the part of Apply before anything is written.
func (e *Engine) decide(ctx context.Context, tx kv.Tx, m Mutation, key []byte) (Change, error) {
	c := Change{Table: m.Table, Expired: m.Expired, key: key}
	if m.Table.HasLocal() {
		c.collection = string(m.Table.collectionPrefix(m.Table.Space, m.Key))
	}
	value, err := tx.GetLocked(ctx, key)
	if err != nil {
		return c, err
	}
	if value != nil {
		r, err := parseRow(value)
		if err != nil {
			return c, err
		}
		c.Old, c.OldSize = r.Item, r.Size
	}
	if m.Condition != nil && !m.Condition.Eval(c.Old) {
		return c, &ConditionFailed{c.Old.Clone()}
	}
	if c.New, err = m.Next(c.Old); err != nil {
		return c, err
	}
	c.NewSize = c.New.Size()
	return c, e.checkCollection(&c)
}

// put writes the change of one item and of its index entries.
func (c *Change) put(ctx context.Context, tx kv.Tx, key []byte) error {
	switch {
	case c.Old.Equal(c.New):
		return nil
	case c.New.IsEmpty():
		if err := tx.Delete(key); err != nil {
			return err
		}
	default:
		if err := putRow(tx, key, Row{c.New, c.NewSize}); err != nil {
			return err
		}
	}
	if !c.Old.IsEmpty() {
		c.count(c.Table.Space, key, c.OldSize, -1)
	}
	if !c.New.IsEmpty() {
		c.count(c.Table.Space, key, c.NewSize, +1)
	}
	for _, x := range c.Table.Indexes {
		if !x.maintained() {
			continue
		}
		if err := x.maintain(ctx, tx, c); err != nil {
			return err
		}
	}
	if err := c.keepExpiry(tx); err != nil {
		return err
	}
	return c.log(tx)
}

// Units returns the write capacity units that c consumed of its table, LSIs
// and GSIs apart.
func (c *Change) Units() float64 { return WriteUnits(max(c.OldSize, c.NewSize)) }
