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
