package pebblekv

import (
	"bytes"
	"iter"
	"slices"

	"github.com/statordb/stator/internal/kv"
)

// ownWrites returns what t has written inside r, each key once, in the order of
// the scan. A nil value is a deletion.
func (t *tx) ownWrites(r kv.Range) []kv.Pair {
	lower, upper := bounds(r)
	var own []kv.Pair
	for _, w := range slices.Backward(t.writes) {
		k, v := t.record(w)
		if bytes.Compare(k, lower) >= 0 && bytes.Compare(k, upper) < 0 {
			own = append(own, kv.Pair{Key: k, Value: v})
		}
	}
	// Stable: the last write to a key comes first and is the one that stays.
	slices.SortStableFunc(own, func(a, b kv.Pair) int { return bytes.Compare(a.Key, b.Key) })
	own = slices.CompactFunc(own, func(a, b kv.Pair) bool { return bytes.Equal(a.Key, b.Key) })
	if r.Reverse {
		slices.Reverse(own)
	}
	return own
}

// overlay yields the pairs of base with those of own put over them; both are in
// the order that reverse says.
func overlay(base iter.Seq2[kv.Pair, error], own []kv.Pair, reverse bool) iter.Seq2[kv.Pair, error] {
	sign := 1
	if reverse {
		sign = -1
	}
	return func(yield func(kv.Pair, error) bool) {
		put := func(p kv.Pair) bool { return p.Value == nil || yield(p, nil) }
		for p, err := range base {
			if err != nil {
				yield(p, err)
				return
			}
			for len(own) > 0 && sign*bytes.Compare(own[0].Key, p.Key) < 0 {
				if !put(own[0]) {
					return
				}
				own = own[1:]
			}
			if len(own) > 0 && bytes.Equal(own[0].Key, p.Key) {
				continue
			}
			if !yield(p, nil) {
				return
			}
		}
		for _, p := range own {
			if !put(p) {
				return
			}
		}
	}
}
