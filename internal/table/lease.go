package table

import "time"

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

// served returns ErrNotFound if t has been deleted, and ErrIndexNotFound if
// its index x, unless nil, has. A read asks when it is over: rows are cleared
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
	if x = now.bySpace(x.Space); x == nil || x.State == IndexDeleting {
		return ErrIndexNotFound
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
