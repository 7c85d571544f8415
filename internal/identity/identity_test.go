package identity_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/statordb/stator/internal/clock"
	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/iam"
	"github.com/statordb/stator/internal/identity"
)

const account = "123456789012"

var start = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// world is an IAM file with a user and a role, and a Directory of it.
type world struct {
	*identity.Directory
	path        string
	clock       *clock.Manual
	accessKey   string // of the user ana
	secret      string
	anyPolicy   json.RawMessage
	trustPolicy json.RawMessage
}

func policy(text string) json.RawMessage {
	return json.RawMessage(`{"Version":"2012-10-17","Statement":` + text + `}`)
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{path: filepath.Join(t.TempDir(), "iam", "iam.json"), clock: clock.NewManual(start)}
	w.anyPolicy = policy(`{"Effect":"Allow","Action":"dynamodb:*","Resource":"*"}`)
	w.trustPolicy = policy(`{"Effect":"Allow","Principal":{"AWS":"` + account + `"},"Action":"sts:AssumeRole"}`)
	w.update(t, func(e *identity.Edit) error {
		a, err := e.CreateAccount(account, "main")
		check(t, err)
		u, err := e.CreateUser(a, "ana", "/team/")
		check(t, err)
		u.Tags = map[string]string{"Team": "blue"}
		u.Policies = map[string]json.RawMessage{"all": w.anyPolicy}
		var k *identity.AccessKey
		k, w.secret, err = e.CreateAccessKey(&u.AccessKeys)
		check(t, err)
		w.accessKey = k.AccessKeyID
		r, err := e.CreateRole(a, "app", "/", w.trustPolicy)
		check(t, err)
		r.Tags = map[string]string{"Team": "red", "Env": "test"}
		r.Policies = map[string]json.RawMessage{"all": w.anyPolicy}
		return nil
	})
	d, err := identity.Open(identity.Options{Path: w.path, Now: w.clock.Now})
	check(t, err)
	w.Directory = d
	return w
}

func (w *world) update(t testing.TB, change func(*identity.Edit) error) {
	t.Helper()
	check(t, identity.Update(w.path, true, start, change))
}

// reload updates the file and reads it.
func (w *world) reload(t testing.TB, change func(e *identity.Edit, a *identity.Account)) {
	t.Helper()
	w.update(t, func(e *identity.Edit) error {
		change(e, e.Account(account))
		return nil
	})
	check(t, w.Reload())
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// refused checks that err is a client's error with a code.
func refused(t testing.TB, err error, code string) {
	t.Helper()
	var e *ddberr.Error
	if !errors.As(err, &e) || e.Code != code {
		t.Fatalf("%v, want %s", err, code)
	}
}

func TestLookup(t *testing.T) {
	w := newWorld(t)
	c, err := w.Lookup(w.accessKey, "")
	check(t, err)
	if string(c.Secret) != w.secret || c.Session != nil {
		t.Error("not the secret, or a session")
	}
	p := c.Principal
	if p.ARN != "arn:aws:iam::123456789012:user/team/ana" || p.Name != "ana" || p.Account != account || p.Type != iam.User ||
		!strings.HasPrefix(p.ID, "AIDA") || len(p.ID) != 21 || len(p.Identity) != 1 {
		t.Errorf("principal %+v", p)
	}
	if team, _ := p.Keys.Values("aws:principaltag/team"); len(team) != 1 || team[0] != "blue" {
		t.Errorf("team %q", team)
	}
	for _, other := range []struct{ key, token string }{
		{"", ""}, {"AKIAAAAAAAAAAAAAAAAA", ""}, {w.accessKey, "token"}, {w.accessKey[:19], ""}, {"ASIAAAAAAAAAAAAAAAAA", ""},
	} {
		_, err := w.Lookup(other.key, other.token)
		refused(t, err, "UnrecognizedClientException")
	}
}

func TestLookupFollowsTheFile(t *testing.T) {
	w := newWorld(t)
	set := func(status string) {
		w.reload(t, func(_ *identity.Edit, a *identity.Account) { a.User("ana").AccessKeys[0].Status = status })
	}
	set(identity.StatusInactive)
	_, err := w.Lookup(w.accessKey, "")
	refused(t, err, "UnrecognizedClientException")
	set(identity.StatusActive)
	_, err = w.Lookup(w.accessKey, "")
	check(t, err)
	w.reload(t, func(_ *identity.Edit, a *identity.Account) { a.Users = nil })
	_, err = w.Lookup(w.accessKey, "")
	refused(t, err, "UnrecognizedClientException")
}

func TestBrokenFile(t *testing.T) {
	w := newWorld(t)
	whole, err := os.ReadFile(w.path)
	check(t, err)
	for _, broken := range []string{
		"", "{", "null", "[]", string(whole) + "x", strings.Replace(string(whole), "dynamodb:*", "dynamodb", 1),
		strings.Replace(string(whole), `"Version": 1`, `"Version": 2`, 1), strings.Replace(string(whole), "SealedSecret", "Secret", 1),
		strings.Replace(string(whole), "aes256gcm:", "aes256gcm:A", 1),
	} {
		check(t, os.WriteFile(w.path, []byte(broken), 0o600))
		first := w.Reload()
		if first == nil {
			t.Errorf("%.40q was read", broken)
		}
		if again := w.Reload(); again != first {
			t.Errorf("%v, and then %v", first, again)
		}
		_, err := w.Lookup(w.accessKey, "")
		check(t, err)
	}
	check(t, os.WriteFile(w.path, whole, 0o600))
	check(t, w.Reload())
	check(t, os.Remove(w.path))
	if err := w.Reload(); err == nil || err.Error() != w.path+": it was removed" {
		t.Errorf("a removed file: %v", err)
	}
	_, err = w.Lookup(w.accessKey, "")
	check(t, err)
}

func TestNobody(t *testing.T) {
	d, err := identity.Open(identity.Options{Path: filepath.Join(t.TempDir(), "iam.json")})
	check(t, err)
	for _, token := range []string{"", "token"} {
		_, err := d.Lookup("AKIAAAAAAAAAAAAAAAAA", token)
		refused(t, err, "UnrecognizedClientException")
	}
}
