package sts

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/statordb/stator/internal/iam"
	"github.com/statordb/stator/internal/identity"
)

// leeway is how far the clock of a provider may be from the server's. (IAM user
// guide, "OIDC federation": five minutes beyond exp.)
const leeway = 5 * time.Minute

// maxSubject is how long the name of somebody may be, in bytes. (STS service
// model.)
const maxSubject = 255

func invalidToken(format string, args ...any) *Error {
	return sender("InvalidIdentityToken", format, args...)
}

// Texts of an InvalidIdentityToken. (Reports of users of the service.)
const (
	notAToken     = "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"
	noKey         = "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements"
	notValidated  = "The web identity token provided could not be validated"
	wrongAudience = "Incorrect token audience"
)

// claims are those of a token that are looked at.
type claims struct {
	jwt.Claims
	AuthorizedParty string       `json:"azp"`
	Methods         oneOrMore    `json:"amr"`
	Email           string       `json:"email"`
	SourceIdentity  string       `json:"https://aws.amazon.com/source_identity"`
	Session         *sessionTags `json:"https://aws.amazon.com/tags"`
	all             map[string]any
}

// sessionTags are tags that a provider gives a session. (IAM user guide, "Pass
// session tags using AssumeRoleWithWebIdentity".)
type sessionTags struct {
	Tags       map[string]oneOrMore `json:"principal_tags"`
	Transitive []string             `json:"transitive_tag_keys"`
}

// The claims of tags by providers whose tokens have no objects in them: one for each
// tag, and one for the keys of those that are transitive. (IAM user guide, "Pass session
// tags using AssumeRoleWithWebIdentity".)
const (
	flatTag        = "https://aws.amazon.com/tags/principal_tags/"
	flatTransitive = "https://aws.amazon.com/tags/transitive_tag_keys"
)

// sessionTags returns the tags that c has, in either form; nil for none.
func (c *claims) sessionTags() (*sessionTags, error) {
	if c.Session != nil {
		return c.Session, nil
	}
	var flat *sessionTags
	for name, value := range c.all {
		key, is := strings.CutPrefix(name, flatTag)
		if !is {
			continue
		}
		values, ok := texts(value)
		if !ok {
			return nil, rejected("a session tag is a text")
		}
		if flat == nil {
			flat = &sessionTags{Tags: map[string]oneOrMore{}}
		}
		flat.Tags[key] = values
	}
	if keys, is := c.all[flatTransitive]; is && flat != nil {
		var ok bool
		if flat.Transitive, ok = texts(keys); !ok {
			return nil, rejected("the keys of transitive session tags are texts")
		}
	}
	return flat, nil
}

// texts returns what a claim has that is a text or a list of texts.
func texts(claim any) (all []string, ok bool) {
	if one, ok := claim.(string); ok {
		return []string{one}, true
	}
	list, ok := claim.([]any)
	for _, value := range list {
		one, isText := value.(string)
		all, ok = append(all, one), ok && isText
	}
	return all, ok
}

// oneOrMore is a list of texts that may be written as its only element.
type oneOrMore []string

// UnmarshalJSON implements json.Unmarshaler.
func (l *oneOrMore) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*l = oneOrMore{one}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(l))
}

// proof is what a valid token says.
type proof struct {
	issuer            *identity.Issuer
	claims            claims
	subject, audience string
	tags              map[string]string
	transitive        []string
	source            string
}

// prove checks a token. What it says is believed only behind the check of its
// signature, but for who has signed it.
func (s *STS) prove(ctx context.Context, account, provider, token string) (*proof, error) {
	parsed, err := jwt.ParseSigned(token, identity.Algorithms)
	if err != nil || len(parsed.Headers) != 1 {
		return nil, invalidToken(notAToken)
	}
	var unproven struct {
		Issuer string `json:"iss"`
	}
	if err := parsed.UnsafeClaimsWithoutVerification(&unproven); err != nil {
		return nil, invalidToken(notAToken)
	}
	issuer, err := s.issuerOf(account, provider, unproven.Issuer)
	if err != nil {
		return nil, err
	}
	p := &proof{issuer: issuer}
	if err := s.verify(ctx, issuer, parsed, &p.claims); err != nil {
		return nil, err
	}
	return p, p.read(s.now())
}

