package bench

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// TestBuckets checks that every bucket begins behind the one before and is
// less than 1 % wide.
func TestBuckets(t *testing.T) {
	for i := 1; i < len(Histogram{}.counts); i++ {
		low, high := upper(i-1)+1, upper(i)
		if bucket(low) != i || bucket(high) != i {
			t.Fatalf("bucket %d: its ends %d and %d are in %d and %d", i, low, high, bucket(low), bucket(high))
		}
		if width := high - low; width > 0 && float64(width) > 0.01*float64(low) {
			t.Fatalf("bucket %d: %d to %d is too wide", i, low, high)
		}
	}
}

func TestBucketBounds(t *testing.T) {
	last := len(Histogram{}.counts) - 1
	for _, c := range []struct {
		d    time.Duration
		want int
	}{{-time.Second, 0}, {0, 0}, {1<<topBits - 1, last}, {1 << topBits, last}, {1<<63 - 1, last}} {
		if got := bucket(c.d); got != c.want {
			t.Errorf("bucket(%d) = %d, want %d", c.d, got, c.want)
		}
	}
}

// TestQuantiles compares with sorting.
func TestQuantiles(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var all []time.Duration
	var one, two Histogram
	for i := range 20000 {
		d := time.Duration(rng.ExpFloat64() * 1e6)
		all = append(all, d)
		if i%3 == 0 {
			one.Record(d)
		} else {
			two.Record(d)
		}
	}
	one.Merge(&two)
	slices.Sort(all)
	if one.Count() != uint64(len(all)) || one.Max() != all[len(all)-1] {
		t.Fatalf("count %d, max %v", one.Count(), one.Max())
	}
	for _, q := range []float64{0.001, 0.5, 0.9, 0.99, 0.999, 1} {
		want := all[int(q*float64(len(all)))-1]
		if got := one.Quantile(q); got < want || float64(got) > 1.01*float64(want) {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
}

func TestEmptyHistogram(t *testing.T) {
	var h Histogram
	if h.Quantile(0.5) != 0 || h.Max() != 0 {
		t.Error("an empty histogram has no durations")
	}
}
