package expr

import "github.com/statordb/stator/internal/attr"

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

// flipped is the op with its operands exchanged.
func (op Op) flipped() Op {
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
