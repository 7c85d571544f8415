package expr

import (
	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/ddberr"
)

// Updates:
//
//	update := (SET set, … | REMOVE path, … | ADD path :v, … | DELETE path :v, …)+
//	set    := path '=' value
//	value  := '(' value ')' | operand [ ('+' | '-') operand ]

// update reads and checks an update. After the syntax come reserved words and
// functions, repeated sections, names, values, paths, operands of ADD and
// DELETE, and those of SET.
func (b *binder) update(text string) (*Update, *ddberr.Fault) {
	if f := checkSize(KindUpdate, text); f != nil {
		return nil, f
	}
	p := updateParser{actions: make([]Action, 0, 4)}
	p.begin(KindUpdate, text)
	p.section()
	for p.tok != tokEOF && p.tok != tokFailed {
		p.section()
	}
	if f := p.end(); f != nil {
		return nil, f
	}
	if p.repeated != nil {
		return nil, p.repeated
	}
	b.kind = KindUpdate
	if f := b.bindActions(p.actions); f != nil {
		return nil, f
	}
	return newUpdate(p.actions, false), nil
}

type updateParser struct {
	parser
	actions  []Action
	sections uint8
	seen     [4]bool
	repeated *ddberr.Fault
}

func (p *updateParser) section() {
	var verb Verb
	switch p.tok {
	case tokSet:
		verb = Set
	case tokRemove:
		verb = Remove
	case tokAdd:
		verb = Add
	case tokDelete:
		verb = Delete
	default:
		p.fail()
		return
	}
	if p.seen[verb] {
		p.keep(&p.repeated, &ddberr.SectionRepeated, verb.String())
	}
	p.seen[verb] = true
	for {
		p.next()
		p.action(verb)
		if p.tok != tokComma {
			break
		}
	}
	p.sections = min(p.sections+1, 4)
}

func (p *updateParser) action(verb Verb) {
	a := Action{Verb: verb, Path: p.path(), section: p.sections}
	switch verb {
	case Set:
		p.expect(tokEq)
		a.Value = p.value()
	case Add, Delete:
		if p.tok != tokValue {
			p.fail()
			return
		}
		a.Value = p.simple()
	}
	p.actions = append(p.actions, a)
}

// value reads a right-hand side of SET.
func (p *updateParser) value() *Node {
	n := p.sum().Node
	p.used(n, asValue)
	return n
}

// sum reads a value. A parenthesis may hold an operand or a whole sum; behind
// the latter no further + may stand.
func (p *updateParser) sum() term {
	var t term
	if p.tok == tokOpen {
		p.next()
		t = p.sum()
		p.expect(tokClose)
		if t.parens {
			p.redundant()
		}
		t.parens = true
	} else {
		t.Node = p.simple()
	}
	kind := nodePlus
	switch {
	case t.kind == nodePlus, t.kind == nodeMinus:
		return t
	case p.tok == tokMinus:
		kind = nodeMinus
	case p.tok != tokPlus:
		return t
	}
	p.next()
	p.operators++
	n := p.node(kind)
	n.first = t.Node
	n.first.next = p.operand()
	p.used(n.first, asTerm)
	p.used(n.first.next, asTerm)
	return term{Node: n}
}

func (b *binder) bindActions(actions []Action) *ddberr.Fault {
	for i := range actions {
		if f := b.path(actions[i].Path); f != nil {
			return f
		}
		if v := actions[i].Value; v != nil {
			if f := b.bindPaths(v); f != nil {
				return f
			}
		}
	}
	for i := range actions {
		if v := actions[i].Value; v != nil {
			if f := b.bindValues(v); f != nil {
				return f
			}
		}
	}
	if f := b.checkTargets(actions); f != nil {
		return f
	}
	for i := range actions {
		if f := b.checkAction(&actions[i]); f != nil {
			return f
		}
	}
	for i := range actions {
		if v := actions[i].Value; v != nil {
			if f := b.checkTree(v); f != nil {
				return f
			}
		}
	}
	return nil
}

func (b *binder) bindPaths(n *Node) (f *ddberr.Fault) {
	n.eachPath(func(p Path) bool {
		f = b.path(p)
		return f == nil
	})
	return f
}

func (b *binder) bindValues(n *Node) *ddberr.Fault {
	if n.kind == nodeValue {
		return b.value(n)
	}
	for o := n.first; o != nil; o = o.next {
		if f := b.bindValues(o); f != nil {
			return f
		}
	}
	return nil
}

func (b *binder) checkTargets(actions []Action) *ddberr.Fault {
	if len(actions) == 1 {
		return nil
	}
	var room [8]Path
	paths := room[:0]
	for i := range actions {
		paths = append(paths, actions[i].Path)
	}
	return checkPaths(b.kind, paths)
}

var longTypeNames = [...]string{
	attr.S: "STRING", attr.N: "NUMBER", attr.B: "BINARY", attr.BOOL: "BOOLEAN", attr.NULL: "NULL",
	attr.L: "LIST", attr.M: "MAP", attr.SS: "STRING_SET", attr.NS: "NUMBER_SET", attr.BS: "BINARY_SET",
}

// checkAction checks the operand of ADD and DELETE.
func (b *binder) checkAction(a *Action) *ddberr.Fault {
	allowed := sets
	switch a.Verb {
	case Add:
		allowed |= numbers
	case Delete:
	default:
		return nil
	}
	if t := a.Value.value.Type(); !allowed.has(t) {
		return ddberr.ActionOperandType.Fault(b.kind.prefix(), a.Verb.String(), longTypeNames[t])
	}
	return nil
}

// checkTree checks n, whose placeholders are bound, operands first.
func (b *binder) checkTree(n *Node) *ddberr.Fault {
	for o := n.first; o != nil; o = o.next {
		if f := b.checkTree(o); f != nil {
			return f
		}
	}
	return b.checkOperands(n)
}
