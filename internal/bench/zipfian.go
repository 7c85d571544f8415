package bench

import (
	"math"
	"math/rand/v2"
)

// zipfTheta is the skew that YCSB uses.
const zipfTheta = 0.99

// Zipfian draws numbers of which few are very frequent, as YCSB's scrambled
// generator does: the number of rank r is drawn in proportion to 1/r^0.99, and
// the ranks are spread over all numbers. (Gray et al., "Quickly Generating
// Billion-Record Synthetic Databases", 1994.) It is safe for concurrent use.
type Zipfian struct {
	n                 uint64
	zeta2, zetaN, eta float64
	alpha             float64
}

// NewZipfian returns a generator of the numbers 0 to n-1.
func NewZipfian(n int) *Zipfian {
	z := &Zipfian{n: uint64(n), alpha: 1 / (1 - zipfTheta), zeta2: zeta(2), zetaN: zeta(n)}
	z.eta = (1 - math.Pow(2/float64(n), 1-zipfTheta)) / (1 - z.zeta2/z.zetaN)
	return z
}

// zeta returns the sum of 1/i^theta for i from 1 to n.
func zeta(n int) (sum float64) {
	for i := 1; i <= n; i++ {
		sum += 1 / math.Pow(float64(i), zipfTheta)
	}
	return sum
}

// rank draws a rank, 0 being the most frequent.
func (z *Zipfian) rank(rng *rand.Rand) uint64 {
	u := rng.Float64()
	switch uz := u * z.zetaN; {
	case uz < 1:
		return 0
	case uz < z.zeta2:
		return min(1, z.n-1)
	}
	return min(uint64(float64(z.n)*math.Pow(z.eta*u-z.eta+1, z.alpha)), z.n-1)
}

// Next draws a number.
func (z *Zipfian) Next(rng *rand.Rand) int { return int(scramble(z.rank(rng)) % z.n) }

// scramble is FNV-1a over the bytes of v.
func scramble(v uint64) uint64 {
	hash := uint64(0xCBF29CE484222325)
	for range 8 {
		hash = (hash ^ v&0xFF) * 1099511628211
		v >>= 8
	}
	return hash
}
