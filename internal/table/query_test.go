package table_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/expr"
	"github.com/statordb/stator/internal/table"
)

// query compares a random query.
func (p *player) query() {
	p.t.Helper()
	m := pick(p.rng, p.tables)
	x := pick(p.rng, append([]*table.Index{nil}, m.d.Indexes...))
	k, ok := p.keyRange(m, x)
	if !ok {
		return
	}
	tbl := p.engine.Catalog.Get(m.d.Name)
	reverse := p.rng.IntN(2) == 0
	plan := table.Plan{Table: tbl, Index: x, Range: tbl.QueryRange(x, k)}
	plan.Range.Reverse = reverse
	want := m.query(x, k, reverse)
	if x != nil && !x.Global && p.rng.IntN(2) == 0 {
		plan.Fetch = true
		for i, d := range want {
			want[i] = m.docs[m.id(d)]
		}
	}
	if p.rng.IntN(4) == 0 {
		plan.Filter = condition("attribute_exists(e)")
		want = slices.DeleteFunc(want, func(d doc) bool { _, ok := d["e"]; return !ok })
	}
	if got := p.read(plan); !sameDocs(got, want) {
		p.t.Errorf("table %s, index %v, %+v, reverse %t: got %v, want %v", m.d.Name, x, k, reverse, got, want)
	}
}

// keyRange returns a random one around what x, or the table if x is nil, holds.
func (p *player) keyRange(m *modelTable, x *table.Index) (k expr.KeyRange, ok bool) {
	all := m.contents(x)
	if len(all) == 0 {
		return k, false
	}
	around := pick(p.rng, sorted(all))
	key := m.d.Schema(x)
	for _, a := range key.Hash {
		k.Hash = append(k.Hash, around[a.Name].value())
	}
	equal := 0
	if len(key.Sort) > 0 {
		equal = p.rng.IntN(len(key.Sort) + 1)
	}
	for _, a := range key.Sort[:equal] {
		k.Sort = append(k.Sort, around[a.Name].value())
	}
	if equal == len(key.Sort) || p.rng.IntN(8) == 0 {
		return k, true
	}
	operand := func() val {
		if p.rng.IntN(2) == 0 {
			return around[key.Sort[equal].Name]
		}
		return randomVal(p.rng, key.Sort[equal].Type)
	}
	lo, hi := operand(), operand()
	ops := []expr.Op{expr.Less, expr.LessOrEqual, expr.Greater, expr.GreaterOrEqual, expr.InRange}
	if lo.typ != attr.N {
		ops = append(ops, expr.BeginsWith, expr.BeginsWith)
	}
	k.Op = pick(p.rng, ops)
	switch k.Op {
	case expr.InRange:
		if lo.compare(hi) > 0 {
			lo, hi = hi, lo
		}
		k.Hi = hi.value()
	case expr.BeginsWith:
		lo.text = prefixOf(lo, p.rng.IntN(len(lo.text)+1))
	}
	k.Lo = lo.value()
	return k, true
}

// prefixOf returns n bytes of v, fewer if they would end within a character.
func prefixOf(v val, n int) string {
	if v.typ == attr.S {
		return strings.ToValidUTF8(v.text[:n], "")
	}
	return v.text[:n]
}

// Entries with equal keys are told apart by their items; pages over them
// neither repeat nor skip, in both directions, whatever the limits.
func TestPagesOverEqualKeys(t *testing.T) {
	eachDriver(t, func(t *testing.T, d disk) {
		rng := newRand(t)
		p := &player{t: t, rng: rng, store: d(t)}
		p.engine = openEngine(t, p.store)
		tbl := create(t, p.engine, simpleTable("pages", index("same", true, schema(keys(keyA), keyB), "KEYS_ONLY"), index("hash", true, schema(keys(keyA)), "ALL")))
		m := &modelTable{d: tbl.Descriptor, docs: map[string]doc{}}
		for range 300 {
			item := doc{"pk": randomVal(rng, attr.S), "sk": randomVal(rng, attr.S), "a": {attr.S, "same"}, "b": valOf(number(pick(rng, []string{"-1", "0"})))}
			write(t, p.engine, put(tbl, item.item()))
			m.docs[m.id(item)] = item
		}
		for _, x := range tbl.Indexes {
			for _, reverse := range []bool{false, true} {
				for range 20 {
					k := expr.KeyRange{Hash: []attr.Value{attr.String("same")}}
					plan := table.Plan{Table: tbl, Index: x, Range: tbl.QueryRange(x, k)}
					plan.Range.Reverse = reverse
					if got, want := p.read(plan), m.query(x, k, reverse); !sameDocs(got, want) {
						t.Fatalf("index %s, reverse %t: got %v, want %v", x.Name, reverse, got, want)
					}
				}
			}
		}
		checkAll(t, p.engine)
	})
}

