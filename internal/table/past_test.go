package table_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sort"
	"strconv"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/extsort"
	"github.com/statordb/stator/internal/kv"
	"github.com/statordb/stator/internal/meter"
	"github.com/statordb/stator/internal/table"
)

// history is a table under test, and what it was like after every write.
type history struct {
	t       *testing.T
	rng     *rand.Rand
	on      disk
	store   kv.Store
	engine  *table.Engine
	now     time.Time
	items   map[string]string // JSON by key
	past    []instant
	scratch extsort.Scratch
}

// instant is the state from a time on.
type instant struct {
	at    time.Time
	items map[string]string
}

// A table at random seconds of days of writes is what a model has been then,
// and what changed between two of them is the difference of the model's.
func TestPast(t *testing.T) {
	eachDriver(t, func(t *testing.T, on disk) {
		h := &history{t: t, rng: newRand(t), on: on, now: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC),
			items: map[string]string{}, scratch: extsort.Scratch{FS: vfs.NewMem(), Dir: "scratch", Memory: 4 << 10}}
		h.open()
		create(t, h.engine, simpleTable("t",
			index("all", true, schema(keys(keyA), keyB), "ALL"),
			index("local", false, schema(keys(keyAttr("pk", attr.S)), keyD), "KEYS_ONLY")))
		h.work(50)
		_, err := h.engine.SetPITR(ctx, "t", true, 35)
		must(t, err)
		h.past = []instant{{h.now, maps.Clone(h.items)}}
		rounds, lookups := 6, 10
		for range rounds {
			h.work(150)
			h.kill()
			for range lookups {
				h.lookup()
			}
		}
		h.restore()
	})
}

func (h *history) open() {
	clock := func() time.Time { return h.now }
	h.store = h.on(h.t)
	catalog, err := table.OpenCatalog(ctx, h.store, clock, meter.New(clock, false))
	must(h.t, err)
	h.engine = table.NewEngine(h.store, catalog, quiet)
	must(h.t, h.engine.StartJobs(ctx))
}

// kill ends the process between two writes, without what a server that is
// stopped does.
func (h *history) kill() {
	h.engine.Close()
	_ = h.store.Close()
	h.open()
}

// work makes some writes, over hours.
func (h *history) work(writes int) {
	for range writes {
		h.now = h.now.Add(time.Duration(h.rng.IntN(300_000)) * time.Millisecond)
		tbl := h.engine.Lease("t")
		if h.rng.IntN(4) == 0 {
			var tr table.Transaction
			for _, n := range h.rng.Perm(30)[:3] {
				tr.Mutations = append(tr.Mutations, h.mutation(tbl, n))
			}
			_, err := h.engine.Transact(ctx, tr)
			must(h.t, err)
		} else {
			write(h.t, h.engine, h.mutation(tbl, h.rng.IntN(30)))
		}
		tbl.Release()
		h.past = append(h.past, instant{h.now, maps.Clone(h.items)})
		if h.rng.IntN(20) == 0 {
			tbl := h.engine.Catalog.Get("t")
			if open := tbl.Log(0); len(open) > 0 {
				must(h.t, h.engine.Rotate(ctx, "t", open[h.rng.IntN(len(open))].Number, 1+h.rng.IntN(2)))
			}
			must(h.t, h.engine.TrimLogs(ctx, h.now, h.now.Add(-24*time.Hour)))
		}
	}
}

// mutation changes item n, and the model.
func (h *history) mutation(tbl *table.Table, n int) table.Mutation {
	key := attr.NewItem(str("pk", strconv.Itoa(n%5)), str("sk", strconv.Itoa(n)))
	name := string(key.AppendJSON(nil))
	if h.rng.IntN(4) == 0 {
		delete(h.items, name)
		return table.Mutation{Table: tbl, Key: key, Next: func(attr.Item) (attr.Item, error) { return attr.Item{}, nil }}
	}
	it := attr.NewItem(str("pk", strconv.Itoa(n%5)), str("sk", strconv.Itoa(n)), str("a", strconv.Itoa(h.rng.IntN(3))),
		num("b", h.rng.IntN(1000)), str("d", strconv.Itoa(h.rng.IntN(9))))
	h.items[name] = string(it.AppendJSON(nil))
	return put(tbl, it)
}

// at returns what the model was like, before the writes at the instant itself if
// exclusive.
func (h *history) at(at time.Time, exclusive bool) map[string]string {
	i := sort.Search(len(h.past), func(i int) bool {
		return h.past[i].at.After(at) || exclusive && h.past[i].at.Equal(at)
	})
	return h.past[max(i-1, 0)].items
}

