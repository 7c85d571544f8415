package iam_test

import (
	"strings"
	"testing"

	"github.com/statordb/stator/internal/iam"
	"github.com/statordb/stator/internal/iam/iamtest"
)

// decisions is how many there are at least, so that they do not dwindle.
const decisions = 850

func load(t testing.TB) *iamtest.Suite {
	t.Helper()
	suite, err := iamtest.Load("testdata")
	if err != nil {
		t.Fatal(err)
	}
	return suite
}

// TestDecisions decides what the scripts in testdata ask.
func TestDecisions(t *testing.T) {
	suite := load(t)
	for _, c := range suite.Cases {
		r, err := c.Request()
		if err != nil {
			t.Fatalf("%s:%d: %v", c.File, c.LineNumber, err)
		}
		d := iam.Decide(r)
		if got := (iamtest.Want{Allowed: d.Allowed, Explicit: d.Explicit, By: d.By}); got != c.Want {
			t.Errorf("%s:%d: %s\ndecided %+v\n%s", c.File, c.LineNumber, c.Line, d, c.Source)
		}
		if (d.Statement == "") == (d.Explicit || d.Allowed && d.By != iam.ByRoot) {
			t.Errorf("%s:%d: %s\nby the statement %q", c.File, c.LineNumber, c.Line, d.Statement)
		}
	}
	if len(suite.Cases) < decisions {
		t.Errorf("%d decisions, fewer than %d", len(suite.Cases), decisions)
	}
}

// TestRefusals parses what is not a policy.
func TestRefusals(t *testing.T) {
	for _, r := range load(t).Refusals {
		_, err := iam.Parse([]byte(r.Text), r.Kind)
		if err == nil || !strings.Contains(err.Error(), r.Error) {
			t.Errorf("%s:%d: %s\ngot %v, want %s", r.File, r.Line, r.Text, err, r.Error)
		}
	}
}

// TestPolicies parses the policies in testdata, used or not.
func TestPolicies(t *testing.T) {
	for _, p := range load(t).Policies {
		if _, err := iam.Parse([]byte(p.Text), p.Kind); err != nil {
			t.Errorf("policy %s: %v", p.Name, err)
		}
	}
}

// TestLength parses policies at their limits. White space counts in those of
// resources alone.
func TestLength(t *testing.T) {
	const identity = `{"Statement":{"Effect":"Allow","Action":"dynamodb:*","Resource":"*","Sid":"%"}}`
	const trust = `{"Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"*"},"Sid":"%"}}`
	const resource = `{"Statement":{"Effect":"Allow","Action":"dynamodb:*","Resource":"*","Principal":"*","Sid":"%"}}`
	for _, c := range []struct {
		kind  iam.Kind
		text  string
		limit int
		space int // that may be there besides
	}{{iam.Identity, identity, 10_240, 1000}, {iam.Trust, trust, 2048, 1000}, {iam.Resource, resource, 20 << 10, 0}} {
		for _, over := range []int{0, 1} {
			text := strings.Replace(c.text, "%", strings.Repeat("x", c.limit-len(c.text)+1+over), 1) + strings.Repeat(" ", c.space)
			if _, err := iam.Parse([]byte(text), c.kind); (err != nil) != (over > 0) {
				t.Errorf("kind %d, %d over: %v", c.kind, over, err)
			}
		}
		text := strings.Replace(c.text, "%", "", 1) + strings.Repeat(" ", 128<<10)
		if _, err := iam.Parse([]byte(text), c.kind); err == nil {
			t.Errorf("kind %d: more white space than there may be", c.kind)
		}
	}
}
