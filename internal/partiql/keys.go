package partiql

import (
	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/expr"
)

// Keys is the key of a table or index with one partition key attribute and at
// most one sort key attribute.
type Keys struct {
	Hash expr.KeyAttr
	Sort expr.KeyAttr // no name: there is none
}

// test is what a WHERE clause demands of a key attribute; with the operator
// None it demands nothing.
type test struct {
	op     expr.Op
	lo, hi attr.Value // hi of InRange
}

func (t test) equal(other test) bool {
	return t.op == other.op && attr.Equal(t.lo, other.lo) && attr.Equal(t.hi, other.hi)
}

// alternative is one of the ways in which an item may match, as far as its key
// goes.
type alternative struct {
	hash attr.Value // absent: any
	sort test
}

func (a alternative) equal(other alternative) bool {
	return attr.Equal(a.hash, other.hash) && a.sort.equal(other.sort)
}

// maxAlternatives bounds the ways that are told apart. Where there are more,
// a condition only filters.
const maxAlternatives = 1000

// found is what a WHERE clause demands of the key, and what else.
type found struct {
	alternatives []alternative // every match is in one of them
	rest         []conjunct    // what the alternatives do not say
}

// find looks for the key in the conditions of b. Equalities come first,
// because of two tests of the sort key not both may narrow the range.
func (b *Bound) find(keys Keys) found {
	out := found{alternatives: []alternative{{}}}
	exact := true
	for _, equality := range [...]bool{true, false} {
		for _, c := range b.conjuncts {
			simple := isTest(c.node)
			if (simple && c.node.op == expr.Equal) != equality {
				continue
			}
			merged, precise := product(out.alternatives, b.alternatives(c.node, keys))
			out.alternatives = merged
			exact = exact && precise
			if !simple || !b.onKey(c.node, keys) {
				out.rest = append(out.rest, c)
			}
		}
	}
	if !exact {
		out.rest = b.conjuncts
	}
	out.alternatives = distinct(out.alternatives)
	return out
}

func conditions(conjuncts []conjunct) []*expr.Node {
	nodes := make([]*expr.Node, len(conjuncts))
	for i, c := range conjuncts {
		nodes[i] = c.condition
	}
	return nodes
}

// key returns the key if there is one item that can match.
func (f *found) key(keys Keys) (attr.Item, bool) {
	if len(f.alternatives) != 1 {
		return attr.Item{}, false
	}
	a := f.alternatives[0]
	switch {
	case a.hash.IsZero():
		return attr.Item{}, false
	case keys.Sort.Name == "":
		return attr.NewItem(attr.Attribute{Name: keys.Hash.Name, Value: a.hash}), true
	case a.sort.op != expr.Equal:
		return attr.Item{}, false
	}
	return attr.NewItem(attr.Attribute{Name: keys.Hash.Name, Value: a.hash}, attr.Attribute{Name: keys.Sort.Name, Value: a.sort.lo}), true
}

// alternatives returns the ways in which n can be true.
func (b *binder) alternatives(n *node, keys Keys) []alternative {
	switch n.kind {
	case nodeAnd:
		out := []alternative{{}}
		for _, kid := range n.kids {
			out, _ = product(out, b.alternatives(kid, keys))
		}
		return out
	case nodeOr:
		var out []alternative
		for _, kid := range n.kids {
			out = append(out, b.alternatives(kid, keys)...)
		}
		if len(out) > maxAlternatives {
			return []alternative{{}}
		}
		return out
	}
	name, tests := b.tests(n)
	var out []alternative
	for _, t := range tests {
		switch {
		case name == keys.Hash.Name && t.op == expr.Equal:
			out = append(out, alternative{hash: t.lo})
		case name == keys.Sort.Name && name != "":
			out = append(out, alternative{sort: t})
		default:
			return []alternative{{}}
		}
	}
	if out == nil {
		return []alternative{{}}
	}
	return out
}

