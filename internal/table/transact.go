package table

import (
	"context"
	"errors"
	"slices"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/kv"
	"github.com/statordb/stator/internal/meter"
)

// Canceled is the error of a transaction that was not made. Reasons has an
// element for every mutation: nil, a *ConditionFailed, ErrOngoing, or a
// *ddberr.Fault or *ddberr.Error of the mutation's own.
type Canceled struct{ Reasons []error }

func (*Canceled) Error() string { return "the transaction was canceled" }

// Transaction is a set of mutations of different items that are made all or
// none.
type Transaction struct {
	Mutations []Mutation
	Token     *Token // nil: not idempotent
}

// Outcome is what a transaction did.
type Outcome struct {
	Changes []Change // copies, one for each mutation
	// Replayed says that the token's transaction was made before: nothing was
	// changed now, and the Changes show the items as they are.
	Replayed bool
}

// Transact makes all mutations of t, or none: then it returns *Canceled, with
// the reason of every mutation that has one. All conditions are tested on the
// state before. It returns ErrTokenInUse and ErrTokenMismatch for its token.
func (e *Engine) Transact(ctx context.Context, t Transaction) (Outcome, error) {
	keys := make([][]byte, 0, len(t.Mutations)+1)
	for _, m := range t.Mutations {
		keys = append(keys, m.Table.ItemKey(m.Key))
	}
	locked := keys
	if t.Token != nil {
		locked = append(locked, tokenKey(t.Token.Value))
	}
	if taken := e.ongoing.begin(locked); taken != nil {
		return Outcome{}, conflict(taken, len(keys))
	}
	defer e.ongoing.end(locked)
	var out Outcome
	tables := make([]*Table, len(t.Mutations))
	for i, m := range t.Mutations {
		tables[i] = m.Table
	}
	if err := admitAll(meter.Write, tables, keys); err != nil {
		return Outcome{}, err
	}
	e.writing.RLock()
	defer e.writing.RUnlock()
	err := e.store.Update(ctx, kv.TxOptions{Keys: locked}, func(tx kv.Tx) (err error) {
		out.release()
		out, err = e.transact(ctx, tx, t, keys)
		return err
	})
	if err != nil {
		out.release()
		chargeCanceled(t.Mutations, keys, out.Changes, err)
		return Outcome{}, err
	}
	for i := range out.Changes {
		c := &out.Changes[i]
		if out.Replayed {
			c.Table.release(meter.Write, nil, keys[i])
			c.Table.charge(meter.Read, nil, keys[i], TransactFactor*ReadUnits(c.OldSize, true), false)
		} else {
			e.settle(c, TransactFactor)
		}
	}
	return out, nil
}

// TransactFactor is how many times the units of a plain request a transaction
// consumes of its tables. (Developer guide, "Capacity management for
// transactions".)
const TransactFactor = 2

// release gives back what indexes have admitted of an outcome that is not to be.
func (out *Outcome) release() {
	for i := range out.Changes {
		out.Changes[i].release()
	}
}

// chargeCanceled takes what a transaction consumes that was not made. One that
// a condition canceled has been prepared, which is a write of every item as it
// is; another one consumes nothing. (Developer guide, "Condition expressions"
// and "Capacity management for transactions".)
func chargeCanceled(mutations []Mutation, keys [][]byte, changes []Change, err error) {
	var canceled *Canceled
	prepared := errors.As(err, &canceled) && slices.ContainsFunc(canceled.Reasons, func(err error) bool {
		var failed *ConditionFailed
		return errors.As(err, &failed)
	})
	for i, m := range mutations {
		if prepared {
			m.Table.charge(meter.Write, nil, keys[i], WriteUnits(changes[i].OldSize), true)
		} else {
			m.Table.release(meter.Write, nil, keys[i])
		}
	}
}

// admitAll returns *Canceled if the capacity for some items, of the tables and
// with the keys given, is used up. Then it takes none.
func admitAll(k meter.Kind, tables []*Table, keys [][]byte) error {
	canceled, refused := &Canceled{make([]error, len(tables))}, false
	for i, t := range tables {
		if err := t.admit(k, nil, keys[i]); err != nil {
			canceled.Reasons[i], refused = err, true
		}
	}
	if !refused {
		return nil
	}
	for i, t := range tables {
		if canceled.Reasons[i] == nil {
			t.release(k, nil, keys[i])
		}
	}
	return canceled
}

