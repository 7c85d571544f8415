package identity

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/go-jose/go-jose/v4"
)

// Issuer is an identity provider as those who check its tokens see it.
type Issuer struct {
	URL       string // the iss of its tokens
	ClientIDs []string
	// Principal is how trust policies name it: its ARN, or the name of one that
	// every account knows.
	Principal string
	// Keys are the keys that its tokens are checked with; nil for those that it
	// says itself.
	Keys []jose.JSONWebKey

	SubjectClaim            string // the claim that says who somebody is
	Name                    string // in front of the colon of condition keys
	SubjectKey, AudienceKey string // condition keys, whole
	OriginalAudienceKey     string // of one that tells who asked for a token from whom it is for; else ""
}

// wellKnown are the providers that every account knows by their own names, and
// their condition keys for who somebody is and for whom a token is. (IAM user
// guide, "Available keys for AWS OIDC federation".)
var wellKnown = map[string]struct{ subject, audience string }{
	"accounts.google.com":            {"sub", "aud"},
	"cognito-identity.amazonaws.com": {"sub", "aud"},
	"graph.facebook.com":             {"id", "app_id"},
	"www.amazon.com":                 {"user_id", "app_id"},
}

// issuer compiles p.
func (p *Provider) issuer(account string) (*Issuer, error) {
	i := &Issuer{
		URL: p.URL, ClientIDs: p.ClientIDs, Principal: p.ARN(account), Name: p.KnownAs(), SubjectClaim: "sub",
	}
	subject, audience := "sub", "aud"
	if known, ok := wellKnown[i.Name]; ok {
		i.Principal, subject, audience = i.Name, known.subject, known.audience
	}
	if p.SubjectClaim != "" {
		i.SubjectClaim = p.SubjectClaim
	}
	if p.SubjectKey != "" {
		subject = p.SubjectKey
	}
	i.SubjectKey, i.AudienceKey = i.Name+":"+subject, i.Name+":"+audience
	if i.Name == "accounts.google.com" {
		i.OriginalAudienceKey = i.Name + ":oaud"
	}
	if p.Keys == nil {
		return i, nil
	}
	var err error
	if i.Keys, err = ParseKeys(p.Keys); err != nil {
		return nil, fmt.Errorf("provider %s: %w", p.URL, err)
	}
	return i, nil
}

// Algorithms are those that tokens may be signed with: what has a public key,
// and so neither none nor an HMAC. (RSA; and ECDSA, AWS "What's new" of 20
// November 2024.)
var Algorithms = []jose.SignatureAlgorithm{jose.RS256, jose.RS384, jose.RS512, jose.ES256, jose.ES384, jose.ES512}

// maxKeys is how many keys a set may have.
const maxKeys = 100

// ParseKeys reads a set of public keys (RFC 7517) and returns those that tokens
// can be checked with. What else is in it is left out.
func ParseKeys(text []byte) (keys []jose.JSONWebKey, err error) {
	var set struct{ Keys []json.RawMessage }
	if err := json.Unmarshal(text, &set); err != nil || len(set.Keys) > maxKeys {
		return nil, errors.New("that is no set of keys (RFC 7517)")
	}
	for _, raw := range set.Keys {
		var k jose.JSONWebKey
		if json.Unmarshal(raw, &k) == nil && usable(&k) {
			keys = append(keys, k.Public())
		}
	}
	if keys == nil {
		return nil, errors.New("its set of keys has none that a token can be checked with")
	}
	return keys, nil
}

// minRSA is the least size of an RSA key, in bits.
const minRSA = 2048

func usable(k *jose.JSONWebKey) bool {
	if k.Use != "" && k.Use != "sig" || k.Algorithm != "" && !slices.Contains(Algorithms, jose.SignatureAlgorithm(k.Algorithm)) {
		return false
	}
	switch key := k.Key.(type) {
	case *rsa.PublicKey:
		return key.N.BitLen() >= minRSA
	case *ecdsa.PublicKey:
		return true
	}
	return false
}
