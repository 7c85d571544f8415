package expr

import (
	"slices"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/ddberr"
)

// Apply returns the item that u makes of old, which is empty if there is no
// item. All operands are read from old, and indexes of lists count in it:
// elements set beyond the end are appended in the order of their indexes.
// Faults are those of the item's content: types, missing attributes, paths,
// numbers out of range, nesting; and what is too large by its changes alone,
// before that is put together. The caller checks keys and size.
func (u *Update) Apply(old attr.Item) (attr.Item, *ddberr.Fault) {
	e := evaluator{old: old, update: u, rank: ranks}
	var room [8]attr.Value
	results := room[:0]
	for i := range u.actions {
		v := e.action(&u.actions[i])
		e.hold(v)
		results = append(results, v)
	}
	if e.fault != nil {
		return attr.Item{}, e.fault
	}
	var changed [8]attr.Attribute
	changes := changed[:0]
	if !u.nested {
		for i := range u.actions {
			changes = append(changes, attr.Attribute{Name: u.actions[i].Path[0].name, Value: results[i]})
		}
	}
	for i := range u.tree {
		b := &u.tree[i]
		changes = append(changes, attr.Attribute{Name: b.step.name, Value: b.rebuild(old.Get(b.step.name), results)})
	}
	for _, c := range changes {
		if c.Value.Depth() > attr.MaxDepth {
			return attr.Item{}, ddberr.UpdateNestingTooDeep.Fault()
		}
	}
	return old.Patch(changes), nil
}

// rebuild returns v with the results of the actions in b. Only the containers
// on the way to them are written anew.
func (b *branch) rebuild(v attr.Value, results []attr.Value) attr.Value {
	switch {
	case b.action >= 0:
		return results[b.action]
	case v.Type() == attr.M && !b.branches[0].step.IsIndex():
		item := v.AsItem()
		changes := make([]attr.Attribute, len(b.branches))
		for i := range b.branches {
			child := &b.branches[i]
			changes[i] = attr.Attribute{Name: child.step.name, Value: child.rebuild(item.Get(child.step.name), results)}
		}
		return item.Patch(changes).AsMap()
	case v.Type() == attr.L && b.branches[0].step.IsIndex():
		return rebuildList(v, b.branches, results)
	}
	return v // there is nothing to remove
}

func rebuildList(v attr.Value, branches []branch, results []attr.Value) attr.Value {
	var elems []attr.Value
	put := func(e attr.Value) {
		if !e.IsZero() {
			elems = append(elems, e)
		}
	}
	at := int32(0)
	for e := range v.Elems() {
		if len(branches) > 0 && branches[0].step.index == at {
			e = branches[0].rebuild(e, results)
			branches = branches[1:]
		}
		put(e)
		at++
	}
	for i := range branches {
		put(branches[i].rebuild(attr.Value{}, results))
	}
	return attr.List(elems...)
}

// evaluator computes the results of actions and keeps the fault that wins: a
// place that cannot be written because its parent has another type; operands
// of a wrong type; from the last section to the first, places without a
// parent and then missing operands; numbers out of range; the size.
type evaluator struct {
	old     attr.Item
	update  *Update
	fault   *ddberr.Fault
	rank    int
	current *Action
	size    int // of the results so far
}

const (
	rankParent = iota
	rankType
	rankSections // two for each
	rankNumber   = rankSections + 2*5
	rankSize     = rankNumber + 1
	ranks        = rankSize + 1
)

func (e *evaluator) report(rank int, text *ddberr.Text) {
	if rank < e.rank {
		e.rank, e.fault = rank, text.Fault()
	}
}

func (e *evaluator) wrongType() attr.Value {
	if e.update.legacy {
		e.report(rankType, &ddberr.UpdateTypeMismatch)
	} else {
		e.report(rankType, &ddberr.UpdateOperandType)
	}
	return attr.Value{}
}

