package partiql

import (
	"cmp"
	"slices"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/expr"
)

// maxHashValues is the number of partition keys that IN may list. (Developer
// guide, "PartiQL operators".)
const maxHashValues = 50

// Read is how a SELECT finds its items.
type Read struct {
	// Key is the one key that matches, or empty.
	Key attr.Item
	// Ranges are the parts to read, in that order, if Keyed; else everything is
	// read. An item of one that overlaps another would be found twice.
	Ranges []expr.KeyRange
	Keyed  bool
	// Reverse is the order within the ranges.
	Reverse bool
	// Filter is what items must pass that the ranges hold, nil: nothing. What
	// it demands of FilterNames no OR can replace.
	Filter      *expr.Condition
	FilterNames []string
}

// Read finds the ranges of keys that WHERE allows; what else it demands
// becomes the filter.
func (b *Bound) Read(keys Keys) (Read, *ddberr.Fault) {
	if f := b.Projection.check(b.statement.text); f != nil {
		return Read{}, f
	}
	found := b.find(keys)
	var r Read
	r.Keyed = !slices.ContainsFunc(found.alternatives, func(a alternative) bool { return a.hash.IsZero() })
	if !r.Keyed {
		r.Filter = all(conditions(b.conjuncts))
		return r, b.order(&r, keys, nil)
	}
	r.Filter = all(conditions(found.rest))
	for _, c := range found.rest {
		r.FilterNames = c.node.appendNames(r.FilterNames)
	}
	alternatives := found.alternatives
	if f := check(alternatives, keys); f != nil {
		return Read{}, f
	}
	if f := b.order(&r, keys, alternatives); f != nil {
		return Read{}, f
	}
	for _, a := range alternatives {
		r.Ranges = append(r.Ranges, a.keyRange())
	}
	r.Key, _ = found.key(keys)
	return r, nil
}

// appendNames appends the top-level attributes that n uses outside of an OR,
// each once.
func (n *node) appendNames(names []string) []string {
	if n.kind == nodeOr {
		return names
	}
	if n.kind == nodePath && !slices.Contains(names, n.path[0].Name()) {
		names = append(names, n.path[0].Name())
	}
	for _, kid := range n.kids {
		names = kid.appendNames(names)
	}
	return names
}

// distinct drops alternatives that others contain: repeated ones, and parts of
// a partition that is read whole.
func distinct(list []alternative) []alternative {
	var out []alternative
	for i, a := range list {
		redundant := false
		for j, other := range list {
			whole := attr.Equal(other.hash, a.hash) && other.sort.op == expr.None && a.sort.op != expr.None
			redundant = redundant || whole || j < i && other.equal(a)
		}
		if !redundant {
			out = append(out, a)
		}
	}
	return out
}

// check checks the values of keys.
func check(list []alternative, keys Keys) *ddberr.Fault {
	var hashes []attr.Value
	for _, a := range list {
		if f := checkValue(a.hash, keys.Hash); f != nil {
			return f
		}
		for _, v := range [...]attr.Value{a.sort.lo, a.sort.hi} {
			if f := checkValue(v, keys.Sort); f != nil {
				return f
			}
		}
		if !slices.ContainsFunc(hashes, func(v attr.Value) bool { return attr.Equal(v, a.hash) }) {
			hashes = append(hashes, a.hash)
		}
	}
	if len(hashes) > maxHashValues {
		return ddberr.InOperands.Fault("", len(hashes))
	}
	return nil
}

func checkValue(v attr.Value, a expr.KeyAttr) *ddberr.Fault {
	switch {
	case v.IsZero():
		return nil
	case v.Type() != a.Type:
		return ddberr.KeyConditionType.Fault()
	case v.Type() == attr.S && len(v.Bytes()) == 0:
		return ddberr.KeyValueEmpty.Fault("string", a.Name)
	case v.Type() == attr.B && len(v.Bytes()) == 0:
		return ddberr.KeyValueEmpty.Fault("binary", a.Name)
	}
	return nil
}

// order puts alternatives into the order that ORDER BY asks for.
func (b *Bound) order(r *Read, keys Keys, list []alternative) *ddberr.Fault {
	order := b.statement.order
	if order == nil {
		return nil
	}
	if len(b.conjuncts) == 0 {
		return ddberr.StatementOrderNoWhere.Fault()
	}
	if !r.Keyed {
		return ddberr.StatementOrderNoHash.Fault()
	}
	hashDescending := false
	for _, key := range order {
		switch key.name {
		case keys.Hash.Name:
			hashDescending = key.descending
		case keys.Sort.Name:
			r.Reverse = key.descending
		default:
			return ddberr.StatementOrderNotKey.Fault(key.name)
		}
	}
	several := slices.ContainsFunc(list, func(a alternative) bool { return !attr.Equal(a.hash, list[0].hash) })
	if several && order[0].name != keys.Hash.Name {
		return ddberr.StatementOrderHash.Fault()
	}
	sign := func(descending bool, c int) int {
		if descending {
			return -c
		}
		return c
	}
	slices.SortStableFunc(list, func(x, y alternative) int {
		return cmp.Or(sign(hashDescending, attr.Compare(x.hash, y.hash)), sign(r.Reverse, compareStart(x.sort, y.sort)))
	})
	return nil
}

// compareStart orders tests by where their ranges, which do not overlap,
// begin.
func compareStart(a, b test) int {
	switch aOpen, bOpen := isUpper(a.op) || a.op == expr.None, isUpper(b.op) || b.op == expr.None; {
	case aOpen && bOpen:
		return 0
	case aOpen:
		return -1
	case bOpen:
		return 1
	}
	return attr.Compare(a.lo, b.lo)
}

func (a alternative) keyRange() expr.KeyRange {
	r := expr.KeyRange{Hash: []attr.Value{a.hash}, Op: a.sort.op, Lo: a.sort.lo, Hi: a.sort.hi}
	if a.sort.op == expr.Equal {
		r.Sort, r.Op, r.Lo = []attr.Value{a.sort.lo}, expr.None, attr.Value{}
	}
	return r
}
