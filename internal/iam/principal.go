package iam

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Principal is who makes a request.
type Principal struct {
	// ARN is that of the user, of the session (…:assumed-role/ROLE/SESSION), or
	// of the account's root user (arn:aws:iam::ACCOUNT:root).
	ARN     string
	Account string
	// Role is the ARN of the role of a session, "" for others.
	Role string
	// Federated is the identity provider of somebody who asks for a session
	// with a web identity, "" for others.
	Federated string
	Type      PrincipalType
	ID        string // unique: of a user, of a role with ":" and the session, or the account; "" if there is none
	Name      string // of a user, "" for others
	// Keys are what else conditions may ask about it: its tags, and who it is at
	// an identity provider. They win over those of a request.
	Keys Keys
	// Identity are the policies of the user or role and of its groups; Boundary
	// is its permissions boundary, nil for none; Session are the policies given
	// when the session was made, none if there were none.
	Identity []*Policy
	Boundary *Policy
	Session  []*Policy
}

// PrincipalType is a kind of principal, as aws:PrincipalType names it.
type PrincipalType string

// The kinds of principals.
const (
	RootUser    PrincipalType = "Account"
	User        PrincipalType = "User"
	AssumedRole PrincipalType = "AssumedRole"
	Federated   PrincipalType = "FederatedUser"
)

// IsRoot reports whether p is the root user of its account.
func (p *Principal) IsRoot() bool { return strings.HasSuffix(p.ARN, ":root") && p.Role == "" }

// principals are those that a statement is about.
type principals struct {
	given     bool // the statement is about principals
	not       bool
	everybody bool
	accounts  []string // whose root users, and all whom they let
	arns      []string
	ids       []string // unique ones, of users and roles
	federated []string
}

func parsePrincipals(in, notIn json.RawMessage, kind Kind, deny bool) (p principals, err error) {
	switch {
	case kind == Identity:
		if in != nil || notIn != nil {
			return p, errors.New("a policy of a user or role has no Principal")
		}
		return p, nil
	case in != nil && notIn != nil:
		return p, errors.New("it has both Principal and NotPrincipal")
	case in == nil && notIn == nil:
		return p, errors.New("it has neither Principal nor NotPrincipal")
	case notIn != nil && kind == Trust:
		return p, errors.New("a trust policy has no NotPrincipal")
	case notIn != nil && !deny:
		return p, errors.New("it has NotPrincipal with the Effect Allow")
	case notIn != nil:
		p.not, in = true, notIn
	}
	p.given = true
	var everybody string
	if json.Unmarshal(in, &everybody) == nil {
		if p.everybody = everybody == "*" && kind != Trust; !p.everybody {
			return p, fmt.Errorf("the Principal %q is not a map", everybody)
		}
		return p, nil
	}
	var named map[string]oneOrMore[string]
	if err := json.Unmarshal(in, &named); err != nil {
		return p, fmt.Errorf("the Principal is not as principals are: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(named)) {
		for _, value := range named[name] {
			if err := p.add(name, value); err != nil {
				return p, fmt.Errorf("the principal %q of %s: %w", value, name, err)
			}
		}
		if len(named[name]) == 0 {
			return p, fmt.Errorf("the Principal has no %s", name)
		}
	}
	if len(named) == 0 {
		return p, errors.New("the Principal names nobody")
	}
	return p, nil
}

func (p *principals) add(name, value string) error {
	if value != "*" && strings.ContainsAny(value, "*?") || value == "" {
		return errors.New("a wildcard is not part of a name, and a name is not empty")
	}
	switch name {
	case "AWS":
		return p.addAWS(value)
	case "Federated":
		if value == "*" {
			return errors.New("an identity provider is named")
		}
		p.federated = append(p.federated, value)
	case "Service": // none of them asks here
		if value == "*" || !strings.Contains(value, ".") {
			return errors.New("a service is named like ecs.amazonaws.com")
		}
	default:
		return errors.New("there is no such kind of principal")
	}
	return nil
}

func (p *principals) addAWS(value string) error {
	switch {
	case value == "*":
		p.everybody = true
	case isAccount(value):
		p.accounts = append(p.accounts, value)
		p.arns = append(p.arns, "arn:aws:iam::"+value+":root")
	case isUniqueID(value):
		p.ids = append(p.ids, value)
	default:
		named, err := parsePrincipalARN(value)
		if err != nil {
			return err
		}
		if named.account != "" {
			p.accounts = append(p.accounts, named.account)
		}
		p.arns = append(p.arns, value)
	}
	return nil
}

// isUniqueID reports whether s is the unique id of a user or a role, which a
// policy shows for one that is gone. (IAM user guide, "Unique identifiers".)
func isUniqueID(s string) bool {
	return len(s) >= 16 && (strings.HasPrefix(s, "AIDA") || strings.HasPrefix(s, "AROA")) &&
		strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == ""
}

// naming is how a statement names a principal.
type naming uint8

const (
	unnamed   naming = iota
	byAccount        // which may give the right on to its users
	byRole           // of the session
	itself
)

// concern reports whether p, of a statement, is about who.
func (p *principals) concern(who *Principal) bool { return !p.given || p.name(who) != unnamed }

// name returns how p names who, the closest way.
//
// A NotPrincipal excepts somebody only if it names, beside the very user or
// session, the session's role and the account: the service may look at each by
// itself. Who has a permissions boundary it never excepts. (IAM user guide, "IAM JSON
// policy elements: NotPrincipal".)
func (p *principals) name(who *Principal) naming {
	switch {
	case p.not && (p.everybody || p.hasFederated(who)):
		return unnamed
	case p.not:
		if who.Boundary == nil && p.hasItself(who) && p.hasAccount(who) && (who.Role == "" || p.hasRole(who)) {
			return unnamed
		}
		return itself
	case who.Federated != "": // is not anybody yet
		if p.hasFederated(who) {
			return itself
		}
		return unnamed
	case p.everybody || p.hasItself(who):
		return itself
	case p.hasRole(who):
		return byRole
	case p.hasAccount(who):
		return byAccount
	}
	return unnamed
}

func (p *principals) hasItself(who *Principal) bool {
	return slices.Contains(p.arns, who.ARN) || who.ID != "" && slices.Contains(p.ids, who.ID)
}

func (p *principals) hasRole(who *Principal) bool {
	if who.Role == "" {
		return false
	}
	id, _, _ := strings.Cut(who.ID, ":")
	return slices.Contains(p.arns, who.Role) || slices.Contains(p.ids, id)
}

func (p *principals) hasAccount(who *Principal) bool { return slices.Contains(p.accounts, who.Account) }

func (p *principals) hasFederated(who *Principal) bool {
	return who.Federated != "" && slices.Contains(p.federated, who.Federated)
}
