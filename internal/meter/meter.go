// Package meter counts the capacity that tables and indexes consume and, when
// asked to enforce it, decides what must wait: provisioned and on-demand
// throughput, and the limits of partitions.
//
// # Model
//
// A Resource is a table or a global secondary index. Its throughput is a
// token bucket that fills with its units per second and holds 300 seconds of
// them (burst capacity). Its keys are spread by hash over partitions, each a
// bucket of 3,000 read and 1,000 write units per second that holds one second
// of them; a partition may use whatever its table has left (adaptive
// capacity), and one that stays too hot is split. A request is admitted, for
// one unit, while the buckets are not empty, and charged the rest when its
// cost is known, which may leave them in debt. (Developer guide, "Burst and adaptive capacity".)
package meter

import (
	"sync"
	"sync/atomic"
	"time"
)

// Kind is reading or writing.
type Kind uint8

// The kinds.
const (
	Read Kind = iota
	Write
)

func (k Kind) String() string { return [...]string{"Read", "Write"}[k] }

const (
	burst          = 300 * time.Second
	partitionBurst = time.Second
	// A new on-demand table takes this many units per second, and later twice
	// its former peak. (Developer guide, "On-demand capacity mode".)
	onDemandRead  = 12000
	onDemandWrite = 4000
	peakWindow    = 30 * time.Minute
)

// partitionRate is the units per second of a partition.
var partitionRate = [...]float64{Read: 3000, Write: 1000}

// Meter holds the resources of a server.
type Meter struct {
	now     func() time.Time
	enforce bool
}

// New returns a meter on a clock. Without enforce it only counts.
func New(now func() time.Time, enforce bool) *Meter { return &Meter{now, enforce} }

// Throughput is what a resource is configured to take, in units per second.
type Throughput struct {
	OnDemand bool
	Units    [2]float64 // provisioned, by Kind
	Most     [2]float64 // on-demand maximum, by Kind; 0: none
	Warm     [2]float64 // on-demand units that it takes at once, by Kind; 0: the default
}

// Resource is a table or a global secondary index. It is safe for concurrent
// use.
type Resource struct {
	meter *Meter
	Index bool // a global secondary index

	consumed  [2]atomic.Int64 // half units
	throttled [2]atomic.Int64

	mu struct {
		sync.Mutex
		configured Throughput
		known      bool // it was configured
		buckets    [2]bucket
		most       [2]bucket
		peaks      [2]peak
		partitions []*partition // sorted by first; none unless enforced
	}
}

// Resource returns a new resource with the given throughput.
func (m *Meter) Resource(index bool, t Throughput) *Resource {
	r := &Resource{meter: m, Index: index}
	r.Configure(t)
	return r
}

// Configure changes the throughput. Tokens saved so far stay.
func (r *Resource) Configure(t Throughput) {
	now := r.meter.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	first := !r.mu.known
	r.mu.configured, r.mu.known = t, true
	if !r.meter.enforce {
		return
	}
	for k := range r.mu.buckets {
		r.mu.buckets[k].configure(now, r.rate(Kind(k)), burst, first)
		r.mu.most[k].configure(now, t.Most[k], time.Second, first)
	}
	r.partitionFor(now, t)
}

// rate returns the units per second that r takes now.
func (r *Resource) rate(k Kind) float64 {
	t := &r.mu.configured
	if !t.OnDemand {
		return t.Units[k]
	}
	return max([...]float64{Read: onDemandRead, Write: onDemandWrite}[k], t.Warm[k], 2*r.mu.peaks[k].former)
}

// Admit returns nil if a request for a key with hash may go on, else why not.
func (r *Resource) Admit(k Kind, hash uint32) *Throttle {
	if !r.meter.enforce {
		return nil
	}
	now := r.meter.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	cause := r.admit(now, k, hash)
	if cause == "" {
		r.take(now, k, hash, 1)
		return nil
	}
	r.throttled[k].Add(1)
	return &Throttle{Kind: k, Index: r.Index, Cause: cause, OnDemand: r.mu.configured.OnDemand}
}

func (r *Resource) admit(now time.Time, k Kind, hash uint32) Cause {
	p := r.partition(hash)
	switch {
	case r.mu.configured.Most[k] > 0 && r.mu.most[k].empty(now):
		return MaxOnDemand
	case !p.buckets[k].empty(now) && !r.mu.buckets[k].empty(now):
		return ""
	case p.buckets[k].empty(now):
		r.heat(now, p)
		return KeyRange
	case r.mu.configured.OnDemand:
		return KeyRange
	}
	return Provisioned
}

// Release gives back the unit that Admit took for a request that was not made.
func (r *Resource) Release(k Kind, hash uint32) {
	if !r.meter.enforce {
		return
	}
	now := r.meter.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.take(now, k, hash, -1)
}

// Charge takes the units of a request for a key with hash; admitted says that
// Admit has taken one of them.
func (r *Resource) Charge(k Kind, hash uint32, units float64, admitted bool) {
	r.consumed[k].Add(int64(2 * units))
	if !r.meter.enforce {
		return
	}
	if admitted {
		units--
	}
	now := r.meter.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.take(now, k, hash, units)
}

// take takes units from all buckets; a negative number gives back.
func (r *Resource) take(now time.Time, k Kind, hash uint32, units float64) {
	if r.mu.configured.OnDemand && r.mu.peaks[k].add(now, units) {
		r.mu.buckets[k].configure(now, r.rate(k), burst, false)
	}
	r.mu.buckets[k].take(now, units)
	r.mu.most[k].take(now, units)
	r.partition(hash).buckets[k].take(now, units)
}

// Consumed returns the units charged so far.
func (r *Resource) Consumed(k Kind) float64 { return float64(r.consumed[k].Load()) / 2 }

// Throttled returns how many times Admit refused.
func (r *Resource) Throttled(k Kind) int64 { return r.throttled[k].Load() }

// Configured returns the throughput that was configured last.
func (r *Resource) Configured() Throughput {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.mu.configured
}

// Partitions returns the number of partitions, 0 if nothing is enforced.
func (r *Resource) Partitions() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.mu.partitions)
}

// Cause is what ran out.
type Cause string

// The causes, as they end the codes of ThrottlingReasons.
const (
	Provisioned Cause = "ProvisionedThroughputExceeded"
	KeyRange    Cause = "KeyRangeThroughputExceeded"
	MaxOnDemand Cause = "MaxOnDemandThroughputExceeded"
)

// Throttle says why a request may not go on.
type Throttle struct {
	Kind     Kind
	Index    bool
	Cause    Cause
	OnDemand bool
	Resource string // ARN, for the caller to set
}

func (t *Throttle) Error() string { return "throttled: " + t.Reason() }

// Reason returns the code of ThrottlingReasons:
// "TableWriteKeyRangeThroughputExceeded".
func (t *Throttle) Reason() string {
	resource := "Table"
	if t.Index {
		resource = "Index"
	}
	return resource + t.Kind.String() + string(t.Cause)
}
