package iam_test

import (
	"testing"

	"github.com/statordb/stator/internal/iam"
)

// FuzzParse parses what may be a policy.
func FuzzParse(f *testing.F) {
	suite := load(f)
	for _, p := range suite.Policies {
		f.Add([]byte(p.Text), uint8(p.Kind))
	}
	for _, r := range suite.Refusals {
		f.Add([]byte(r.Text), uint8(r.Kind))
	}
	f.Fuzz(func(t *testing.T, text []byte, kind uint8) {
		p, err := iam.Parse(text, iam.Kind(kind%3))
		if (p == nil) == (err == nil) {
			t.Errorf("a policy %v and an error %v", p, err)
		}
	})
}

// FuzzDecide decides by one policy. A decision is by a statement, and without
// policies nothing is allowed.
func FuzzDecide(f *testing.F) {
	for _, c := range load(f).Cases {
		if len(c.Identity) != 1 {
			continue
		}
		for key, values := range c.Context {
			if len(values) > 0 {
				f.Add([]byte(c.Identity[0].Text), c.Action, c.ARN, key, values[0])
			}
		}
	}
	f.Fuzz(func(t *testing.T, text []byte, action, resource, key, value string) {
		p, err := iam.Parse(text, iam.Identity)
		if err != nil {
			return
		}
		who := &iam.Principal{ARN: "arn:aws:iam::123456789012:user/alice", Account: "123456789012", Type: iam.User, Name: "alice", ID: "AIDAEXAMPLE"}
		keys := iam.Keys{}
		keys.Set(key, value, value)
		r := iam.Request{Principal: who, Action: action, Resource: resource, Context: keys}
		if d := iam.Decide(r); d.Allowed {
			t.Errorf("allowed without a policy: %+v", d)
		}
		who.Identity = []*iam.Policy{p}
		d := iam.Decide(r)
		if (d.Allowed || d.Explicit) == (d.Statement == "") || d.By != iam.ByIdentity {
			t.Errorf("decided %+v", d)
		}
		who.Boundary = p
		if bounded := iam.Decide(r); bounded.Allowed != d.Allowed || bounded.Explicit != d.Explicit {
			t.Errorf("decided %+v, and with itself as boundary %+v", d, bounded)
		}
	})
}
