package expr

import (
	"strconv"

	"github.com/statordb/stator/internal/ddberr"
)

// parser reads an expression into nodes. The first fault in syntax stops it:
// from then on the current token is tokFailed, which nothing accepts. Faults
// that a later syntax error would beat are kept by class.
type parser struct {
	lexer
	kind      Kind
	fault     *ddberr.Fault
	operators int
	nesting   int    // open parentheses
	nodes     []Node // free nodes
	steps     []Step // free steps behind len

	unknown, misused, reserved *ddberr.Fault // the first of each class
}

const tokFailed token = 255

// maxNesting bounds the recursion of the parser, and with it that of checks
// and evaluation.
const maxNesting = 1000

// begin reads the first token of text.
func (p *parser) begin(kind Kind, text string) {
	p.kind, p.src = kind, text
	p.lexer.next()
}

// next steps over the current token. An expression nested deeper than
// maxNesting has redundant parentheses or too many operators anyway.
func (p *parser) next() {
	switch p.tok {
	case tokFailed:
		return
	case tokOpen:
		if p.nesting++; p.nesting > maxNesting {
			p.redundant()
			return
		}
	case tokClose:
		p.nesting--
	}
	p.lexer.next()
}

// fail is a syntax error at the current token.
func (p *parser) fail() *Node {
	if p.fault == nil {
		tok, near := p.near()
		p.stop(ddberr.ExpressionSyntax.Fault(p.kind.prefix(), tok, near))
	}
	return p.node(nodeNone)
}

func (p *parser) stop(f *ddberr.Fault) {
	if p.fault == nil {
		p.fault = f
	}
	p.tok = tokFailed
}

func (p *parser) expect(tok token) {
	if p.tok != tok {
		p.fail()
		return
	}
	p.next()
}

// accept steps over tok and reports whether it was there.
func (p *parser) accept(tok token) bool {
	if p.tok != tok {
		return false
	}
	p.next()
	return true
}

// node returns a new node.
func (p *parser) node(kind nodeKind) *Node {
	if len(p.nodes) == 0 {
		p.nodes = make([]Node, min(4+len(p.src)/12, 32))
	}
	n := &p.nodes[0]
	p.nodes = p.nodes[1:]
	n.kind = kind
	return n
}

// keep remembers f as the first fault of its class.
func (p *parser) keep(class **ddberr.Fault, text *ddberr.Text, args ...any) {
	if *class == nil {
		*class = text.Fault(append([]any{p.kind.prefix()}, args...)...)
	}
}

// path reads name ('.' name | '[' index ']')*.
func (p *parser) path() Path {
	if p.steps == nil {
		p.steps = make([]Step, 0, 4+len(p.src)/16)
	}
	from := len(p.steps)
	p.step()
	for {
		switch {
		case p.accept(tokDot):
			p.step()
		case p.accept(tokBracket):
			p.index()
		default:
			return p.steps[from:len(p.steps):len(p.steps)]
		}
	}
}

func (p *parser) step() {
	switch p.tok {
	case tokIdent:
		if isReserved(p.text()) {
			p.keep(&p.reserved, &ddberr.ReservedWord, p.text())
		}
	case tokName:
	default:
		p.fail()
		return
	}
	p.steps = append(p.steps, Step{p.text(), -1})
	p.next()
}

func (p *parser) index() {
	if p.tok != tokInt {
		p.fail()
		return
	}
	i, err := strconv.ParseInt(p.text(), 10, 32)
	if err != nil {
		p.keep(&p.reserved, &ddberr.ListIndexRange, p.text())
	}
	p.steps = append(p.steps, Step{p.text(), int32(i)})
	p.next()
	p.expect(tokUnbracket)
}

// operand reads path | :value | function '(' operands ')' | '(' operand ')'.
func (p *parser) operand() *Node {
	if p.tok != tokOpen {
		return p.simple()
	}
	p.next()
	doubled := p.tok == tokOpen
	n := p.operand()
	p.expect(tokClose)
	if doubled {
		p.redundant()
	}
	return n
}

// redundant refuses two pairs of parentheses around one thing; no later
// fault in syntax beats it.
func (p *parser) redundant() {
	if p.fault == nil {
		p.stop(ddberr.ExpressionParens.Fault(p.kind.prefix()))
	}
}

// simple reads an operand that is not in parentheses.
func (p *parser) simple() *Node {
	switch {
	case p.tok == tokValue:
		n := p.node(nodeValue)
		n.name = p.text()
		p.next()
		return n
	case p.tok == tokIdent && p.beforeParen():
		return p.call()
	case p.tok == tokIdent, p.tok == tokName:
		n := p.node(nodePath)
		n.path = p.path()
		return n
	}
	return p.fail()
}

// call reads a function. Whether it may stand here is checked by used.
func (p *parser) call() *Node {
	n := p.node(nodeCall)
	n.name = p.text()
	if n.fn = lookup(n.name); n.fn == nil {
		p.keep(&p.unknown, &ddberr.FunctionUnknown, n.name)
	}
	p.next()
	p.expect(tokOpen)
	end := &n.first
	for {
		arg := p.operand()
		p.used(arg, asArgument)
		*end = arg
		end = &arg.next
		if !p.accept(tokComma) {
			break
		}
	}
	p.expect(tokClose)
	return n
}

// place is where a function stands.
type place uint8

const (
	asCondition place = 1 << iota // where a condition is expected
	asOperand                     // operand of a comparison
	asArgument                    // argument of a function
	asTerm                        // operand of + or -
	asValue                       // right-hand side of SET
	inCondition = asCondition | asOperand
	inUpdate    = asTerm | asValue
)

// used says that n, if it is a function, stands at place where.
func (p *parser) used(n *Node, where place) {
	if n.kind != nodeCall || n.fn == nil {
		return
	}
	places := inCondition
	if p.kind == KindUpdate {
		places = inUpdate
	}
	if n.fn.places&places == 0 || n.fn.places&where == 0 {
		p.keep(&p.misused, &ddberr.FunctionMisused, n.name)
	}
}

// end checks that the text is used up and returns the fault that wins.
func (p *parser) end() *ddberr.Fault {
	if p.tok != tokEOF {
		p.fail()
	}
	classes := [...]*ddberr.Fault{p.unknown, p.misused, p.reserved}
	if p.kind == KindUpdate {
		classes = [...]*ddberr.Fault{p.reserved, p.unknown, p.misused}
	}
	switch {
	case p.fault != nil:
		return p.fault
	case p.operators > MaxOperators:
		return ddberr.ExpressionOperators.Fault(p.kind.prefix(), p.operators)
	}
	for _, f := range classes {
		if f != nil {
			return f
		}
	}
	return nil
}
