package wire

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"
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
	for i := s.pos + 1; ; i++ {
		i += plainLen(s.buf[i:])
		switch {
		case i >= len(s.buf):
			return -1, false
		case s.buf[i] == '"':
			return i, plain
		case s.buf[i] != '\\':
			return -1, false
		}
		plain = false
		if i++; i >= len(s.buf) {
			return -1, false
		}
	}
}

// plainLen returns how many bytes b starts with that stand for themselves in
// a JSON string: no quote, backslash or control character. It looks at eight
// bytes at a time: subtracting sets the high bit of bytes that were less, and
// a borrow can only disturb bytes behind the first such one.
func plainLen(b []byte) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	i := 0
	for ; i+8 <= len(b); i += 8 {
		x := binary.LittleEndian.Uint64(b[i:])
		found := ((x - ones*0x20) | ((x ^ ones*'"') - ones) | ((x ^ ones*'\\') - ones)) &^ x & highs
		if found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for ; i < len(b); i++ {
		if c := b[i]; c < 0x20 || c == '"' || c == '\\' {
			break
		}
	}
	return i
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
	// The first word of a string and of a slice points to their bytes.
	return appendQuoted(dst, unsafe.Slice(*(**byte)(unsafe.Pointer(&str)), len(str)))
}

func appendQuoted(dst, str []byte) []byte {
	dst = append(dst, '"')
	for {
		n := plainLen(str)
		dst = append(dst, str[:n]...)
		if n == len(str) {
			return append(dst, '"')
		}
		switch c := str[n]; c {
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
		str = str[n+1:]
	}
}
