package iam

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// A pattern is text that may have wildcards and policy variables.
type pattern []token

// token is a piece of a pattern: text, one of the wildcards, or a variable.
type token struct {
	kind tokenKind
	text string // literal text, never empty, or the key of a variable in lower case
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

// expand replaces the variables of p; ok is false if one has no value, or if the
// steps are spent.
func (p pattern) expand(q *question) (expanded pattern, ok bool) {
	expanded = make(pattern, 0, len(p))
	for _, t := range p {
		if t.kind == variable {
			value, ok := t.value(q)
			if !ok || !q.steps.spend(1+len(value)/bytesPerStep) {
				return nil, false
			}
			t = token{kind: literal, text: value}
		}
		if t.kind != literal || t.text != "" {
			expanded = append(expanded, t)
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

// match reports whether p, expanded, matches all of s. It spends steps, and matches
// nothing when they are spent.
//
// What stands before the first run of anything is at the start of s, and what stands
// behind the last one at its end. Of what stands between, each piece is looked for
// behind the one before, and the first place is as good as any: more is left for
// those behind it.
func (p pattern) match(s string, steps *steps) bool {
	if len(p) == 1 && p[0].kind == literal {
		return s == p[0].text
	}
	n, i := p.prefix(s, steps)
	if s, p = s[n:], p[i:]; len(p) == 0 || p[0].kind != anyRun {
		return len(p) == 0 && s == ""
	}
	for last := len(p) - 1; p[last].kind != anyRun; last-- {
		n := p[last].end(s)
		if n < 0 || !steps.spend(1) {
			return false
		}
		s, p = s[:len(s)-n], p[:last]
	}
	for len(p) > 1 { // its last is a run of anything
		n, i := 0, 1
		switch p[0].kind {
		case anyOne:
			n = p[0].start(s)
		case literal:
			i = p.piece()
			n = p[:i].find(s, steps)
		}
		if n < 0 || !steps.spend(1) {
			return false
		}
		s, p = s[n:], p[i:]
	}
	return true
}

// prefix matches p up to its first run of anything with the start of s: n bytes, and i
// tokens if it got no further.
func (p pattern) prefix(s string, steps *steps) (n, i int) {
	for i = range p {
		if p[i].kind == anyRun {
			return n, i
		}
		length := p[i].start(s[n:])
		if !steps.spend(1+min(len(p[i].text), len(s)-n)/bytesPerStep) || length < 0 {
			return n, i
		}
		n += length
	}
	return n, len(p)
}

// piece returns how many tokens of p, which starts with text, end with text before
// its next run of anything. Characters before a run may as well stand behind it.
func (p pattern) piece() int {
	n := 1
	for i, t := range p {
		switch t.kind {
		case anyRun:
			return n
		case literal:
			n = i + 1
		}
	}
	return n
}

// find looks for p, which starts with text and has no run of anything, and returns
// where it ends in s the first time, -1 if nowhere.
func (p pattern) find(s string, steps *steps) int {
	for from := 0; ; from++ {
		i := strings.Index(s[from:], p[0].text)
		if i < 0 {
			steps.spend(1 + (len(s)-from)/bytesPerStep)
			return -1
		}
		from += i
		n, matched := p.prefix(s[from:], steps)
		if matched == len(p) && steps.spend(i/bytesPerStep) {
			return from + n
		}
		if !steps.spend(1 + i/bytesPerStep) {
			return -1
		}
	}
}

// start returns how long the start of s is that t, no run of anything, matches; -1 if
// it does not.
func (t *token) start(s string) int {
	switch {
	case t.kind == anyOne && s != "":
		return runeLen(s)
	case t.kind == literal && strings.HasPrefix(s, t.text):
		return len(t.text)
	}
	return -1
}

// end is start for the end of s.
func (t *token) end(s string) int {
	switch {
	case t.kind == anyOne && s != "":
		_, n := utf8.DecodeLastRuneInString(s)
		return n
	case t.kind == literal && strings.HasSuffix(s, t.text):
		return len(t.text)
	}
	return -1
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
