package table_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/kv"
	"github.com/statordb/stator/internal/kv/pebblekv"
	"github.com/statordb/stator/internal/seal"
	"github.com/statordb/stator/internal/table"
)

const (
	cutWriters  = 6
	cutItems    = 6 // that a writer has for itself
	cutAccounts = 4 // that all share
	cutMaxAcks  = 120
)

// Cuts the power at random moments under load. A writer changes items of its
// own, one operation after the other, so that the disk must hold what its
// operations up to some point make: not before the last acknowledged one, nor
// in the middle of one. Transactions move money between accounts that all
// writers share and count themselves in the writer's ledger, so that the
// accounts must hold what exactly the transfers in the ledgers make.
func TestPowerCut(t *testing.T) {
	t.Run("plain", func(t *testing.T) { cutPower(t, nil) })
	t.Run("sealed", func(t *testing.T) { cutPower(t, seal.InMemory()) })
}

// cutPower runs a machine whose files keys seal.
func cutPower(t *testing.T, keys *seal.Keys) {
	rng := newRand(t)
	cuts := 100
	if testing.Short() {
		cuts = 15
	}
	m := &cutMachine{t: t, disk: vfs.NewCrashableMem(), keys: keys}
	for w := range m.writers {
		m.writers[w].name = fmt.Sprint("writer", w)
	}
	for i := range cuts {
		m.round(rng)
		if t.Failed() {
			t.Fatalf("in round %d", i)
		}
	}
	m.start() // what the last cut left
	t.Logf("%d cuts, %d operations acknowledged before them, %d more found on the disk", cuts, m.acknowledged, m.more)
	if m.acknowledged == 0 || m.more == 0 || m.canceled.Load() == 0 {
		t.Errorf("the load does not test much: %d acknowledged, %d more, %d transactions canceled", m.acknowledged, m.more, m.canceled.Load())
	}
}

// cutMachine is a computer whose power is cut.
type cutMachine struct {
	t            *testing.T
	disk         *vfs.MemFS
	keys         *seal.Keys
	store        kv.Store
	engine       *table.Engine
	table        *table.Table
	writers      [cutWriters]cutWriter
	accounts     [cutAccounts]int // at the start of the round
	canceled     atomic.Int64
	acknowledged int
	more         int
}

// cutWriter is one client in one round.
type cutWriter struct {
	name  string
	total int            // operations before the round
	start map[string]doc // its items at the start of the round, by sort key
	steps []cutStep      // the operations begun; written by the writer alone
	acks  atomic.Int64   // how many of steps are acknowledged, or were read
}

// cutStep is what one operation changes.
type cutStep struct {
	set      map[string]doc // items of the writer's own; nil is absence
	from, to int            // accounts
	amount   int
}

// start opens the disk and checks it.
func (m *cutMachine) start() {
	t := m.t
	fs := errorfs.Wrap(m.disk, errorfs.InjectorFunc(dawdle))
	store, err := pebblekv.Open(pebblekv.Options{Dir: "store", FS: fs, Keys: m.keys, Logger: quiet, CacheBytes: 1 << 20})
	must(t, err)
	m.store, m.engine = store, openEngine(t, store)
	if m.table = m.engine.Catalog.Get("t"); m.table == nil {
		m.table = create(t, m.engine, simpleTable("t",
			index("all", true, schema(keys(keyA), keyB), "ALL"),
			index("some", true, schema(keys(keyAttr("pk", attr.S)), keyAttr("e", attr.N)), "INCLUDE", "a"),
			index("local", false, schema(keys(keyAttr("pk", attr.S)), keyD), "KEYS_ONLY")))
	}
	must(t, m.engine.CheckAll(ctx))
	page, err := m.engine.Read(ctx, table.Plan{Table: m.table, Range: m.table.ScanRange(nil, 0, 1), Consistent: true})
	must(t, err)
	found := map[string]map[string]doc{}
	for _, it := range page.Items {
		d := docOf(it)
		pk := d["pk"].text
		if found[pk] == nil {
			found[pk] = map[string]doc{}
		}
		found[pk][d["sk"].text] = d
	}
	m.check(found)
}

