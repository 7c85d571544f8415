package table_test

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/statordb/stator/internal/kv"
	"github.com/statordb/stator/internal/table"
)

// closedStore is a store with a table of 100 items that has an index and a
// stream, whose server has stopped.
func closedStore(t *testing.T) *damaged {
	d := &damaged{t: t, store: onMemory()(t)}
	d.engine = openEngine(t, d.store)
	desc := simpleTable("t", index("all", true, schema(keys(keyA), keyB), "ALL"))
	desc.EnableStream("NEW_AND_OLD_IMAGES", time.Unix(1, 0))
	d.table = create(t, d.engine, desc)
	for i := range 100 {
		write(t, d.engine, put(d.table, sample(i)))
	}
	shut(t, d.engine, d.store)
	return d
}

// everyRow returns the keys and values of a store.
func (d *damaged) everyRow() string {
	var all strings.Builder
	must(d.t, d.store.View(ctx, kv.ReadOptions{}, func(r kv.Reader) error {
		for p, err := range r.Scan(ctx, kv.Range{Start: []byte{0}}) {
			if err != nil {
				return err
			}
			fmt.Fprintf(&all, "%q %q\n", p.Key, p.Value)
		}
		return nil
	}))
	return all.String()
}

func TestCheckStore(t *testing.T) {
	d := closedStore(t)
	before := d.everyRow()
	report, err := table.CheckStore(ctx, d.store)
	must(t, err)
	if got, want := fmt.Sprint(report), fmt.Sprint(table.StoreReport{Tables: 1, Items: 100, IndexEntries: 66, Changes: 100}); got != want {
		t.Errorf("the report is %s, want %s", got, want)
	}
	if d.everyRow() != before {
		t.Error("the check has written")
	}
}

// TestCheckStoreFinds what Check does not look at.
func TestCheckStoreFinds(t *testing.T) {
	shardKey := func(d *damaged, shard uint32, stamp uint64) []byte {
		key := binary.BigEndian.AppendUint32([]byte{'l'}, d.table.Space)
		return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(key, shard), stamp)
	}
	for want, damage := range map[string]func(d *damaged){
		"there is no such entry": func(d *damaged) { d.set(d.table.PositionKey(d.table.Index("all"), sample(1)), nil) },
		"rows of":                func(d *damaged) { d.set(d.table.ItemKey(sample(3)), nil) },
		"space 77 has rows but no table": func(d *damaged) {
			d.set([]byte{'d', 0, 0, 0, 77, 1, 2, 3, 4, 5}, row(sample(1)))
		},
		"no table has this shard":           func(d *damaged) { d.set(shardKey(d, 9, 1), row(sample(1))) },
		"is not one of shard":               func(d *damaged) { d.set(shardKey(d, 1, 0), row(sample(1))) },
		"record of the change log has unkn": func(d *damaged) { d.set(shardKey(d, 1, 1<<40), []byte{9, 9, 9}) },
		"damaged stored encoding": func(d *damaged) {
			stored := sample(1).Stored()
			d.set(shardKey(d, 1, 1<<40), append([]byte{1, 4, 2}, stored[:len(stored)-1]...))
		},
		"another length": func(d *damaged) { d.set(append(shardKey(d, 1, 1), 1), row(sample(1))) },
	} {
		t.Run(want, func(t *testing.T) {
			d := closedStore(t)
			damage(d)
			report, err := table.CheckStore(ctx, d.store)
			must(t, err)
			if !slices.ContainsFunc(report.Findings, func(err error) bool { return strings.Contains(err.Error(), want) }) {
				t.Errorf("found %v, want %q", report.Findings, want)
			}
		})
	}
	d := closedStore(t)
	d.set([]byte("c\x00t"), []byte("{"))
	if _, err := table.CheckStore(ctx, d.store); err == nil || !strings.Contains(err.Error(), "descriptor of table t") {
		t.Errorf("a broken descriptor: %v", err)
	}
}
