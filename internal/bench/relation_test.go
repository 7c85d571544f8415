package bench

import (
	"bytes"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestGroupsOfLoads(t *testing.T) {
	for list, want := range map[string][][]string{
		"get":                          {{"get"}},
		"put,get,put-gsi":              {{"put", "put-gsi"}, {"get"}},
		"transact,query-gsi,put,query": {{"transact", "put"}, {"query-gsi", "query"}},
	} {
		if got := groups(strings.Split(list, ",")); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v", list, got)
		}
	}
}

// secondsOf returns rounds of a second each, with so many operations.
func secondsOf(operations ...uint64) *rounds {
	r := &rounds{}
	for _, n := range operations {
		r.server = append(r.server, Round{Operations: n, Elapsed: time.Second, Latency: new(Histogram)})
	}
	return r
}

// TestRelate checks that ratios are of rounds in pairs, weighted, and that a
// conflict is no throughput.
func TestRelate(t *testing.T) {
	transact := secondsOf(500, 200, 400)
	transact.server[2].Conflicts = 100
	got := relate(map[string]*rounds{
		"put": secondsOf(1000, 2000, 3000), "put-gsi": secondsOf(700, 1000, 2700), "transact": transact, "query-gsi": secondsOf(1),
	})
	want := []Relation{
		{Load: "put-gsi", To: "put", Weight: 1, Ratio: 0.7, Lowest: 0.5, Highest: 0.9, Goal: 0.6, Met: true},
		{Load: "transact", To: "put", Weight: 2, Ratio: 0.2, Lowest: 0.2, Highest: 1, Goal: 0.5},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	var text bytes.Buffer
	if err := writeRelations(&text, got); err != nil || !strings.Contains(text.String(), "2 x transact / put   0.20") {
		t.Errorf("%v\n%s", err, &text)
	}
}

func TestPlanRefusesTwice(t *testing.T) {
	p := Plan{Loads: []string{"get", "put", "get"}, Rounds: 1, Stop: Stop{Operations: 1}}
	if err := p.Validate(); err == nil {
		t.Error("a load that is there twice is not refused")
	}
}

// TestOwnItems checks that clients have items of their own, if there are
// enough, and draw two different ones.
func TestOwnItems(t *testing.T) {
	rng := newRand(2)
	for _, c := range []struct{ clients, items, span int }{{32, 10_000, 312}, {5, 10, 2}, {6, 10, 10}} {
		for i := range c.clients {
			low, span := ownItems(i, c.clients, c.items)
			if span != c.span || c.span < c.items && low != i*span || low+span > c.items {
				t.Errorf("client %d of %d has %d items of %d from %d", i, c.clients, span, c.items, low)
			}
		}
		for range 100 {
			if a, b := pair(rng, c.span); a == b || max(a, b) >= c.span {
				t.Errorf("drew %d and %d below %d", a, b, c.span)
			}
		}
	}
}

// TestJudge checks what counts as an error and what as a conflict.
func TestJudge(t *testing.T) {
	d := newDataset("", 100, 100)
	c := &client{data: d}
	r := newRequest("localhost:1", "TransactWriteItems", d.body("TransactWriteItems"))
	c.judge(r, 200, []byte(`{}`))
	c.judge(r, 400, []byte(`{"__type":"x#TransactionCanceledException","CancellationReasons":[{"Code":"TransactionConflict"},{"Code":"None"}]}`))
	c.judge(r, 400, []byte(`{"__type":"x#ValidationException"}`))
	if c.sent != 3 || c.conflicts != 1 || c.errors != 1 {
		t.Errorf("%d sent, %d conflicts, %d errors", c.sent, c.conflicts, c.errors)
	}
}

func TestParseBackfill(t *testing.T) {
	got, err := ParseBackfill("10,100000")
	if err != nil || !reflect.DeepEqual(got, []int{10, 100_000}) {
		t.Errorf("%v %v", got, err)
	}
	for _, bad := range []string{"", "10,", "1e5", "10;20"} {
		if _, err := ParseBackfill(bad); err == nil {
			t.Errorf("%q is not refused", bad)
		}
	}
	for _, sizes := range [][]int{nil, {15}, {-10}, {100, 0}} {
		if err := (BackfillPlan{Sizes: sizes, ItemBytes: 200, Clients: 1, Before: 1}).Validate(); err == nil {
			t.Errorf("%v is not refused", sizes)
		}
	}
}

// TestBackfillFigures checks medians, costs and the ratio of throughputs.
func TestBackfillFigures(t *testing.T) {
	built := func(seconds int, cpu time.Duration, before, along uint64) build {
		return build{time.Duration(seconds) * time.Second, cpu, secondsOf(before).server[0], secondsOf(along).server[0]}
	}
	size := func(items int, cpu time.Duration) BackfillFigures {
		return backfillFigures(items,
			[]build{{took: time.Second, cpu: cpu}, {took: 2 * time.Second, cpu: cpu}, {took: 9 * time.Second, cpu: 4 * cpu}},
			[]build{built(4, 0, 100, 80), built(5, 0, 200, 100), built(6, 0, 100, 60)})
	}
	r := BackfillReport{Sizes: []BackfillFigures{size(2000, 3*time.Second), size(1000, time.Second)}}
	r.relate()
	f := r.Sizes[0]
	if f.Seconds != 2 || f.PerSecond != 1000 || *f.ServerCPU != 3000 || math.Abs(f.Cost-1.5) > 1e-9 || r.Sizes[1].Cost != 1 {
		t.Errorf("%+v, processor %v", f, *f.ServerCPU)
	}
	if l := f.Loaded; l.Seconds != 5 || l.PerSecond != 400 || l.Throughput != 0.6 || l.Met {
		t.Errorf("%+v", l)
	}
	if f := size(1000, -1); f.ServerCPU != nil || f.cost() != 2000 {
		t.Errorf("cost %v", f.cost())
	}
}
