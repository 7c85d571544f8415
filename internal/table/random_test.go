package table_test

import (
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/expr"
	"github.com/statordb/stator/internal/kv"
	"github.com/statordb/stator/internal/table"
)

var (
	keyA, keyB, keyC, keyD = keyAttr("a", attr.S), keyAttr("b", attr.N), keyAttr("c", attr.B), keyAttr("d", attr.S)

	// attributes of items besides the key, with the types that they mostly have
	attributes = []table.KeyAttr{keyA, keyB, keyC, keyD, keyAttr("e", attr.N), keyAttr("f", attr.S)}
)

func index(name string, global bool, key table.KeySchema, projection string, nonKeys ...string) *table.Index {
	return &table.Index{Name: name, Global: global, Key: key, Projection: table.Projection{Type: projection, NonKeys: nonKeys}}
}

func schema(hash []table.KeyAttr, sort ...table.KeyAttr) table.KeySchema {
	return table.KeySchema{Hash: hash, Sort: sort}
}

// randomTables cover every type of key, every projection, keys of several
// attributes, and indexes on key attributes of the table.
func randomTables() []*table.Descriptor {
	pkS, pkN, pkB := keyAttr("pk", attr.S), keyAttr("pk", attr.N), keyAttr("pk", attr.B)
	skS, skN, skB := keyAttr("sk", attr.S), keyAttr("sk", attr.N), keyAttr("sk", attr.B)
	return []*table.Descriptor{
		{Name: "sn", ID: "1", Key: schema(keys(pkS), skN), Indexes: []*table.Index{
			index("local-keys", false, schema(keys(pkS), keyA), "KEYS_ONLY"),
			index("all", true, schema(keys(keyA), keyB), "ALL"),
			index("keys", true, schema(keys(keyB)), "KEYS_ONLY"),
			index("include", true, schema(keys(keyC), skN), "INCLUDE", "e", "f"),
			index("multi", true, schema(keys(keyA, keyB), keyC, keyD), "INCLUDE", "f"),
		}},
		{Name: "b", ID: "2", Key: schema(keys(pkB)), Indexes: []*table.Index{
			index("inverse", true, schema(keys(keyB), pkB), "KEYS_ONLY"),
			index("wide", true, schema(keys(keyA, keyB, keyC, keyD), keyAttr("e", attr.N), keyAttr("f", attr.S)), "ALL"),
			index("sorted", true, schema(keys(keyD), keyA, keyB, keyC), "ALL"),
		}},
		{Name: "nb", ID: "3", Key: schema(keys(pkN), skB), Indexes: []*table.Index{
			index("local-all", false, schema(keys(pkN), keyB), "ALL"),
			index("local-include", false, schema(keys(pkN), keyC), "INCLUDE", "a"),
			index("swapped", true, schema(keys(skB), pkN), "INCLUDE", "c", "d"),
		}},
		{Name: "ss", ID: "4", Key: schema(keys(pkS), skS)},
	}
}

// player does the same at random to an engine and to a model.
type player struct {
	t      *testing.T
	rng    *rand.Rand
	disk   disk
	store  kv.Store
	engine *table.Engine
	tables []*modelTable
}

func newPlayer(t *testing.T, d disk) *player {
	p := &player{t: t, rng: newRand(t), disk: d}
	p.store = d(t)
	p.engine = openEngine(t, p.store)
	for _, d := range randomTables() {
		tbl := create(t, p.engine, d)
		p.tables = append(p.tables, &modelTable{d: tbl.Descriptor, docs: map[string]doc{}})
	}
	return p
}

func (p *player) reopen() {
	shut(p.t, p.engine, p.store)
	p.store = p.disk(p.t)
	p.engine = openEngine(p.t, p.store)
}

func TestRandom(t *testing.T) {
	eachDriver(t, func(t *testing.T, d disk) {
		p := newPlayer(t, d)
		steps := 3000
		if testing.Short() {
			steps = 800
		}
		for i := range steps {
			p.step()
			if i%(steps/4) == steps/8 {
				p.compare()
				p.reopen()
			}
			if t.Failed() {
				t.Fatalf("at step %d", i)
			}
		}
		p.compare()
		for range steps / 6 {
			p.query()
			if t.Failed() {
				return
			}
		}
	})
}

// move is a mutation of a doc in the model.
type move struct {
	m         *modelTable
	key       doc
	condition *expr.Condition
	keepOld   bool
	holds     func(old doc) bool
	next      func(old doc) (doc, error)
}

var errRefused = &ddberr.Error{Code: "Refused"}

// old returns the doc that mv is about, nil if there is none.
func (mv *move) old() doc { return mv.m.docs[mv.m.id(mv.key)] }

// outcome returns what mv should do.
func (mv *move) outcome() (next doc, err error) {
	old := mv.old()
	if mv.holds != nil && !mv.holds(old) {
		return nil, &table.ConditionFailed{}
	}
	return mv.next(old)
}

