package expr

import (
	"fmt"
	"slices"
	"strings"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/ddberr"
)

// binder puts names and values for placeholders, notes which are used, and
// checks what depends on them.
type binder struct {
	kind   Kind
	names  []Name
	values []attr.Attribute // sorted by name
	index  map[string]int   // of names, if they are many

	usedNames, usedValues []bool
}

// manyNames is where a map becomes quicker than looking at all names.
const manyNames = 16

// newBinder returns a binder of r's placeholders. It uses room and marks,
// which are empty, if they are large enough.
func newBinder(r *Request, room []attr.Attribute, marks []bool) binder {
	b := binder{names: r.Names, values: room}
	if r.Values.Given {
		for name, v := range r.Values.Item.All() {
			b.values = append(b.values, attr.Attribute{Name: name, Value: v})
		}
	}
	if n := len(b.names) + len(b.values); n > len(marks) {
		marks = make([]bool, n)
	}
	b.usedNames, b.usedValues = marks[:len(b.names)], marks[len(b.names):][:len(b.values)]
	if len(b.names) > manyNames {
		b.index = make(map[string]int, len(b.names))
		for i, n := range b.names {
			b.index[n.Key] = i
		}
	}
	return b
}

func (b *binder) nameIndex(key string) int {
	if b.index != nil {
		if i, found := b.index[key]; found {
			return i
		}
		return -1
	}
	for i := range b.names {
		if b.names[i].Key == key {
			return i
		}
	}
	return -1
}

// path puts the names of p.
func (b *binder) path(p Path) *ddberr.Fault {
	for i := range p {
		s := &p[i]
		if s.IsIndex() || s.name[0] != '#' {
			continue
		}
		at := b.nameIndex(s.name)
		if at < 0 {
			return ddberr.NameUndefined.Fault(b.kind.prefix(), s.name)
		}
		b.usedNames[at] = true
		s.name = b.names[at].Value
	}
	if len(p) > maxPathDepth {
		return ddberr.PathTooDeep.Fault(b.kind.prefix(), len(p))
	}
	return nil
}

// value puts the value of the placeholder n.
func (b *binder) value(n *Node) *ddberr.Fault {
	at, found := slices.BinarySearchFunc(b.values, n.name, func(a attr.Attribute, name string) int {
		return strings.Compare(a.Name, name)
	})
	if !found {
		return ddberr.ValueUndefined.Fault(b.kind.prefix(), n.name)
	}
	b.usedValues[at] = true
	n.value = b.values[at].Value
	return nil
}

// unused returns a fault if a name or a value was not used.
func (b *binder) unused() *ddberr.Fault {
	var keys []string
	for i, used := range b.usedNames {
		if !used {
			keys = append(keys, b.names[i].Key)
		}
	}
	if keys != nil {
		return ddberr.NamesUnused.Fault(strings.Join(keys, ", "))
	}
	for i, used := range b.usedValues {
		if !used {
			keys = append(keys, b.values[i].Name)
		}
	}
	if keys != nil {
		return ddberr.ValuesUnused.Fault(strings.Join(keys, ", "))
	}
	return nil
}

// check binds and checks n in written order, operands before what they are
// operands of.
func (b *binder) check(n *Node) *ddberr.Fault {
	switch n.kind {
	case nodePath:
		return b.path(n.path)
	case nodeValue:
		return b.value(n)
	}
	for o := n.first; o != nil; o = o.next {
		if f := b.check(o); f != nil {
			return f
		}
	}
	return b.checkOperands(n)
}

// checkOperands checks the operands of n against each other and their types.
func (b *binder) checkOperands(n *Node) *ddberr.Fault {
	switch n.kind {
	case nodeCall:
		return b.checkCall(n)
	case nodeCompare:
		if f := b.distinct(n, n.op.String()); f != nil || n.op == Equal || n.op == NotEqual {
			return f
		}
		return b.types(n, n.op.String(), ordered)
	case nodeBetween:
		return b.checkBetween(n)
	case nodeIn:
		if count := n.operands(); count > b.kind.maxInOperands() {
			return ddberr.InOperands.Fault(b.kind.prefix(), count)
		}
		return b.distinct(n, "IN")
	case nodePlus:
		return b.types(n, "+", numbers)
	case nodeMinus:
		return b.types(n, "-", numbers)
	}
	return nil
}

