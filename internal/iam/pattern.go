package iam

import (
	"fmt"
	"strings"
)

// A pattern is text that may have wildcards and policy variables.
type pattern []token

// token is a piece of a pattern: text, one of the wildcards, or a variable.
type token struct {
	kind tokenKind
	text string // literal text, or the key of a variable in lower case
	or   string // default of a variable
	has  bool   // whether there is a default
}

type tokenKind uint8

const (
	literal  tokenKind = iota
	anyRun             // * : any run of characters, also none
	anyOne             // ? : one character
	variable           // ${key} or ${key, 'default'}
)

// parsePattern parses text. Variables are expanded only where variables says
// so; else they are text. Wildcards are wildcards only where wild says so.
func parsePattern(text string, variables, wild bool) (pattern, error) {
	var p pattern
	for text != "" {
		switch {
		case variables && strings.HasPrefix(text, "${"):
			end := strings.IndexByte(text, '}')
			if end < 0 {
				return nil, fmt.Errorf("the policy variable %q does not end", text)
			}
			t, err := parseVariable(text[2:end])
			if err != nil {
				return nil, err
			}
			p, text = append(p, t), text[end+1:]
		case wild && text[0] == '*':
			p, text = append(p, token{kind: anyRun}), text[1:]
		case wild && text[0] == '?':
			p, text = append(p, token{kind: anyOne}), text[1:]
		default:
			n := 1
			for n < len(text) && !(wild && (text[n] == '*' || text[n] == '?')) && !(variables && strings.HasPrefix(text[n:], "${")) {
				n++
			}
			p, text = append(p, token{kind: literal, text: text[:n]}), text[n:]
		}
	}
	return p, nil
}

// parseVariable parses what is between the braces.
func parseVariable(text string) (token, error) {
	switch text {
	case "*", "?", "$":
		return token{kind: literal, text: text}, nil
	}
	key, rest, has := strings.Cut(text, ",")
	t := token{kind: variable, text: strings.ToLower(strings.TrimSpace(key)), has: has}
	if t.text == "" || strings.ContainsAny(t.text, " ${") {
		return t, fmt.Errorf("the policy variable ${%s} has no key", text)
	}
	if has {
		rest = strings.TrimSpace(rest)
		if len(rest) < 2 || rest[0] != '\'' || rest[len(rest)-1] != '\'' {
			return t, fmt.Errorf("the default of the policy variable ${%s} is not in single quotes", text)
		}
		t.or = rest[1 : len(rest)-1]
	}
	return t, nil
}

// expand replaces the variables of p; ok is false if one has no single value.
func (p pattern) expand(c Context) (expanded pattern, ok bool) {
	for i, t := range p {
		if t.kind != variable {
			if expanded != nil {
				expanded = append(expanded, t)
			}
			continue
		}
		if expanded == nil {
			expanded = append(make(pattern, 0, len(p)), p[:i]...)
		}
		values, _ := c.Values(t.text)
		switch {
		case len(values) == 1:
			expanded = append(expanded, token{kind: literal, text: values[0]})
		case len(values) == 0 && t.has:
			expanded = append(expanded, token{kind: literal, text: t.or})
		default:
			return nil, false
		}
	}
	if expanded == nil {
		return p, true
	}
	return expanded, true
}

// text returns p, which has no wildcards and is expanded, as text.
func (p pattern) text() string {
	if len(p) == 1 {
		return p[0].text
	}
	var b strings.Builder
	for _, t := range p {
		b.WriteString(t.text)
	}
	return b.String()
}

// match reports whether p, expanded, matches all of s. Its time is bounded by
// the product of their lengths.
func (p pattern) match(s string) bool {
	i, at := 0, 0
	star, resume := -1, 0 // the last run of anything, and where it ends so far
	for at < len(s) || i < len(p) {
		if i < len(p) {
			switch t := p[i]; t.kind {
			case anyRun:
				star, resume = i, at
				i++
				continue
			case anyOne:
				if n := runeLen(s[at:]); n > 0 {
					i, at = i+1, at+n
					continue
				}
			default:
				if strings.HasPrefix(s[at:], t.text) {
					i, at = i+1, at+len(t.text)
					continue
				}
			}
		}
		if star < 0 || resume >= len(s) {
			return false
		}
		resume += runeLen(s[resume:])
		i, at = star+1, resume
	}
	return true
}

// runeLen returns the length of the first character of s, 0 if there is none.
func runeLen(s string) int {
	for i := range s {
		if i > 0 {
			return i
		}
	}
	return len(s)
}

// arnParts is how many parts an ARN has; colons in the last belong to it.
const arnParts = 6

// An arnPattern matches ARNs part by part: a wildcard does not reach over a
// colon between parts. (IAM user guide, "Resource".)
type arnPattern struct {
	everything bool
	parts      [arnParts]pattern
}

func parseARNPattern(text string, variables bool) (a arnPattern, err error) {
	if text == "*" {
		a.everything = true
		return a, nil
	}
	parts := splitARN(text)
	if len(parts) != arnParts || parts[0] != "arn" {
		return a, fmt.Errorf("%q is not the ARN of a resource, nor *", text)
	}
	for i, part := range parts {
		if a.parts[i], err = parsePattern(part, variables, true); err != nil {
			return a, err
		}
	}
	return a, nil
}

// splitARN splits text at its first five colons that are not in a variable.
func splitARN(text string) (parts []string) {
	depth, start := 0, 0
	for i := 0; i < len(text) && len(parts) < arnParts-1; i++ {
		switch text[i] {
		case '{':
			if i > 0 && text[i-1] == '$' {
				depth++
			}
		case '}':
			depth = max(depth-1, 0)
		case ':':
			if depth == 0 {
				parts, start = append(parts, text[start:i]), i+1
			}
		}
	}
	return append(parts, text[start:])
}

// match reports whether a matches arn; resolved is false if a variable has no
// value.
func (a arnPattern) match(arn string, c Context) (matches, resolved bool) {
	if a.everything {
		return true, true
	}
	parts := strings.SplitN(arn, ":", arnParts)
	matches = len(parts) == arnParts
	for i, p := range a.parts {
		expanded, ok := p.expand(c)
		if !ok {
			return false, false
		}
		matches = matches && expanded.match(parts[i])
	}
	return matches, true
}