// A page ends with the item that brings it to 1 MB.
func TestPageBytes(t *testing.T) {
	eachDriver(t, func(t *testing.T, d disk) {
		e := openEngine(t, d(t))
		tbl := create(t, e, simpleTable("large"))
		const items = 9
		for i := range items {
			write(t, e, put(tbl, attr.NewItem(str("pk", "p"), num("n", i), str("sk", fmt.Sprint(i)), str("blob", strings.Repeat("x", 300<<10)))))
		}
		plan := table.Plan{Table: tbl, Range: tbl.QueryRange(nil, expr.KeyRange{Hash: []attr.Value{attr.String("p")}})}
		var sizes []int
		for next := 0; ; {
			page, err := e.Read(ctx, plan)
			must(t, err)
			sizes = append(sizes, page.Count)
			for _, it := range page.Items {
				if intOf(it, "n") != next {
					t.Fatalf("item %d follows item %d", intOf(it, "n"), next-1)
				}
				next++
			}
			if page.Last.IsEmpty() {
				break
			}
			plan.Resume(page.Last)
		}
		if !slices.Equal(sizes, []int{4, 4, 1}) {
			t.Errorf("pages of %v items, want 4, 4, 1", sizes)
		}
		checkAll(t, e)
	})
}

// A page of an LSI whose entries are followed ends at 1 MB of entries and items.
func TestPageBytesOfFetchedItems(t *testing.T) {
	e := openEngine(t, onMemory()(t))
	tbl := create(t, e, simpleTable("large", index("x", false, schema(keys(keyAttr("pk", attr.S)), keyAttr("n", attr.N)), "KEYS_ONLY")))
	for i := range 9 {
		write(t, e, put(tbl, attr.NewItem(str("pk", "p"), num("n", i), str("sk", fmt.Sprint(i)), str("blob", strings.Repeat("x", 300<<10)))))
	}
	x := tbl.Indexes[0]
	for _, fetch := range []bool{false, true} {
		plan := table.Plan{Table: tbl, Index: x, Fetch: fetch, Range: tbl.QueryRange(x, expr.KeyRange{Hash: []attr.Value{attr.String("p")}})}
		var sizes []int
		for {
			page, err := e.Read(ctx, plan)
			must(t, err)
			sizes = append(sizes, page.Count)
			if page.Last.IsEmpty() {
				break
			}
			plan.Resume(page.Last)
		}
		want := []int{9}
		if fetch {
			want = []int{4, 4, 1}
		}
		if !slices.Equal(sizes, want) {
			t.Errorf("pages of %v items, want %v", sizes, want)
		}
	}
}

// The segments of a parallel scan are disjoint, complete, and about even.
func TestSegments(t *testing.T) {
	eachDriver(t, func(t *testing.T, d disk) {
		e := openEngine(t, d(t))
		tbl := create(t, e, simpleTable("segments", index("x", true, schema(keys(keyA)), "KEYS_ONLY")))
		const items = 2000
		for i := range items {
			write(t, e, put(tbl, attr.NewItem(str("pk", fmt.Sprint("p", i)), str("sk", "s"), str("a", fmt.Sprint("a", i)))))
		}
		for _, x := range []*table.Index{nil, tbl.Indexes[0]} {
			for _, n := range []int64{1, 3, 7, 1000} {
				checkSegments(t, e, tbl, x, n, items)
			}
		}
		checkAll(t, e)
	})
}

func checkSegments(t *testing.T, e *table.Engine, tbl *table.Table, x *table.Index, n int64, items int) {
	t.Helper()
	seen := map[string]bool{}
	for i := range n {
		page, err := e.Read(ctx, table.Plan{Table: tbl, Index: x, Range: tbl.ScanRange(x, i, n)})
		must(t, err)
		for _, it := range page.Items {
			pk := it.Get("pk").Str()
			if seen[pk] {
				t.Errorf("%d segments: %s is in two of them", n, pk)
			}
			seen[pk] = true
		}
		// The keys are the same in every run: this is no matter of luck.
		if mean := items / int(n); mean >= 100 && (page.Count < mean*3/4 || page.Count > mean*5/4) {
			t.Errorf("segment %d of %d has %d items of %d", i, n, page.Count, items)
		} else if page.Count > mean+15 && mean < 100 {
			t.Errorf("segment %d of %d has %d items of %d", i, n, page.Count, items)
		}
	}
	if len(seen) != items {
		t.Errorf("%d segments have %d items, want %d", n, len(seen), items)
	}
}
