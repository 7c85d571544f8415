package iam

import (
	"fmt"
	"strings"
)

// Request is what somebody wants to do.
type Request struct {
	Principal *Principal
	Action    string // "dynamodb:GetItem"
	Resource  string // ARN; "*" for what has none
	// Account is the account of the resource, "" for the principal's. Policy is
	// the resource's, nil for none; for a role that is to be assumed it is its
	// trust policy.
	Account string
	Policy  *Policy
	// Context is what conditions may ask about beside the principal, nil for
	// nothing.
	Context Context
}

// Decision is the answer to a Request.
type Decision struct {
	Allowed  bool
	Explicit bool   // denied by a Deny
	By       Source // what allowed or denied it; without a Deny, what did not allow it
	// Statement is the one that decided: its Sid, or its place in the policy. ""
	// where none did.
	Statement string
}

// Source is a kind of policy, as the texts of denials name it.
type Source string

// The sources.
const (
	ByIdentity Source = "identity-based policy"
	ByResource Source = "resource-based policy"
	ByTrust    Source = "role trust policy"
	ByBoundary Source = "permissions boundary"
	BySession  Source = "session policy"
	ByRoot     Source = "root user"
)

// Reason returns what the text of a denial says behind "because", or "with".
// (IAM user guide, "Troubleshoot access denied error messages".)
func (d Decision) Reason(action string) string {
	if !d.Explicit {
		return fmt.Sprintf("because no %s allows the %s action", d.By, action)
	}
	article := "a"
	switch d.By {
	case ByIdentity:
		article = "an"
	case ByTrust:
		article = "the"
	}
	return fmt.Sprintf("with an explicit deny in %s %s", article, d.By)
}

// Decide decides r, in the order that the package says. It takes maxSteps at most:
// beyond, a Deny applies and an Allow does not.
func Decide(r Request) Decision {
	q := ask(&r)
	if d, denied := q.deny(r.Policy); denied {
		return d
	}
	who := r.Principal
	same := r.Account == "" || r.Account == who.Account
	granted, how := q.grant(r.Policy)
	grant := Decision{Allowed: true, By: r.Policy.source(), Statement: granted}
	switch {
	case how == unnamed && r.Policy.mustGrant():
		return Decision{By: ByTrust}
	case same && who.IsRoot():
		return Decision{Allowed: true, By: ByRoot}
	case same && how == itself:
		return grant
	}
	d := q.identity()
	if same && how == byRole {
		d = grant
	}
	switch {
	case !d.Allowed:
		return d
	case who.Boundary != nil && who.Boundary.find(&q, false) == nil:
		return Decision{By: ByBoundary}
	case len(who.Session) > 0 && !q.sessionAllows():
		return Decision{By: BySession}
	case !same && how == unnamed:
		return Decision{By: ByResource}
	}
	return d
}

// question is a Request as statements ask about it.
type question struct {
	who      *Principal
	action   string // in lower case
	resource string
	arn      [arnParts]string
	isARN    bool
	context  Context
	one      [1]string // room for a value of the principal's
	steps    steps
}

func ask(r *Request) question {
	q := question{who: r.Principal, action: strings.ToLower(r.Action), resource: r.Resource, context: r.Context, steps: maxSteps}
	q.arn, q.isARN = splitARN(r.Resource)
	return q
}

// deny looks for a Deny.
func (q *question) deny(ofResource *Policy) (d Decision, denied bool) {
	if s := ofResource.find(q, true); s != nil {
		return Decision{Explicit: true, By: ofResource.source(), Statement: s.name}, true
	}
	for _, p := range q.who.Identity {
		if s := p.find(q, true); s != nil {
			return Decision{Explicit: true, By: ByIdentity, Statement: s.name}, true
		}
	}
	if s := q.who.Boundary.find(q, true); s != nil {
		return Decision{Explicit: true, By: ByBoundary, Statement: s.name}, true
	}
	for _, p := range q.who.Session {
		if s := p.find(q, true); s != nil {
			return Decision{Explicit: true, By: BySession, Statement: s.name}, true
		}
	}
	return d, false
}

// identity decides by the policies of the principal alone. The root user of
// another account needs none.
func (q *question) identity() Decision {
	if q.who.IsRoot() {
		return Decision{Allowed: true, By: ByRoot}
	}
	for _, p := range q.who.Identity {
		if s := p.find(q, false); s != nil {
			return Decision{Allowed: true, By: ByIdentity, Statement: s.name}
		}
	}
	return Decision{By: ByIdentity}
}

func (q *question) sessionAllows() bool {
	for _, p := range q.who.Session {
		if p.find(q, false) != nil {
			return true
		}
	}
	return false
}

// grant returns the statement of the resource's policy that allows q, and how
// it names the principal; unnamed if there is none.
func (q *question) grant(p *Policy) (statement string, how naming) {
	if p == nil {
		return "", unnamed
	}
	for i := range p.statements {
		s := &p.statements[i]
		if s.deny {
			continue
		}
		if n := s.principals.name(q.who); n > how && s.applies(q) {
			statement, how = s.name, n
		}
	}
	return statement, how
}

// source returns what denials call p, which is a resource's.
func (p *Policy) source() Source {
	if p.mustGrant() {
		return ByTrust
	}
	return ByResource
}

// mustGrant reports whether nobody is let in whom p, a resource's, does not
// allow, be it the account's own.
func (p *Policy) mustGrant() bool { return p != nil && p.kind == Trust }

// find returns the first statement of p, of one effect, that applies to q, or
// nil.
func (p *Policy) find(q *question, deny bool) *statement {
	if p == nil {
		return nil
	}
	for i := range p.statements {
		s := &p.statements[i]
		if s.deny == deny && s.matchesAction(q) && s.principals.concern(q.who) && s.applies(q) {
			return s
		}
	}
	return nil
}

// applies reports whether s is about the action, the resource and the
// circumstances of q. If that takes too long, a Deny is and an Allow is not.
func (s *statement) applies(q *question) bool {
	applies := s.matchesAction(q) && s.matchesResource(q) && s.holds(q)
	if q.steps.spent() {
		return s.deny
	}
	return applies
}

func (s *statement) matchesAction(q *question) bool {
	for _, p := range s.actions {
		if p.match(q.action, &q.steps) {
			return !s.notActions
		}
	}
	return s.notActions
}

func (s *statement) matchesResource(q *question) bool {
	if s.resources == nil { // a trust policy is about its role
		return true
	}
	for i := range s.resources {
		if s.resources[i].match(q) {
			return !s.notResources
		}
	}
	return s.notResources
}

func (s *statement) holds(q *question) bool {
	for i := range s.conditions {
		if !s.conditions[i].holds(q) {
			return false
		}
	}
	return true
}
