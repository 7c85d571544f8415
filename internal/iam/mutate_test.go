package iam_test

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/statordb/stator/internal/iam"
)

// TestMutatedPolicies mutates the policies of the decisions. Whatever comes out
// is refused or a policy; nothing crashes, and a policy allows only what one of
// its statements that say Allow is about, and never what one that says Deny
// without a condition is about. STATOR_TEST_SEED repeats a run.
func TestMutatedPolicies(t *testing.T) {
	const mutations = 10_000
	seed := uint64(1)
	if s := os.Getenv("STATOR_TEST_SEED"); s != "" {
		seed, _ = strconv.ParseUint(s, 10, 64)
	}
	rng := rand.New(rand.NewPCG(seed, 0))
	cases := load(t).Cases
	accepted, changed := 0, 0
	for done := 0; done < mutations; {
		c := cases[rng.IntN(len(cases))]
		if len(c.Identity) == 0 {
			continue
		}
		done++
		at := rng.IntN(len(c.Identity))
		mutated := c.Identity[at]
		for range 1 + rng.IntN(3) {
			mutated.Text = mutate(rng, mutated.Text)
		}
		if _, err := iam.Parse([]byte(mutated.Text), mutated.Kind); err != nil {
			continue
		}
		accepted++
		c.Identity = slices.Clone(c.Identity)
		c.Identity[at] = mutated
		r, err := c.Request()
		if err != nil {
			t.Fatal(err)
		}
		d := iam.Decide(r)
		if d.Allowed != c.Want.Allowed {
			changed++
		}
		var may, mustNot bool
		for _, p := range c.Identity {
			allows, denies := concerns(t, p.Text, c.Action, c.ARN)
			may, mustNot = may || allows, mustNot || denies
		}
		if d.Allowed && d.By == iam.ByIdentity && !may || d.Allowed && mustNot {
			t.Fatalf("seed %d: %s allowed by\n%s", seed, c.Line, mutated.Text)
		}
	}
	if accepted < mutations/10 || changed == 0 {
		t.Errorf("%d of %d were policies, %d decided otherwise: the mutations test nothing", accepted, mutations, changed)
	}
}

// TestMutatedAllows mutates what says Allow in policies that deny. What was
// denied by a Deny stays denied.
func TestMutatedAllows(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 0))
	kept := 0
	for _, c := range load(t).Cases {
		if !c.Want.Explicit || c.Want.By != iam.ByIdentity {
			continue
		}
		for range 50 {
			mutated := c
			mutated.Identity = nil
			for _, p := range c.Identity {
				p.Text = mutateAllows(t, rng, p.Text)
				if _, err := iam.Parse([]byte(p.Text), p.Kind); err == nil {
					mutated.Identity = append(mutated.Identity, p)
				}
			}
			if len(mutated.Identity) != len(c.Identity) {
				continue
			}
			kept++
			r, err := mutated.Request()
			if err != nil {
				t.Fatal(err)
			}
			if d := iam.Decide(r); d.Allowed || !d.Explicit {
				t.Fatalf("%s decided %+v by %v", c.Line, d, mutated.Identity)
			}
		}
	}
	if kept < 100 {
		t.Errorf("only %d mutations were policies", kept)
	}
}

var words = []string{
	`"*"`, `"Deny"`, `"Allow"`, `"NotAction"`, `"NotResource"`, `"Action"`, `"Resource"`, `"dynamodb:*"`, `"dynamodb:GetItem"`, `"${aws:username}"`,
	`"ForAnyValue:StringNotLike"`, `"StringEqualsIfExists"`, `"Null"`, `"true"`, `"arn:aws:dynamodb:*:*:table/*"`, `"2008-10-17"`, `"NumericLessThan"`,
	`"dynamodb:LeadingKeys"`, `""`, `[]`, `{}`, `1`, `"arn:aws:dynamodb:us-*"`, `"ArnLike"`, `"dynamodb:?etItem"`,
}

var stringLiteral = regexp.MustCompile(`"[^"]*"`)