// verify checks the signature of a token and reads it.
func (s *STS) verify(ctx context.Context, issuer *identity.Issuer, token *jwt.JSONWebToken, into *claims) error {
	header := token.Headers[0]
	candidates := matchingKeys(issuer.Keys, header)
	if issuer.Keys == nil {
		var err error
		if candidates, err = s.keys.find(ctx, issuer.URL, header); err != nil {
			s.log.Warn("the keys of an identity provider cannot be read", "provider", issuer.URL, "error", err)
			return sender("IDPCommunicationError", "The request could not be fulfilled because the identity provider %s could not be reached.", issuer.URL)
		}
	}
	if len(candidates) == 0 {
		return invalidToken(noKey)
	}
	for _, key := range candidates {
		if token.Claims(key.Key, into, &into.all) == nil {
			return nil
		}
	}
	return invalidToken(notValidated)
}

// matchingKeys returns the keys that a token may be signed with: all those with
// the id that it says, or all if it says none.
func matchingKeys(keys []jose.JSONWebKey, header jose.Header) (found []jose.JSONWebKey) {
	for _, k := range keys {
		if (header.KeyID == "" || k.KeyID == header.KeyID) && (k.Algorithm == "" || k.Algorithm == header.Algorithm) {
			found = append(found, k)
		}
	}
	return found
}

// read checks what a token claims, and when.
func (p *proof) read(now time.Time) error {
	c, i := &p.claims, p.issuer
	if c.Issuer != i.URL {
		return invalidToken("Incorrect token issuer")
	}
	for name, at := range map[string]*jwt.NumericDate{"exp": c.Expiry, "iat": c.IssuedAt} {
		if at == nil {
			return invalidToken("Missing a required claim: %s", name)
		}
	}
	if expiry := c.Expiry.Time(); !now.Before(expiry.Add(leeway)) {
		return sender("ExpiredTokenException", "Token expired: current date/time %d must be before the expiration date/time %d", now.Unix(), expiry.Unix())
	}
	if latest := now.Add(leeway); c.IssuedAt.Time().After(latest) || c.NotBefore != nil && c.NotBefore.Time().After(latest) {
		return invalidToken("The token is not valid yet")
	}
	subject, ok := c.all[i.SubjectClaim].(string)
	if !ok || subject == "" {
		return invalidToken("Missing a required claim: %s", i.SubjectClaim)
	}
	if p.subject = subject; len(subject) > maxSubject {
		return rejected("the " + i.SubjectClaim + " claim is too long")
	}
	if err := p.readAudience(); err != nil {
		return err
	}
	return p.readSession()
}

// readAudience checks for whom a token is: the one who has asked for it, if it
// says who, or else one of its audience must be a client of the provider. (Seen
// of the service: aws/aws-sdk-net issue 3071.)
func (p *proof) readAudience() error {
	ask := p.claims.Audience
	if azp := p.claims.AuthorizedParty; azp != "" {
		ask = jwt.Audience{azp}
	}
	for _, audience := range ask {
		if slices.Contains(p.issuer.ClientIDs, audience) {
			p.audience = audience
			return nil
		}
	}
	return invalidToken(wrongAudience)
}

// readSession reads what a token says of the session to be.
func (p *proof) readSession() error {
	if p.source = p.claims.SourceIdentity; p.source != "" && !sourceIdentity.pattern.MatchString(p.source) {
		return rejected("it has a source identity with other characters than those have")
	}
	session, err := p.claims.sessionTags()
	if err != nil || session == nil {
		return err
	}
	p.tags, p.transitive = map[string]string{}, session.Transitive
	for key, values := range session.Tags {
		if len(values) != 1 {
			return rejected("a session tag has one value")
		}
		p.tags[key] = values[0]
	}
	return nil
}

// rejected returns the error for a token that a provider has signed, but that
// claims what cannot be.
func rejected(text string) *Error {
	return &Error{"IDPRejectedClaim", http.StatusForbidden, fmt.Sprintf("The identity provider's token is refused: %s.", text)}
}

// keys returns the condition keys of who somebody is at the provider. (IAM user
// guide, "Available keys for AWS OIDC federation".)
func (p *proof) keys() iam.Keys {
	keys, i, c := iam.Keys{}, p.issuer, &p.claims
	keys.Set(i.SubjectKey, p.subject)
	keys.Set(i.AudienceKey, p.audience)
	if i.OriginalAudienceKey != "" {
		keys.Set(i.OriginalAudienceKey, c.Audience...)
	}
	if len(c.Methods) > 0 {
		keys.Set(i.Name+":amr", c.Methods...)
	}
	if c.Email != "" {
		keys.Set(i.Name+":email", c.Email)
	}
	return keys
}