// conflict returns the error of a transaction of n mutations some of whose
// keys, the token's last, are taken.
func conflict(taken []int, n int) error {
	c := &Canceled{make([]error, n)}
	for _, i := range taken {
		if i == n {
			return ErrTokenInUse
		}
		c.Reasons[i] = ErrOngoing
	}
	return c
}

func (e *Engine) transact(ctx context.Context, tx kv.Tx, t Transaction, keys [][]byte) (out Outcome, err error) {
	if t.Token != nil {
		if out.Replayed, err = t.Token.seen(ctx, tx); err != nil {
			return out, err
		}
	}
	if out.Changes, err = e.decideAll(ctx, tx, t, keys, out.Replayed); err != nil || out.Replayed {
		return out, err
	}
	at := e.now() // one instant: a recovery has all of a transaction or nothing
	for i := range out.Changes {
		out.Changes[i].at = at
		if err := out.Changes[i].put(ctx, tx, keys[i]); err != nil {
			return out, canceledAt(i, len(keys), err)
		}
		out.Changes[i].detach(t.Mutations[i].KeepOld)
	}
	if t.Token != nil {
		return out, t.Token.remember(tx)
	}
	return out, nil
}

// canceledAt returns the error of a transaction of n mutations that failed at
// the one with index i: an index may be out of capacity.
func canceledAt(i, n int, err error) error {
	var throttle *meter.Throttle
	if !errors.As(err, &throttle) {
		return err
	}
	c := &Canceled{make([]error, n)}
	c.Reasons[i] = err
	return c
}

// decideAll decides every mutation before any is made. For a replay it only
// reads the items. With *Canceled the changes have the sizes of the old items.
func (e *Engine) decideAll(ctx context.Context, tx kv.Tx, t Transaction, keys [][]byte, replay bool) ([]Change, error) {
	changes := make([]Change, len(keys))
	canceled := &Canceled{make([]error, len(keys))}
	refused := false
	for i, m := range t.Mutations {
		if replay {
			m.Condition, m.Next = nil, func(old attr.Item) (attr.Item, error) { return old, nil }
		}
		var err error
		if changes[i], err = e.decide(ctx, tx, m, keys[i]); err == nil {
			continue
		}
		if !isReason(err) {
			return nil, err
		}
		canceled.Reasons[i], refused = err, true
	}
	if refused {
		return changes, canceled
	}
	if replay {
		for i := range changes {
			changes[i].detach(false)
		}
	}
	return changes, nil
}

// isReason reports whether err cancels a transaction, rather than being a
// failure of the server.
func isReason(err error) bool {
	var failed *ConditionFailed
	var fault *ddberr.Fault
	var e *ddberr.Error
	return errors.As(err, &failed) || errors.As(err, &fault) || errors.As(err, &e) || errors.Is(err, ErrCollectionFull)
}

// Lookup names an item.
type Lookup struct {
	Table *Table
	Key   attr.Item // checked
}

// GetAll returns copies of the items as they are at one instant, empty where
// there is none; or *Canceled, with a *meter.Throttle for every item whose
// table is out of capacity.
func (e *Engine) GetAll(ctx context.Context, lookups []Lookup) ([]Row, error) {
	keys, tables := make([][]byte, len(lookups)), make([]*Table, len(lookups))
	for i, l := range lookups {
		keys[i], tables[i] = l.Table.ItemKey(l.Key), l.Table
	}
	if err := admitAll(meter.Read, tables, keys); err != nil {
		return nil, err
	}
	items := make([]Row, len(lookups))
	err := e.store.View(ctx, kv.ReadOptions{Keys: keys, Consistent: true}, func(r kv.Reader) error {
		for i, key := range keys {
			value, err := r.Get(ctx, key)
			if err != nil {
				return err
			}
			if value == nil {
				items[i] = Row{}
				continue
			}
			row, err := parseRow(value)
			if err != nil {
				return err
			}
			items[i] = row.clone()
		}
		return nil
	})
	for _, l := range lookups {
		if err == nil {
			err = e.served(l.Table, nil)
		}
	}
	if err != nil {
		return nil, err
	}
	for i, l := range lookups {
		l.Table.charge(meter.Read, nil, keys[i], TransactFactor*ReadUnits(items[i].Size, true), true)
	}
	return items, nil
}
