package sts_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	mathrand "math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awssts "github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/go-jose/go-jose/v4"

	"github.com/statordb/stator/internal/identity"
	"github.com/statordb/stator/internal/sts"
)

// The keys that providers sign with: made once, because that takes long.
var (
	rsaKey, _   = rsa.GenerateKey(rand.Reader, 2048)
	otherRSA, _ = rsa.GenerateKey(rand.Reader, 2048)
	ecKey, _    = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
)

// provider is an OpenID Connect identity provider on this machine.
type provider struct {
	*httptest.Server
	keys    atomic.Value // jose.JSONWebKeySet
	issuer  string       // what it calls itself
	broken  atomic.Bool
	fetched atomic.Int32
}

func newProvider(t testing.TB, keys ...jose.JSONWebKey) *provider {
	p := new(provider)
	p.keys.Store(jose.JSONWebKeySet{Keys: keys})
	p.Server = httptest.NewServer(p)
	p.issuer = p.URL
	t.Cleanup(p.Close)
	return p
}

func (p *provider) ServeHTTP(out http.ResponseWriter, in *http.Request) {
	switch {
	case p.broken.Load():
		http.Error(out, "broken", http.StatusBadGateway)
	case in.URL.Path == "/.well-known/openid-configuration":
		_ = json.NewEncoder(out).Encode(map[string]string{"issuer": p.issuer, "jwks_uri": p.URL + "/keys"})
	case in.URL.Path == "/keys":
		p.fetched.Add(1)
		_ = json.NewEncoder(out).Encode(p.keys.Load())
	}
}

func public(id string, key any, algorithm jose.SignatureAlgorithm) jose.JSONWebKey {
	return jose.JSONWebKey{KeyID: id, Key: key, Algorithm: string(algorithm), Use: "sig"}
}

// sign makes a token.
func sign(t testing.TB, algorithm jose.SignatureAlgorithm, id string, key any, claims map[string]any) string {
	t.Helper()
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: jose.JSONWebKey{KeyID: id, Key: key}}, nil)
	check(t, err)
	text, err := json.Marshal(claims)
	check(t, err)
	signed, err := s.Sign(text)
	check(t, err)
	token, err := signed.CompactSerialize()
	check(t, err)
	return token
}

// web is a world with a provider and a role for those whom it knows.
type web struct {
	*world
	provider *provider
	host     string // of the provider
	role     string
}

func newWeb(t testing.TB) *web {
	w := &web{world: newWorld(t)}
	w.provider = newProvider(t, public("r1", rsaKey.Public(), jose.RS256), public("e1", ecKey.Public(), jose.ES256))
	w.host = strings.TrimPrefix(w.provider.URL, "http://")
	w.add(t, &identity.Provider{URL: w.provider.URL, ClientIDs: []string{"app", "app2"}})
	w.role = w.world.role(t, "web", w.trust(`"StringEquals":{"`+w.host+`:aud":"app"}`))
	return w
}

func (w *web) add(t testing.TB, p *identity.Provider) {
	w.edit(t, func(e *identity.Edit, a *identity.Account) { check(t, e.CreateProvider(a, p)) })
}

// trust returns a statement that trusts the provider under a condition.
func (w *web) trust(condition string) string {
	return `{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::` + home + `:oidc-provider/` + w.host + `"},
		"Action":["sts:AssumeRoleWithWebIdentity","sts:TagSession","sts:SetSourceIdentity"],"Condition":{` + condition + `}}`
}

// claims are those of a good token, with changes; nil removes.
func (w *web) claims(changes map[string]any) map[string]any {
	now := w.clock.Now().Unix()
	c := map[string]any{"iss": w.provider.URL, "sub": "user-1", "aud": "app", "iat": now, "exp": now + 600}
	maps.Copy(c, changes)
	for name, value := range c {
		if value == nil {
			delete(c, name)
		}
	}
	return c
}

func (w *web) token(t testing.TB, changes map[string]any) string {
	return sign(t, jose.RS256, "r1", rsaKey, w.claims(changes))
}