// second returns a random one at which the table can be recovered.
func (h *history) second() time.Time {
	since := h.engine.Catalog.Get("t").PITR.Earliest(h.now)
	if h.rng.IntN(4) == 0 { // that of a write
		return h.past[1+h.rng.IntN(len(h.past)-1)].at
	}
	at := since.Add(time.Duration(h.rng.Int64N(int64(h.now.Sub(since)))))
	return at.Truncate(time.Second).Add(time.Second)
}

// frozen freezes the table until the test goes on.
func (h *history) frozen(use func(kv.Frozen, *table.Table)) {
	name := fmt.Sprintf("f%d", h.rng.Uint64())
	tbl := h.engine.Catalog.Get("t")
	tbl, err := h.engine.FreezeTable(ctx, tbl, name, tbl.PITR.Since)
	must(h.t, err)
	f, err := h.store.Frozen(ctx, name)
	must(h.t, err)
	use(f, tbl)
	must(h.t, f.Close())
	must(h.t, h.store.Thaw(ctx, name))
}

func (h *history) lookup() {
	h.frozen(func(f kv.Frozen, tbl *table.Table) {
		at := h.second()
		past, err := table.OpenPast(ctx, f, tbl.Descriptor, at, h.scratch)
		must(h.t, err)
		got := map[string]string{}
		for row, err := range past.Rows(ctx, tbl.Whole()) {
			must(h.t, err)
			got[keyName(row.Item)] = string(row.Item.AppendJSON(nil))
		}
		must(h.t, past.Close())
		if want := h.at(at, false); !maps.Equal(got, want) {
			h.t.Fatalf("at %v the table was %v, not %v", at, got, want)
		}
		from, to := h.second(), h.second()
		if from.After(to) {
			from, to = to, from
		}
		h.window(f, tbl, from, to)
	})
}

func keyName(it attr.Item) string {
	return string(it.Project([]string{"pk", "sk"}).AppendJSON(nil))
}

// window checks what changed from one instant to another.
func (h *history) window(f kv.Frozen, tbl *table.Table, from, to time.Time) {
	w, err := table.OpenWindow(ctx, f, tbl.Descriptor, from, to, h.scratch)
	must(h.t, err)
	defer w.Close()
	state := maps.Clone(h.at(from, true))
	for c, err := range w.Changes(ctx, tbl.Whole()) {
		must(h.t, err)
		it := c.New
		if it.IsEmpty() {
			it = c.Old
		}
		name := keyName(it)
		if old := string(c.Old.AppendJSON(nil)); !c.Old.IsEmpty() && old != state[name] || c.Old.IsEmpty() != (state[name] == "") {
			h.t.Fatalf("%s was %q at %v, not %s", name, state[name], from, old)
		}
		if c.Last.Before(from) || !c.Last.Before(to) {
			h.t.Fatalf("a change of %v in the window from %v to %v", c.Last, from, to)
		}
		if c.New.IsEmpty() {
			delete(state, name)
		} else {
			state[name] = string(c.New.AppendJSON(nil))
		}
	}
	if want := h.at(to, true); !maps.Equal(state, want) {
		h.t.Fatalf("the changes from %v to %v make %v, not %v", from, to, state, want)
	}
}

// restore fills other tables, one of them twice.
func (h *history) restore() {
	h.frozen(func(f kv.Frozen, tbl *table.Table) {
		for i := range 3 {
			d := simpleTable(fmt.Sprint("restored", i), index("all", true, schema(keys(keyA), keyB), "ALL"))
			d.Creating = true
			fresh := create(h.t, h.engine, d)
			var want map[string]string
			for range 2 {
				at := h.second()
				want = h.at(at, false)
				past, err := table.OpenPast(ctx, f, tbl.Descriptor, at, h.scratch)
				must(h.t, err)
				n := 0
				must(h.t, h.engine.Fill(ctx, fresh, h.scratch, past.Pairs(ctx, tbl.Whole()), func(int) { n++ }))
				must(h.t, past.Close())
				if n != len(want) {
					h.t.Errorf("%d items were reported, not %d", n, len(want))
				}
			}
			fresh, err := h.engine.FinishCreating(ctx, fresh)
			must(h.t, err)
			page, err := h.engine.Read(ctx, table.Plan{Table: fresh, Range: fresh.ScanRange(nil, 0, 1)})
			must(h.t, err)
			got := map[string]string{}
			for _, it := range page.Items {
				got[keyName(it)] = string(it.AppendJSON(nil))
			}
			if !maps.Equal(got, want) {
				h.t.Errorf("restored %v, not %v", got, want)
			}
		}
		checkAll(h.t, h.engine)
	})
	files, _ := h.scratch.FS.List("scratch")
	if len(files) > 0 {
		h.t.Errorf("left behind: %q", slices.Sorted(slices.Values(files)))
	}
}
