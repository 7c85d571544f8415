package meter

import (
	"testing"
	"time"
)

// clock is a clock that tests move.
type clock struct{ at time.Time }

func newClock() *clock { return &clock{time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time          { return c.at }
func (c *clock) advance(d time.Duration) { c.at = c.at.Add(d) }

// run offers rate units per second of one unit each for seconds, on hash, and
// returns how many were admitted.
func run(c *clock, r *Resource, k Kind, hash uint32, rate, seconds int) (admitted int) {
	for range seconds {
		for range rate {
			if r.Admit(k, hash) == nil {
				r.Charge(k, hash, 1, true)
				admitted++
			}
			c.advance(time.Second / time.Duration(rate))
		}
	}
	return admitted
}

// about fails unless got is within 2 % (and 2) of want.
func about(t *testing.T, what string, got, want int) {
	t.Helper()
	if d := got - want; d > want/50+2 || d < -want/50-2 {
		t.Errorf("%s: got %d, want about %d", what, got, want)
	}
}

func TestProvisionedWithBurst(t *testing.T) {
	c := newClock()
	r := New(c.now, true).Resource(false, Throughput{Units: [2]float64{100, 50}})
	about(t, "writes at four times the rate", run(c, r, Write, 1, 200, 10), 50*10+50)
	throttle := r.Admit(Write, 1)
	for throttle == nil {
		r.Charge(Write, 1, 1, true)
		throttle = r.Admit(Write, 1)
	}
	if got := throttle.Reason(); got != "TableWriteProvisionedThroughputExceeded" {
		t.Errorf("reason: %s", got)
	}
	c.advance(time.Hour) // saves 300 seconds of 50 units
	about(t, "burst", run(c, r, Write, 1, 500, 60), 300*50+60*50)
	if r.Throttled(Write) == 0 || r.Throttled(Read) != 0 {
		t.Errorf("throttled: %d writes, %d reads", r.Throttled(Write), r.Throttled(Read))
	}
}

// TestHotPartition: one key of a large table gets a partition's throughput,
// its neighbours are not held back.
func TestHotPartition(t *testing.T) {
	c := newClock()
	r := New(c.now, true).Resource(false, Throughput{Units: [2]float64{30000, 10000}})
	if n := r.Partitions(); n != 10 {
		t.Fatalf("%d partitions", n)
	}
	hot, admittedHot, admittedCold := uint32(1), 0, 0
	for range 20 { // seconds
		for i := range 3000 {
			if r.Admit(Write, hot) == nil {
				r.Charge(Write, hot, 1, true)
				admittedHot++
			}
			if i%10 == 0 {
				if throttle := r.Admit(Write, 1<<31); throttle != nil {
					t.Fatalf("neighbour: %v", throttle)
				}
				r.Charge(Write, 1<<31, 1, true)
				admittedCold++
			}
			c.advance(time.Second / 3000)
		}
	}
	about(t, "hot", admittedHot, 20*1000+1000)
	about(t, "cold", admittedCold, 20*300)
	for r.Admit(Write, hot) == nil {
		r.Charge(Write, hot, 1, true)
	}
	if got := r.Admit(Write, hot).Reason(); got != "TableWriteKeyRangeThroughputExceeded" {
		t.Errorf("reason: %s", got)
	}
}

func TestSplit(t *testing.T) {
	c := newClock()
	r := New(c.now, true).Resource(true, Throughput{OnDemand: true})
	before := r.Partitions()
	a, b := uint32(1), uint32(1<<29) // of one partition, not of one half
	for range 150 {
		for range 1500 {
			for _, hash := range []uint32{a, b} {
				if r.Admit(Write, hash) == nil {
					r.Charge(Write, hash, 1, true)
				}
			}
			c.advance(time.Second / 1500)
		}
	}
	if r.Partitions() <= before {
		t.Fatalf("still %d partitions", r.Partitions())
	}
	about(t, "one half after the split", run(c, r, Write, a, 900, 5), 5*900)
}

func TestOnDemandDoubles(t *testing.T) {
	c := newClock()
	r := New(c.now, true).Resource(false, Throughput{OnDemand: true})
	r.mu.buckets[Write].level = 0 // no burst saved
	spread := func(rate, seconds int) (admitted int) {
		for i := range rate * seconds {
			hash := uint32(i) * 2654435761
			if r.Admit(Write, hash) == nil {
				r.Charge(Write, hash, 1, true)
				admitted++
			}
			c.advance(time.Second / time.Duration(rate))
		}
		return admitted
	}
	about(t, "at first", spread(8000, 10), 10*4000)
	c.advance(peakWindow)
	spread(4000, 2)
	if got := r.rate(Write); got < 7500 {
		t.Errorf("after a peak of 4000: %v units per second", got)
	}
}

func TestMaxOnDemand(t *testing.T) {
	c := newClock()
	r := New(c.now, true).Resource(false, Throughput{OnDemand: true, Most: [2]float64{10, 20}})
	about(t, "reads", run(c, r, Read, 7, 100, 10), 10*10+10)
	for r.Admit(Read, 7) == nil {
		r.Charge(Read, 7, 1, true)
	}
	if got := r.Admit(Read, 7).Reason(); got != "TableReadMaxOnDemandThroughputExceeded" {
		t.Errorf("reason: %s", got)
	}
}

func TestOnlyCounting(t *testing.T) {
	c := newClock()
	r := New(c.now, false).Resource(false, Throughput{Units: [2]float64{1, 1}})
	for range 100 {
		if throttle := r.Admit(Read, 1); throttle != nil {
			t.Fatal(throttle)
		}
		r.Charge(Read, 1, 0.5, true)
	}
	if got := r.Consumed(Read); got != 50 {
		t.Errorf("consumed %v", got)
	}
}

func TestClockGoingBack(t *testing.T) {
	c := newClock()
	r := New(c.now, true).Resource(false, Throughput{Units: [2]float64{10, 10}})
	r.Charge(Write, 1, 100, false)
	c.advance(-time.Hour)
	if r.Admit(Write, 1) == nil {
		t.Error("a debt is gone")
	}
	c.advance(20 * time.Second)
	if throttle := r.Admit(Write, 1); throttle != nil {
		t.Error(throttle)
	}
}

// More throughput brings more partitions, and forgives no debt.
func TestPartitionsGrow(t *testing.T) {
	c := newClock()
	r := New(c.now, true).Resource(false, Throughput{Units: [2]float64{3000, 3000}})
	if n := r.Partitions(); n != 3 {
		t.Fatalf("%d partitions", n)
	}
	r.Charge(Write, 1<<31, 5000, false)
	r.Configure(Throughput{Units: [2]float64{3000, 10000}})
	if n := r.Partitions(); n < 10 {
		t.Errorf("%d partitions for 10,000 units", n)
	}
	for i, p := range r.mu.partitions {
		if i > 0 && p.first <= r.mu.partitions[i-1].first || i == 0 && p.first != 0 {
			t.Errorf("partition %d begins at %d", i, p.first)
		}
	}
	if r.Admit(Write, 1<<31) == nil {
		t.Error("a debt is gone")
	}
	n := r.Partitions()
	r.Configure(Throughput{Units: [2]float64{1, 1}})
	if r.Partitions() != n {
		t.Errorf("%d partitions, were %d", r.Partitions(), n)
	}
}

func TestNoPartitionsUnlessEnforced(t *testing.T) {
	r := New(newClock().now, false).Resource(false, Throughput{Units: [2]float64{40000, 40000}})
	r.Charge(Write, 1, 1, true)
	r.Release(Write, 1)
	if n := r.Partitions(); n != 0 {
		t.Errorf("%d partitions", n)
	}
}

// What is released can be had again.
func TestRelease(t *testing.T) {
	c := newClock()
	r := New(c.now, true).Resource(false, Throughput{Units: [2]float64{1, 1}})
	for range 10 {
		if throttle := r.Admit(Write, 1); throttle != nil {
			t.Fatal(throttle)
		}
		r.Release(Write, 1)
	}
	if n := r.Consumed(Write); n != 0 {
		t.Errorf("consumed %v", n)
	}
}