// onKey reports whether n is a test that alternatives tells.
func (b *binder) onKey(n *node, keys Keys) bool {
	alternatives := b.alternatives(n, keys)
	return !alternatives[0].equal(alternative{})
}

// isTest reports whether n compares one attribute with values in a way that a
// key condition can.
func isTest(n *node) bool {
	switch n.kind {
	case nodeCompare:
		return n.op != expr.NotEqual && (isName(n.kids[0]) && n.kids[1].isLiteral() || isName(n.kids[1]) && n.kids[0].isLiteral())
	case nodeCall:
		return n.name == "begins_with" && isName(n.kids[0]) && n.kids[1].isLiteral()
	case nodeIn, nodeBetween:
		for _, kid := range n.kids[1:] {
			if !kid.isLiteral() {
				return false
			}
		}
		return isName(n.kids[0])
	}
	return false
}

// isName reports whether n is a top-level attribute.
func isName(n *node) bool { return n.kind == nodePath && len(n.path) == 1 }

// tests returns the attribute that n tests, and the tests of which one must
// hold; none if n is not of that kind. Its literals were evaluated before.
func (b *binder) tests(n *node) (name string, tests []test) {
	if !isTest(n) {
		return "", nil
	}
	at, others := n.kids[0], n.kids[1:]
	op := n.op
	if n.kind == nodeCompare && !isName(at) {
		at, others, op = n.kids[1], n.kids[:1], op.Flipped()
	}
	name = at.path[0].Name()
	values := make([]attr.Value, len(others))
	for i, o := range others {
		values[i], _ = b.literal(o)
	}
	switch n.kind {
	case nodeBetween:
		return name, []test{{op: expr.InRange, lo: values[0], hi: values[1]}}
	case nodeCall:
		return name, []test{{op: expr.BeginsWith, lo: values[0]}}
	case nodeIn:
		op = expr.Equal
	}
	for _, v := range values {
		tests = append(tests, test{op: op, lo: v})
	}
	return name, tests
}

// product returns the ways in which both a and b hold. It is not exact if they
// say less than that.
func product(a, b []alternative) (out []alternative, exact bool) {
	if len(a)*len(b) > maxAlternatives {
		return a, false
	}
	exact = true
	for _, x := range a {
		for _, y := range b {
			both, possible, precise := merge(x, y)
			exact = exact && precise
			if possible {
				out = append(out, both)
			}
		}
	}
	return out, exact
}

// merge returns what a and b demand together, and whether that is possible
// and all that they demand.
func merge(a, b alternative) (both alternative, possible, exact bool) {
	both = a
	switch {
	case a.hash.IsZero():
		both.hash = b.hash
	case !b.hash.IsZero() && !attr.Equal(a.hash, b.hash):
		return both, false, true
	}
	switch {
	case a.sort.op == expr.None:
		both.sort = b.sort
	case b.sort.op == expr.None, a.sort.equal(b.sort):
	case a.sort.op == expr.Equal && b.sort.op == expr.Equal:
		return both, false, true
	default:
		return narrow(both, a.sort, b.sort)
	}
	return both, true, true
}

// narrow puts a lower and an upper bound together; of other tests it keeps the
// first.
func narrow(both alternative, a, b test) (_ alternative, possible, exact bool) {
	if isUpper(a.op) {
		a, b = b, a
	}
	if !isLower(a.op) || !isUpper(b.op) || a.lo.Type() != b.lo.Type() || a.lo.Type().SetOf() == attr.Absent {
		return both, true, false
	}
	both.sort = test{op: expr.InRange, lo: a.lo, hi: b.lo}
	exact = a.op == expr.GreaterOrEqual && b.op == expr.LessOrEqual
	return both, attr.Compare(a.lo, b.lo) <= 0, exact
}

func isLower(op expr.Op) bool { return op == expr.Greater || op == expr.GreaterOrEqual }

func isUpper(op expr.Op) bool { return op == expr.Less || op == expr.LessOrEqual }
