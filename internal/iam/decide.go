package iam

import (
	"fmt"
	"strconv"
	"strings"
)

// Request is what somebody wants to do.
type Request struct {
	Principal *Principal
	Action    string // "dynamodb:GetItem"
	Resource  string // ARN; "*" for what has none
	// Account is the account of the resource. Policy is the resource's, nil for
	// none.
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
	ByBoundary Source = "permissions boundary"
	BySession  Source = "session policy"
	ByRoot     Source = "root user"
)

// Reason returns what the text of a denial says behind "because", or "with".
func (d Decision) Reason(action string) string {
	if d.Explicit {
		article := "a"
		if d.By == ByIdentity {
			article = "an"
		}
		return fmt.Sprintf("with an explicit deny in %s %s", article, d.By)
	}
	return fmt.Sprintf("because no %s allows the %s action", d.By, action)
}

// Decide decides r, in the order that the package says.
func Decide(r Request) Decision {
	who := r.Principal
	r.Context = asked{who, r.Context}
	action := strings.ToLower(r.Action)
	if d, denied := r.deny(action); denied {
		return d
	}
	same := r.Account == "" || r.Account == who.Account
	if who.IsRoot() && same {
		return Decision{Allowed: true, By: ByRoot}
	}
	grant, how := r.grant(action)
	if same && how == itself {
		return Decision{Allowed: true, By: ByResource, Statement: grant}
	}
	d := Decision{By: ByIdentity}
	switch {
	case same && how == byRole:
		d = Decision{Allowed: true, By: ByResource, Statement: grant}
	case who.IsRoot():
		d = Decision{Allowed: true, By: ByRoot}
	default:
		for _, p := range who.Identity {
			if s := p.find(r, action, false); s != nil {
				d.Allowed, d.Statement = true, s.name()
				break
			}
		}
	}
	if d.Allowed && who.Boundary != nil && who.Boundary.find(r, action, false) == nil {
		return Decision{By: ByBoundary}
	}
	if d.Allowed && len(who.Session) > 0 && !anyAllows(who.Session, r, action) {
		return Decision{By: BySession}
	}
	if d.Allowed && how == unnamed && (!same || r.Policy != nil && r.Policy.trust) {
		return Decision{By: ByResource}
	}
	return d
}

func anyAllows(policies []*Policy, r Request, action string) bool {
	for _, p := range policies {
		if p.find(r, action, false) != nil {
			return true
		}
	}
	return false
}

// deny looks for a Deny.
func (r Request) deny(action string) (d Decision, denied bool) {
	look := func(by Source, policies ...*Policy) bool {
		for _, p := range policies {
			if p == nil {
				continue
			}
			if s := p.find(r, action, true); s != nil {
				d = Decision{Explicit: true, By: by, Statement: s.name()}
				return true
			}
		}
		return false
	}
	who := r.Principal
	denied = look(ByResource, r.Policy) || look(ByIdentity, who.Identity...) || look(ByBoundary, who.Boundary) || look(BySession, who.Session...)
	return d, denied
}

// grant returns the statement of the resource's policy that allows r, and how it
// names the principal; unnamed if there is none.
func (r Request) grant(action string) (statement string, how naming) {
	if r.Policy == nil {
		return "", unnamed
	}
	for i := range r.Policy.statements {
		s := &r.Policy.statements[i]
		if n := s.principals.name(r.Principal); !s.deny && n > how && s.applies(r, action) {
			statement, how = s.name(), n
		}
	}
	return statement, how
}

// find returns the first statement of p, of one effect, that applies to r, or
// nil.
func (p *Policy) find(r Request, action string, deny bool) *statement {
	for i := range p.statements {
		s := &p.statements[i]
		if s.deny == deny && (!s.principals.given || s.principals.name(r.Principal) != unnamed) && s.applies(r, action) {
			return s
		}
	}
	return nil
}

// applies reports whether s is about the action, the resource and the
// circumstances of r.
func (s *statement) applies(r Request, action string) bool {
	return s.matchesAction(action) && s.matchesResource(r) && s.holds(r.Context)
}

func (s *statement) matchesAction(action string) bool {
	for _, p := range s.actions {
		if p.match(action) {
			return !s.notActions
		}
	}
	return s.notActions
}

func (s *statement) matchesResource(r Request) bool {
	if s.resources == nil { // a trust policy is about its role
		return true
	}
	found := false
	for _, a := range s.resources {
		matches, resolved := a.match(r.Resource, r.Context)
		if !resolved {
			return false
		}
		found = found || matches
	}
	return found != s.notRes
}

func (s *statement) holds(c Context) bool {
	for _, condition := range s.conditions {
		if !condition.holds(c) {
			return false
		}
	}
	return true
}

// name returns what identifies s in its policy.
func (s *statement) name() string {
	if s.id != "" {
		return s.id
	}
	return "statement " + strconv.Itoa(s.place)
}