// check compares what is on the disk, and begins a round from it.
func (m *cutMachine) check(found map[string]map[string]doc) {
	want := m.accounts
	for w := range m.writers {
		wr := &m.writers[w]
		n := wr.match(found[wr.name])
		if n < 0 {
			m.t.Errorf("%s: the disk holds the state after none of operations %d to %d: %v", wr.name, wr.acks.Load(), len(wr.steps), found[wr.name])
			return
		}
		m.more += n - int(wr.acks.Load())
		for _, s := range wr.steps[:n] {
			want[s.from] -= s.amount
			want[s.to] += s.amount
		}
		wr.start, wr.steps = found[wr.name], nil
		wr.total += n
		wr.acks.Store(0)
		delete(found, wr.name)
	}
	for a := range want {
		it := found["accounts"][fmt.Sprint(a)].item()
		if got := intOf(it, "b"); got != want[a] {
			m.t.Errorf("account %d holds %d, want %d", a, got, want[a])
		}
	}
	m.accounts = want
	delete(found, "accounts")
	if len(found) > 0 {
		m.t.Errorf("items of nobody: %v", found)
	}
}

// match returns after how many operations of wr, all acknowledged ones and
// maybe more, its items are those found, or -1.
func (wr *cutWriter) match(found map[string]doc) int {
	state := maps.Clone(wr.start)
	if state == nil {
		state = map[string]doc{}
	}
	for n := 0; ; n++ {
		same := maps.EqualFunc(state, found, func(a, b doc) bool { return maps.Equal(a, b) })
		if same && n >= int(wr.acks.Load()) {
			return n
		}
		if n == len(wr.steps) {
			return -1
		}
		apply(state, wr.steps[n].set)
	}
}

func apply(state, set map[string]doc) {
	for sk, d := range set {
		if d == nil {
			delete(state, sk)
		} else {
			state[sk] = d
		}
	}
}

// round starts the machine, cuts its power under load, and leaves the disk of
// that moment.
func (m *cutMachine) round(rng *rand.Rand) {
	m.start()
	if m.t.Failed() {
		return
	}
	var acks atomic.Int64
	var over atomic.Bool
	cutAt, cut := 1+rng.Int64N(cutMaxAcks), make(chan struct{})
	var closing sync.Once
	acknowledge := func() {
		if acks.Add(1) >= cutAt || m.t.Failed() {
			closing.Do(func() { close(cut) })
		}
	}
	var workers sync.WaitGroup
	for w := range m.writers {
		own := rand.New(rand.NewPCG(rng.Uint64(), 0))
		workers.Go(func() {
			for !over.Load() && !m.t.Failed() {
				m.operation(&m.writers[w], own)
				acknowledge()
			}
			acknowledge()
		})
	}
	workers.Go(func() {
		for w := 0; !over.Load() && !m.t.Failed(); w = (w + 1) % cutWriters {
			m.observe(&m.writers[w])
		}
	})
	<-cut
	var seen [cutWriters]int64
	for w := range seen {
		seen[w] = m.writers[w].acks.Load()
		m.acknowledged += int(seen[w])
	}
	disk := m.disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rng.IntN(101), RNG: rng})
	over.Store(true)
	workers.Wait()
	m.engine.Close()
	must(m.t, m.store.Close())
	// What was acknowledged after the cut never happened on the next machine.
	for w := range seen {
		m.writers[w].acks.Store(seen[w])
	}
	m.disk = disk
}

// dawdle lets others run before each sync, as a real disk does; without it the
// time between a write and its sync would be too short to be hit.
func dawdle(op errorfs.Op) error {
	switch op.Kind {
	case errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo:
		for range 200 {
			runtime.Gosched()
		}
	}
	return nil
}

// raise raises the count of operations that may not be lost any more.
func (wr *cutWriter) raise(n int) {
	for old := wr.acks.Load(); int64(n) > old; old = wr.acks.Load() {
		if wr.acks.CompareAndSwap(old, int64(n)) {
			return
		}
	}
}

// The ledger is an item of a writer that has the number of the last operation
// that wrote it, so that a read of it says how far the writer is.
const ledger = "ledger"

// observe reads, consistently, how far wr is: that may not be lost.
func (m *cutMachine) observe(wr *cutWriter) {
	row, err := m.engine.Get(ctx, m.table, attr.NewItem(str("pk", wr.name), str("sk", ledger)), true)
	if err != nil {
		m.t.Errorf("Get: %v", err)
	}
	if n := intOf(row.Item, "b") - wr.total; n > 0 {
		wr.raise(n)
	}
}

