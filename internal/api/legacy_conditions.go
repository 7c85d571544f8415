package api

import (
	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/expr"
	"github.com/statordb/stator/internal/model"
)

// comparison is an operator of the parameters from before expressions, with
// its operands, on one attribute. Expected, QueryFilter, ScanFilter and
// KeyConditions become comparisons, and those become the same conditions that
// expressions do. (Developer guide, "Legacy conditional parameters".)
type comparison struct {
	attribute string
	operator  string
	operands  []attr.Value
}

var ordered = map[string]expr.Op{"LT": expr.Less, "LE": expr.LessOrEqual, "GT": expr.Greater, "GE": expr.GreaterOrEqual}

// newComparison checks the operands of an operator.
func newComparison(attribute, operator string, in []attr.InputValue) (comparison, error) {
	c := comparison{attribute: attribute, operator: operator}
	for _, v := range in {
		if v.Fault != nil {
			return c, v.Fault
		}
		if v.Value.IsZero() { // null
			return c, ddberr.ValueEmpty.Fault()
		}
		c.operands = append(c.operands, v.Value)
	}
	return c, c.check()
}

func (c *comparison) check() error {
	n, ok := len(c.operands), false
	switch c.operator {
	case "NULL", "NOT_NULL":
		ok = n == 0
	case "BETWEEN":
		ok = n == 2
	case "IN":
		ok = n >= 1 && n <= expr.MaxInOperands
	default:
		ok = n == 1
	}
	if !ok {
		return ddberr.OperatorArguments.Fault(c.operator)
	}
	for _, v := range c.operands {
		if !c.takes(v.Type()) {
			return ddberr.OperatorType.Fault(c.operator, v.Type())
		}
		if v.Type() != c.operands[0].Type() {
			return ddberr.OperatorTypesDiffer.Fault()
		}
	}
	if c.operator == "BETWEEN" && attr.Compare(c.operands[0], c.operands[1]) > 0 {
		return ddberr.OperatorBounds.Fault()
	}
	return nil
}

// takes reports whether operands of c may have type t.
func (c *comparison) takes(t attr.Type) bool {
	scalar := t == attr.S || t == attr.N || t == attr.B
	switch c.operator {
	case "EQ", "NE":
		return true
	case "BEGINS_WITH":
		return t == attr.S || t == attr.B
	}
	return scalar
}

// node returns c as a node of a condition.
func (c *comparison) node() *expr.Node {
	at := func() *expr.Node { return expr.At(expr.Path{expr.Field(c.attribute)}) }
	operands := make([]*expr.Node, len(c.operands))
	for i, v := range c.operands {
		operands[i] = expr.Literal(v)
	}
	switch c.operator {
	case "NULL":
		return expr.Call("attribute_not_exists", at())
	case "NOT_NULL":
		return expr.Call("attribute_exists", at())
	case "EQ":
		return expr.Compare(expr.Equal, at(), operands[0])
	case "NE":
		return expr.Compare(expr.NotEqual, at(), operands[0])
	case "CONTAINS":
		return expr.Call("contains", at(), operands[0])
	case "NOT_CONTAINS":
		return expr.Not(expr.Call("contains", at(), operands[0]))
	case "BEGINS_WITH":
		return expr.Call("begins_with", at(), operands[0])
	case "BETWEEN":
		return expr.Between(at(), operands[0], operands[1])
	case "IN":
		return expr.In(at(), operands...)
	}
	return expr.Compare(ordered[c.operator], at(), operands[0])
}

// combine joins comparisons by a ConditionalOperator; nil if there are none.
func combine(comparisons []comparison, operator model.Opt[string]) (*expr.Condition, error) {
	switch n := len(comparisons); {
	case operator.Set && n == 0:
		return nil, ddberr.OperatorWithoutFilter.Fault()
	case n == 0:
		return nil, nil
	case n > expr.MaxOperators:
		return nil, ddberr.OperatorsTooMany.Fault(n, expr.MaxOperators)
	}
	nodes := make([]*expr.Node, len(comparisons))
	for i := range comparisons {
		nodes[i] = comparisons[i].node()
	}
	switch {
	case len(nodes) == 1:
		return expr.NewCondition(nodes[0]), nil
	case operator.V == "OR":
		return expr.NewCondition(expr.Or(nodes...)), nil
	}
	return expr.NewCondition(expr.And(nodes...)), nil
}

// legacyFilter translates QueryFilter or ScanFilter.
func legacyFilter(filter []model.Entry[model.Condition], operator model.Opt[string]) (*expr.Condition, error) {
	var comparisons []comparison
	for _, e := range filter {
		c, err := newComparison(e.Key, e.Value.ComparisonOperator.V, e.Value.AttributeValueList)
		if err != nil {
			return nil, err
		}
		comparisons = append(comparisons, c)
	}
	return combine(comparisons, operator)
}

// legacyKeys translates KeyConditions.
func legacyKeys(conditions []model.Entry[model.Condition]) (*expr.KeyCondition, error) {
	var tests []expr.KeyTest
	for _, e := range conditions {
		c, err := newComparison(e.Key, e.Value.ComparisonOperator.V, e.Value.AttributeValueList)
		if err != nil {
			return nil, err
		}
		test := expr.KeyTest{Name: c.attribute}
		switch op := ordered[c.operator]; {
		case op != expr.None:
			test.Op = op
		case c.operator == "EQ":
			test.Op = expr.Equal
		case c.operator == "BEGINS_WITH":
			test.Op = expr.BeginsWith
		case c.operator == "BETWEEN":
			test.Op, test.Hi = expr.InRange, c.operands[1]
		default:
			return nil, ddberr.KeyOperatorNotIndexable.Fault()
		}
		test.Lo = c.operands[0]
		tests = append(tests, test)
	}
	if len(tests) == 0 {
		return nil, ddberr.KeyConditionAbsent.Fault()
	}
	return expr.NewKeyCondition(tests...), nil
}

// legacyProjection translates AttributesToGet; nil if it was not given.
func legacyProjection(names []string) (*expr.Projection, error) {
	if names == nil {
		return nil, nil
	}
	seen := make(map[string]bool, len(names))
	for _, name := range names {
		if seen[name] {
			return nil, ddberr.AttributesRepeated.Fault(name)
		}
		seen[name] = true
	}
	return expr.ProjectNames(names), nil
}
