package table

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/kv"
)

// maxFindings is how many findings a check returns before it stops looking.
const maxFindings = 10

// A check reads a chunk of rows from one snapshot, until it has this many of
// them or of their bytes.
const (
	checkRows  = 256
	checkBytes = 1 << 20
)

// Check verifies the invariant of the package for t: every row is well-formed
// and stored under the key that its item has, every item has its entries in
// the indexes and every entry its item, with the attributes that the index
// projects. It returns the first findings, joined; their texts contain keys of
// items.
//
// It reads in chunks, each from a snapshot of its own, and probes what belongs
// to the rows of a chunk in the same snapshot. A write meanwhile is therefore
// no finding. Of an index that is being created entries may be missing; one
// that is being deleted is not looked at.
func (e *Engine) Check(ctx context.Context, t *Table) error {
	_, err := e.Recount(ctx, t)
	return err
}

// Recount is Check, and returns besides what Counts should say of every space
// that it looked at. If there are findings the counts are incomplete. A table that
// is being filled may be in any state.
func (e *Engine) Recount(ctx context.Context, t *Table) (map[uint32]Count, error) {
	if t.Creating {
		return nil, nil
	}
	return checkSpaces(ctx, t, func(ctx context.Context, fn func(kv.Reader) error) error {
		return e.store.View(ctx, kv.ReadOptions{Consistent: true}, fn)
	})
}

// CheckFrozen is Recount for the items of d in frozen, where FreezeTable put them.
func CheckFrozen(ctx context.Context, d *Descriptor, frozen kv.Frozen) (map[uint32]Count, error) {
	d = d.Clone()
	d.prepare()
	d.TTL, d.Indexes = TTL{}, nil // their rows are not frozen
	return checkSpaces(ctx, &Table{Descriptor: d}, func(_ context.Context, fn func(kv.Reader) error) error { return fn(frozen) })
}

// checkSpaces is Recount with the snapshots of view.
func checkSpaces(ctx context.Context, t *Table, view func(context.Context, func(kv.Reader) error) error) (map[uint32]Count, error) {
	c := &checker{view: view, table: t, counts: map[uint32]Count{}}
	err := c.scan(ctx, nil)
	for _, x := range t.Indexes {
		if err == nil && x.maintained() {
			err = c.scan(ctx, x)
		}
	}
	if errors.Is(err, errEnough) {
		err = nil
	} else if err != nil {
		err = fmt.Errorf("table %s: %w", t.Name, err)
	}
	return c.counts, errors.Join(append(c.findings, err)...)
}

// CheckAll checks every table, and that there are no rows of tables and
// indexes that are gone. For that, no table may be created or deleted meanwhile.
func (e *Engine) CheckAll(ctx context.Context) error {
	known := map[uint32]bool{}
	var found []error
	e.Each(func(t *Table) {
		for _, space := range t.spaces() {
			if known[space] {
				found = append(found, fmt.Errorf("table %s: space %d has another user", t.Name, space))
			}
			known[space] = true
		}
		found = append(found, e.Check(ctx, t))
	})
	strays, err := e.strays(ctx, known)
	if err != nil {
		found = append(found, fmt.Errorf("look for strays: %w", err))
	}
	for _, space := range strays {
		found = append(found, fmt.Errorf("space %d has rows but no table or index", space))
	}
	return errors.Join(found...)
}

// strays returns the first spaces that hold rows and are not known.
func (e *Engine) strays(ctx context.Context, known map[uint32]bool) (strays []uint32, err error) {
	for start := []byte{dataPrefix}; start != nil && len(strays) < maxFindings; {
		r := kv.Range{Start: start, End: after([]byte{dataPrefix})}
		start = nil
		err := e.store.View(ctx, kv.ReadOptions{Consistent: true}, func(reader kv.Reader) error {
			for p, err := range reader.Scan(ctx, r) {
				if err != nil {
					return err
				}
				if len(p.Key) < spaceLen {
					return fmt.Errorf("row with the short key %x", p.Key)
				}
				space := binary.BigEndian.Uint32(p.Key[1:])
				if !known[space] {
					strays = append(strays, space)
				}
				start = after(spaceKey(space))
				return nil
			}
			return nil
		})
		if err != nil {
			return strays, err
		}
	}
	return strays, nil
}

// errEnough stops a check that has found maxFindings.
var errEnough = errors.New("enough findings")

// checker is one run of checkSpaces.
type checker struct {
	view     func(context.Context, func(kv.Reader) error) error
	table    *Table
	counts   map[uint32]Count
	findings []error
}

// find notes what is wrong with the row of x under key, of the table itself if
// x is nil. It returns errEnough after the last finding that is wanted.
func (c *checker) find(x *Index, key []byte, format string, args ...any) error {
	where := "table " + c.table.Name
	if x != nil {
		where += ", index " + x.Name
	}
	c.findings = append(c.findings, fmt.Errorf("%s, row %x: %s", where, key, fmt.Sprintf(format, args...)))
	if len(c.findings) >= maxFindings {
		return errEnough
	}
	return nil
}

// scan checks all rows of x, of the table itself if x is nil.
func (c *checker) scan(ctx context.Context, x *Index) error {
	space := c.table.spaceOf(x)
	c.counts[space] = Count{} // also of an empty space
	r := kv.Range{Start: spaceKey(space), End: after(spaceKey(space))}
	for r.Start != nil {
		next, err := c.chunk(ctx, x, r)
		if err != nil {
			return err
		}
		r.Start = next
	}
	return nil
}