func (w *web) assume(role, token string) (*awssts.AssumeRoleWithWebIdentityOutput, error) {
	client := awssts.New(awssts.Options{BaseEndpoint: &w.server.URL, Region: "us-east-1", Retryer: aws.NopRetryer{}})
	return client.AssumeRoleWithWebIdentity(context.Background(), &awssts.AssumeRoleWithWebIdentityInput{
		RoleArn: &role, RoleSessionName: aws.String("test"), WebIdentityToken: &token,
	})
}

func TestWebIdentity(t *testing.T) {
	w := newWeb(t)
	for name, token := range map[string]string{
		"RS256": w.token(t, nil), "ES256": sign(t, jose.ES256, "e1", ecKey, w.claims(nil)),
		"no id": sign(t, jose.RS256, "", rsaKey, w.claims(nil)), "audiences": w.token(t, map[string]any{"aud": []string{"x", "app"}}),
		"azp": w.token(t, map[string]any{"aud": "x", "azp": "app"}), "late": w.token(t, map[string]any{"exp": w.clock.Now().Unix() - 290}),
	} {
		out, err := w.assume(w.role, token)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if *out.SubjectFromWebIdentityToken != "user-1" || *out.Audience != "app" || *out.Provider != w.provider.URL ||
			*out.AssumedRoleUser.Arn != "arn:aws:sts::123456789012:assumed-role/web/test" {
			t.Errorf("%s: %+v", name, out)
		}
		if a := w.answers[len(w.answers)-1]; a.Result["subjectFromWebIdentityToken"] != "user-1" || strings.Contains(fmt.Sprint(a.Parameters, a.Result), token) {
			t.Errorf("recorded %v %v", a.Parameters, a.Result)
		}
		c, err := w.Lookup(*out.Credentials.AccessKeyId, *out.Credentials.SessionToken)
		check(t, err)
		for key, want := range map[string]string{
			w.host + ":sub": "user-1", w.host + ":aud": "app",
			"aws:FederatedProvider": "arn:aws:iam::123456789012:oidc-provider/" + w.host,
		} {
			if got, _ := c.Principal.Keys.Values(strings.ToLower(key)); len(got) != 1 || got[0] != want {
				t.Errorf("%s: %s is %q", name, key, got)
			}
		}
	}
}

