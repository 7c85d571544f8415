package itemfile

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// longQuote begins and ends a long string.
var longQuote = []byte("'''")

// peek returns the next byte, 0 at the end.
func (p *ionParser) peek() byte {
	if p.pos == len(p.text) {
		return 0
	}
	return p.text[p.pos]
}

// space skips white space and comments.
func (p *ionParser) space() error {
	for p.pos < len(p.text) {
		switch rest := p.text[p.pos:]; {
		case isSpace(rest[0]):
			p.pos++
		case bytes.HasPrefix(rest, []byte("//")):
			end := bytes.IndexByte(rest, '\n')
			if end < 0 {
				p.pos = len(p.text)
				return nil
			}
			p.pos += end + 1
		case bytes.HasPrefix(rest, []byte("/*")):
			end := bytes.Index(rest[2:], []byte("*/"))
			if end < 0 {
				return errShort
			}
			p.pos += end + 4
		default:
			return nil
		}
	}
	return nil
}

func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

func isIdentifier(c byte) bool {
	return c == '_' || c == '$' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9'
}

// open reads the byte c that a container begins with.
func (p *ionParser) open(c byte) error {
	if p.peek() != c {
		return p.shortOr(errIon)
	}
	p.pos++
	return nil
}

// next reads the comma before another member or element, which the first does not
// have, or the closing byte; a comma may stand before that.
func (p *ionParser) next(closing byte, first bool) (more bool, err error) {
	if err := p.space(); err != nil {
		return false, err
	}
	if !first && p.peek() == ',' {
		p.pos++
		if err := p.space(); err != nil {
			return false, err
		}
		first = true
	}
	switch {
	case p.pos == len(p.text):
		return false, errShort
	case p.text[p.pos] == closing:
		p.pos++
		return false, nil
	case !first:
		return false, errIon
	}
	return true, nil
}

// name reads the name of a member and its colon. It is valid until the next
// string is read.
func (p *ionParser) name() (name []byte, err error) {
	if p.peek() == '"' || bytes.HasPrefix(p.text[p.pos:], longQuote) {
		name, err = p.textValue()
	} else {
		name, err = p.symbol()
	}
	if err == nil {
		err = p.space()
	}
	switch {
	case err != nil:
		return nil, err
	case p.peek() != ':':
		return nil, p.shortOr(errIon)
	}
	p.pos++
	return name, nil
}

// symbol reads a symbol, in quotes or not. A number of a symbol table is none.
func (p *ionParser) symbol() ([]byte, error) {
	if p.peek() == '\'' && !bytes.HasPrefix(p.text[p.pos:], longQuote) {
		p.pos++
		return p.quoted('\'')
	}
	at := p.pos
	for p.pos < len(p.text) && isIdentifier(p.text[p.pos]) {
		p.pos++
	}
	symbol := p.text[at:p.pos]
	if len(symbol) == 0 || symbol[0] >= '0' && symbol[0] <= '9' || isSymbolNumber(symbol) {
		return nil, errIon
	}
	return symbol, nil
}

// isSymbolNumber reports whether symbol is the number of an entry in a symbol
// table: $10.
func isSymbolNumber[T string | []byte](symbol T) bool {
	if len(symbol) < 2 || symbol[0] != '$' {
		return false
	}
	for _, c := range []byte(symbol[1:]) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// textValue reads a string: a short one, or long ones that follow each other.
func (p *ionParser) textValue() ([]byte, error) {
	if p.peek() == '"' {
		p.pos++
		return p.quoted('"')
	}
	if !bytes.HasPrefix(p.text[p.pos:], longQuote) {
		return nil, p.shortOr(errIon)
	}
	out := p.scratch[:0]
	for bytes.HasPrefix(p.text[p.pos:], longQuote) {
		p.pos += len(longQuote)
		end := longEnd(p.text[p.pos:])
		if end < 0 {
			return nil, errShort
		}
		var err error
		if out, err = appendUnescaped(out, p.text[p.pos:p.pos+end]); err != nil {
			return nil, err
		}
		p.pos += end + len(longQuote)
		if err := p.space(); err != nil {
			return nil, err
		}
	}
	p.scratch = out
	return out, nil
}

// longEnd returns where the long string ends that text begins with, or -1.
func longEnd(text []byte) int {
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' {
			i++
		} else if bytes.HasPrefix(text[i:], longQuote) {
			return i
		}
	}
	return -1
}

