package partiql

import (
	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/expr"
)

// Kind is what a statement does.
type Kind uint8

// The kinds.
const (
	Select Kind = iota
	Insert
	Update
	Delete
	Exists // EXISTS(SELECT …), a condition check in a transaction
)

// IsRead reports whether a statement of kind k is a read in a batch or
// transaction. EXISTS stands among writes.
func (k Kind) IsRead() bool { return k == Select }

// Returning says which attributes a write returns.
type Returning struct {
	Given    bool
	Modified bool // those that the update assigns, else all
	New      bool // as they are after the write, else before
}

// String prints r as statements write it.
func (r Returning) String() string {
	what, when := "ALL", "OLD"
	if r.Modified {
		what = "MODIFIED"
	}
	if r.New {
		when = "NEW"
	}
	return what + " " + when + " *"
}

// Statement is a parsed statement. It is immutable.
type Statement struct {
	text       string
	kind       Kind
	from       []string    // table, or table and index
	projection *Projection // of Select; nil: all
	where      *node       // or nil
	order      []orderKey
	value      *node // the item of Insert
	changes    []change
	returning  Returning
	params     int // number of ?
}

// orderKey is an element of ORDER BY.
type orderKey struct {
	name       string
	descending bool
}

// change is a SET or REMOVE of an update.
type change struct {
	path  expr.Path
	value *node // nil: remove
}

type nodeKind uint8

const (
	nodeValue   nodeKind = iota
	nodeNumber           // a number that was not looked at; Parse leaves none
	nodeParam            // ?
	nodeList             // [kids]
	nodeMap              // {names: kids}
	nodeBag              // <<kids>>
	nodePath             // path
	nodeCall             // name(kids)
	nodeCompare          // kids[0] op kids[1]
	nodeBetween          // kids[0] BETWEEN kids[1] AND kids[2]
	nodeIn               // kids[0] IN the others
	nodeIs               // kids[0] IS name
	nodeAnd              // of two or more
	nodeOr               // likewise
	nodeNot
	nodePlus
	nodeMinus
)

// node is a part of an expression.
type node struct {
	kind  nodeKind
	op    expr.Op
	span  span // of its first token
	name  string
	path  expr.Path
	value attr.Value
	param int // index of a parameter
	names []string
	kids  []*node
}

// isCondition reports whether n is true or false.
func (n *node) isCondition() bool {
	switch n.kind {
	case nodeCompare, nodeBetween, nodeIn, nodeIs, nodeAnd, nodeOr, nodeNot:
		return true
	case nodeCall:
		return whereFunctions[n.name] == asCondition
	}
	return false
}

// isConstant reports whether n is a literal without parameters.
func (n *node) isConstant() bool {
	switch n.kind {
	case nodeValue, nodeNumber:
		return true
	case nodeList, nodeMap, nodeBag:
		for _, kid := range n.kids {
			if !kid.isConstant() {
				return false
			}
		}
		return true
	}
	return false
}

// fold replaces the literals without parameters under n by their values.
func (s *Statement) fold(n *node) *ddberr.Fault {
	if n == nil {
		return nil
	}
	if n.isConstant() {
		v, f := s.constant(n)
		if f != nil {
			return f
		}
		*n = node{kind: nodeValue, span: n.span, value: v}
		return nil
	}
	for _, kid := range n.kids {
		if f := s.fold(kid); f != nil {
			return f
		}
	}
	return nil
}

// constant returns the value of a literal without parameters.
func (s *Statement) constant(n *node) (attr.Value, *ddberr.Fault) {
	b := binder{statement: s}
	return b.literal(n)
}
