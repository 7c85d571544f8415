package partiql

import (
	"strconv"
	"strings"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/expr"
)

// maxNesting bounds the depth of parentheses, documents and NOTs, and with it
// the recursion of everything that walks a statement.
const maxNesting = 200

// What is wrong with a statement that is not well formed.
const (
	badStatement = "Expected data manipulation"
	badTerm      = "Unexpected term"
	badStep      = "Invalid path dot component"
	badEnd       = "Unexpected token after expression"
)

// parser reads a statement. The first fault stops it: from then on the current
// token is tokBad, which nothing accepts.
type parser struct {
	lexer
	fault   *ddberr.Fault
	nesting int
	params  int
	alias   bool // one was read
}

// fail is a syntax error. One in the rest of the text that no token begins
// with comes before it.
func (p *parser) fail(detail string) *node {
	if p.fault == nil {
		for p.tok != tokBad && p.tok != tokEOF {
			p.lexer.next()
		}
		if p.tok == tokBad {
			detail = ""
		}
		p.fault = ddberr.StatementMalformed.Fault(detail)
	}
	p.tok = tokBad
	return &node{kind: nodeValue, value: attr.Null()}
}

// nest goes a level down; the caller comes up again with rise.
func (p *parser) nest() {
	if p.nesting++; p.nesting > maxNesting {
		p.deep(ddberr.StatementMalformed.Fault(""))
	}
}

// deep stops at what is nested too deep.
func (p *parser) deep(f *ddberr.Fault) {
	if p.fault == nil {
		p.fault = f
	}
	p.tok = tokBad
}

func (p *parser) rise() { p.nesting-- }

// accept steps over tok and reports whether it was there.
func (p *parser) accept(tok token) bool {
	if p.tok != tok {
		return false
	}
	p.next()
	return true
}

func (p *parser) expect(tok token, detail string) {
	if !p.accept(tok) {
		p.fail(detail)
	}
}

// at reports whether the current token is the keyword word.
func (p *parser) at(word string) bool {
	return p.tok == tokIdent && strings.EqualFold(p.text(), word)
}

// word steps over the keyword w and reports whether it was there.
func (p *parser) word(w string) bool {
	if !p.at(w) {
		return false
	}
	p.next()
	return true
}

// isName reports whether the current token is a name.
func (p *parser) isName() bool {
	return p.tok == tokQuoted || p.tok == tokIdent && !in(keywords, p.text())
}

// name reads a name.
func (p *parser) name() string {
	if !p.isName() {
		p.fail(badTerm)
		return ""
	}
	name := p.text()
	if p.tok == tokQuoted {
		name = p.content()
	}
	p.next()
	return name
}

// path reads name ('.' name | '[' index ']' | '[' 'name' ']')*.
func (p *parser) path() expr.Path { return p.steps(expr.Path{expr.Field(p.name())}) }

// steps reads what follows the first step of a path.
func (p *parser) steps(path expr.Path) expr.Path {
	for {
		switch {
		case p.accept(tokDot):
			if !p.isName() || p.tok == tokIdent && in(reserved, p.text()) {
				p.fail(badStep)
				return path
			}
			path = append(path, expr.Field(p.name()))
		case p.accept(tokList):
			path = append(path, p.element())
			p.expect(tokListEnd, badTerm)
		default:
			return path
		}
	}
}

// element reads what stands in the brackets of a path.
func (p *parser) element() expr.Step {
	step := expr.Index(0)
	switch p.tok {
	case tokString:
		step = expr.Field(p.content())
	case tokNumber:
		i, err := strconv.ParseInt(p.text(), 10, 32)
		if err != nil {
			p.fail(badTerm)
			return step
		}
		step = expr.Index(int(i))
	default:
		p.fail(badTerm)
		return step
	}
	p.next()
	return step
}

// expression reads conditions joined by OR.
func (p *parser) expression() *node { return p.chain("OR", nodeOr, p.and) }

func (p *parser) and() *node { return p.chain("AND", nodeAnd, p.not) }

// chain reads what part reads, one or more joined by the keyword sep.
func (p *parser) chain(sep string, kind nodeKind, part func() *node) *node {
	first := part()
	if !p.at(sep) {
		return first
	}
	n := &node{kind: kind, span: first.span, kids: []*node{first}}
	for p.word(sep) {
		n.kids = append(n.kids, part())
	}
	return n
}

func (p *parser) not() *node {
	span := p.span()
	if !p.word("NOT") {
		return p.test()
	}
	p.nest()
	defer p.rise()
	return &node{kind: nodeNot, span: span, kids: []*node{p.not()}}
}

var comparisons = [...]expr.Op{
	tokEq: expr.Equal, tokNe: expr.NotEqual, tokLt: expr.Less, tokLe: expr.LessOrEqual,
	tokGt: expr.Greater, tokGe: expr.GreaterOrEqual,
}

// test reads a sum and what is said of it.
func (p *parser) test() *node {
	n := p.sum()
	before := p.nesting // each comparison wraps what is before it
	defer func() { p.nesting = before }()
	for p.fault == nil {
		p.nest()
		if int(p.tok) < len(comparisons) && comparisons[p.tok] != expr.None {
			op := comparisons[p.tok]
			p.next()
			n = &node{kind: nodeCompare, op: op, span: n.span, kids: []*node{n, p.sum()}}
			continue
		}
		is := p.at("IS")
		if !is && !p.at("IN") && !p.at("BETWEEN") && !p.at("NOT") {
			break
		}
		if is {
			n = p.is(n)
		} else {
			n = p.member(n)
		}
	}
	return n
}

