package table

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/job"
	"github.com/statordb/stator/internal/kv"
)

// ErrCollectionFull is the error of a write that would make an item
// collection larger than a table with local secondary indexes allows.
var ErrCollectionFull = errors.New("the item collection is full")

// collectionLimit is the largest size of an item collection, in bytes, of a
// table with local secondary indexes: its items and their index entries.
// collectionCare is the size of a whole table below which no collection needs
// to be looked at. (Developer guide, "Item collections".) Variables for tests.
var (
	collectionLimit int64 = 10 << 30
	collectionCare  int64 = 1 << 30
)

// maxCollections bounds the sizes that are remembered. Only large collections
// are never forgotten, of which a disk holds few.
const maxCollections = 1 << 16

// collections remembers the sizes of item collections. A collection is read
// once, in the background and in steps, when it is first written after the
// start; from then on its size follows the writes to it. Until it is read the
// size is what has been read so far. A counter in the store would be changed
// by every write of a collection, which would then wait for one another's sync.
type collections struct {
	mu struct {
		sync.Mutex
		known  map[string]*collection // by the key that the items begin with
		unread []*collection          // in the order they are to be read
	}
}

// collection is the size of one item collection: of the items and of their
// entries in every LSI.
type collection struct{ parts []part }

// part is the rows of a collection in one space. They are all read when next
// has come to the end.
type part struct {
	recount
	space uint32
	end   []byte
}

func (c *collection) size() (total int64) {
	for i := range c.parts {
		total += c.parts[i].count.Bytes
	}
	return total
}

// unread returns a part that is not read to its end, or nil.
func (c *collection) unread() *part {
	i := slices.IndexFunc(c.parts, func(p part) bool { return !bytes.Equal(p.next, p.end) })
	if i < 0 {
		return nil
	}
	return &c.parts[i]
}

// add follows a write, if the collection is remembered.
func (c *collections) add(prefix string, deltas []countDelta) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known := c.mu.known[prefix]
	if known == nil {
		return
	}
	for _, d := range deltas {
		for i := range known.parts {
			if p := &known.parts[i]; p.space == d.space {
				p.add(d)
			}
		}
	}
}

// size returns what is known of the size of the collection of it in t, and
// whether there is something to read.
func (c *collections) size(t *Table, it attr.Item) (n int64, unread bool) {
	prefix := t.collectionPrefix(t.Space, it)
	c.mu.Lock()
	defer c.mu.Unlock()
	known := c.mu.known[string(prefix)]
	if known == nil {
		if known = c.remember(string(prefix)); known == nil {
			return 0, true
		}
		for _, space := range t.spaces() {
			if x := t.bySpace(space); x == nil || !x.Global {
				start := t.collectionPrefix(space, it)
				known.parts = append(known.parts, part{recount{next: start}, space, after(start)})
			}
		}
	}
	return known.size(), len(c.mu.unread) > 0
}

// remember adds a collection to read, nil if there is no room for it. The
// caller holds c.mu.
func (c *collections) remember(prefix string) *collection {
	if c.mu.known == nil {
		c.mu.known = map[string]*collection{}
	}
	if len(c.mu.known) >= maxCollections && !c.forgetOne() {
		return nil
	}
	added := &collection{}
	c.mu.known[prefix] = added
	c.mu.unread = append(c.mu.unread, added)
	return added
}

// forgetTries is how many collections are looked at for one to forget: while
// most are being read, looking at all would hold up every write.
const forgetTries = 64

// forgetOne forgets some collection that is far from the limit and read to its
// end, which is soon read again. The order of a map is random.
func (c *collections) forgetOne() bool {
	tries := 0
	for prefix, known := range c.mu.known {
		if tries++; tries > forgetTries {
			break
		}
		if known.size() < collectionLimit/16 && known.unread() == nil {
			delete(c.mu.known, prefix)
			return true
		}
	}
	return false
}

// begin starts to read some collection, at the moment of the snapshot.
func (c *collections) begin() *part {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.mu.unread) > 0 {
		if p := c.mu.unread[0].unread(); p != nil {
			p.reading = true
			return p
		}
		c.mu.unread = c.mu.unread[1:]
	}
	return nil
}

// end ends what begin started: the rows before next are read.
func (c *collections) end(p *part, read Count, next []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p.recount.end(read, next)
}

// collectionReader reads the collections whose sizes are asked for.
type collectionReader struct {
	engine *Engine
	pace   pace
	idle   bool // nothing was left to read in the last step
}

var _ job.Job = (*collectionReader)(nil)

// Name implements job.Job.
func (*collectionReader) Name() string { return "collections" }

// Step implements job.Job. What is read is in memory: there is no cursor.
func (r *collectionReader) Step(ctx context.Context, _ []byte) (next []byte, wait time.Duration, err error) {
	start := time.Now()
	e := r.engine
	var p *part
	read, next, err := e.countSome(ctx, func() (kv.Range, bool) {
		if p = e.collections.begin(); p == nil {
			return kv.Range{}, false
		}
		return kv.Range{Start: p.next, End: p.end}, true
	})
	if p == nil {
		if r.idle {
			return nil, 0, nil
		}
		r.idle = true // the next collection may come soon
		return []byte("more"), time.Second, nil
	}
	r.idle = false
	e.collections.end(p, read, next)
	return []byte("more"), r.pace.wait(e.store, time.Since(start)), err
}

// collected reports whether the collections of t have to be looked at.
func (t *Table) collected() bool {
	if !t.HasLocal() {
		return false
	}
	total := t.Counts.Of(t.Space).Bytes
	for _, x := range t.Indexes {
		if !x.Global {
			total += t.Counts.Of(x.Space).Bytes
		}
	}
	return total >= collectionCare
}

// collectionPrefix returns the key that the rows of it's collection begin
// with in a space.
func (t *Table) collectionPrefix(space uint32, it attr.Item) []byte {
	return appendPartition(make([]byte, 0, 64), space, t.Key.Hash, it)
}

// collectionSize returns what is known of the size of the collection of it,
// in bytes.
func (e *Engine) collectionSize(t *Table, it attr.Item) int64 {
	n, unread := e.collections.size(t, it)
	if unread {
		e.jobs.Start(&collectionReader{engine: e})
	}
	return n
}

// checkCollection returns ErrCollectionFull if c makes its collection too
// large.
func (e *Engine) checkCollection(c *Change) error {
	if c.NewSize <= c.OldSize || !c.Table.collected() {
		return nil
	}
	if e.collectionSize(c.Table, c.New)+int64(c.NewSize-c.OldSize) > collectionLimit {
		return ErrCollectionFull
	}
	return nil
}

// bySpace returns the index with a space, nil for the table's own.
func (d *Descriptor) bySpace(space uint32) *Index {
	for _, x := range d.Indexes {
		if x.Space == space {
			return x
		}
	}
	return nil
}

// CollectionGB returns the estimated size of the item collection of it in
// whole gigabytes, rounded down: 0 for one below a gigabyte.
func (e *Engine) CollectionGB(t *Table, it attr.Item) int64 {
	if !t.collected() {
		return 0
	}
	return e.collectionSize(t, it) >> 30
}
