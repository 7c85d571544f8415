package api

import (
	"cmp"

	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/iam"
)

// Caller is who makes a request. It is known to be who it says.
type Caller struct {
	Principal *iam.Principal
	Region    string // that the request is for
	// Request is what conditions may ask about how the request came:
	// aws:SourceIp, aws:SecureTransport and others of that kind.
	Request iam.Context
	// Record says that the Result tells what was asked.
	Record bool
}

// Asked is an action on a resource for which the caller needed permission.
type Asked struct{ Action, ARN, Account string }

// as returns a as who sees it: names without an account mean the caller's tables,
// and what the caller may not do is refused. Nobody, nil, is at home and may do
// everything.
func (a *API) as(who *Caller) *API {
	if who == nil {
		return a
	}
	seen := *a
	if who.Record {
		seen.asked = new([]Asked)
	}
	seen.caller, seen.Account = who, who.Principal.Account
	if a.Home.Regions {
		seen.Region = who.Region
	}
	seen.owner = a.Home.Owner(seen.Account, seen.Region)
	return &seen
}

// may returns an AccessDeniedException unless the caller may take the action on
// what.
func (a *API) may(action string, what subject) error {
	r := iam.Request{
		Principal: a.caller.Principal, Action: "dynamodb:" + action, Resource: what.arn, Account: what.account, Policy: what.policy,
		Context: asked{a.caller, &what},
	}
	if a.asked != nil {
		*a.asked = append(*a.asked, Asked{action, what.arn, what.account})
	}
	d := iam.Decide(r)
	if d.Allowed {
		return nil
	}
	return ddberr.AccessDenied(r.Principal.ARN, r.Action, cmp.Or(what.shown, r.Resource), d.Reason(r.Action))
}

// asked is what conditions may ask about a request and its subject.
type asked struct {
	caller *Caller
	what   *subject
}

// Values implements iam.Context.
func (c asked) Values(key string) ([]string, bool) {
	if values, present := c.what.values(key); present {
		return values, true
	}
	if c.caller.Request == nil {
		return nil, false
	}
	return c.caller.Request.Values(key)
}
