package expr

import (
	"bytes"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/ddberr"
)

// function is one function of the expression language. A new one is a row in
// functions and a case in testdata.
type function struct {
	name     string
	places   place      // where it may stand
	operands int        // how many it takes
	path     bool       // the first operand must be a path
	distinct bool       // the first operand must not be the path of another one
	types    [2]typeSet // types that literal operands may have, zero: any
	charge   int        // of the statement charge of an update

	check func(kind Kind, n *Node) *ddberr.Fault   // further checks, or nil
	holds func(n *Node, item attr.Item) bool       // of functions that are conditions
	eval  func(n *Node, e *evaluator) attr.Value   // of functions in updates
	value func(n *Node, item attr.Item) attr.Value // of functions that are operands
}

var functions = [...]function{
	{name: "attribute_exists", places: asCondition, operands: 1, path: true, holds: exists},
	{name: "attribute_not_exists", places: asCondition, operands: 1, path: true, holds: notExists},
	{name: "attribute_type", places: asCondition, operands: 2, distinct: true, check: checkTypeName, holds: hasType},
	{name: "begins_with", places: asCondition, operands: 2, distinct: true, types: [2]typeSet{prefixed, prefixed}, holds: beginsWith},
	{name: "contains", places: asCondition, operands: 2, distinct: true, holds: contains},
	{name: "size", places: asOperand | asArgument, operands: 1, types: [2]typeSet{sized}, value: size},
	{name: "if_not_exists", places: asTerm | asValue | asArgument, operands: 2, path: true, distinct: true, charge: 39, eval: ifNotExists},
	{name: "list_append", places: asValue, operands: 2, types: [2]typeSet{lists, lists}, charge: 37, eval: listAppend},
}

// lookup returns the function with the given name, whose case matters, or nil.
func lookup(name string) *function {
	for i := range functions {
		if functions[i].name == name {
			return &functions[i]
		}
	}
	return nil
}

// typeSet is a set of types, bit t for attr.Type t.
type typeSet uint16

func (s typeSet) has(t attr.Type) bool { return s>>t&1 != 0 }

const (
	ordered  typeSet = 1<<attr.S | 1<<attr.N | 1<<attr.B
	numbers  typeSet = 1 << attr.N
	lists    typeSet = 1 << attr.L
	prefixed typeSet = 1<<attr.S | 1<<attr.B
	sets     typeSet = 1<<attr.SS | 1<<attr.NS | 1<<attr.BS
	sized            = prefixed | sets | 1<<attr.L | 1<<attr.M
)

func exists(n *Node, item attr.Item) bool { return !n.first.in(item).IsZero() }

func notExists(n *Node, item attr.Item) bool { return n.first.in(item).IsZero() }

func hasType(n *Node, item attr.Item) bool {
	want := n.first.next.in(item)
	have := n.first.in(item).Type()
	return have != attr.Absent && want.Type() == attr.S && have.String() == want.Str()
}

// checkTypeName wants the second operand to be the name of a type.
func checkTypeName(kind Kind, n *Node) *ddberr.Fault {
	second := n.first.next
	switch t := staticType(second); {
	case t == attr.Absent:
		return ddberr.OperandType.Fault(kind.prefix(), n.fn.name, "{NS,SS,L,BS,N,M,B,BOOL,NULL,S}")
	case t != attr.S:
		return ddberr.OperandType.Fault(kind.prefix(), n.fn.name, t.String())
	case attr.ParseType(second.value.Str()) == attr.Absent:
		return ddberr.TypeNameUnknown.Fault(kind.prefix(), second.value.Str())
	}
	return nil
}

func beginsWith(n *Node, item attr.Item) bool {
	return hasPrefix(n.first.in(item), n.first.next.in(item))
}

func hasPrefix(v, prefix attr.Value) bool {
	t := v.Type()
	return t == prefix.Type() && prefixed.has(t) && bytes.HasPrefix(v.Bytes(), prefix.Bytes())
}

// contains looks for a part of a string or binary, or an element of a list or
// set.
func contains(n *Node, item attr.Item) bool {
	v, part := n.first.in(item), n.first.next.in(item)
	switch t := v.Type(); {
	case part.IsZero():
		return false
	case prefixed.has(t):
		return part.Type() == t && bytes.Contains(v.Bytes(), part.Bytes())
	case t == attr.L, t.IsSet():
		return v.Contains(part)
	}
	return false
}

// size is absent for types without one. The size of a string is its length
// in bytes. (Developer guide, "Using the SIZE function with PartiQL".)
func size(n *Node, item attr.Item) attr.Value {
	v := n.first.in(item)
	switch t := v.Type(); {
	case prefixed.has(t):
		return integer(len(v.Bytes()))
	case sized.has(t):
		return integer(v.Len())
	}
	return attr.Value{}
}

func ifNotExists(n *Node, e *evaluator) attr.Value {
	if v := n.first.path.In(e.old); !v.IsZero() {
		return v
	}
	return e.value(n.first.next)
}

func listAppend(n *Node, e *evaluator) attr.Value {
	a, b := e.typed(n.first, attr.L), e.typed(n.first.next, attr.L)
	if a.IsZero() || b.IsZero() || e.full() {
		return attr.Value{}
	}
	return concatLists(a, b)
}