// set makes next the doc of mv.
func (mv *move) set(next doc) {
	if len(next) == 0 {
		delete(mv.m.docs, mv.m.id(mv.key))
		return
	}
	mv.m.docs[mv.m.id(mv.key)] = next
}

// mutation is mv for an engine.
func (mv *move) mutation(e *table.Engine) table.Mutation {
	return table.Mutation{
		Table: e.Lease(mv.m.d.Name), Key: mv.key.item(), Condition: mv.condition, KeepOld: mv.keepOld,
		Next: func(old attr.Item) (attr.Item, error) {
			next, err := mv.next(docOf(old))
			if err != nil {
				return attr.Item{}, err
			}
			return next.item(), nil
		},
	}
}

func (p *player) step() {
	if p.rng.IntN(4) == 0 {
		p.transact()
		return
	}
	mv := p.move()
	want, wantErr := mv.outcome()
	old := mv.old()
	m := mv.mutation(p.engine)
	c, err := p.engine.Write(ctx, m)
	m.Table.Release()
	if !p.sameReason(err, wantErr, old) || err != nil {
		return
	}
	p.sameChange(c, mv, want)
	mv.set(want)
	p.get(mv)
}

// move returns a random one.
func (p *player) move() move {
	mv := move{m: pick(p.rng, p.tables), key: doc{}, keepOld: p.rng.IntN(2) == 0}
	for _, a := range mv.m.d.Key.All() {
		mv.key[a.Name] = randomVal(p.rng, a.Type)
	}
	p.conditional(&mv)
	put := maps.Clone(mv.key)
	changes := doc{}
	for _, a := range attributes {
		if p.rng.IntN(3) > 0 {
			put[a.Name] = oddVal(p.rng, a.Type)
		}
		if p.rng.IntN(3) == 0 {
			changes[a.Name] = oddVal(p.rng, a.Type)
		}
	}
	remove := pick(p.rng, attributes).Name
	switch p.rng.IntN(12) {
	case 0, 1, 2, 3, 4:
		mv.next = func(doc) (doc, error) { return put, nil }
	case 5, 6, 7, 8:
		mv.next = func(old doc) (doc, error) {
			next := maps.Clone(mv.key)
			maps.Copy(next, old)
			maps.Copy(next, changes)
			delete(next, remove)
			return next, nil
		}
	case 9, 10:
		mv.next = func(doc) (doc, error) { return nil, nil }
	default:
		if p.rng.IntN(2) == 0 {
			mv.next = func(old doc) (doc, error) { return old, nil }
		} else {
			mv.next = func(doc) (doc, error) { return nil, errRefused }
		}
	}
	return mv
}

// conditional gives mv a condition, or not.
func (p *player) conditional(mv *move) {
	a := pick(p.rng, attributes)
	v := randomVal(p.rng, a.Type)
	switch p.rng.IntN(8) {
	case 0:
		mv.condition = condition("attribute_exists(" + a.Name + ")")
		mv.holds = func(old doc) bool { _, ok := old[a.Name]; return ok }
	case 1:
		mv.condition = condition("attribute_not_exists(pk)")
		mv.holds = func(old doc) bool { return old == nil }
	case 2:
		mv.condition = condition(a.Name+" <> :v", attr.Attribute{Name: ":v", Value: v.value()})
		mv.holds = func(old doc) bool { return old[a.Name] != v }
	}
}

// sameReason compares the errors of a mutation.
func (p *player) sameReason(got, want error, old doc) bool {
	p.t.Helper()
	var failed, wantFailed *table.ConditionFailed
	switch {
	case errors.As(want, &wantFailed) && errors.As(got, &failed):
		if len(old) > 0 || !failed.Old.IsEmpty() {
			p.sameDoc("the item of a failed condition", docOf(failed.Old), old)
		}
	case !errors.Is(got, want):
		p.t.Errorf("got error %v, want %v", got, want)
		return false
	}
	return true
}

func (p *player) sameDoc(what string, got, want doc) {
	p.t.Helper()
	if !maps.Equal(got, want) {
		p.t.Errorf("%s is %v, want %v", what, got, want)
	}
}

// sameChange compares a change with what mv, not applied to the model yet,
// should do.
func (p *player) sameChange(c table.Change, mv move, next doc) {
	p.t.Helper()
	old := mv.old()
	if oldSize, newSize := old.item().Size(), next.item().Size(); c.OldSize != oldSize || c.NewSize != newSize {
		p.t.Errorf("a change of %d bytes to %d, want %d to %d", c.OldSize, c.NewSize, oldSize, newSize)
	}
	if mv.keepOld {
		p.sameDoc("the old item of a change", docOf(c.Old), old)
	}
	p.sameDoc("the new item of a change", docOf(c.New), next)
}

