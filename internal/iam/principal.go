package iam

import (
	"encoding/json"
	"errors"
	"fmt"
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
	aws       []string // ARNs, or account ids
	federated []string
	services  []string
}

func parsePrincipals(in, notIn json.RawMessage, kind Kind) (p principals, err error) {
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
	case notIn != nil:
		p.not, in = true, notIn
	}
	p.given = true
	var everybody string
	if json.Unmarshal(in, &everybody) == nil {
		if p.everybody = everybody == "*"; !p.everybody {
			return p, fmt.Errorf("the Principal %q is not *, nor a map", everybody)
		}
		return p, nil
	}
	var named map[string]oneOrMore[string]
	if err := json.Unmarshal(in, &named); err != nil {
		return p, fmt.Errorf("the Principal is not as principals are: %w", err)
	}
	for name, values := range named {
		if err := p.add(name, values); err != nil {
			return p, err
		}
	}
	return p, nil
}

func (p *principals) add(name string, values []string) error {
	switch name {
	case "AWS":
		for _, v := range values {
			switch {
			case v == "*":
				p.everybody = true
			case strings.ContainsAny(v, "*?"):
				return fmt.Errorf("the principal %q has a wildcard that is not alone", v)
			case !isAccount(v) && !strings.HasPrefix(v, "arn:"):
				return fmt.Errorf("the principal %q is neither an ARN nor an account", v)
			}
		}
		p.aws = append(p.aws, values...)
	case "Federated":
		p.federated = append(p.federated, values...)
	case "Service":
		p.services = append(p.services, values...)
	default:
		return fmt.Errorf("the kind of principal %q is not known", name)
	}
	return nil
}

func isAccount(s string) bool {
	return len(s) == 12 && strings.Trim(s, "0123456789") == ""
}

// naming is how a statement names a principal.
type naming uint8

const (
	unnamed   naming = iota
	byAccount        // which may give the right on to its users
	byRole           // of the session
	itself
)

// name returns how p names who, the closest way.
func (p principals) name(who *Principal) naming {
	closest := unnamed
	if p.everybody {
		closest = itself
	}
	for _, named := range p.aws {
		switch {
		case named == who.ARN:
			closest = itself
		case who.Role != "" && named == who.Role:
			closest = max(closest, byRole)
		case who.Account != "" && (named == who.Account || named == "arn:aws:iam::"+who.Account+":root"):
			closest = max(closest, byAccount)
		}
	}
	for _, named := range p.federated {
		if who.Federated != "" && named == who.Federated {
			closest = itself
		}
	}
	if !p.not {
		return closest
	}
	if closest == unnamed {
		return itself
	}
	return unnamed
}
