package meter

import (
	"math"
	"slices"
	"time"
)

const (
	maxPartitions = 1 << 16
	// A partition is split after refusing requests in this many seconds, none
	// of which was more than heatGap after the one before.
	splitAfter = 60
	heatGap    = 10 * time.Second
)

// partition is a range of hashes up to the next partition's.
type partition struct {
	first   uint32
	buckets [2]bucket
	hot     int       // seconds in which it refused requests
	hotAt   time.Time // the last of them
}

func newPartition(now time.Time, first uint32) *partition {
	p := &partition{first: first}
	for k := range p.buckets {
		p.buckets[k].configure(now, partitionRate[k], partitionBurst, true)
	}
	return p
}

// partitionFor gives r at least as many partitions as t needs, of equal ranges.
// None is ever merged with another: what a partition owes stays with it, and
// with both parts when it is cut.
func (r *Resource) partitionFor(now time.Time, t Throughput) {
	n := partitionsFor(t)
	if n <= len(r.mu.partitions) {
		return
	}
	before := r.mu.partitions
	r.mu.partitions = make([]*partition, 0, n+len(before))
	for i := range n {
		first := uint32(uint64(i) << 32 / uint64(n))
		for len(before) > 0 && before[0].first <= first {
			r.mu.partitions = append(r.mu.partitions, before[0])
			before = before[1:]
		}
		if last := len(r.mu.partitions) - 1; last < 0 {
			r.mu.partitions = append(r.mu.partitions, newPartition(now, first))
		} else if r.mu.partitions[last].first != first {
			r.mu.partitions = append(r.mu.partitions, r.mu.partitions[last].from(first))
		}
	}
	r.mu.partitions = append(r.mu.partitions, before...)
}

// partitionsFor returns how many partitions t needs.
func partitionsFor(t Throughput) int {
	units := t.Units
	if t.OnDemand {
		units = [2]float64{max(onDemandRead, t.Warm[Read]), max(onDemandWrite, t.Warm[Write])}
	}
	n := int(math.Ceil(max(units[Read]/partitionRate[Read], units[Write]/partitionRate[Write])))
	return min(max(n, 1), maxPartitions)
}

// from returns the part of p that begins with first.
func (p *partition) from(first uint32) *partition {
	return &partition{first: first, buckets: p.buckets}
}

func (r *Resource) partition(hash uint32) *partition { return r.mu.partitions[r.partitionIndex(hash)] }

func (r *Resource) partitionIndex(hash uint32) int {
	i, found := slices.BinarySearchFunc(r.mu.partitions, hash, func(p *partition, hash uint32) int {
		switch {
		case p.first < hash:
			return -1
		case p.first > hash:
			return 1
		}
		return 0
	})
	if !found {
		i--
	}
	return i
}

// heat counts a refusal by p and splits it in halves when it has been hot for
// long. One hot key stays hot: its half is split again, with as little help
// as the service's.
func (r *Resource) heat(now time.Time, p *partition) {
	second := now.Truncate(time.Second)
	switch {
	case second.Equal(p.hotAt):
		return
	case now.Sub(p.hotAt) > heatGap:
		p.hot = 0
	}
	p.hot, p.hotAt = p.hot+1, second
	if p.hot < splitAfter || len(r.mu.partitions) >= maxPartitions {
		return
	}
	p.hot = 0
	i := r.partitionIndex(p.first)
	end := uint64(1) << 32
	if i+1 < len(r.mu.partitions) {
		end = uint64(r.mu.partitions[i+1].first)
	}
	if middle := (uint64(p.first) + end) / 2; middle > uint64(p.first) {
		r.mu.partitions = slices.Insert(r.mu.partitions, i+1, newPartition(now, uint32(middle)))
	}
}