// is reads IS [NOT] type.
func (p *parser) is(left *node) *node {
	p.next()
	negated := p.word("NOT")
	if p.tok != tokIdent {
		return p.fail(badTerm)
	}
	n := &node{kind: nodeIs, span: left.span, name: strings.ToUpper(p.text()), kids: []*node{left}}
	if _, known := typeNames[n.name]; !known {
		return p.fail(badTerm)
	}
	p.next()
	return negate(n, negated)
}

// member reads [NOT] IN list and [NOT] BETWEEN a AND b.
func (p *parser) member(left *node) *node {
	negated := p.word("NOT")
	n := &node{kind: nodeIn, span: left.span, kids: []*node{left}}
	switch {
	case p.word("IN"):
		end := tokListEnd
		if p.tok == tokOpen {
			end = tokClose
		} else if p.tok != tokList {
			return p.fail(badTerm)
		}
		p.next()
		n.kids = append(n.kids, p.sums(end)...)
		if len(n.kids) == 1 {
			return p.fail(badTerm)
		}
	case p.word("BETWEEN"):
		n.kind = nodeBetween
		n.kids = append(n.kids, p.sum())
		if !p.word("AND") {
			return p.fail(badTerm)
		}
		n.kids = append(n.kids, p.sum())
	default:
		return p.fail(badTerm)
	}
	return negate(n, negated)
}

func negate(n *node, negated bool) *node {
	if !negated {
		return n
	}
	return &node{kind: nodeNot, span: n.span, kids: []*node{n}}
}

// sum reads terms joined by + and -.
func (p *parser) sum() *node {
	n := p.term()
	before := p.nesting
	defer func() { p.nesting = before }()
	for p.tok == tokPlus || p.tok == tokMinus {
		p.nest()
		kind := nodePlus
		if p.tok == tokMinus {
			kind = nodeMinus
		}
		span := p.span()
		p.next()
		n = &node{kind: kind, span: span, kids: []*node{n, p.term()}}
	}
	return n
}

// sums reads a list of sums up to the token end.
func (p *parser) sums(end token) []*node {
	p.nest()
	defer p.rise()
	var list []*node
	if p.accept(end) {
		return nil
	}
	for {
		list = append(list, p.sum())
		if !p.accept(tokComma) {
			break
		}
	}
	p.expect(end, badTerm)
	return list
}

// term reads a literal, a parameter, a path, a function or a parenthesis.
func (p *parser) term() *node {
	n := &node{span: p.span()}
	switch p.tok {
	case tokString:
		n.value = attr.String(p.content())
	case tokNumber:
		n.kind, n.name = nodeNumber, p.text()
	case tokPlus, tokMinus:
		return p.signed(n)
	case tokParam:
		n.kind, n.param = nodeParam, p.params
		p.params++
	case tokQuoted:
		n.kind, n.path = nodePath, p.path()
		return n
	case tokIdent:
		return p.named(n)
	case tokList, tokBag, tokMap:
		return p.document(n)
	case tokOpen:
		p.nest()
		defer p.rise()
		p.next()
		inner := p.expression()
		p.expect(tokClose, badTerm)
		return inner
	default:
		return p.fail(badTerm)
	}
	p.next()
	return n
}

// signed reads a number behind its sign.
func (p *parser) signed(n *node) *node {
	sign := p.text()
	p.next()
	if p.tok != tokNumber {
		return p.fail(badTerm)
	}
	n.kind, n.name = nodeNumber, sign+p.text()
	p.next()
	return n
}

// named reads what begins with a word: a constant, a function or a path.
func (p *parser) named(n *node) *node {
	word := p.text()
	switch {
	case p.word("TRUE"):
		n.value = attr.Bool(true)
	case p.word("FALSE"):
		n.value = attr.Bool(false)
	case p.word("NULL"):
		n.value = attr.Null()
	default:
		known := p.isName()
		p.next()
		switch {
		case p.tok == tokOpen && (known || strings.EqualFold(word, "EXISTS")):
			p.next()
			p.accept(tokStar) // COUNT(*)
			n.kind, n.name, n.kids = nodeCall, strings.ToLower(word), p.sums(tokClose)
		case known:
			n.kind, n.path = nodePath, p.steps(expr.Path{expr.Field(word)})
		default:
			return p.fail(badTerm)
		}
	}
	return n
}

// document reads a list, a bag or a map.
func (p *parser) document(n *node) *node {
	open := p.tok
	if p.nesting >= maxNesting {
		p.deep(ddberr.NestingTooDeep.Fault())
		return n
	}
	p.next()
	switch open {
	case tokList:
		n.kind, n.kids = nodeList, p.sums(tokListEnd)
	case tokBag:
		n.kind, n.kids = nodeBag, p.sums(tokBagEnd)
	default:
		n.kind = nodeMap
		p.members(n)
	}
	return n
}

// members reads the members of the map n.
func (p *parser) members(n *node) {
	p.nest()
	defer p.rise()
	if p.accept(tokMapEnd) {
		return
	}
	for {
		if p.tok != tokString {
			p.fail(badTerm)
			return
		}
		n.names = append(n.names, p.content())
		p.next()
		p.expect(tokColon, badTerm)
		n.kids = append(n.kids, p.sum())
		if !p.accept(tokComma) {
			break
		}
	}
	p.expect(tokMapEnd, badTerm)
}
