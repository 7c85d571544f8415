package expr

import (
	"slices"
	"strconv"
	"sync"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/ddberr"
)

// Condition is a condition or filter expression.
type Condition struct{ root *Node }

// NewCondition returns the condition n, as if it had been parsed and checked.
func NewCondition(n *Node) *Condition { return &Condition{n} }

// Eval reports whether c holds for item; an absent item is an empty one. A
// nil condition holds.
func (c *Condition) Eval(item attr.Item) bool { return c == nil || c.root.holds(item) }

// Names returns the top-level attributes that c uses, sorted.
func (c *Condition) Names() []string {
	if c == nil {
		return nil
	}
	var names []string
	c.root.eachPath(func(p Path) bool {
		names = append(names, p[0].name)
		return true
	})
	return sortedUnique(names)
}

// CheckKeys returns a fault if a path of c leads into one of keys. what is
// "Key", or "IndexKey" for the keys of an index.
func (c *Condition) CheckKeys(what string, keys []string) (f *ddberr.Fault) {
	if c == nil {
		return nil
	}
	c.root.eachPath(func(p Path) bool {
		f = checkKeyPath(p, what, keys)
		return f == nil
	})
	return f
}

func checkKeyPath(p Path, what string, keys []string) *ddberr.Fault {
	if len(p) > 1 && slices.Contains(keys, p[0].name) {
		return ddberr.KeyAttributeNested.Fault(what, p[0].name)
	}
	return nil
}

// FilterKeyFault returns the fault of a Query whose filter uses a key of what
// it queries, or nil. kind is "Filter Expression" or "QueryFilter".
func FilterKeyFault(kind string, filter *Condition, keyNames []string) (f *ddberr.Fault) {
	if filter == nil {
		return nil
	}
	filter.root.eachPath(func(p Path) bool {
		if slices.Contains(keyNames, p[0].name) {
			f = ddberr.FilterKeyAttribute.Fault(kind, p[0].name)
		}
		return f == nil
	})
	return f
}

// holds evaluates the condition n.
func (n *Node) holds(item attr.Item) bool {
	switch n.kind {
	case nodeCompare:
		return compare(n.op, n.first.in(item), n.first.next.in(item))
	case nodeAnd:
		for c := n.first; c != nil; c = c.next {
			if !c.holds(item) {
				return false
			}
		}
		return true
	case nodeOr:
		for c := n.first; c != nil; c = c.next {
			if c.holds(item) {
				return true
			}
		}
		return false
	case nodeNot:
		return !n.first.holds(item)
	case nodeCall:
		return n.fn.holds(n, item)
	case nodeBetween:
		low, high := n.first.next, n.first.next.next
		v := n.first.in(item)
		return compare(GreaterOrEqual, v, low.in(item)) && compare(LessOrEqual, v, high.in(item))
	case nodeIn:
		return n.isIn(item)
	}
	return false
}

func (n *Node) isIn(item attr.Item) bool {
	v := n.first.in(item)
	for c := n.first.next; c != nil; c = c.next {
		if compare(Equal, v, c.in(item)) {
			return true
		}
	}
	return false
}

// in returns the value of the operand n, absent if it has none.
func (n *Node) in(item attr.Item) attr.Value {
	switch n.kind {
	case nodeValue:
		return n.value
	case nodePath:
		return n.path.In(item)
	case nodeCall:
		return n.fn.value(n, item)
	}
	return attr.Value{}
}

// compare is a op b. What is absent is equal to nothing, and only strings,
// numbers and binaries of one type have an order.
func compare(op Op, a, b attr.Value) bool {
	switch op {
	case Equal:
		return !a.IsZero() && attr.Equal(a, b)
	case NotEqual:
		return a.IsZero() || !attr.Equal(a, b)
	}
	if a.Type() != b.Type() || !ordered.has(a.Type()) {
		return false
	}
	c := attr.Compare(a, b)
	switch op {
	case Less:
		return c < 0
	case LessOrEqual:
		return c <= 0
	case Greater:
		return c > 0
	}
	return c >= 0
}

// integer returns i as a number; small ones need no memory.
func integer(i int) attr.Value {
	if small := smallIntegers(); i < len(small) {
		return small[i]
	}
	return newInteger(i)
}

var smallIntegers = sync.OnceValue(func() *[256]attr.Value {
	var all [256]attr.Value
	for i := range all {
		all[i] = newInteger(i)
	}
	return &all
})

func newInteger(i int) attr.Value {
	v, _ := attr.ParseNumber(strconv.Itoa(i)) // an int is in range
	return v
}
