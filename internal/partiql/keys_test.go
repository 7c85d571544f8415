package partiql

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/expr"
)

// TestRangesFindMatches makes random WHERE clauses and compares, item by item,
// the ranges and the filter that they become with the clause itself.
func TestRangesFindMatches(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	keyed := 0
	for range 5_000 {
		where := randomCondition(rng, 3)
		read, whole := readOf(t, where), wholeOf(t, where)
		if read.Keyed {
			keyed++
		}
		for _, item := range grid() {
			ranges := 0
			for _, r := range read.Ranges {
				if inRange(r, item) {
					ranges++
				}
			}
			found := (!read.Keyed || ranges > 0) && read.Filter.Eval(item)
			if want := whole.Eval(item); found != want {
				t.Fatalf("WHERE %s: %s is found: %t, want %t; keyed %t, in %d ranges", where, item.AppendJSON(nil), found, want, read.Keyed, ranges)
			}
			if !read.Key.IsEmpty() && ranges > 0 && !sameKey(read.Key, item) {
				t.Fatalf("WHERE %s: reads the key %s only", where, read.Key.AppendJSON(nil))
			}
		}
	}
	if keyed < 500 {
		t.Errorf("only %d clauses had a key", keyed)
	}
}

func sameKey(key, item attr.Item) bool {
	return attr.Equal(key.Get("pk"), item.Get("pk")) && attr.Equal(key.Get("sk"), item.Get("sk"))
}

// readOf returns the read of a WHERE clause.
func readOf(t *testing.T, where string) Read {
	read, fault := bind(t, where).Read(fuzzKeys)
	if fault != nil {
		t.Fatalf("WHERE %s: %v", where, fault)
	}
	return read
}

// wholeOf returns the condition that a WHERE clause is.
func wholeOf(t *testing.T, where string) *expr.Condition {
	return all(conditions(bind(t, where).conjuncts))
}

func bind(t *testing.T, where string) *Bound {
	t.Helper()
	s, fault := Parse("SELECT * FROM t WHERE " + where)
	if fault != nil {
		t.Fatalf("WHERE %s: %v", where, fault)
	}
	b, fault := s.Bind(nil)
	if fault != nil {
		t.Fatalf("WHERE %s: %v", where, fault)
	}
	return b
}

// grid is items with two partition keys, sort keys 0 to 5 and an attribute.
func grid() []attr.Item {
	var items []attr.Item
	for _, pk := range []string{"a", "b"} {
		for sk := range 6 {
			for v := range 2 {
				items = append(items, attr.NewItem(
					attr.Attribute{Name: "pk", Value: attr.String(pk)},
					attr.Attribute{Name: "sk", Value: numeral(fmt.Sprint(sk))},
					attr.Attribute{Name: "v", Value: numeral(fmt.Sprint(v))}))
			}
		}
	}
	return items
}

func randomCondition(rng *rand.Rand, depth int) string {
	pick := func(list ...string) string { return list[rng.IntN(len(list))] }
	n := func() string { return fmt.Sprint(rng.IntN(6)) }
	if depth > 0 && rng.IntN(3) > 0 {
		parts := make([]string, 2+rng.IntN(2))
		for i := range parts {
			parts[i] = "(" + randomCondition(rng, depth-1) + ")"
		}
		if rng.IntN(6) == 0 {
			return "NOT " + parts[0]
		}
		return strings.Join(parts, pick(" AND ", " AND ", " OR "))
	}
	low := rng.IntN(6)
	return pick(
		"pk = 'a'", "'b' = pk", "pk IN ['a', 'b']", "pk > 'a'", "pk = 'a'", "pk = 'b'",
		"sk "+pick("=", "<", "<=", ">", ">=", "<>")+" "+n(), n()+" "+pick("=", "<", "<=", ">", ">=")+" sk",
		fmt.Sprintf("sk BETWEEN %d AND %d", low, low+rng.IntN(3)), "sk IN ["+n()+", "+n()+"]", "v = 1", "v < sk")
}

// inRange reports whether an item lies in r.
func inRange(r expr.KeyRange, item attr.Item) bool {
	pk, sk := item.Get("pk"), item.Get("sk")
	if !attr.Equal(pk, r.Hash[0]) || len(r.Sort) > 0 && !attr.Equal(sk, r.Sort[0]) {
		return false
	}
	switch r.Op {
	case expr.None:
		return true
	case expr.Less:
		return attr.Compare(sk, r.Lo) < 0
	case expr.LessOrEqual:
		return attr.Compare(sk, r.Lo) <= 0
	case expr.Greater:
		return attr.Compare(sk, r.Lo) > 0
	case expr.GreaterOrEqual:
		return attr.Compare(sk, r.Lo) >= 0
	case expr.InRange:
		return attr.Compare(sk, r.Lo) >= 0 && attr.Compare(sk, r.Hi) <= 0
	case expr.BeginsWith:
		return bytes.HasPrefix(sk.Bytes(), r.Lo.Bytes())
	}
	return false
}
