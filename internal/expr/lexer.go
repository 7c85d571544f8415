package expr

import (
	"strings"
	"unicode/utf8"
)

type token uint8

const (
	tokEOF       token = iota
	tokBad             // a character that begins no token
	tokIdent           // name
	tokName            // #name
	tokValue           // :value
	tokInt             // list index
	tokEq              // =
	tokNe              // <>
	tokLt              // <
	tokLe              // <=
	tokGt              // >
	tokGe              // >=
	tokOpen            // (
	tokClose           // )
	tokBracket         // [
	tokUnbracket       // ]
	tokDot             // .
	tokComma           // ,
	tokPlus            // +
	tokMinus           // -
	tokAnd
	tokOr
	tokNot
	tokBetween
	tokIn
	tokSet
	tokRemove
	tokAdd
	tokDelete
)

// lexer reads tokens one at a time. Between tokens stands white space.
type lexer struct {
	src        string
	tok        token
	start, end int // of tok in src
	prev       int // start of the token before tok, 0 at the first
}

func (l *lexer) text() string { return l.src[l.start:l.end] }

// next reads the next token; at the end it stays there.
func (l *lexer) next() {
	l.prev = l.start
	pos := l.end
	for pos < len(l.src) && isSpace(l.src[pos]) {
		pos++
	}
	l.start = pos
	if pos == len(l.src) {
		l.end, l.tok = pos, tokEOF
		return
	}
	c := l.src[pos]
	switch {
	case isLetter(c):
		l.word(pos + 1)
		l.tok = keyword(l.text())
	case c == '#':
		l.placeholder(tokName)
	case c == ':':
		l.placeholder(tokValue)
	case isDigit(c):
		l.integer(c)
	default:
		l.symbol(c)
	}
}

// word sets end behind the letters, digits and underscores from pos.
func (l *lexer) word(pos int) {
	for pos < len(l.src) && isWord(l.src[pos]) {
		pos++
	}
	l.end = pos
}

func (l *lexer) placeholder(tok token) {
	l.word(l.start + 1)
	l.tok = tok
	if l.end == l.start+1 {
		l.tok = tokBad
	}
}

// integer reads 0 or a number without leading zeros.
func (l *lexer) integer(first byte) {
	pos := l.start + 1
	for first != '0' && pos < len(l.src) && isDigit(l.src[pos]) {
		pos++
	}
	l.end, l.tok = pos, tokInt
}

var symbols = [128]token{
	'=': tokEq, '<': tokLt, '>': tokGt, '(': tokOpen, ')': tokClose, '[': tokBracket, ']': tokUnbracket,
	'.': tokDot, ',': tokComma, '+': tokPlus, '-': tokMinus,
}

func (l *lexer) symbol(c byte) {
	if c >= utf8.RuneSelf {
		_, size := utf8.DecodeRuneInString(l.src[l.start:])
		l.end, l.tok = l.start+size, tokBad
		return
	}
	l.end, l.tok = l.start+1, symbols[c]
	if l.tok == tokEOF {
		l.tok = tokBad
		return
	}
	if l.end == len(l.src) {
		return
	}
	switch two := l.src[l.end]; {
	case c == '<' && two == '>':
		l.end, l.tok = l.end+1, tokNe
	case c == '<' && two == '=':
		l.end, l.tok = l.end+1, tokLe
	case c == '>' && two == '=':
		l.end, l.tok = l.end+1, tokGe
	}
}

// beforeParen reports whether the next token is "(".
func (l *lexer) beforeParen() bool {
	pos := l.end
	for pos < len(l.src) && isSpace(l.src[pos]) {
		pos++
	}
	return pos < len(l.src) && l.src[pos] == '('
}

// near returns the current token, and the text from the token before it to
// the one behind it, as a syntax error quotes them.
func (l *lexer) near() (tok, near string) {
	tok = l.text()
	if l.tok == tokEOF {
		tok = "<EOF>"
	}
	ahead := *l
	ahead.next()
	return tok, l.src[l.prev:ahead.end]
}

// keyword returns the token of word, which is a keyword in any case or an
// identifier.
func keyword(word string) token {
	switch len(word) {
	case 2:
		switch {
		case strings.EqualFold(word, "OR"):
			return tokOr
		case strings.EqualFold(word, "IN"):
			return tokIn
		}
	case 3:
		switch {
		case strings.EqualFold(word, "AND"):
			return tokAnd
		case strings.EqualFold(word, "SET"):
			return tokSet
		case strings.EqualFold(word, "NOT"):
			return tokNot
		case strings.EqualFold(word, "ADD"):
			return tokAdd
		}
	case 6:
		switch {
		case strings.EqualFold(word, "REMOVE"):
			return tokRemove
		case strings.EqualFold(word, "DELETE"):
			return tokDelete
		}
	case 7:
		if strings.EqualFold(word, "BETWEEN") {
			return tokBetween
		}
	}
	return tokIdent
}

func isSpace(c byte) bool  { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }
func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
func isWord(c byte) bool   { return isLetter(c) || isDigit(c) || c == '_' }