// get reads the item of mv back.
func (p *player) get(mv move) {
	p.t.Helper()
	tbl := p.engine.Catalog.Get(mv.m.d.Name)
	row, err := p.engine.Get(ctx, tbl, mv.key.item(), p.rng.IntN(2) == 0)
	if err != nil {
		p.t.Errorf("Get: %v", err)
	}
	p.sameDoc("the item read", docOf(row.Item), mv.old())
}

// transact makes several moves of different items, all or none.
func (p *player) transact() {
	var moves []move
	seen := map[string]bool{}
	for range 1 + p.rng.IntN(8) {
		mv := p.move()
		if id := mv.m.d.Name + "/" + mv.m.id(mv.key); !seen[id] {
			seen[id] = true
			moves = append(moves, mv)
		}
	}
	var tr table.Transaction
	next, reasons := make([]doc, len(moves)), make([]error, len(moves))
	refused := false
	for i := range moves {
		next[i], reasons[i] = moves[i].outcome()
		refused = refused || reasons[i] != nil
		m := moves[i].mutation(p.engine)
		defer m.Table.Release()
		tr.Mutations = append(tr.Mutations, m)
	}
	out, err := p.engine.Transact(ctx, tr)
	if refused {
		p.canceled(moves, err, reasons)
		return
	}
	if err != nil {
		p.t.Errorf("Transact: %v", err)
		return
	}
	var lookups []table.Lookup
	for i, mv := range moves {
		p.sameChange(out.Changes[i], mv, next[i])
		mv.set(next[i])
		lookups = append(lookups, table.Lookup{Table: tr.Mutations[i].Table, Key: mv.key.item()})
	}
	rows, err := p.engine.GetAll(ctx, lookups)
	if err != nil {
		p.t.Errorf("GetAll: %v", err)
	}
	for i := range rows {
		p.sameDoc("an item after a transaction", docOf(rows[i].Item), moves[i].old())
	}
}

// canceled compares the reasons of a cancellation.
func (p *player) canceled(moves []move, err error, want []error) {
	var c *table.Canceled
	if !errors.As(err, &c) || len(c.Reasons) != len(want) {
		p.t.Errorf("Transact returned %v, want a cancellation for %v", err, want)
		return
	}
	for i := range want {
		p.sameReason(c.Reasons[i], want[i], moves[i].old())
		p.get(moves[i])
	}
}

// compare compares everything, and checks the engine.
func (p *player) compare() {
	p.t.Helper()
	checkAll(p.t, p.engine)
	for _, m := range p.tables {
		for _, x := range append([]*table.Index{nil}, m.d.Indexes...) {
			p.compareSpace(m, x)
		}
	}
}

// compareSpace compares a scan of x, of the table if x is nil, and its count.
func (p *player) compareSpace(m *modelTable, x *table.Index) {
	p.t.Helper()
	tbl := p.engine.Catalog.Get(m.d.Name)
	want := m.contents(x)
	got := p.read(table.Plan{Table: tbl, Index: x, Range: tbl.ScanRange(x, 0, 1)})
	if !sameDocs(sorted(got), sorted(want)) {
		p.t.Errorf("table %s: scan of %v has %d items, want %d: %v, want %v", m.d.Name, x, len(got), len(want), sorted(got), sorted(want))
	}
	space := tbl.Space
	if x != nil {
		space = x.Space
	}
	if n := tbl.Counts.Of(space).Items; n != int64(len(want)) {
		p.t.Errorf("table %s counts %d items in %v, want %d", m.d.Name, n, x, len(want))
	}
}

// read runs a plan, page by page of random sizes.
func (p *player) read(plan table.Plan) (all []doc) {
	p.t.Helper()
	for pages := 0; ; pages++ {
		plan.Limit = pick(p.rng, []int{0, 1, 1, 2, 3, 7, 100})
		plan.Consistent = p.rng.IntN(2) == 0
		page, err := p.engine.Read(ctx, plan)
		if err != nil {
			p.t.Fatalf("Read: %v", err)
		}
		if len(page.Items) != page.Count || plan.Limit > 0 && page.Scanned > plan.Limit {
			p.t.Fatalf("page of %d items, count %d, scanned %d, limit %d", len(page.Items), page.Count, page.Scanned, plan.Limit)
		}
		for _, it := range page.Items {
			all = append(all, docOf(it))
		}
		if page.Last.IsEmpty() {
			return all
		}
		// A client sends back the key attributes alone.
		names := slices.Sorted(slices.Values(append(plan.Table.Key.Names(), plan.Table.Schema(plan.Index).Names()...)))
		if !plan.Resume(page.Last.Project(names)) {
			p.t.Fatalf("cannot resume at %v", docOf(page.Last))
		}
		if pages > 100_000 {
			p.t.Fatal("the pages do not end")
		}
	}
}