// operation does one thing for wr.
func (m *cutMachine) operation(wr *cutWriter, rng *rand.Rand) {
	state := map[string]doc{}
	maps.Copy(state, wr.start)
	for _, s := range wr.steps {
		apply(state, s.set)
	}
	step := cutStep{set: map[string]doc{}}
	count := wr.total + len(wr.steps) + 1
	change := func() {
		sk := fmt.Sprint("item", rng.IntN(cutItems))
		step.set[sk] = wr.next(state[sk], sk, count, rng)
	}
	if rng.IntN(3) == 0 {
		change() // a write of its own
	} else {
		step.set[ledger] = wr.doc(ledger, doc{"b": val{attr.N, fmt.Sprint(count)}})
		for range rng.IntN(4) {
			change()
		}
		if from, to := rng.IntN(cutAccounts), rng.IntN(cutAccounts); from != to && rng.IntN(3) == 0 {
			step.from, step.to, step.amount = from, to, 1+rng.IntN(9)
		}
	}
	wr.steps = append(wr.steps, step)
	for {
		err := m.make(wr, state, step)
		if err == nil {
			break
		}
		var canceled *table.Canceled
		if !errors.As(err, &canceled) || !slices.ContainsFunc(canceled.Reasons, func(r error) bool { return errors.Is(r, table.ErrOngoing) }) {
			m.t.Errorf("before the cut: %v", err)
			return
		}
		m.canceled.Add(1)
		runtime.Gosched()
	}
	wr.raise(len(wr.steps))
}

func (wr *cutWriter) doc(sk string, attrs doc) doc {
	attrs["pk"], attrs["sk"] = val{attr.S, wr.name}, val{attr.S, sk}
	return attrs
}

// next returns what becomes of an item: another, a change of it, or nothing.
func (wr *cutWriter) next(old doc, sk string, count int, rng *rand.Rand) doc {
	if old != nil && rng.IntN(4) == 0 {
		return nil
	}
	d := doc{"f": val{attr.S, strings.Repeat("x", rng.IntN(300))}, "g": val{attr.N, fmt.Sprint(count)}}
	if old != nil && rng.IntN(2) == 0 {
		d = maps.Clone(old)
		d["g"] = val{attr.N, fmt.Sprint(count)}
	}
	for _, a := range []table.KeyAttr{keyA, keyB, keyD, keyAttr("e", attr.N)} {
		switch rng.IntN(3) {
		case 0:
			delete(d, a.Name)
		case 1:
			d[a.Name] = randomVal(rng, a.Type)
		}
	}
	return wr.doc(sk, d)
}

// make runs the step: one change as a write, more as a transaction, each
// conditional on the state before.
func (m *cutMachine) make(wr *cutWriter, state map[string]doc, s cutStep) error {
	var ms []table.Mutation
	for _, sk := range slices.Sorted(maps.Keys(s.set)) {
		ms = append(ms, m.conditional(wr, sk, state[sk], s.set[sk]))
	}
	if s.amount > 0 {
		ms = append(ms, m.move(s.from, -s.amount), m.move(s.to, s.amount))
	}
	if len(ms) == 1 {
		_, err := m.engine.Write(ctx, ms[0])
		return err
	}
	_, err := m.engine.Transact(ctx, table.Transaction{Mutations: ms})
	return err
}

// conditional makes old next; it fails if the item is not old.
func (m *cutMachine) conditional(wr *cutWriter, sk string, old, next doc) table.Mutation {
	key := attr.NewItem(str("pk", wr.name), str("sk", sk))
	c := condition("attribute_not_exists(pk)")
	if g, ok := old["g"]; ok {
		c = condition("g = :g", attr.Attribute{Name: ":g", Value: g.value()})
	} else if b, ok := old["b"]; ok {
		c = condition("b = :b", attr.Attribute{Name: ":b", Value: b.value()})
	}
	return table.Mutation{Table: m.table, Key: key, Condition: c, Next: func(attr.Item) (attr.Item, error) { return next.item(), nil }}
}

// move adds amount to an account.
func (m *cutMachine) move(account, amount int) table.Mutation {
	key := attr.NewItem(str("pk", "accounts"), str("sk", fmt.Sprint(account)))
	return table.Mutation{Table: m.table, Key: key, Next: func(old attr.Item) (attr.Item, error) {
		return key.Patch([]attr.Attribute{num("b", intOf(old, "b")+amount), str("a", "account"), num("e", intOf(old, "e")+1)}), nil
	}}
}
