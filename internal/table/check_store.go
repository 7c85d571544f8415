package table

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/kv"
	"github.com/statordb/stator/internal/meter"
)

// StoreReport is what CheckStore saw.
type StoreReport struct {
	Tables       int
	Items        int64
	IndexEntries int64
	Changes      int64 // in the change logs
	Findings     []error
}

// CheckStore checks the tables in a store that nobody writes, and writes nothing
// itself: what Check says of each table, the counts, that there are no rows
// without a table, and every record of the change logs. Its error is that of a
// store that cannot be read.
func CheckStore(ctx context.Context, store kv.Store) (StoreReport, error) {
	catalog := newCatalog(store, time.Now, meter.New(time.Now, false))
	drops, right, err := catalog.read(ctx)
	if err != nil {
		return StoreReport{}, err
	}
	s := &storeCheck{engine: NewEngine(store, catalog, slog.New(slog.DiscardHandler)), known: map[uint32]bool{}, right: right}
	defer s.engine.Close()
	for _, space := range drops { // half removed
		s.known[space] = true
	}
	catalog.Each(func(t *Table) { s.table(ctx, t) })
	strays, err := s.engine.strays(ctx, s.known)
	for _, space := range strays {
		s.find("space %d has rows but no table or index", space)
	}
	if err != nil {
		err = fmt.Errorf("look for rows without a table: %w", err)
	}
	return s.report, errors.Join(err, s.log(ctx))
}

// storeCheck is one run of CheckStore.
type storeCheck struct {
	engine *Engine
	known  map[uint32]bool // spaces that may have rows
	right  bool            // the counts should be
	report StoreReport
}

func (s *storeCheck) find(format string, args ...any) {
	s.report.Findings = append(s.report.Findings, fmt.Errorf(format, args...))
}

// table checks a table.
func (s *storeCheck) table(ctx context.Context, t *Table) {
	s.report.Tables++
	for _, space := range t.spaces() {
		if s.known[space] {
			s.find("table %s: space %d has another user", t.Name, space)
		}
		s.known[space] = true
	}
	counts, err := s.engine.Recount(ctx, t)
	if err != nil {
		s.report.Findings = append(s.report.Findings, err)
		return
	}
	for space, n := range counts {
		if space == t.Space {
			s.report.Items += n.Items
		} else {
			s.report.IndexEntries += n.Items
		}
		if said := t.Counts.Of(space); s.right && said != n && t.counted(space) {
			s.find("table %s: %d rows of %d bytes are counted in space %d, which has %d of %d", t.Name, said.Items, said.Bytes, space, n.Items, n.Bytes)
		}
	}
}

// counted reports whether the stored count of a space is meant to be right.
func (t *Table) counted(space uint32) bool {
	t.Counts.mu.Lock()
	defer t.Counts.mu.Unlock()
	n := t.Counts.mu.spaces[space]
	return n == nil || n.again == nil
}

// log checks the change logs.
func (s *storeCheck) log(ctx context.Context) error {
	shards := s.shards()
	r := kv.Range{Start: []byte{logPrefix}, End: []byte{logPrefix + 1}}
	return s.engine.store.View(ctx, kv.ReadOptions{Consistent: true}, func(reader kv.Reader) error {
		for p, err := range reader.Scan(ctx, r) {
			if err != nil {
				return fmt.Errorf("read the change log: %w", err)
			}
			s.report.Changes++
			if fault := checkRecord(p, shards); fault != nil {
				if s.find("change log, row %x: %w", p.Key, fault); len(s.report.Findings) > maxFindings {
					return nil
				}
			}
		}
		return nil
	})
}

// shardKeyLen is the length of what the rows of a shard begin with.
const shardKeyLen = 1 + 4 + 4

// shards returns the shards that may have records, by the key of their rows.
func (s *storeCheck) shards() map[string]*Shard {
	all := map[string]*Shard{}
	add := func(d *Descriptor) {
		for _, shard := range d.Shards {
			all[string(appendShardKey(nil, d.Space, shard.Number))] = shard
		}
	}
	s.engine.Each(func(t *Table) { add(t.Descriptor) })
	for _, d := range s.engine.Departed() {
		add(d)
	}
	for _, d := range s.engine.mu.kept {
		add(d)
	}
	return all
}

// checkRecord reports what is wrong with a record of the change log.
func checkRecord(p kv.Pair, shards map[string]*Shard) error {
	if len(p.Key) != shardKeyLen+kv.StampSize {
		return errors.New("the key has another length than those of records")
	}
	shard, stamp := shards[string(p.Key[:shardKeyLen])], binary.BigEndian.Uint64(p.Key[shardKeyLen:])
	switch {
	case shard == nil:
		return errors.New("no table has this shard")
	case stamp < shard.First || !shard.Open() && stamp > shard.Last:
		return fmt.Errorf("the stamp %d is not one of shard %d", stamp, shard.Number)
	}
	r, err := parseRecord(p)
	if err != nil {
		return err
	}
	for _, it := range slices.DeleteFunc([]attr.Item{r.Key, r.Old, r.New}, attr.Item.IsEmpty) {
		if err := attr.Verify(it.Stored()); err != nil {
			return err
		}
	}
	return nil
}
