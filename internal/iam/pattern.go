package iam

import (
	"fmt"
	"slices"
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
	if t.text == "" || strings.ContainsAny(t.text, "${") {
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

func (t token) isVariable() bool { return t.kind == variable }

func (p pattern) hasVariables() bool { return slices.ContainsFunc(p, token.isVariable) }

// value returns what a variable stands for; ok is false if it has no single
// value.
func (t token) value(q *question) (value string, ok bool) {
	value, n := q.value(t.text)
	if n == 0 && t.has {
		return t.or, true
	}
	return value, n == 1
}

// expand replaces the variables of p; ok is false if one has no value.
func (p pattern) expand(q *question) (expanded pattern, ok bool) {
	expanded = slices.Clone(p)
	for i, t := range p {
		if t.kind == variable {
			value, ok := t.value(q)
			if !ok {
				return nil, false
			}
			expanded[i] = token{kind: literal, text: value}
		}
	}
	return expanded, true
}

// text returns p, which has no wildcards, with its variables replaced, as text.
func (p pattern) text(q *question) (text string, ok bool) {
	if len(p) == 1 && p[0].kind == variable {
		return p[0].value(q)
	}
	expanded, ok := p.expand(q)
	return expanded.plain(), ok
}

// plain returns the text of p, which has no wildcards and no variables.
func (p pattern) plain() string {
	var b strings.Builder
	for _, t := range p {
		b.WriteString(t.text)
	}
	return b.String()
}

// match reports whether p, expanded, matches all of s. Its time is bounded by
// the product of their lengths.
func (p pattern) match(s string) bool {
	if len(p) == 1 {
		switch p[0].kind {
		case literal:
			return s == p[0].text
		case anyRun:
			return true
		}
	}
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
