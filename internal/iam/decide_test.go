package iam_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/statordb/stator/internal/iam"
)

// TestDecisions decides what the files in testdata ask. Each says where in the
// documentation its decisions are from.
//
//	policy NAME [kind=resource|trust]
//	the policy, JSON
//	----
//	ok, or what is wrong with it
//
//	decide [user=ARN] [role=ARN] [account=ID] [identity=(NAMES)] [boundary=NAME] [session=(NAMES)] [resource=NAME] [owner=ID]
//	ACTION ARN [KEY=VALUE[|VALUE]...]
//	----
//	a line for each: allow, or deny and why; and by which statement
//
// A KEY without "=" is there without values. The user is alice of account
// 123456789012 if none is given.
func TestDecisions(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		policies := map[string]*iam.Policy{}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			switch d.Cmd {
			case "policy":
				name := d.CmdArgs[0].Key
				p, err := iam.Parse([]byte(d.Input), kindOf(d))
				if err != nil {
					return err.Error() + "\n"
				}
				policies[name] = p
				return "ok\n"
			case "decide":
				return decide(t, d, policies)
			}
			t.Fatalf("no such command: %s", d.Cmd)
			return ""
		})
	})
}

func kindOf(d *datadriven.TestData) iam.Kind {
	var kind string
	for _, arg := range d.CmdArgs {
		if arg.Key == "kind" {
			kind = arg.Vals[0]
		}
	}
	return map[string]iam.Kind{"": iam.Identity, "resource": iam.Resource, "trust": iam.Trust}[kind]
}

const account = "123456789012"

func decide(t *testing.T, d *datadriven.TestData, policies map[string]*iam.Policy) string {
	who := &iam.Principal{ARN: "arn:aws:iam::" + account + ":user/alice", Account: account}
	r := iam.Request{Principal: who, Account: account}
	find := func(name string) *iam.Policy {
		p := policies[name]
		if p == nil {
			d.Fatalf(t, "no policy is called %s", name)
		}
		return p
	}
	for _, arg := range d.CmdArgs {
		switch arg.Key {
		case "user":
			who.ARN = arg.Vals[0]
		case "role":
			who.Role = arg.Vals[0]
		case "account":
			who.Account = arg.Vals[0]
		case "federated":
			who.Federated = arg.Vals[0]
		case "owner":
			r.Account = arg.Vals[0]
		case "identity":
			for _, name := range arg.Vals {
				who.Identity = append(who.Identity, find(name))
			}
		case "session":
			for _, name := range arg.Vals {
				who.Session = append(who.Session, find(name))
			}
		case "boundary":
			who.Boundary = find(arg.Vals[0])
		case "resource":
			r.Policy = find(arg.Vals[0])
		default:
			d.Fatalf(t, "unknown argument %s", arg.Key)
		}
	}
	var out strings.Builder
	for line := range strings.Lines(d.Input) {
		fields := strings.Fields(line)
		r.Action, r.Resource, r.Context = fields[0], fields[1], nil
		keys := iam.Keys{}
		r.Context = keys
		for _, f := range fields[2:] {
			key, values, given := strings.Cut(f, "=")
			list := []string{}
			if given {
				list = strings.Split(strings.ReplaceAll(values, "%20", " "), "|")
			}
			keys.Set(key, list...)
		}
		decision := iam.Decide(r)
		if decision.Allowed {
			fmt.Fprintf(&out, "allow: %s, %s\n", decision.By, decision.Statement)
		} else {
			fmt.Fprintf(&out, "deny %s", decision.Reason(r.Action))
			if decision.Statement != "" {
				fmt.Fprintf(&out, ", %s", decision.Statement)
			}
			out.WriteByte('\n')
		}
	}
	return out.String()
}
