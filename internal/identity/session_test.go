package identity_test

import (
	"encoding/base64"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/statordb/stator/internal/iam"
	"github.com/statordb/stator/internal/identity"
)

const roleARN = "arn:aws:iam::" + account + ":role/app"

func (w *world) issue(t testing.TB, change func(*identity.Grant)) *identity.Issued {
	t.Helper()
	g := identity.Grant{Role: w.Role(roleARN), Name: "one", Duration: time.Hour}
	if change != nil {
		change(&g)
	}
	out, err := w.Issue(g)
	check(t, err)
	return out
}

func TestSession(t *testing.T) {
	w := newWorld(t)
	out := w.issue(t, func(g *identity.Grant) {
		g.Tags, g.SourceIdentity, g.Federated = map[string]string{"Team": "green"}, "me", "www.amazon.com"
		g.Policy, g.PolicyARNs = string(w.anyPolicy), []string{"arn:aws:iam::aws:policy/AdministratorAccess"}
		g.Keys = iam.Keys{"www.amazon.com:user_id": {"u1"}}
	})
	if !strings.HasPrefix(out.AccessKey, "ASIA") || len(out.AccessKey) != 20 || len(out.Secret) != 40 {
		t.Errorf("%+v", out)
	}
	for range 2 { // the second one is remembered
		c, err := w.Lookup(out.AccessKey, string(out.Token))
		check(t, err)
		p := c.Principal
		if c.Secret != out.Secret || p.ARN != "arn:aws:sts::123456789012:assumed-role/app/one" || p.Role != roleARN || p.Type != iam.AssumedRole ||
			!strings.HasSuffix(p.ID, ":one") || !strings.HasPrefix(p.ID, "AROA") || len(p.Session) != 2 || len(p.Identity) != 1 {
			t.Errorf("%+v", p)
		}
		for key, want := range map[string]string{
			"aws:principaltag/team": "green", "aws:principaltag/env": "test", "aws:sourceidentity": "me",
			"aws:federatedprovider": "www.amazon.com", "www.amazon.com:user_id": "u1", "aws:tokenissuetime": "2026-11-21T12:00:00Z",
		} {
			if got, _ := p.Keys.Values(key); len(got) != 1 || got[0] != want {
				t.Errorf("%s is %q, want %q", key, got, want)
			}
		}
	}
	// Another server with the same file and key accepts it.
	other, err := identity.Open(identity.Options{Path: w.path, Now: w.clock.Now})
	check(t, err)
	_, err = other.Lookup(out.AccessKey, string(out.Token))
	check(t, err)

	w.clock.Move(start.Add(time.Hour - time.Second))
	_, err = w.Lookup(out.AccessKey, string(out.Token))
	check(t, err)
	for _, at := range []time.Duration{time.Hour, 100 * time.Hour} {
		w.clock.Move(start.Add(at))
		for _, d := range []*identity.Directory{w.Directory, other} {
			_, err = d.Lookup(out.AccessKey, string(out.Token))
			refused(t, err, "ExpiredTokenException")
		}
	}
}

// TestSessionEnds has what makes a session invalid before its time.
func TestSessionEnds(t *testing.T) {
	w := newWorld(t)
	arn := "arn:aws:iam::" + account + ":policy/limits"
	w.reload(t, func(e *identity.Edit, a *identity.Account) {
		_, err := e.CreatePolicy(a, "limits", "/", w.anyPolicy)
		check(t, err)
	})
	ofRole := w.issue(t, func(g *identity.Grant) { g.PolicyARNs = []string{arn} })
	ofUser := w.issue(t, func(g *identity.Grant) {
		g.Role, g.Holder = nil, w.Principal("arn:aws:iam::"+account+":user/team/ana")
	})
	lookup := func(s *identity.Issued, code string) {
		t.Helper()
		_, err := w.Lookup(s.AccessKey, string(s.Token))
		if code == "" {
			check(t, err)
			return
		}
		refused(t, err, code)
	}
	lookup(ofRole, "")
	lookup(ofUser, "")
	w.reload(t, func(_ *identity.Edit, a *identity.Account) { a.Policies = nil })
	lookup(ofRole, "UnrecognizedClientException")
	w.reload(t, func(e *identity.Edit, a *identity.Account) {
		_, err := e.CreatePolicy(a, "limits", "/", w.anyPolicy)
		check(t, err)
	})
	lookup(ofRole, "")
	w.reload(t, func(e *identity.Edit, a *identity.Account) {
		a.Roles = nil
		_, err := e.CreateRole(a, "app", "/", w.trustPolicy) // another one with its name
		check(t, err)
		a.Users = nil
		_, err = e.CreateUser(a, "ana", "/team/")
		check(t, err)
	})
	lookup(ofRole, "UnrecognizedClientException")
	lookup(ofUser, "UnrecognizedClientException")
}