func TestWebIdentityRefused(t *testing.T) {
	w := newWeb(t)
	now := w.clock.Now().Unix()
	hmac := sign(t, jose.HS256, "r1", x509.MarshalPKCS1PublicKey(&rsaKey.PublicKey), w.claims(nil))
	parts := strings.Split(w.token(t, nil), ".")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + parts[1] + "."
	for name, c := range map[string]struct{ token, code, text string }{
		"no token":      {"this is not one", "InvalidIdentityToken", "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"},
		"HMAC":          {hmac, "InvalidIdentityToken", "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"},
		"none":          {none, "InvalidIdentityToken", "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"},
		"other issuer":  {w.token(t, map[string]any{"iss": "https://example.com"}), "InvalidIdentityToken", "No OpenIDConnect provider found in your account for https://example.com"},
		"other key":     {sign(t, jose.RS256, "r1", otherRSA, w.claims(nil)), "InvalidIdentityToken", "The web identity token provided could not be validated"},
		"unknown key":   {sign(t, jose.RS256, "r9", rsaKey, w.claims(nil)), "InvalidIdentityToken", "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements"},
		"other kind":    {sign(t, jose.ES256, "r1", ecKey, w.claims(nil)), "InvalidIdentityToken", "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements"},
		"expired":       {w.token(t, map[string]any{"exp": now - 300}), "ExpiredTokenException", fmt.Sprintf("Token expired: current date/time %d must be before the expiration date/time %d", now, now-300)},
		"no exp":        {w.token(t, map[string]any{"exp": nil}), "InvalidIdentityToken", "Missing a required claim: exp"},
		"no iat":        {w.token(t, map[string]any{"iat": nil}), "InvalidIdentityToken", "Missing a required claim: iat"},
		"future iat":    {w.token(t, map[string]any{"iat": now + 301}), "InvalidIdentityToken", "The token is not valid yet"},
		"future nbf":    {w.token(t, map[string]any{"nbf": now + 301}), "InvalidIdentityToken", "The token is not valid yet"},
		"no sub":        {w.token(t, map[string]any{"sub": nil}), "InvalidIdentityToken", "Missing a required claim: sub"},
		"long sub":      {w.token(t, map[string]any{"sub": strings.Repeat("x", 256)}), "IDPRejectedClaim", "The identity provider's token is refused: the sub claim is too long."},
		"no aud":        {w.token(t, map[string]any{"aud": nil}), "InvalidIdentityToken", "Incorrect token audience"},
		"other aud":     {w.token(t, map[string]any{"aud": "other"}), "InvalidIdentityToken", "Incorrect token audience"},
		"other azp":     {w.token(t, map[string]any{"azp": "other"}), "InvalidIdentityToken", "Incorrect token audience"},
		"trust":         {w.token(t, map[string]any{"aud": "app2"}), "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity"},
		"bad source":    {w.token(t, map[string]any{"https://aws.amazon.com/source_identity": "a b"}), "IDPRejectedClaim", "The identity provider's token is refused: it has a source identity with other characters than those have."},
		"sub no string": {w.token(t, map[string]any{"sub": 7}), "InvalidIdentityToken", "The web identity token provided could not be validated"},
	} {
		_, err := w.assume(w.role, c.token)
		if err == nil {
			t.Errorf("%s was let in", name)
			continue
		}
		t.Run(name, func(t *testing.T) { refused(t, err, c.code, c.text) })
	}
	_, err := w.assume(w.role, "abc")
	refused(t, err, "ValidationError", "1 validation error detected: Value '***' at 'webIdentityToken' failed to satisfy constraint: Member must have length greater than or equal to 4")
	_, err = w.assume("arn:aws:iam::123456789012:role/none", w.token(t, nil))
	refused(t, err, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")
	_, err = w.assume("arn:aws:iam::210987654321:role/web", w.token(t, nil))
	refused(t, err, "InvalidIdentityToken", "No OpenIDConnect provider found in your account for "+w.provider.URL)
	// A role that trusts users is not for those whom a provider knows.
	users := w.world.role(t, "users", `{"Effect":"Allow","Principal":{"AWS":"`+home+`"},"Action":"sts:AssumeRoleWithWebIdentity"}`)
	_, err = w.assume(users, w.token(t, nil))
	refused(t, err, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")
}

// TestWebIdentitySession has what a token says of its session. (IAM user guide,
// "Pass session tags using AssumeRoleWithWebIdentity".)
func TestWebIdentitySession(t *testing.T) {
	w := newWeb(t)
	const tags = "https://aws.amazon.com/tags"
	for name, claims := range map[string]map[string]any{
		"nested": {tags: map[string]any{
			"principal_tags": map[string]any{"Project": []string{"x"}, "Team": "red"}, "transitive_tag_keys": []string{"Project"},
		}},
		"flat": {tags + "/principal_tags/Project": "x", tags + "/principal_tags/Team": []string{"red"}, tags + "/transitive_tag_keys": []string{"Project"}},
	} {
		claims["https://aws.amazon.com/source_identity"] = "me"
		out, err := w.assume(w.role, w.token(t, claims))
		check(t, err)
		c, err := w.Lookup(*out.Credentials.AccessKeyId, *out.Credentials.SessionToken)
		check(t, err)
		if s := c.Session; s.SourceIdentity != "me" || s.Tags["Project"] != "x" || s.Tags["Team"] != "red" || len(s.TransitiveTags) != 1 || *out.SourceIdentity != "me" {
			t.Errorf("%s: %+v", name, s)
		}
	}
	for _, c := range []struct {
		claims map[string]any
		text   string
	}{
		{map[string]any{tags: map[string]any{"principal_tags": map[string]any{"Team": []string{"red", "green"}}}}, "a session tag has one value"},
		{map[string]any{tags + "/principal_tags/Team": []string{"red", "green"}}, "a session tag has one value"},
		{map[string]any{tags + "/principal_tags/Team": 7}, "a session tag is a text"},
		{map[string]any{tags + "/principal_tags/Team": []any{"red", 7}}, "a session tag is a text"},
		{map[string]any{tags + "/principal_tags/Team": "red", tags + "/transitive_tag_keys": 7}, "the keys of transitive session tags are texts"},
	} {
		_, err := w.assume(w.role, w.token(t, c.claims))
		refused(t, err, "IDPRejectedClaim", "The identity provider's token is refused: "+c.text+".")
	}
}

// TestKnownProviders has the providers that every account knows, stood in for by
// one on this machine or by a set of keys.
func TestKnownProviders(t *testing.T) {
	w := newWeb(t)
	keys, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{public("r1", rsaKey.Public(), jose.RS256)}})
	check(t, err)
	for name, want := range map[string]map[string]string{
		"www.amazon.com":                 {"user_id": "user-1", "app_id": "app"},
		"graph.facebook.com":             {"id": "user-1", "app_id": "app"},
		"accounts.google.com":            {"sub": "user-1", "aud": "app", "oaud": "x"},
		"cognito-identity.amazonaws.com": {"sub": "user-1", "aud": "app", "amr": "authenticated"},
	} {
		iss := "https://" + name
		if name == "www.amazon.com" {
			iss = "https://stand-in.example.com"
		}
		w.add(t, &identity.Provider{URL: iss, Name: name, ClientIDs: []string{"app"}, Keys: keys})
		role := w.world.role(t, name, `{"Effect":"Allow","Principal":{"Federated":"`+name+`"},"Action":"sts:AssumeRoleWithWebIdentity"}`)
		claims := map[string]any{"iss": iss, "amr": []string{"authenticated"}}
		if name == "accounts.google.com" {
			claims["azp"], claims["aud"] = "app", "x"
		}
		client := awssts.New(awssts.Options{BaseEndpoint: &w.server.URL, Region: "us-east-1", Retryer: aws.NopRetryer{}})
		out, err := client.AssumeRoleWithWebIdentity(context.Background(), &awssts.AssumeRoleWithWebIdentityInput{
			RoleArn: &role, RoleSessionName: aws.String("test"), WebIdentityToken: aws.String(w.token(t, claims)), ProviderId: &name,
		})
		check(t, err)
		if *out.Provider != name {
			t.Errorf("%s is called %s", name, *out.Provider)
		}
		c, err := w.Lookup(*out.Credentials.AccessKeyId, *out.Credentials.SessionToken)
		check(t, err)
		want["aws:federatedprovider"] = name
		for key, value := range want {
			if !strings.Contains(key, ":") {
				key = name + ":" + key
			}
			if got, _ := c.Principal.Keys.Values(key); len(got) != 1 || got[0] != value {
				t.Errorf("%s is %q", key, got)
			}
		}
	}
}

