package bench

import (
	"math/bits"
	"time"
)

// subBits sets the precision of a Histogram: a power of two is cut into
// 1<<subBits buckets.
const subBits = 7

const (
	subBuckets = 1 << subBits
	topBits    = 40 // what takes longer than 2^40 ns, 18 minutes, counts as that
)

// Histogram counts durations in buckets that are exact below 256 ns and less
// than 1 % wide above. The zero value is empty.
type Histogram struct {
	counts [(topBits - subBits + 1) * subBuckets]uint64
	total  uint64
	max    time.Duration
}

// Record counts d.
func (h *Histogram) Record(d time.Duration) {
	h.counts[bucket(d)]++
	h.total++
	h.max = max(h.max, d)
}

// bucket returns the index of the bucket of d.
func bucket(d time.Duration) int {
	v := uint64(min(max(d, 0), 1<<topBits-1))
	shift := max(bits.Len64(v)-subBits-1, 0)
	return shift<<subBits + int(v>>shift)
}

// upper returns the longest duration in bucket i.
func upper(i int) time.Duration {
	if i < 2*subBuckets {
		return time.Duration(i)
	}
	shift := i>>subBits - 1
	return time.Duration((uint64(i&(subBuckets-1)|subBuckets)+1)<<shift - 1)
}

// Merge adds what other counted.
func (h *Histogram) Merge(other *Histogram) {
	for i, n := range other.counts {
		h.counts[i] += n
	}
	h.total += other.total
	h.max = max(h.max, other.max)
}

// Count returns how many durations were recorded.
func (h *Histogram) Count() uint64 { return h.total }

// Max returns the longest duration recorded.
func (h *Histogram) Max() time.Duration { return h.max }

// Quantile returns the duration that a part q (0 to 1) of those recorded do
// not exceed, rounded up to the end of its bucket; 0 if there are none.
func (h *Histogram) Quantile(q float64) time.Duration {
	if h.total == 0 {
		return 0
	}
	rank := max(uint64(q*float64(h.total)+0.5), 1)
	var seen uint64
	for i, n := range h.counts {
		if seen += n; seen >= rank {
			return min(upper(i), h.max)
		}
	}
	return h.max
}
