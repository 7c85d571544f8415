package identity

import (
	"strings"

	"github.com/statordb/stator/internal/iam"
)

// Role returns the role with an ARN, nil if there is none.
func (d *Directory) Role(arn string) *CompiledRole { return d.state.Load().roles[arn] }

// Issuer returns the identity provider of an account that has a URL, nil if
// there is none.
func (d *Directory) Issuer(account, url string) *Issuer {
	return d.issuer(account, func(i *Issuer) bool { return i.URL == url })
}

// IssuerNamed returns the identity provider of an account that policies know by
// a name, nil if there is none.
func (d *Directory) IssuerNamed(account, name string) *Issuer {
	return d.issuer(account, func(i *Issuer) bool { return i.Name == name })
}

func (d *Directory) issuer(account string, is func(*Issuer) bool) *Issuer {
	for _, i := range d.state.Load().issuers[account] {
		if is(i) {
			return i
		}
	}
	return nil
}

// CheckSessionPolicies returns what is wrong with the policies of a session to
// be.
func (d *Directory) CheckSessionPolicies(inline string, arns []string) error {
	_, err := d.state.Load().sessionPolicies(inline, arns)
	return err
}

// Principal returns who has an ARN, that of a user, of a root user, of a role,
// or of a session of one (arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION), nil
// if there is nobody. A role is returned as a session without a name.
func (d *Directory) Principal(arn string) *iam.Principal {
	s := d.state.Load()
	if p := s.people[arn]; p != nil {
		return p
	}
	if r := s.roles[arn]; r != nil {
		p := r.principal("", nil)
		p.ARN = r.ARN
		return p
	}
	account, rest, _ := strings.Cut(strings.TrimPrefix(arn, "arn:aws:sts::"), ":assumed-role/")
	role, session, _ := strings.Cut(rest, "/")
	for _, r := range s.roles {
		if r.Account == account && r.Name == role && session != "" {
			return r.principal(session, nil)
		}
	}
	return nil
}

// Session returns who uses r in a session with a name.
func (r *CompiledRole) Session(name string) *iam.Principal { return r.principal(name, nil) }

// Deciding returns the policy of the principal of r that made a decision: the
// ARN of a managed one, "NAME of user USER" of another one; "" for that of a
// resource, and where there was none.
func (d *Directory) Deciding(r iam.Request, made iam.Decision) string {
	if made.Statement == "" {
		return ""
	}
	var candidates []*iam.Policy
	switch made.By {
	case iam.ByIdentity:
		candidates = r.Principal.Identity
	case iam.ByBoundary:
		return d.state.Load().names[r.Principal.Boundary]
	}
	for _, p := range candidates {
		alone := *r.Principal
		alone.Identity, alone.Boundary, alone.Session = []*iam.Policy{p}, nil, nil
		r.Principal = &alone
		if got := iam.Decide(r); got.Statement == made.Statement && got.By == made.By && got.Explicit == made.Explicit {
			return d.state.Load().names[p]
		}
	}
	return ""
}
