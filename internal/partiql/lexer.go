package partiql

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

type token uint8

const (
	tokEOF       token = iota
	tokBad             // what begins no token; no token follows
	tokIdent           // name, or a keyword
	tokQuoted          // "name"
	tokString          // 'text'
	tokNumber          // 12, 1.5e3, without sign
	tokParam           // ?
	tokEq              // =
	tokNe              // <> !=
	tokLt              // <
	tokLe              // <=
	tokGt              // >
	tokGe              // >=
	tokOpen            // (
	tokClose           // )
	tokList            // [
	tokListEnd         // ]
	tokMap             // {
	tokMapEnd          // }
	tokBag             // <<
	tokBagEnd          // >>
	tokDot             // .
	tokComma           // ,
	tokColon           // :
	tokPlus            // +
	tokMinus           // -
	tokStar            // *
	tokSemicolon       // ;
)

// symbols are the tokens of fixed text, longer ones first.
var symbols = [...]struct {
	text string
	tok  token
}{
	{"<<", tokBag}, {">>", tokBagEnd}, {"<=", tokLe}, {">=", tokGe}, {"<>", tokNe}, {"!=", tokNe},
	{"?", tokParam}, {"=", tokEq}, {"<", tokLt}, {">", tokGt}, {"(", tokOpen}, {")", tokClose}, {"[", tokList},
	{"]", tokListEnd}, {"{", tokMap}, {"}", tokMapEnd}, {".", tokDot}, {",", tokComma}, {":", tokColon},
	{"+", tokPlus}, {"-", tokMinus}, {"*", tokStar}, {";", tokSemicolon},
}

// lexer reads tokens one at a time. Between tokens may stand white space and
// comments.
type lexer struct {
	src        string
	tok        token
	start, end int // of tok in src
}

// span is a part of the text, for positions.
type span struct{ start, end int }

func (l *lexer) text() string { return l.src[l.start:l.end] }

func (l *lexer) span() span { return span{l.start, l.end} }

// next reads the next token; at the end and at what begins no token it stays.
func (l *lexer) next() {
	if l.tok == tokBad {
		return
	}
	pos, ok := skipSpace(l.src, l.end)
	l.start, l.end = pos, pos
	switch {
	case !ok:
		l.tok = tokBad
	case pos == len(l.src):
		l.tok = tokEOF
	default:
		l.read(l.src[pos:])
	}
}

// read reads the token that rest begins with.
func (l *lexer) read(rest string) {
	c := rest[0]
	switch {
	case isLetter(c):
		l.tok, l.end = tokIdent, l.start+wordLen(rest)
	case isDigit(c), c == '.' && len(rest) > 1 && isDigit(rest[1]):
		l.number(rest)
	case c == '\'':
		l.quoted(rest, tokString)
	case c == '"':
		l.quoted(rest, tokQuoted)
	default:
		for _, s := range symbols {
			if strings.HasPrefix(rest, s.text) {
				l.tok, l.end = s.tok, l.start+len(s.text)
				return
			}
		}
		l.tok = tokBad
	}
}

// quoted reads to the closing quote; two of them stand for one.
func (l *lexer) quoted(rest string, tok token) {
	for i := 1; i < len(rest); i++ {
		if rest[i] != rest[0] {
			continue
		}
		if i+1 < len(rest) && rest[i+1] == rest[0] {
			i++
			continue
		}
		l.tok, l.end = tok, l.start+i+1
		return
	}
	l.tok = tokBad
}

// content returns what stands between the quotes of the current token.
func (l *lexer) content() string {
	text := l.text()
	quote := text[:1]
	return strings.ReplaceAll(text[1:len(text)-1], quote+quote, quote)
}

// number reads digits [. digits] [e [sign] digits].
func (l *lexer) number(rest string) {
	i := digits(rest, 0)
	fraction := 0
	if i < len(rest) && rest[i] == '.' {
		point := i + 1
		i = digits(rest, point)
		fraction = i - point
	}
	exponent, e := int64(0), i
	if i < len(rest) && rest[i]|0x20 == 'e' {
		e = i + 1
		if e < len(rest) && (rest[e] == '+' || rest[e] == '-') {
			e++
		}
		if end := digits(rest, e); end > e {
			var err error
			if exponent, err = strconv.ParseInt(rest[i+1:end], 10, 32); err != nil {
				l.tok = tokBad
				return
			}
			i = end
		}
	}
	// The service keeps a number's scale in 32 bits (observed).
	if scale := int64(fraction) - exponent; scale < math.MinInt32 || scale > math.MaxInt32 {
		l.tok = tokBad
		return
	}
	l.tok, l.end = tokNumber, l.start+i
}

// digits returns the position behind the digits of s from i.
func digits(s string, i int) int {
	for i < len(s) && isDigit(s[i]) {
		i++
	}
	return i
}

// skipSpace returns the position of the next token from pos; not ok if a
// comment does not end.
func skipSpace(s string, pos int) (next int, ok bool) {
	for pos < len(s) {
		switch rest := s[pos:]; {
		case strings.IndexByte(" \t\r\n\v\f", s[pos]) >= 0:
			pos++
		case strings.HasPrefix(rest, "--"):
			end := strings.IndexAny(rest, "\r\n")
			if end < 0 {
				return len(s), true
			}
			pos += end
		case strings.HasPrefix(rest, "/*"):
			end := strings.Index(rest[2:], "*/")
			if end < 0 {
				return pos, false
			}
			pos += 2 + end + 2
		default:
			return pos, true
		}
	}
	return pos, true
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' || c == '_' || c == '$' }

func wordLen(s string) int {
	i := 0
	for i < len(s) && (isLetter(s[i]) || isDigit(s[i])) {
		i++
	}
	return i
}

// position prints where s stands in src: line:column:length, from 1, in
// characters.
func position(src string, s span) string {
	before := src[:s.start]
	line := strings.Count(before, "\n")
	column := utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
	return strconv.Itoa(line+1) + ":" + strconv.Itoa(column+1) + ":" + strconv.Itoa(utf8.RuneCountInString(src[s.start:s.end]))
}
