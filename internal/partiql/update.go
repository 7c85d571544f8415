package partiql

import (
	"slices"
	"strings"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/expr"
)

// setFunctions are the functions that change a set, and the verbs that do the
// same in update expressions.
var setFunctions = map[string]expr.Verb{"set_add": expr.Add, "set_delete": expr.Delete}

// bindChanges makes the update of the SETs and REMOVEs.
func (b *Bound) bindChanges(changes []change) *ddberr.Fault {
	actions := make([]expr.Action, len(changes))
	for i, c := range changes {
		if f := checkPath(c.path); f != nil {
			return f
		}
		actions[i] = expr.Action{Verb: expr.Remove, Path: c.path}
		if c.value == nil {
			continue
		}
		var f *ddberr.Fault
		if verb, ok := setFunctions[c.value.name]; ok && c.value.kind == nodeCall {
			actions[i].Verb = verb
			actions[i].Value, f = b.setFunction(c)
		} else {
			actions[i].Verb = expr.Set
			actions[i].Value, f = b.assigned(c.value)
		}
		if f != nil {
			return f
		}
	}
	if f := expr.CheckActions(actions); f != nil {
		return f
	}
	b.Update = expr.NewUpdate(actions...)
	return nil
}

// setFunction returns the set that a set function adds or deletes.
func (b *binder) setFunction(c change) (*expr.Node, *ddberr.Fault) {
	call := c.value
	fault := func(text *ddberr.Text, at span) *ddberr.Fault {
		return text.Fault(strings.ToUpper(call.name), position(b.statement.text, at))
	}
	if len(call.kids) != 2 {
		return nil, fault(&ddberr.SetFunctionCount, call.span)
	}
	target, set := call.kids[0], call.kids[1]
	if target.kind != nodePath || !slices.Equal(target.path, c.path) {
		return nil, fault(&ddberr.SetFunctionTarget, call.span)
	}
	if !set.isLiteral() {
		return nil, fault(&ddberr.SetFunctionValue, target.span)
	}
	v, f := b.literal(set)
	switch {
	case f != nil:
		return nil, f
	case !v.Type().IsSet():
		return nil, fault(&ddberr.SetFunctionValue, target.span)
	}
	return expr.Literal(v), nil
}

// assigned returns the right-hand side of a SET.
func (b *binder) assigned(n *node) (*expr.Node, *ddberr.Fault) {
	switch {
	case n.kind == nodePath:
		return expr.At(n.path), checkPath(n.path)
	case n.isLiteral():
		v, f := b.literal(n)
		return expr.Literal(v), f
	case n.kind == nodeCall && n.name != "list_append":
		return nil, b.unknown(n)
	case n.kind != nodeCall && n.kind != nodePlus && n.kind != nodeMinus:
		return nil, ddberr.StatementMalformed.Fault(badTerm)
	}
	operands := make([]*expr.Node, len(n.kids))
	for i, kid := range n.kids {
		var f *ddberr.Fault
		if operands[i], f = b.assigned(kid); f != nil {
			return nil, f
		}
	}
	switch n.kind {
	case nodePlus:
		return expr.Plus(operands[0], operands[1]), nil
	case nodeMinus:
		return expr.Minus(operands[0], operands[1]), nil
	}
	return expr.Call("list_append", operands...), nil
}

// Write is what UPDATE, DELETE or EXISTS does to one item.
type Write struct {
	Key       attr.Item
	Condition *expr.Condition // nil: none
	Plain     bool            // WHERE demands nothing but the key
}

// Write finds the key that WHERE names; what else it demands becomes the
// condition. UPDATE and EXISTS demand that there is an item. DELETE of an item
// that is not there succeeds whatever it demands. (Developer guide, "PartiQL
// update statements", "PartiQL delete statements".)
func (b *Bound) Write(keys Keys) (Write, *ddberr.Fault) {
	found := b.find(keys)
	key, ok := found.key(keys)
	if !ok {
		return Write{}, ddberr.StatementKey.Fault()
	}
	w := Write{Key: key, Plain: len(found.rest) == 0}
	nodes := conditions(found.rest)
	at := expr.At(expr.Path{expr.Field(keys.Hash.Name)})
	switch {
	case b.Kind != Delete:
		w.Condition = all(append(nodes, expr.Call("attribute_exists", at)))
	case !w.Plain:
		w.Condition = expr.NewCondition(expr.Or(expr.Call("attribute_not_exists", at), expr.And(nodes...)))
	}
	return w, nil
}

// all returns the condition that all nodes hold, nil for none.
func all(nodes []*expr.Node) *expr.Condition {
	if len(nodes) == 0 {
		return nil
	}
	return expr.NewCondition(expr.And(nodes...))
}
