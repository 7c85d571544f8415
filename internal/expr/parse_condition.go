package expr

import "github.com/statordb/stator/internal/ddberr"

// Conditions:
//
//	or      := and (OR and)*
//	and     := not (AND not)*
//	not     := NOT not | test
//	test    := '(' or ')' | operand [ cmp operand | BETWEEN operand AND operand | IN '(' operand, … ')' ]
//
// A parenthesis may hold a condition or an operand; which it was shows only
// behind it. So or, and, not and test also return a bare operand, and who
// needs a condition calls condition.

// term is what a parenthesis may hold.
type term struct {
	*Node
	parens bool // it stands in parentheses
}

// isOperand reports whether t cannot be a condition.
func (t term) isOperand() bool { return t.kind == nodePath || t.kind == nodeValue }

// isCondition reports whether t cannot be an operand.
func (t term) isCondition() bool { return !t.isOperand() && t.kind != nodeCall }

// condition makes sure t is one; an operand here is a syntax error at the
// token behind it.
func (p *parser) condition(t term) *Node {
	if t.isOperand() {
		return p.fail()
	}
	p.used(t.Node, asCondition)
	return t.Node
}

func (p *parser) or() term { return p.chain(tokOr, nodeOr, p.and) }

func (p *parser) and() term { return p.chain(tokAnd, nodeAnd, p.not) }

// chain reads what part reads, one or more joined by sep.
func (p *parser) chain(sep token, kind nodeKind, part func() term) term {
	t := part()
	if p.tok != sep {
		return t
	}
	n := p.node(kind)
	n.first = p.condition(t)
	last := n.first
	for p.accept(sep) {
		p.operators++
		last.next = p.condition(part())
		last = last.next
	}
	return term{Node: n}
}

func (p *parser) not() term {
	if !p.accept(tokNot) {
		return p.test()
	}
	p.operators++
	n := p.node(nodeNot)
	n.first = p.condition(p.not())
	return term{Node: n}
}

func (p *parser) test() term {
	var t term
	if p.tok == tokOpen {
		t = p.parens()
	} else {
		t.Node = p.simple()
	}
	if t.isCondition() {
		return t
	}
	var n *Node
	switch op := comparison(p.tok); {
	case op != None:
		n = p.compare(op)
	case p.tok == tokBetween:
		n = p.between()
	case p.tok == tokIn:
		n = p.in()
	default:
		return t
	}
	p.operators++
	p.used(t.Node, asOperand)
	t.next, n.first = n.first, t.Node
	return term{Node: n}
}

func (p *parser) parens() term {
	p.next()
	t := p.or()
	p.expect(tokClose)
	if t.parens {
		p.redundant()
	}
	t.parens = true
	return t
}

func comparison(tok token) Op {
	switch tok {
	case tokEq:
		return Equal
	case tokNe:
		return NotEqual
	case tokLt:
		return Less
	case tokLe:
		return LessOrEqual
	case tokGt:
		return Greater
	case tokGe:
		return GreaterOrEqual
	}
	return None
}

// compared reads an operand of a comparison.
func (p *parser) compared() *Node {
	n := p.operand()
	p.used(n, asOperand)
	return n
}

func (p *parser) compare(op Op) *Node {
	p.next()
	n := p.node(nodeCompare)
	n.op = op
	n.first = p.compared()
	return n
}

func (p *parser) between() *Node {
	p.next()
	n := p.node(nodeBetween)
	n.first = p.compared()
	p.expect(tokAnd)
	n.first.next = p.compared()
	return n
}

func (p *parser) in() *Node {
	p.next()
	p.expect(tokOpen)
	n := p.node(nodeIn)
	n.first = p.compared()
	for last := n.first; p.accept(tokComma); last = last.next {
		last.next = p.compared()
	}
	p.expect(tokClose)
	return n
}

// condition reads and checks a condition.
func (b *binder) condition(kind Kind, text string) (*Node, *ddberr.Fault) {
	if f := checkSize(kind, text); f != nil {
		return nil, f
	}
	var p parser
	p.begin(kind, text)
	root := p.condition(p.or())
	if f := p.end(); f != nil {
		return nil, f
	}
	b.kind = kind
	if f := b.check(root); f != nil {
		return nil, f
	}
	return root, nil
}
