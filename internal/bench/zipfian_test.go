package bench

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestZipfianRanks compares the frequencies of ranks with the law.
func TestZipfianRanks(t *testing.T) {
	const n, draws = 1000, 1_000_000
	z := NewZipfian(n)
	rng := rand.New(rand.NewPCG(3, 4))
	var seen [n]int
	for range draws {
		seen[z.rank(rng)]++
	}
	below := func(rank int) (got, want float64) {
		for i := range rank {
			got += float64(seen[i]) / draws
			want += math.Pow(float64(i+1), -zipfTheta) / z.zetaN
		}
		return got, want
	}
	for _, rank := range []int{1, 2, 10, 100, n} {
		if got, want := below(rank); math.Abs(got-want) > 0.03 {
			t.Errorf("the first %d ranks have %.3f of the draws, want %.3f", rank, got, want)
		}
	}
}

// TestZipfianSpread checks that frequent numbers are not neighbours and that
// all numbers are in range.
func TestZipfianSpread(t *testing.T) {
	for _, n := range []int{1, 2, 10, 12345} {
		z := NewZipfian(n)
		rng := rand.New(rand.NewPCG(5, 6))
		for range 10000 {
			if v := z.Next(rng); v < 0 || v >= n {
				t.Fatalf("%d is not below %d", v, n)
			}
		}
	}
	a, b := scramble(0)%10000, scramble(1)%10000
	if a-b == 1 || b-a == 1 {
		t.Error("ranks 0 and 1 are neighbours")
	}
}
