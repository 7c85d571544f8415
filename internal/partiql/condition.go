package partiql

import (
	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/expr"
)

// place is where a function may stand in a WHERE clause.
type place uint8

const (
	asCondition place = iota + 1
	asOperand
)

// whereFunctions are the functions of WHERE clauses, with the meaning and the
// operands that they have in expressions.
var whereFunctions = map[string]place{
	"attribute_exists":     asCondition,
	"attribute_not_exists": asCondition,
	"attribute_type":       asCondition,
	"begins_with":          asCondition,
	"contains":             asCondition,
	"size":                 asOperand,
}

// typeNames are what may follow IS: PartiQL's names of types, and what they
// are in DynamoDB. MISSING has none. (Seen: NULL, MISSING, BOOL, STRING.)
var typeNames = map[string][]attr.Type{
	"MISSING": nil,
	"NULL":    {attr.NULL},
	"BOOL":    {attr.BOOL},
	"BOOLEAN": {attr.BOOL},
	"STRING":  {attr.S},
	"INT":     {attr.N},
	"NUMBER":  {attr.N},
	"NUMERIC": {attr.N},
	"DECIMAL": {attr.N},
	"BLOB":    {attr.B},
	"BINARY":  {attr.B},
	"LIST":    {attr.L},
	"MAP":     {attr.M},
	"STRUCT":  {attr.M},
	"TUPLE":   {attr.M},
	"BAG":     {attr.SS, attr.NS, attr.BS},
}

// condition returns n as a condition of an expression.
func (b *binder) condition(n *node) (*expr.Node, *ddberr.Fault) {
	switch n.kind {
	case nodeAnd, nodeOr:
		parts := make([]*expr.Node, len(n.kids))
		for i, kid := range n.kids {
			var f *ddberr.Fault
			if parts[i], f = b.condition(kid); f != nil {
				return nil, f
			}
		}
		if n.kind == nodeAnd {
			return expr.And(parts...), nil
		}
		return expr.Or(parts...), nil
	case nodeNot:
		c, f := b.condition(n.kids[0])
		if f != nil {
			return nil, f
		}
		return expr.Not(c), nil
	case nodeCompare:
		return b.comparison(n)
	case nodeIs:
		return b.typeTest(n)
	case nodeCall:
		if whereFunctions[n.name] == asOperand {
			break
		}
		return b.call(n)
	case nodeBetween, nodeIn:
		operands, f := b.operands(n.kids)
		if f != nil {
			return nil, f
		}
		if n.kind == nodeIn {
			return expr.In(operands[0], operands[1:]...), nil
		}
		return expr.Between(operands[0], operands[1], operands[2]), nil
	}
	return nil, ddberr.StatementMalformed.Fault(badTerm)
}

// comparison returns n, which may also compare a condition with TRUE or FALSE.
func (b *binder) comparison(n *node) (*expr.Node, *ddberr.Fault) {
	left, right := n.kids[0], n.kids[1]
	if right.isCondition() {
		left, right = right, left
	}
	if left.isCondition() && right.isLiteral() && (n.op == expr.Equal || n.op == expr.NotEqual) {
		want, f := b.literal(right)
		if f != nil {
			return nil, f
		}
		c, f := b.condition(left)
		if f != nil || want.Type() != attr.BOOL {
			return nil, malformed(f)
		}
		if want.Bool() != (n.op == expr.Equal) {
			c = expr.Not(c)
		}
		return c, nil
	}
	operands, f := b.operands(n.kids)
	if f != nil {
		return nil, f
	}
	return expr.Compare(n.op, operands[0], operands[1]), nil
}

// malformed returns f, or the fault of a term in the wrong place if there is
// none.
func malformed(f *ddberr.Fault) *ddberr.Fault {
	if f == nil {
		f = ddberr.StatementMalformed.Fault(badTerm)
	}
	return f
}

// typeTest returns IS.
func (b *binder) typeTest(n *node) (*expr.Node, *ddberr.Fault) {
	types := typeNames[n.name]
	if types == nil {
		at, f := b.operand(n.kids[0])
		if f != nil {
			return nil, f
		}
		return expr.Call("attribute_not_exists", at), nil
	}
	tests := make([]*expr.Node, len(types))
	for i, t := range types {
		at, f := b.operand(n.kids[0])
		if f != nil {
			return nil, f
		}
		tests[i] = expr.Call("attribute_type", at, expr.Literal(attr.String(t.String())))
	}
	if len(tests) == 1 {
		return tests[0], nil
	}
	return expr.Or(tests...), nil
}

func (b *binder) operands(nodes []*node) ([]*expr.Node, *ddberr.Fault) {
	operands := make([]*expr.Node, len(nodes))
	for i, n := range nodes {
		var f *ddberr.Fault
		if operands[i], f = b.operand(n); f != nil {
			return nil, f
		}
	}
	return operands, nil
}

// operand returns n as an operand of a condition.
func (b *binder) operand(n *node) (*expr.Node, *ddberr.Fault) {
	switch {
	case n.kind == nodePath:
		return expr.At(n.path), checkPath(n.path)
	case n.isLiteral():
		v, f := b.literal(n)
		return expr.Literal(v), f
	case n.kind == nodePlus:
		return nil, ddberr.StatementOperator.Fault("+", position(b.statement.text, n.span))
	case n.kind == nodeMinus:
		return nil, ddberr.StatementOperator.Fault("-", position(b.statement.text, n.span))
	case n.kind == nodeCall && whereFunctions[n.name] != asCondition:
		return b.call(n)
	}
	return nil, ddberr.StatementMalformed.Fault(badTerm)
}

// call returns a function of a WHERE clause.
func (b *binder) call(n *node) (*expr.Node, *ddberr.Fault) {
	if whereFunctions[n.name] == 0 {
		return nil, b.unknown(n)
	}
	operands, f := b.operands(n.kids)
	if f != nil {
		return nil, f
	}
	return expr.Call(n.name, operands...), nil
}

func (b *binder) unknown(call *node) *ddberr.Fault {
	return ddberr.StatementFunction.Fault(call.name, position(b.statement.text, call.span))
}