// TestEveryByteOfAToken changes each byte of a token, of its text and of what
// the text stands for.
func TestEveryByteOfAToken(t *testing.T) {
	w := newWorld(t)
	s := w.issue(t, nil)
	box, err := base64.StdEncoding.DecodeString(string(s.Token))
	check(t, err)
	for i := range box {
		for bit := range 8 {
			changed := append([]byte(nil), box...)
			changed[i] ^= 1 << bit
			_, err := w.Lookup(s.AccessKey, base64.StdEncoding.EncodeToString(changed))
			refused(t, err, "UnrecognizedClientException")
		}
	}
	for i := range s.Token {
		changed := []byte(s.Token)
		for changed[i] == s.Token[i] {
			changed[i] = byte(rand.IntN(256))
		}
		_, err := w.Lookup(s.AccessKey, string(changed))
		refused(t, err, "UnrecognizedClientException")
	}
	for i := range s.AccessKey { // the token is bound to its access key
		changed := []byte(s.AccessKey)
		changed[i] ^= 1
		_, err := w.Lookup(string(changed), string(s.Token))
		refused(t, err, "UnrecognizedClientException")
	}
	for n := range s.Token {
		if n > 0 {
			_, err := w.Lookup(s.AccessKey, string(s.Token[:n]))
			refused(t, err, "UnrecognizedClientException")
		}
	}
	_, err = w.Lookup(s.AccessKey, string(s.Token)+"\n")
	refused(t, err, "UnrecognizedClientException")
	_, err = w.Lookup(s.AccessKey, string(s.Token))
	check(t, err)
}

// TestEveryByteOfASecret changes each byte of a sealed secret in the file, and
// moves it to another access key.
func TestEveryByteOfASecret(t *testing.T) {
	w := newWorld(t)
	f, err := identity.Read(w.path)
	check(t, err)
	key := f.Account(account).User("ana").AccessKeys[0]
	sealed := strings.TrimPrefix(key.SealedSecret, "aes256gcm:")
	box, err := base64.StdEncoding.DecodeString(sealed)
	check(t, err)
	tried := func() error {
		return identity.Update(w.path, false, start, func(e *identity.Edit) error {
			*e.Account(account).User("ana").AccessKeys[0] = *key
			return nil
		})
	}
	check(t, tried())
	for i := range box {
		changed := append([]byte(nil), box...)
		changed[i] ^= byte(1 + rand.IntN(255))
		key.SealedSecret = "aes256gcm:" + base64.StdEncoding.EncodeToString(changed)
		if tried() == nil {
			t.Fatalf("byte %d was changed unseen", i)
		}
	}
	key.SealedSecret, key.AccessKeyID = "aes256gcm:"+sealed, "AKIAAAAAAAAAAAAAAAAA"
	if tried() == nil {
		t.Fatal("a secret opens for another access key")
	}
}

func TestTokenSize(t *testing.T) {
	w := newWorld(t)
	for _, least := range []int{0, 1, 700, 701, 702, 703, 4093, 4096} {
		s := w.issue(t, func(g *identity.Grant) { g.TokenSize = least })
		if n := len(s.Token); n < least || n > max(least+3, 700) {
			t.Errorf("%d characters of at least %d", n, least)
		}
		_, err := w.Lookup(s.AccessKey, string(s.Token))
		check(t, err)
	}
	var much strings.Builder
	for much.Len() < 8000 {
		much.WriteString(base64.StdEncoding.EncodeToString([]byte{byte(rand.Uint32()), byte(rand.Uint32()), byte(rand.Uint32())}))
	}
	_, err := w.Issue(identity.Grant{Role: w.Role(roleARN), Name: "one", Duration: time.Hour, Tags: map[string]string{"a": much.String()}})
	if e := (*identity.TokenSizeError)(nil); !errors.As(err, &e) || e.Percent <= 100 {
		t.Errorf("%v", err)
	}
}

func FuzzToken(f *testing.F) {
	w := newWorld(f)
	s := w.issue(f, nil)
	f.Add(s.AccessKey, string(s.Token))
	f.Add("ASIAAAAAAAAAAAAAAAAA", "AQ==")
	f.Fuzz(func(t *testing.T, key, token string) {
		if _, err := w.Lookup(key, token); err == nil && token != "" && token != string(s.Token) {
			t.Errorf("%q %q was let in", key, token)
		}
	})
}

func FuzzFile(f *testing.F) {
	w := newWorld(f)
	file, err := identity.Read(w.path)
	check(f, err)
	text, err := file.Encode()
	check(f, err)
	f.Add(text)
	f.Add([]byte(`{"Version":1,"Accounts":[null]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		file, err := identity.Parse(text)
		if err != nil {
			return
		}
		_ = identity.Compile(file) // it may be wrong, but does not panic
		once, err := file.Encode()
		check(t, err)
		again, err := identity.Parse(once)
		if err != nil {
			t.Fatalf("%v\n%s", err, once)
		}
		twice, err := again.Encode()
		check(t, err)
		if string(once) != string(twice) {
			t.Errorf("%s\nis written as\n%s", once, twice)
		}
	})
}
