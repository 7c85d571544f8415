package sigv4

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"slices"
	"strings"
)

// appendCanonical appends the canonical request of m.
func (s *Signed) appendCanonical(b []byte, m Message, body [sha256.Size]byte) []byte {
	b = append(append(b, m.Method()...), '\n')
	b = append(appendPath(b, m.Path()), '\n')
	b = append(appendQuery(b, m.Query(), s.presigned), '\n')
	for name := range strings.SplitSeq(s.headers, ";") {
		b = append(append(b, name...), ':')
		value, lines := m.Header(name, 0)
		b = appendTrimmed(b, value)
		for i := 1; i < lines; i++ {
			value, _ = m.Header(name, i)
			b = appendTrimmed(append(b, ','), value)
		}
		b = append(b, '\n')
	}
	b = append(append(b, '\n'), s.headers...)
	return hex.AppendEncode(append(b, '\n'), body[:])
}

// appendTrimmed appends value without spaces at its ends, several spaces as
// one.
func appendTrimmed(b []byte, value string) []byte {
	value = strings.TrimSpace(value)
	for i := 0; i < len(value); i++ {
		if value[i] != ' ' || value[i-1] != ' ' {
			b = append(b, value[i])
		}
	}
	return b
}

// appendPath appends the path, each segment escaped once more than it was sent.
func appendPath(b []byte, path string) []byte {
	if path == "" || path == "/" {
		return append(b, '/')
	}
	return appendEscaped(b, path, true)
}

// appendQuery appends the parameters sorted by name and value; those of a presigned
// request without its signature.
func appendQuery(b []byte, query string, presigned bool) []byte {
	if query == "" {
		return b
	}
	type parameter struct{ name, value string }
	var all []parameter
	for part := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(part, "=")
		if presigned && name == parameterSignature {
			continue
		}
		all = append(all, parameter{string(appendEscaped(nil, unescaped(name), false)), string(appendEscaped(nil, unescaped(value), false))})
	}
	slices.SortFunc(all, func(a, b parameter) int {
		if c := strings.Compare(a.name, b.name); c != 0 {
			return c
		}
		return strings.Compare(a.value, b.value)
	})
	for i, p := range all {
		if i > 0 {
			b = append(b, '&')
		}
		b = append(append(append(b, p.name...), '='), p.value...)
	}
	return b
}

func unescaped(text string) string {
	if plain, err := url.QueryUnescape(text); err == nil {
		return plain
	}
	return text
}

const hexDigits = "0123456789ABCDEF"

// appendEscaped appends text with all but unreserved characters as %XX, and
// slashes too unless they are to stay.
func appendEscaped(b []byte, text string, slashes bool) []byte {
	for i := 0; i < len(text); i++ {
		c := text[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0 || c == '/' && slashes {
			b = append(b, c)
		} else {
			b = append(b, '%', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return b
}
