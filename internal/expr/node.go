package expr

import (
	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/ddberr"
)

// Op is a comparison.
type Op uint8

// The comparisons.
const (
	None Op = iota
	Equal
	NotEqual
	Less
	LessOrEqual
	Greater
	GreaterOrEqual
	InRange    // BETWEEN
	BeginsWith // begins_with
)

var opNames = [...]string{"", "=", "<>", "<", "<=", ">", ">=", "BETWEEN", "begins_with"}

// String returns op as expressions write it.
func (op Op) String() string { return opNames[op] }

// Flipped is the op with its operands exchanged.
func (op Op) Flipped() Op {
	switch op {
	case Less:
		return Greater
	case LessOrEqual:
		return GreaterOrEqual
	case Greater:
		return Less
	case GreaterOrEqual:
		return LessOrEqual
	}
	return op
}

type nodeKind uint8

const (
	nodeNone nodeKind = iota
	nodePath
	nodeValue
	nodeCall    // fn
	nodeCompare // op, two operands
	nodeBetween // operand, low, high
	nodeIn      // operand, candidates
	nodeAnd
	nodeOr
	nodeNot
	nodePlus
	nodeMinus
)

// Node is a condition or an operand of one. A node is part of one parent.
type Node struct {
	kind  nodeKind
	op    Op
	fn    *function
	path  Path
	value attr.Value
	name  string // of the placeholder of a value
	first *Node  // operands, linked by next
	next  *Node
}

// At is the value at path p, which is not empty.
func At(p Path) *Node { return &Node{kind: nodePath, path: p} }

// Literal is the value v.
func Literal(v attr.Value) *Node { return &Node{kind: nodeValue, value: v} }

// Call is the function with the given name; it must exist and take args.
func Call(name string, args ...*Node) *Node {
	return (&Node{kind: nodeCall, fn: lookup(name)}).with(args...)
}

// Compare is a op b, for Equal to GreaterOrEqual.
func Compare(op Op, a, b *Node) *Node { return (&Node{kind: nodeCompare, op: op}).with(a, b) }

// Between is x BETWEEN low AND high.
func Between(x, low, high *Node) *Node { return (&Node{kind: nodeBetween}).with(x, low, high) }

// In is x IN (list).
func In(x *Node, list ...*Node) *Node {
	return (&Node{kind: nodeIn}).with(append([]*Node{x}, list...)...)
}

// And holds if all conditions do.
func And(conditions ...*Node) *Node { return (&Node{kind: nodeAnd}).with(conditions...) }

// Or holds if one of the conditions does.
func Or(conditions ...*Node) *Node { return (&Node{kind: nodeOr}).with(conditions...) }

// Not holds if n does not.
func Not(n *Node) *Node { return (&Node{kind: nodeNot}).with(n) }

// Plus is a + b, in updates.
func Plus(a, b *Node) *Node { return (&Node{kind: nodePlus}).with(a, b) }

// Minus is a - b, in updates.
func Minus(a, b *Node) *Node { return (&Node{kind: nodeMinus}).with(a, b) }

// CheckCondition returns the fault of a condition of a PartiQL statement whose
// functions stand where they may: their operands, and types that no item can
// set right.
func CheckCondition(n *Node) *ddberr.Fault { return statement.checkTree(n) }

// CheckActions returns the fault of an update of a PartiQL statement, as
// CheckCondition does, or that of paths that clash.
func CheckActions(actions []Action) *ddberr.Fault {
	if f := statement.checkTargets(actions); f != nil {
		return f
	}
	for i := range actions {
		if v := actions[i].Value; v != nil {
			if f := statement.checkTree(v); f != nil {
				return f
			}
		}
	}
	return nil
}

// statement checks trees that have no placeholders.
var statement = &binder{kind: kindStatement}

func (n *Node) with(operands ...*Node) *Node {
	end := &n.first
	for _, o := range operands {
		*end = o
		end = &o.next
	}
	return n
}

// operands returns the number of operands of n.
func (n *Node) operands() int {
	count := 0
	for o := n.first; o != nil; o = o.next {
		count++
	}
	return count
}

// eachPath calls yield for every path under n in written order, until it
// returns false.
func (n *Node) eachPath(yield func(Path) bool) bool {
	if n.kind == nodePath {
		return yield(n.path)
	}
	for o := n.first; o != nil; o = o.next {
		if !o.eachPath(yield) {
			return false
		}
	}
	return true
}