// quoted reads the rest of a short string or symbol whose first quote was read.
func (p *ionParser) quoted(quote byte) ([]byte, error) {
	rest := p.text[p.pos:]
	for i := 0; i < len(rest); i++ {
		switch c := rest[i]; {
		case c == quote:
			p.pos += i + 1
			return rest[:i], nil
		case c == '\\':
			return p.escaped(i, quote)
		case c == '\n':
			return nil, errIon
		}
	}
	return nil, errShort
}

// escaped is quoted for text with escapes, the first of which is at i.
func (p *ionParser) escaped(i int, quote byte) ([]byte, error) {
	rest := p.text[p.pos:]
	for ; i < len(rest) && rest[i] != quote; i++ {
		if rest[i] == '\\' {
			i++
		} else if rest[i] == '\n' {
			return nil, errIon
		}
	}
	if i >= len(rest) {
		return nil, errShort
	}
	p.pos += i + 1
	out, err := appendUnescaped(p.scratch[:0], rest[:i])
	p.scratch = out
	return out, err
}

// ionEscapes are the bytes that stand for others behind a backslash.
var ionEscapes = map[byte]byte{
	'0': 0, 'a': '\a', 'b': '\b', 't': '\t', 'n': '\n', 'f': '\f', 'r': '\r', 'v': '\v', '"': '"', '\'': '\'', '?': '?', '\\': '\\', '/': '/',
}

// appendUnescaped resolves the escapes of raw.
func appendUnescaped(out, raw []byte) ([]byte, error) {
	for {
		i := bytes.IndexByte(raw, '\\')
		if i < 0 {
			return append(out, raw...), nil
		}
		out = append(out, raw[:i]...)
		if raw = raw[i+1:]; len(raw) == 0 {
			return out, errIon
		}
		c := raw[0]
		raw = raw[1:]
		if plain, ok := ionEscapes[c]; ok {
			out = append(out, plain)
			continue
		}
		switch c {
		case '\n': // the line goes on
		case 'x', 'u', 'U':
			r, rest, ok := codePoint(c, raw)
			if !ok {
				return out, errIon
			}
			out, raw = utf8.AppendRune(out, r), rest
		default:
			return out, errIon
		}
	}
}

// codePoint reads the digits of the escape kind, and the second half of a
// surrogate pair.
func codePoint(kind byte, raw []byte) (r rune, rest []byte, ok bool) {
	digits := map[byte]int{'x': 2, 'u': 4, 'U': 8}[kind]
	if r, ok = hexRune(raw, digits); !ok {
		return 0, nil, false
	}
	raw = raw[digits:]
	if utf16.IsSurrogate(r) && bytes.HasPrefix(raw, []byte(`\u`)) {
		low, ok := hexRune(raw[2:], 4)
		if !ok {
			return 0, nil, false
		}
		r, raw = utf16.DecodeRune(r, low), raw[6:]
		return r, raw, r != utf8.RuneError
	}
	return r, raw, utf8.ValidRune(r)
}