// mutate changes one thing in a JSON text.
func mutate(rng *rand.Rand, text string) string {
	literals := stringLiteral.FindAllStringIndex(text, -1)
	if len(literals) == 0 || len(text) == 0 {
		return text
	}
	one, other := literals[rng.IntN(len(literals))], literals[rng.IntN(len(literals))]
	switch rng.IntN(7) {
	case 0, 1: // another word
		return text[:one[0]] + words[rng.IntN(len(words))] + text[one[1]:]
	case 2: // one of its own
		return text[:one[0]] + text[other[0]:other[1]] + text[one[1]:]
	case 3: // a wildcard, a variable or an end in a string
		at := one[0] + 1 + rng.IntN(max(one[1]-one[0]-1, 1))
		return text[:at] + []string{"*", "?", "${", "}", ":", "Not", "IfExists"}[rng.IntN(7)] + text[at:]
	case 4: // a byte
		at := rng.IntN(len(text))
		return text[:at] + string(rune(rng.IntN(256))) + text[at+1:]
	case 5: // a piece less
		at := rng.IntN(len(text))
		return text[:at] + text[min(at+1+rng.IntN(20), len(text)):]
	default: // a character in another case
		at := one[0] + rng.IntN(one[1]-one[0])
		return text[:at] + strings.ToUpper(text[at:at+1]) + text[at+1:]
	}
}

// statements returns those of a policy.
func statements(t *testing.T, text string) (document map[string]any, list []map[string]any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &document); err != nil {
		t.Fatal(err)
	}
	switch s := document["Statement"].(type) {
	case map[string]any:
		list = append(list, s)
	case []any:
		for _, one := range s {
			list = append(list, one.(map[string]any))
		}
	}
	return document, list
}

// mutateAllows mutates the statements that say Allow, and adds one.
func mutateAllows(t *testing.T, rng *rand.Rand, text string) string {
	document, list := statements(t, text)
	var mutated []json.RawMessage
	for _, s := range list {
		one, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if s["Effect"] == "Allow" {
			if changed := mutate(rng, string(one)); json.Valid([]byte(changed)) {
				one = []byte(changed)
			}
		}
		mutated = append(mutated, one)
	}
	mutated = append(mutated, json.RawMessage(`{"Effect": "Allow", "Action": "*", "Resource": "*"}`))
	rng.Shuffle(len(mutated), func(i, j int) { mutated[i], mutated[j] = mutated[j], mutated[i] })
	document["Statement"] = mutated
	out, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// concerns reports, by other means than the package's, whether a policy has a
// statement that says Allow about an action and a resource, whatever its
// conditions, and whether it has one that says Deny without conditions.
func concerns(t *testing.T, text, action, resource string) (allows, denies bool) {
	_, list := statements(t, text)
	for _, s := range list {
		variables := strings.Contains(string(must(json.Marshal(s))), "${")
		about := either(s, "Action", `(?is)`, action) && (variables || either(s, "Resource", `(?s)`, resource))
		condition, _ := s["Condition"].(map[string]any)
		switch {
		case s["Effect"] == "Allow":
			allows = allows || about
		case len(condition) == 0 && !variables:
			denies = denies || about
		}
	}
	return allows, denies
}

func must(text []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return text
}

// either reports whether an element matches, or its opposite does not.
func either(s map[string]any, name, flags, text string) bool {
	if list, given := s[name]; given {
		return anyOf(list, flags, text)
	}
	return !anyOf(s["Not"+name], flags, text)
}

// anyOf matches text with one or several patterns, whose wildcards reach over
// everything.
func anyOf(list any, flags, text string) bool {
	switch v := list.(type) {
	case string:
		expression := strings.NewReplacer(`\*`, `.*`, `\?`, `.`).Replace(regexp.QuoteMeta(v))
		return regexp.MustCompile(flags + "^" + expression + "$").MatchString(text)
	case []any:
		for _, one := range v {
			if anyOf(one, flags, text) {
				return true
			}
		}
	}
	return false
}
