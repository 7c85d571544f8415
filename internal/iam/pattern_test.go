package iam

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func mustPattern(t testing.TB, text string) pattern {
	t.Helper()
	p, err := parsePattern(text, false, true)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// slowMatch says by trying everything whether a pattern matches all of s.
func slowMatch(p, s []rune) bool {
	switch {
	case len(p) == 0:
		return len(s) == 0
	case p[0] == '*':
		return slowMatch(p[1:], s) || len(s) > 0 && slowMatch(p, s[1:])
	case len(s) == 0:
		return false
	}
	return (p[0] == '?' || p[0] == s[0]) && slowMatch(p[1:], s[1:])
}

// TestMatch compares with slowMatch, over few letters so that much matches nearly.
func TestMatch(t *testing.T) {
	const seed = 7
	r := rand.New(rand.NewPCG(seed, seed))
	text := func(letters string, n int) string {
		var b strings.Builder
		for range r.IntN(n) {
			b.WriteRune([]rune(letters)[r.IntN(len([]rune(letters)))])
		}
		return b.String()
	}
	matched := 0
	for range 200_000 {
		p, s := text("aéb*?*?", 9), text("aéb", 9)
		want, steps := slowMatch([]rune(p), []rune(s)), maxSteps
		if got := mustPattern(t, p).match(s, &steps); got != want {
			t.Fatalf("%q matches %q: %t, seed %d", p, s, got, seed)
		}
		if want {
			matched++
		}
	}
	if matched < 10_000 {
		t.Errorf("only %d match", matched)
	}
}

// TestMatchSteps counts how much work patterns are, which were made to be much.
func TestMatchSteps(t *testing.T) {
	some := strings.Repeat("?", 2000)
	for _, c := range []struct {
		pattern, text string
		want          bool
		most          int
	}{
		{"*" + some + "b", strings.Repeat("a", 400<<10), false, 10},
		{"*" + some + "b*", strings.Repeat("a", 400<<10), false, 60_000},
		{"*a" + some + "*", strings.Repeat("a", 400<<10), true, 5000},
		{"*a" + some + "*", strings.Repeat("a", 1900), false, 5000},
		{strings.Repeat("*a", 1000) + "*b*", strings.Repeat("a", 400<<10), false, 60_000},
		{strings.Repeat("?*", 1000), strings.Repeat("é", 1000), true, 5000},
		{"*" + strings.Repeat("a", 2000) + "b*", strings.Repeat("a", 400<<10), false, 60_000},
		{"*" + strings.Repeat("a", 2000) + "b", strings.Repeat("a", 400<<10), false, 10},
	} {
		steps := maxSteps
		if got := mustPattern(t, c.pattern).match(c.text, &steps); got != c.want || int(maxSteps-steps) > c.most {
			t.Errorf("%.12q… matches: %t, after %d steps", c.pattern, got, maxSteps-steps)
		}
	}
}

// TestSpentSteps decides by statements that take too long: what they deny is denied,
// what they allow is not allowed, negated or not, wherever they are.
func TestSpentSteps(t *testing.T) {
	long := strings.Repeat("?a", 900)
	who := func(effect, operator string) *Policy {
		p, err := Parse(fmt.Appendf(nil, `{"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"Null": {"none": "%t"}}},
			{"Effect": %q, "Action": "*", "Resource": "*", "Condition": {"ForAllValues:%s": {"dynamodb:Attributes": "*a%sb*"}}}]}`, effect == "Deny", effect, operator, long), Identity)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	all, err := Parse([]byte(`{"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}`), Identity)
	if err != nil {
		t.Fatal(err)
	}
	names := slices.Repeat([]string{strings.Repeat("a", 64<<10)}, 250)
	for _, operator := range []string{"StringLike", "StringNotLike"} {
		for _, c := range []struct {
			effect  string
			session bool
			want    Decision
		}{
			{"Allow", false, Decision{By: ByIdentity}},
			{"Allow", true, Decision{By: BySession}},
			{"Deny", false, Decision{Explicit: true, By: ByIdentity, Statement: "statement 2"}},
			{"Deny", true, Decision{Explicit: true, By: BySession, Statement: "statement 2"}},
		} {
			p := &Principal{ARN: "arn:aws:iam::123456789012:user/alice", Account: "123456789012", Type: User, Name: "alice", ID: "AIDAEXAMPLE"}
			if p.Identity = []*Policy{who(c.effect, operator)}; c.session {
				p.Identity, p.Session = []*Policy{all}, p.Identity
			}
			r := Request{Principal: p, Action: "dynamodb:BatchWriteItem", Resource: "arn:aws:dynamodb:us-east-1:123456789012:table/Music", Context: Keys{"dynamodb:attributes": names}}
			if got := Decide(r); got != c.want {
				t.Errorf("%s with %s, in a session %t: %+v", c.effect, operator, c.session, got)
			}
			if r.Context = (Keys{"dynamodb:attributes": {"a"}}); c.effect == "Allow" && Decide(r).Allowed != (operator == "StringNotLike") {
				t.Errorf("a short name with %s: %+v", operator, Decide(r))
			}
			q := ask(&r)
			q.context = Keys{"dynamodb:attributes": names}
			p.Identity[0].find(&q, c.effect == "Deny")
			for _, policy := range p.Session {
				policy.find(&q, c.effect == "Deny")
			}
			if most := steps(len(long)); !q.steps.spent() || -q.steps > most {
				t.Errorf("%s with %s: %d steps are left", c.effect, operator, q.steps)
			}
		}
	}
}

// TestEmptyVariables: variables whose values are empty match nothing less and nothing
// more.
func TestEmptyVariables(t *testing.T) {
	p, err := parsePattern("*${aws:a}?${aws:a}*", true, true)
	if err != nil {
		t.Fatal(err)
	}
	q := ask(&Request{Principal: &Principal{}, Context: Keys{"aws:a": {""}}})
	expanded, ok := p.expand(&q)
	for text, want := range map[string]bool{"": false, "é": true, "ab": true} {
		if !ok || expanded.match(text, &q.steps) != want {
			t.Errorf("%q is matched: %t", text, !want)
		}
	}
}
