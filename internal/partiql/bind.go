package partiql

import (
	"slices"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/expr"
)

// Bound is a statement with its parameters. It belongs to one request: Read
// or Write is called once.
type Bound struct {
	Kind      Kind
	Table     string // name or ARN
	Index     string // "" for the table itself
	Returning Returning

	Projection *Projection  // of Select, nil: all attributes
	Item       attr.Item    // of Insert
	Update     *expr.Update // of Update

	binder
	conjuncts []conjunct
}

// conjunct is one of the conditions that WHERE joins by AND.
type conjunct struct {
	node      *node
	condition *expr.Node
}

// binder evaluates literals and parameters.
type binder struct {
	statement *Statement
	values    []attr.Value
}

// Bind puts parameters into s and checks what needs no table.
func (s *Statement) Bind(parameters []attr.InputValue) (*Bound, *ddberr.Fault) {
	b := &Bound{
		Kind: s.kind, Table: s.from[0], Returning: s.returning, Projection: s.projection,
		binder: binder{statement: s, values: make([]attr.Value, len(parameters))},
	}
	if len(s.from) > 1 {
		b.Index = s.from[1]
	}
	for i, p := range parameters {
		switch {
		case p.Fault != nil:
			return nil, p.Fault
		case p.Value.IsZero(): // null
			return nil, ddberr.ValueEmpty.Fault()
		}
		b.values[i] = p.Value
	}
	if len(parameters) != s.params {
		return nil, ddberr.StatementParameters.Fault()
	}
	if f := b.bindWhere(s.where); f != nil {
		return nil, f
	}
	switch s.kind {
	case Insert:
		return b, b.bindItem(s.value)
	case Update:
		return b, b.bindChanges(s.changes)
	}
	return b, nil
}

// Names returns the top-level attributes that b uses, to read or to change them;
// a SELECT of everything names none by that.
func (b *Bound) Names() []string {
	p := expr.Parsed{Condition: all(conditions(b.conjuncts)), Update: b.Update}
	names := p.Names()
	for name := range b.Item.All() {
		names = append(names, name)
	}
	if b.Projection != nil {
		names = append(names, b.Projection.Names()...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// bindWhere adds the conditions of n.
func (b *Bound) bindWhere(n *node) *ddberr.Fault {
	if n == nil {
		return nil
	}
	if n.kind == nodeAnd {
		for _, kid := range n.kids {
			if f := b.bindWhere(kid); f != nil {
				return f
			}
		}
		return nil
	}
	condition, f := b.condition(n)
	if f != nil {
		return f
	}
	b.conjuncts = append(b.conjuncts, conjunct{n, condition})
	return expr.CheckCondition(condition)
}

// bindItem makes the item of INSERT: of a map, or a parameter that is one.
func (b *Bound) bindItem(n *node) *ddberr.Fault {
	switch {
	case n.kind == nodeMap:
		attrs := make([]attr.Attribute, len(n.kids))
		for i, kid := range n.kids {
			v, f := b.literal(kid)
			switch {
			case f != nil:
				return f
			case n.names[i] == "":
				return ddberr.AttributeNameEmpty.Fault()
			}
			attrs[i] = attr.Attribute{Name: n.names[i], Value: v}
		}
		b.Item = attr.NewItem(attrs...)
	case n.kind == nodeParam && b.values[n.param].Type() == attr.M:
		b.Item = b.values[n.param].AsItem()
	default:
		return ddberr.StatementInsertValue.Fault()
	}
	if b.Item.Size() > attr.MaxItemSize {
		return ddberr.ItemTooLarge.Fault()
	}
	return nil
}

// isLiteral reports whether n is a value that literal returns.
func (n *node) isLiteral() bool {
	switch n.kind {
	case nodeValue, nodeNumber, nodeParam, nodeList, nodeMap, nodeBag:
		return true
	}
	return false
}

// literal returns the value of a literal or parameter.
func (b *binder) literal(n *node) (attr.Value, *ddberr.Fault) {
	v, bad := b.value(n)
	switch {
	case bad != nil:
		return v, bad.fault("root" + bad.path)
	case v.Depth() > attr.MaxDepth:
		return v, ddberr.NestingTooDeep.Fault()
	}
	return v, nil
}

// badValue is a part of a literal that is no value. Its path is that below
// the literal's root.
type badValue struct {
	path  string
	fault func(path string) *ddberr.Fault
}

// under returns bad with a step before its path; nil for nil.
func (bad *badValue) under(step string) *badValue {
	if bad != nil {
		bad.path = step + bad.path
	}
	return bad
}

// plain is a fault that does not tell where it is.
func plain(f *ddberr.Fault) *badValue {
	return &badValue{fault: func(string) *ddberr.Fault { return f }}
}