// maxInOperands is how many operands IN may have, the first included: one more
// in PartiQL. (Developer guide, "PartiQL operators": 100 values.)
func (k Kind) maxInOperands() int {
	if k == kindStatement {
		return MaxInOperands + 1
	}
	return MaxInOperands
}

func (b *binder) checkCall(n *Node) *ddberr.Fault {
	fn := n.fn
	if count := n.operands(); count != fn.operands {
		return ddberr.FunctionOperands.Fault(b.kind.prefix(), fn.name, count)
	}
	if fn.path && n.first.kind != nodePath {
		return ddberr.FunctionNeedsPath.Fault(b.kind.prefix(), fn.name)
	}
	if fn.distinct {
		if f := b.distinct(n, fn.name); f != nil {
			return f
		}
	}
	i := 0
	for o := n.first; o != nil; o = o.next {
		if f := b.operandType(o, fn.name, fn.types[i]); f != nil {
			return f
		}
		i++
	}
	if fn.check != nil {
		return fn.check(b.kind, n)
	}
	return nil
}

// distinct refuses a first operand that is the same path as another one.
func (b *binder) distinct(n *Node, operator string) *ddberr.Fault {
	if n.first.kind != nodePath {
		return nil
	}
	for o := n.first.next; o != nil; o = o.next {
		if o.kind == nodePath && o.path.equal(n.first.path) {
			return ddberr.OperandRepeated.Fault(b.kind.prefix(), operator, o.path.String())
		}
	}
	return nil
}

// types checks the types of all operands of n.
func (b *binder) types(n *Node, operator string, allowed typeSet) *ddberr.Fault {
	for o := n.first; o != nil; o = o.next {
		if f := b.operandType(o, operator, allowed); f != nil {
			return f
		}
	}
	return nil
}

func (b *binder) operandType(o *Node, operator string, allowed typeSet) *ddberr.Fault {
	if t := staticType(o); allowed != 0 && t != attr.Absent && !allowed.has(t) {
		return ddberr.OperandType.Fault(b.kind.prefix(), operator, t.String())
	}
	return nil
}

// staticType returns the type that n has whatever the item, or Absent.
func staticType(n *Node) attr.Type {
	switch {
	case n.kind == nodeValue:
		return n.value.Type()
	case n.kind == nodeCall && n.fn.value != nil:
		return attr.N
	}
	return attr.Absent
}

func (b *binder) checkBetween(n *Node) *ddberr.Fault {
	if f := b.distinct(n, "BETWEEN"); f != nil {
		return f
	}
	if f := b.types(n, "BETWEEN", ordered); f != nil {
		return f
	}
	low, high := n.first.next, n.first.next.next
	if low.kind != nodeValue || high.kind != nodeValue {
		return nil
	}
	switch {
	case low.value.Type() != high.value.Type():
		return ddberr.BetweenTypes.Fault(b.kind.prefix(), boundText(low.value), boundText(high.value))
	case attr.Compare(low.value, high.value) > 0:
		return ddberr.BetweenOrder.Fault(b.kind.prefix(), boundText(low.value), boundText(high.value))
	}
	return nil
}

// boundText prints a bound of BETWEEN as error texts do: S:a.
func boundText(v attr.Value) string {
	switch v.Type() {
	case attr.S:
		return "S:" + v.Str()
	case attr.N:
		return "N:" + v.NumberText()
	}
	size := len(v.Bytes())
	return fmt.Sprintf("B:java.nio.HeapByteBuffer[pos=0 lim=%d cap=%d]", size, size)
}
