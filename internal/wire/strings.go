package wire

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// text consumes a string whose opening quote is next.
func (s *Scanner) text() ([]byte, error) {
	start := s.pos + 1
	end, plain := s.stringEnd()
	if end < 0 {
		return nil, errSyntax()
	}
	s.pos = end + 1
	s.fresh = false
	if plain {
		return s.buf[start:end], nil
	}
	return s.unescape(s.buf[start:end])
}

// skipString consumes a string and checks its escapes.
func (s *Scanner) skipString() error {
	_, err := s.text()
	return err
}

// stringEnd returns the index of the closing quote, or -1, and whether the
// string has no escapes. Bare control characters are refused.
func (s *Scanner) stringEnd() (end int, plain bool) {
	plain = true
	for i := s.pos + 1; i < len(s.buf); i++ {
		switch c := s.buf[i]; {
		case c == '"':
			return i, plain
		case c == '\\':
			plain = false
			i++
		case c < 0x20:
			return -1, false
		}
	}
	return -1, false
}

// unescape resolves the escapes of raw into the scratch buffer.
func (s *Scanner) unescape(raw []byte) ([]byte, error) {
	out := s.scratch[:0]
	for len(raw) > 0 {
		i := bytes.IndexByte(raw, '\\')
		if i < 0 {
			out = append(out, raw...)
			break
		}
		out = append(out, raw[:i]...)
		var err error
		if out, raw, err = appendEscape(out, raw[i+1:]); err != nil {
			return nil, err
		}
	}
	s.scratch = out
	return out, nil
}

// appendEscape resolves the escape whose backslash was just read and returns
// the rest of raw.
func appendEscape(out, raw []byte) (_, rest []byte, err error) {
	if len(raw) == 0 {
		return nil, nil, errSyntax()
	}
	c := raw[0]
	raw = raw[1:]
	switch c {
	case '"', '\\', '/':
		return append(out, c), raw, nil
	case 'b':
		return append(out, '\b'), raw, nil
	case 'f':
		return append(out, '\f'), raw, nil
	case 'n':
		return append(out, '\n'), raw, nil
	case 'r':
		return append(out, '\r'), raw, nil
	case 't':
		return append(out, '\t'), raw, nil
	case 'u':
		r, raw, ok := unicodeEscape(raw)
		if !ok {
			return nil, nil, errSyntax()
		}
		return utf8.AppendRune(out, r), raw, nil
	}
	return nil, nil, errSyntax()
}

// unicodeEscape reads the four digits behind "\u", and a second escape if the
// first is half of a surrogate pair. A lone half becomes U+FFFD.
func unicodeEscape(raw []byte) (r rune, rest []byte, ok bool) {
	if r, ok = hex4(raw); !ok {
		return 0, nil, false
	}
	raw = raw[4:]
	if !utf16.IsSurrogate(r) {
		return r, raw, true
	}
	if len(raw) >= 6 && raw[0] == '\\' && raw[1] == 'u' {
		if low, ok := hex4(raw[2:]); ok {
			if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
				return pair, raw[6:], true
			}
		}
	}
	return utf8.RuneError, raw, true
}

func hex4(b []byte) (r rune, ok bool) {
	if len(b) < 4 {
		return 0, false
	}
	for _, c := range b[:4] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

const hexDigits = "0123456789abcdef"

// AppendString appends str as a JSON string.
func AppendString[T string | []byte](dst []byte, str T) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(str); i++ {
		c := str[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, str[start:i]...)
		start = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	dst = append(dst, str[start:]...)
	return append(dst, '"')
}