// TestKeyRotation has a provider whose keys change, and that is away.
func TestKeyRotation(t *testing.T) {
	w := newWeb(t)
	pass := func(d time.Duration) { w.clock.Move(w.clock.Now().Add(d)) }
	fetches := func(want int32) {
		t.Helper()
		if got := w.provider.fetched.Load(); got != want {
			t.Errorf("%d reads of the keys, want %d", got, want)
		}
	}
	good := func() {
		t.Helper()
		_, err := w.assume(w.role, w.token(t, nil))
		check(t, err)
	}
	good()
	good()
	fetches(1)
	renewed := func() error {
		_, err := w.assume(w.role, sign(t, jose.RS256, "r2", otherRSA, w.claims(nil)))
		return err
	}
	const noKey = "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements"
	w.provider.keys.Store(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{public("r2", otherRSA.Public(), jose.RS256)}})
	refused(t, renewed(), "InvalidIdentityToken", noKey) // so soon nobody is asked again
	fetches(1)
	pass(10 * time.Second)
	check(t, renewed())
	fetches(2)
	_, err := w.assume(w.role, w.token(t, nil))
	refused(t, err, "InvalidIdentityToken", noKey) // the old key is no more
	w.provider.broken.Store(true)
	pass(2 * time.Hour)
	check(t, renewed()) // with the keys that are known
	pass(23 * time.Hour)
	refused(t, renewed(), "IDPCommunicationError", "The request could not be fulfilled because the identity provider "+w.provider.URL+" could not be reached.")
	w.provider.broken.Store(false)
	pass(10 * time.Second)
	check(t, renewed())
}