// chunk checks the first rows of r and returns where the others begin, nil if
// there are none.
func (c *checker) chunk(ctx context.Context, x *Index, r kv.Range) (next []byte, err error) {
	before, findings := c.counts[c.table.spaceOf(x)], len(c.findings)
	err = c.view(ctx, func(reader kv.Reader) error {
		next = nil
		c.counts[c.table.spaceOf(x)], c.findings = before, c.findings[:findings]
		rows, size := 0, 0
		for p, err := range reader.Scan(ctx, r) {
			if err != nil {
				return err
			}
			if rows++; rows > checkRows || size > checkBytes {
				next = bytes.Clone(p.Key)
				return nil
			}
			size += len(p.Value)
			if err := c.row(ctx, reader, x, p); err != nil {
				return err
			}
		}
		return nil
	})
	return next, err
}

// row checks one row of x, of the table itself if x is nil.
func (c *checker) row(ctx context.Context, r kv.Reader, x *Index, p kv.Pair) error {
	row, err := parseRow(p.Value)
	it := row.Item
	if err == nil {
		err = attr.Verify(it.Stored())
	}
	if err != nil {
		return c.find(x, p.Key, "%v", err)
	}
	if size := it.Size(); size != row.Size {
		return c.find(x, p.Key, "the row says %d bytes, its item has %d", row.Size, size)
	}
	space := c.table.spaceOf(x)
	n := c.counts[space]
	c.counts[space] = Count{n.Items + 1, n.Bytes + int64(it.Size())}
	if err := c.keyFault(x, it); err != nil {
		return c.find(x, p.Key, "%v", err)
	}
	if key := c.table.PositionKey(x, it); !bytes.Equal(key, p.Key) {
		return c.find(x, p.Key, "the key of its item %s is %x", c.name(it), key)
	}
	if x != nil {
		return c.entry(ctx, r, x, it, p)
	}
	if err := c.expiry(ctx, r, it, p.Key); err != nil {
		return err
	}
	return c.item(ctx, r, it)
}

// keyFault reports what keeps it from having a key in the table, and in x if
// not nil.
func (c *checker) keyFault(x *Index, it attr.Item) error {
	t := c.table
	if !canBeKeys(t.Key.Hash, it, maxHashKey) || !canBeKeys(t.Key.Sort, it, maxSortKey) {
		return fmt.Errorf("a key attribute of the table is absent or cannot be one, in %s", c.name(it))
	}
	if x == nil {
		return nil
	}
	if _, ok := x.entry(it); !ok {
		return fmt.Errorf("a key attribute of the index is absent or cannot be one, in the entry of %s", c.name(it))
	}
	return nil
}

// name returns the key attributes of it as text.
func (c *checker) name(it attr.Item) string {
	key := make([]attr.Attribute, 0, 2)
	for _, a := range c.table.Key.All() {
		key = append(key, attr.Attribute{Name: a.Name, Value: it.Get(a.Name)})
	}
	return string(attr.NewItem(key...).AppendJSON(nil))
}

// expiry checks that the item under key has its entry, if it expires.
func (c *checker) expiry(ctx context.Context, r kv.Reader, it attr.Item, key []byte) error {
	seconds, ok := expiryOf(it, c.table.TTL.Attribute)
	if !ok || !c.table.TTL.Listed {
		return nil
	}
	value, err := r.Get(ctx, expiryKey(key, seconds))
	if err == nil && value == nil {
		err = c.find(nil, key, "the time to live of the item %s is not listed", c.name(it))
	}
	return err
}

// item checks that it has its entries.
func (c *checker) item(ctx context.Context, r kv.Reader, it attr.Item) error {
	for _, x := range c.table.Indexes {
		entry, ok := x.entry(it)
		if !ok || !x.maintained() {
			continue
		}
		key := x.entryKey(c.table.Descriptor, entry)
		value, err := r.Get(ctx, key)
		switch {
		case err != nil:
			return err
		case value == nil && x.State == IndexActive:
			err = c.find(x, key, "there is no such entry, but the item %s", c.name(it))
		case value != nil && !bytes.Equal(value, appendRow(nil, Row{entry, entry.Size()})):
			err = c.find(x, key, "the entry differs from what the index projects of its item %s", c.name(it))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// entry checks that the entry of x that p holds belongs to an item. What it
// contains is compared when the item is checked.
func (c *checker) entry(ctx context.Context, r kv.Reader, x *Index, entry attr.Item, p kv.Pair) error {
	value, err := r.Get(ctx, c.table.ItemKey(entry))
	if err != nil {
		return err
	}
	if value == nil {
		return c.find(x, p.Key, "the entry has no item %s", c.name(entry))
	}
	row, err := parseRow(value)
	if err != nil || attr.Verify(row.Item.Stored()) != nil {
		return nil // found with the item
	}
	want, ok := x.entry(row.Item)
	switch {
	case !ok:
		return c.find(x, p.Key, "the entry's item %s has no place in the index", c.name(entry))
	case !bytes.Equal(x.entryKey(c.table.Descriptor, want), p.Key):
		return c.find(x, p.Key, "the entry's item %s has another place in the index", c.name(entry))
	}
	return nil
}
