package table_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/kv"
	"github.com/statordb/stator/internal/table"
)

// damaged has an engine on a table whose rows a test damages.
type damaged struct {
	t      *testing.T
	store  kv.Store
	engine *table.Engine
	table  *table.Table
}

func newDamaged(t *testing.T) *damaged {
	d := &damaged{t: t, store: onMemory()(t)}
	d.engine = openEngine(t, d.store)
	d.table = create(t, d.engine, simpleTable("t",
		index("all", true, schema(keys(keyA), keyB), "ALL"),
		index("keys", true, schema(keys(keyB)), "KEYS_ONLY")))
	for i := range 600 { // several chunks
		write(t, d.engine, put(d.table, sample(i)))
	}
	checkAll(t, d.engine)
	return d
}

// sample is item i; every third is in no index.
func sample(i int) attr.Item {
	if i%3 == 0 {
		return attr.NewItem(str("pk", fmt.Sprint(i)), str("sk", "s"), num("z", i))
	}
	return attr.NewItem(str("pk", fmt.Sprint(i)), str("sk", "s"), str("a", "a"), num("b", i), num("e", i))
}

// set stores a row, or removes it if value is nil, behind the engine's back.
func (d *damaged) set(key, value []byte) {
	d.t.Helper()
	must(d.t, d.store.Update(ctx, kv.TxOptions{Keys: [][]byte{key}}, func(tx kv.Tx) error {
		if value == nil {
			return tx.Delete(key)
		}
		return tx.Put(key, value)
	}))
}

// row is the stored form of it.
func row(it attr.Item) []byte {
	return append(binary.AppendUvarint([]byte{1}, uint64(it.Size())), it.Stored()...)
}

// Check finds every kind of damage, and names the table, the index and the row.
func TestCheckFinds(t *testing.T) {
	one := sample(1)
	for name, test := range map[string]struct {
		damage func(d *damaged) (key []byte)
		want   string
	}{
		"an entry without item": {func(d *damaged) []byte {
			d.set(d.table.ItemKey(one), nil)
			return d.table.PositionKey(d.table.Index("all"), one)
		}, "the entry has no item"},
		"an item without entry": {func(d *damaged) []byte {
			key := d.table.PositionKey(d.table.Index("keys"), one)
			d.set(key, nil)
			return key
		}, "there is no such entry"},
		"an entry that is old": {func(d *damaged) []byte {
			key := d.table.PositionKey(d.table.Index("all"), one)
			d.set(key, row(one.Patch([]attr.Attribute{num("e", 7)})))
			return key
		}, "the entry differs"},
		"an entry with too much": {func(d *damaged) []byte {
			key := d.table.PositionKey(d.table.Index("keys"), one)
			d.set(key, row(one))
			return key
		}, "the entry differs"},
		"an entry in an old place": {func(d *damaged) []byte {
			moved := one.Patch([]attr.Attribute{str("a", "b")})
			key := d.table.PositionKey(d.table.Index("all"), moved)
			d.set(key, row(moved))
			return key
		}, "another place"},
		"an entry of an item that has none": {func(d *damaged) []byte {
			it := sample(3).Patch([]attr.Attribute{num("b", 3)})
			key := d.table.PositionKey(d.table.Index("keys"), it)
			d.set(key, row(it))
			return key
		}, "no place in the index"},
		"an item under another key": {func(d *damaged) []byte {
			key := d.table.ItemKey(sample(1000))
			d.set(key, row(sample(1001)))
			return key
		}, "the key of its item"},
		"an item with another hash": {func(d *damaged) []byte {
			key := d.table.ItemKey(sample(3))
			value := row(sample(3))
			d.set(key, nil)
			key[6] ^= 1
			d.set(key, value)
			return key
		}, "the key of its item"},
		"an item without key": {func(d *damaged) []byte {
			key := d.table.ItemKey(sample(3))
			d.set(key, row(attr.NewItem(num("b", 1))))
			return key
		}, "a key attribute of the table is absent"},
		"a row cut short": {func(d *damaged) []byte {
			key := d.table.ItemKey(one)
			value := row(one)
			d.set(key, value[:len(value)-1])
			return key
		}, "damaged stored encoding"},
		"a row of another version": {func(d *damaged) []byte {
			key := d.table.ItemKey(one)
			d.set(key, append([]byte{9}, one.Stored()...))
			return key
		}, "unknown version"},
		"an empty row": {func(d *damaged) []byte {
			key := d.table.ItemKey(one)
			d.set(key, []byte{})
			return key
		}, "unknown version"},
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			d := newDamaged(t)
			key := test.damage(d)
			err := d.engine.Check(ctx, d.table)
			if err == nil {
				t.Fatal("nothing found")
			}
			for _, want := range []string{"table t", test.want, fmt.Sprintf("row %x", key)} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the finding does not say %q: %v", want, err)
				}
			}
			if all := d.engine.CheckAll(ctx); all == nil || all.Error() != err.Error() {
				t.Errorf("CheckAll says %v, Check %v", all, err)
			}
		})
	}
}

// Check stops after a few findings.
func TestCheckIsBounded(t *testing.T) {
	d := newDamaged(t)
	for i := range 600 {
		d.set(d.table.ItemKey(sample(i)), []byte{1, 255})
	}
	err := d.engine.Check(ctx, d.table)
	if n := len(strings.Split(fmt.Sprint(err), "\n")); n != 10 {
		t.Errorf("%d findings, want 10: %v", n, err)
	}
}

// CheckAll finds rows that belong to nothing.
func TestCheckFindsStrays(t *testing.T) {
	d := newDamaged(t)
	stray := bytes.Clone(d.table.ItemKey(sample(1)))
	stray[4] = 200
	d.set(stray, row(sample(1)))
	must(t, d.engine.Check(ctx, d.table))
	if err := d.engine.CheckAll(ctx); err == nil || !strings.Contains(err.Error(), "space 200") {
		t.Errorf("CheckAll says %v, want space 200 named", err)
	}
}