// hold adds the size of a result. The new item has all of them in it.
func (e *evaluator) hold(v attr.Value) {
	if v.IsZero() || e.full() {
		return
	}
	if e.size += v.Size(); e.full() {
		e.report(rankSize, &ddberr.UpdatedTooLarge)
	}
}

// full reports whether the results are too large for any item: nothing needs
// to be put together any more.
func (e *evaluator) full() bool { return e.size > attr.MaxItemSize }

// sectionRank puts faults of later sections first.
func (e *evaluator) sectionRank() int { return rankSections + 2*(4-int(e.current.section)) }

// action returns what stands at the path of a after it, absent for nothing.
func (e *evaluator) action(a *Action) attr.Value {
	e.current = a
	e.place()
	switch a.Verb {
	case Set:
		return e.value(a.Value)
	case Add:
		return e.add(a.Path.In(e.old), a.Value.value)
	case Delete:
		return e.remove(a.Path.In(e.old), a.Value.value)
	}
	return attr.Value{}
}

// place checks that the path of the action can be written.
func (e *evaluator) place() {
	a := e.current
	last := len(a.Path) - 1
	if last == 0 {
		return
	}
	want := attr.M
	if a.Path[last].IsIndex() {
		want = attr.L
	}
	switch t := a.Path[:last].In(e.old).Type(); {
	case t == want:
	case t != attr.Absent:
		e.report(rankParent, &ddberr.UpdatePathInvalid)
	case e.old.IsEmpty() && (a.Verb == Remove || a.Verb == Delete):
	default:
		e.report(e.sectionRank(), &ddberr.UpdatePathInvalid)
	}
}

// value returns the value of n, absent after a fault.
func (e *evaluator) value(n *Node) attr.Value {
	switch n.kind {
	case nodeValue:
		return n.value
	case nodePath:
		v := n.path.In(e.old)
		if v.IsZero() {
			e.report(e.sectionRank()+1, &ddberr.UpdateOperandMissing)
		}
		return v
	case nodeCall:
		return n.fn.eval(n, e)
	}
	return e.sum(e.typed(n.first, attr.N), e.typed(n.first.next, attr.N), n.kind)
}

// typed is value for an operand that must be of type t.
func (e *evaluator) typed(n *Node, t attr.Type) attr.Value {
	v := e.value(n)
	if v.Type() != t && !v.IsZero() {
		return e.wrongType()
	}
	return v
}

func (e *evaluator) sum(a, b attr.Value, kind nodeKind) attr.Value {
	if a.IsZero() || b.IsZero() {
		return attr.Value{}
	}
	combine := attr.Add
	if kind == nodeMinus {
		combine = attr.Sub
	}
	v, f := combine(a, b)
	if f != nil {
		e.report(rankNumber, &ddberr.UpdateNumberOverflow)
	}
	return v
}

func (e *evaluator) add(have, v attr.Value) attr.Value {
	switch t := v.Type(); {
	case have.IsZero():
		return v
	case have.Type() != t:
		return e.wrongType()
	case t == attr.N:
		return e.sum(have, v, nodePlus)
	case e.full():
		return attr.Value{}
	case t == attr.L:
		return concatLists(have, v)
	default:
		return attr.Set(t, slices.AppendSeq(slices.Collect(have.Elems()), v.Elems()))
	}
}

func (e *evaluator) remove(have, v attr.Value) attr.Value {
	switch {
	case have.IsZero():
		return attr.Value{}
	case have.Type() != v.Type():
		return e.wrongType()
	}
	var left []attr.Value
	taken := slices.Collect(v.Elems())
	for elem := range have.Elems() { // both sets are sorted
		for len(taken) > 0 && attr.Compare(taken[0], elem) < 0 {
			taken = taken[1:]
		}
		if len(taken) == 0 || !attr.Equal(taken[0], elem) {
			left = append(left, elem)
		}
	}
	if left == nil {
		return attr.Value{}
	}
	return attr.Set(v.Type(), left)
}

func concatLists(a, b attr.Value) attr.Value {
	return attr.List(slices.AppendSeq(slices.Collect(a.Elems()), b.Elems())...)
}
