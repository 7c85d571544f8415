package table

import (
	"time"

	"github.com/statordb/stator/internal/ddberr"
)

// Lease returns the table called name for writing, or nil. Every call that
// returns a table is followed by Release.
func (c *Catalog) Lease(name string) *Table {
	for {
		t := c.Get(name)
		if t == nil {
			return nil
		}
		t.leases.Add(1)
		if !t.retired.Load() {
			return t
		}
		t.leases.Add(-1)
	}
}

// Release ends a lease.
func (t *Table) Release() { t.leases.Add(-1) }

// served returns ErrNotFound if t has been deleted, and the fault of naming no
// index if its index x, unless nil, has. A read asks when it is over: rows are cleared
// only when this is known, so that it has seen all of them if not.
func (c *Catalog) served(t *Table, x *Index) error {
	if !t.retired.Load() {
		return nil
	}
	now := c.Get(t.Name)
	if now == nil || now.Space != t.Space {
		return ErrNotFound
	}
	if x == nil {
		return nil
	}
	if found := now.bySpace(x.Space); found == nil || found.State == IndexDeleting {
		return ddberr.IndexUnknown.Fault(x.Name)
	}
	return nil
}

// retire marks t as replaced and returns when its last lease has ended. A
// lease lasts as long as one write, so waiting is short and rare.
func (t *Table) retire() {
	if t == nil {
		return
	}
	t.retired.Store(true)
	for wait := 10 * time.Microsecond; t.leases.Load() > 0; wait = min(2*wait, time.Millisecond) {
		time.Sleep(wait)
	}
}