func hexRune(raw []byte, digits int) (r rune, ok bool) {
	if len(raw) < digits {
		return 0, false
	}
	for _, c := range raw[:digits] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		if r > utf8.MaxRune {
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// blob translates {{base64}}; a clob, text in such braces, is of another type.
func (p *ionParser) blob() error {
	if !bytes.HasPrefix(p.text[p.pos:], []byte("{{")) {
		return errIon
	}
	p.pos += 2
	end := bytes.Index(p.text[p.pos:], []byte("}}"))
	if end < 0 {
		return errShort
	}
	p.out = append(p.out, '"')
	for _, c := range p.text[p.pos : p.pos+end] {
		switch {
		case c|0x20 >= 'a' && c|0x20 <= 'z', c >= '0' && c <= '9', c == '+', c == '/', c == '=':
			p.out = append(p.out, c)
		case c == '"' || c == '\'':
			return errIonType
		case !isSpace(c):
			return errIon
		}
	}
	p.out = append(p.out, '"')
	p.pos += end + 2
	return nil
}

// number translates a decimal, or an int in tens, to the text of a number. Floats
// and timestamps are of other types.
func (p *ionParser) number() error {
	p.out = append(p.out, '"')
	at := p.pos
	if p.peek() == '-' {
		p.out = append(p.out, '-')
		p.pos++
	}
	whole := p.digits()
	if p.peek() == '.' {
		p.pos++
		p.out = append(p.out, '.')
		p.digits()
	}
	if c := p.peek(); c == 'd' || c == 'D' {
		p.pos++
		p.out = append(p.out, 'e')
		if c := p.peek(); c == '-' || c == '+' {
			p.pos++
			p.out = append(p.out, c)
		}
		if p.digits() == 0 {
			return p.shortOr(errIon)
		}
	}
	switch {
	case whole == 0:
		return p.shortOr(errIon)
	case whole > 1 && p.text[at] == '0' || whole > 1 && p.text[at] == '-' && p.text[at+1] == '0':
		return errIon
	case p.pos < len(p.text) && (isIdentifier(p.text[p.pos]) || p.text[p.pos] == '-' || p.text[p.pos] == ':'):
		return errIonType // 1e0, 0x1F, 2026-11-21
	}
	p.out = append(p.out, '"')
	return nil
}

// shortOr returns err unless the text ends here.
func (p *ionParser) shortOr(err error) error {
	if p.pos == len(p.text) {
		return errShort
	}
	return err
}

// digits translates digits, which may have underscores between them.
func (p *ionParser) digits() (n int) {
	for ; p.pos < len(p.text); p.pos++ {
		c := p.text[p.pos]
		switch {
		case c >= '0' && c <= '9':
			p.out = append(p.out, c)
			n++
		case c == '_' && n > 0 && p.pos+1 < len(p.text) && p.text[p.pos+1] >= '0' && p.text[p.pos+1] <= '9':
		default:
			return n
		}
	}
	return n
}

// balance finds the end of a value that goes over several lines: where all
// containers are closed.
type balance struct {
	depth  int
	inside byte // '"', '\'', 'l' a long string, '*' a comment, 'b' a blob; 0 for none
}

// broken reports whether the line that was added last ends in a short string or a
// quoted symbol, which no newline can be in but behind a backslash.
func (b *balance) broken(line []byte) bool {
	return (b.inside == '"' || b.inside == '\'') && !bytes.HasSuffix(line, []byte{'\\'})
}

// add reads more text, which ends where a line does, and reports whether the
// value has ended.
func (b *balance) add(text []byte) (done bool) {
	for i := 0; i < len(text); i++ {
		rest := text[i:]
		if b.inside != 0 {
			i += b.skip(rest)
			continue
		}
		switch c := rest[0]; {
		case bytes.HasPrefix(rest, longQuote):
			b.inside = 'l'
			i += 2
		case c == '"' || c == '\'':
			b.inside = c
		case bytes.HasPrefix(rest, []byte("//")):
			if end := bytes.IndexByte(rest, '\n'); end >= 0 {
				i += end
			} else {
				i = len(text)
			}
		case bytes.HasPrefix(rest, []byte("/*")):
			b.inside = '*'
			i++
		case bytes.HasPrefix(rest, []byte("{{")):
			b.inside = 'b'
			i++
		case c == '{' || c == '[':
			b.depth++
		case c == '}' || c == ']':
			b.depth--
			done = done || b.depth <= 0
		}
	}
	return done && b.depth <= 0 && b.inside == 0
}

// skip reads one byte inside of a token, or the end of the token, and returns how
// many bytes more that are.
func (b *balance) skip(rest []byte) int {
	end := ""
	switch b.inside {
	case '"', '\'':
		end = string(b.inside)
	case 'l':
		end = "'''"
	case '*':
		end = "*/"
	case 'b':
		end = "}}"
	}
	switch {
	case rest[0] == '\\' && b.inside != '*' && b.inside != 'b':
		return 1
	case bytes.HasPrefix(rest, []byte(end)):
		b.inside = 0
		return len(end) - 1
	}
	return 0
}
