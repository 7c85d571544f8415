package sts

import (
	"context"
	"maps"
	"strings"

	"github.com/statordb/stator/internal/iam"
	"github.com/statordb/stator/internal/identity"
)

type webIdentity struct {
	SubjectFromWebIdentityToken string
	Audience                    string
	AssumedRoleUser             assumedRoleUser
	Credentials                 credentials
	Provider                    string
	tokenSize
	SourceIdentity string `xml:",omitempty"`
}

func (w webIdentity) recorded() map[string]any {
	return map[string]any{
		"credentials": w.Credentials.recorded(), "assumedRoleUser": w.AssumedRoleUser.recorded(), "provider": w.Provider,
		"audience": w.Audience, "subjectFromWebIdentityToken": w.SubjectFromWebIdentityToken,
	}
}

// assumeRoleWithWebIdentity gives temporary credentials of a role to somebody
// whom an identity provider knows.
func (s *STS) assumeRoleWithWebIdentity(ctx context.Context, c *call) (any, error) {
	f := c.form
	r := f.roleRequest()
	token := f.text("WebIdentityToken", webToken, true)
	provider := f.text("ProviderId", providerID, false)
	if err := f.err(); err != nil {
		return nil, err
	}
	account, err := accountOfRole(r.arn)
	if err != nil {
		return nil, err
	}
	proof, err := s.prove(ctx, account, provider, token)
	if err != nil {
		return nil, err
	}
	r.keys, r.federated = proof.keys(), proof.issuer.Principal
	r.tags, r.transitive, r.source = proof.tags, proof.transitive, proof.source
	if err := r.checkTags(); err != nil {
		return nil, err
	}
	// Somebody whom only the provider knows has no policies, nor an account; what
	// the trust policy says decides.
	who := &iam.Principal{
		ARN: proof.issuer.Principal, Account: account, Federated: proof.issuer.Principal, Type: iam.Federated, Keys: iam.Keys{},
	}
	maps.Copy(who.Keys, r.keys)
	who.Keys.Set("aws:FederatedProvider", r.federated)
	role := s.directory.Role(r.arn)
	for _, action := range r.actions("sts:AssumeRoleWithWebIdentity") {
		if !allowed(who, role, action, r.arn, both{r.conditionKeys(), c.Keys}) {
			return nil, denied("Not authorized to perform %s", action)
		}
	}
	issued, err := s.issue(role, r)
	if err != nil {
		return nil, err
	}
	c.role = role
	out := webIdentity{
		SubjectFromWebIdentityToken: proof.subject, Audience: proof.audience, Provider: proof.issuer.URL,
		AssumedRoleUser: userOf(role, r.session), Credentials: credentialsOf(issued),
		tokenSize: sizeOf(issued, r), SourceIdentity: r.source,
	}
	if provider != "" {
		out.Provider = provider
	}
	return out, nil
}

// accountOfRole returns the account in the ARN of a role.
func accountOfRole(arn string) (string, error) {
	account, _, ok := strings.Cut(strings.TrimPrefix(arn, "arn:aws:iam::"), ":role/")
	if !ok || len(account) != 12 || strings.Trim(account, "0123456789") != "" {
		return "", sender("ValidationError", "%s is invalid", printable(arn))
	}
	return account, nil
}

// issuerOf returns the provider that a token of an account is to be from: the
// one that the request names, or the one that the token says it is from.
func (s *STS) issuerOf(account, provider, iss string) (*identity.Issuer, error) {
	i := s.directory.Issuer(account, iss)
	if provider != "" {
		i, iss = s.directory.IssuerNamed(account, provider), provider
	}
	if i == nil {
		return nil, invalidToken("No OpenIDConnect provider found in your account for %s", printable(iss))
	}
	return i, nil
}