// TestBadProviders has providers that answer what they must not.
func TestBadProviders(t *testing.T) {
	w := newWeb(t)
	for name, serve := range map[string]func(self string, out http.ResponseWriter, in *http.Request){
		"other issuer": func(self string, out http.ResponseWriter, in *http.Request) {
			fmt.Fprintf(out, `{"issuer":"https://example.com","jwks_uri":"%s/keys"}`, w.provider.URL)
		},
		"not JSON":  func(self string, out http.ResponseWriter, in *http.Request) { fmt.Fprint(out, "<html>") },
		"not found": func(self string, out http.ResponseWriter, in *http.Request) { http.NotFound(out, in) },
		"plain keys": func(self string, out http.ResponseWriter, in *http.Request) {
			fmt.Fprintf(out, `{"issuer":"%s","jwks_uri":"http://example.com/keys"}`, self)
		},
		"a file": func(self string, out http.ResponseWriter, in *http.Request) {
			fmt.Fprintf(out, `{"issuer":"%s","jwks_uri":"file:///etc/passwd"}`, self)
		},
		"redirect": func(self string, out http.ResponseWriter, in *http.Request) {
			http.Redirect(out, in, "http://example.com/", http.StatusFound)
		},
		"circle": func(self string, out http.ResponseWriter, in *http.Request) {
			http.Redirect(out, in, self+in.URL.Path, http.StatusFound)
		},
		"endless": func(self string, out http.ResponseWriter, in *http.Request) {
			for chunk := bytes.Repeat([]byte(" "), 1<<16); in.Context().Err() == nil; {
				if _, err := out.Write(chunk); err != nil {
					return
				}
			}
		},
	} {
		var self string
		server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) { serve(self, out, in) }))
		self = server.URL
		w.add(t, &identity.Provider{URL: self, ClientIDs: []string{"app"}})
		_, err := w.assume(w.role, w.token(t, map[string]any{"iss": self}))
		if err == nil || !strings.Contains(err.Error(), "IDPCommunicationError") {
			t.Errorf("%s: %v", name, err)
		}
		server.Close()
	}
}

// TestMutatedTokens changes tokens at random: none that says something else than
// it did is let in.
func TestMutatedTokens(t *testing.T) {
	w := newWeb(t)
	tokens := []string{w.token(t, nil), sign(t, jose.ES256, "e1", ecKey, w.claims(nil))}
	seed := uint64(time.Now().UnixNano())
	random := mathrand.New(mathrand.NewPCG(seed, 0))
	t.Log("seed", seed)
	try := func(token string) sts.Answer {
		form := url.Values{"Action": {"AssumeRoleWithWebIdentity"}, "Version": {"2011-06-15"}, "RoleArn": {w.role}, "RoleSessionName": {"test"}, "WebIdentityToken": {token}}
		return w.sts.Do(context.Background(), sts.Request{ID: "id", Body: []byte(form.Encode())})
	}
	rounds := 10000
	if testing.Short() {
		rounds = 1000
	}
	for range rounds {
		token := tokens[random.IntN(len(tokens))]
		if got := mutate(random, token); meaning(got) != meaning(token) {
			if answer := try(got); answer.Err == nil || answer.Status >= 500 {
				t.Fatalf("%s\nof %s: %d", got, token, answer.Status)
			}
		}
	}
	for _, token := range tokens {
		if answer := try(token); answer.Err != nil {
			t.Fatal(answer.Err)
		}
	}
}

func mutate(random *mathrand.Rand, token string) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.= "
	b := []byte(token)
	for range 1 + random.IntN(3) {
		at, letter := random.IntN(len(b)), letters[random.IntN(len(letters))]
		switch random.IntN(4) {
		case 0:
			b = append(b[:at], b[at+1:]...)
		case 1:
			b = append(b[:at], append([]byte{letter}, b[at:]...)...)
		default:
			b[at] = letter
		}
	}
	return string(b)
}

// meaning returns what a token stands for: several texts stand for the same
// bytes.
func meaning(token string) string {
	parts := strings.Split(token, ".")
	for i, part := range parts {
		if decoded, err := base64.RawURLEncoding.DecodeString(part); err == nil {
			parts[i] = string(decoded)
		}
	}
	return strings.Join(parts, ".")
}
