package identity_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/statordb/stator/internal/identity"
	"github.com/statordb/stator/internal/sigv4"
)

// TestReloadUnderLookup changes the file while many look access keys and
// sessions up: each sees one version, whole.
func TestReloadUnderLookup(t *testing.T) {
	w := newWorld(t)
	s := w.issue(t, nil)
	versions := map[string][2]string{}
	for _, v := range []string{"even", "odd"} {
		versions[v] = [2]string{v + " user", v + " role"}
	}
	write := func(v string) {
		w.update(t, func(e *identity.Edit) error {
			a := e.Account(account)
			a.User("ana").Tags = map[string]string{"A": versions[v][0], "B": versions[v][0]}
			a.Role("app").Tags = map[string]string{"A": versions[v][1], "B": versions[v][1]}
			return nil
		})
		check(t, w.Reload())
	}
	write("even")
	ctx, cancel := context.WithCancel(context.Background())
	var readers sync.WaitGroup
	for i := range 4 {
		readers.Go(func() {
			for ctx.Err() == nil {
				key, token := w.accessKey, ""
				if i%2 == 1 {
					key, token = s.AccessKey, string(s.Token)
				}
				c, err := w.Lookup(key, token)
				if err != nil {
					t.Error(err)
					return
				}
				a, _ := c.Principal.Keys.Values("aws:principaltag/a")
				b, _ := c.Principal.Keys.Values("aws:principaltag/b")
				if len(a) != 1 || len(b) != 1 || a[0] != b[0] {
					t.Errorf("%q and %q", a, b)
					return
				}
				c.SigningKey(&sigv4.Signed{Date: "20261121", Region: "r", Service: "dynamodb"})
			}
		})
	}
	for i := range 20 {
		write([]string{"odd", "even"}[i%2])
	}
	cancel()
	readers.Wait()
}

// TestWriters has many writers at a time: none is lost.
func TestWriters(t *testing.T) {
	w := newWorld(t)
	var writers sync.WaitGroup
	for i := range 8 {
		writers.Go(func() {
			w.update(t, func(e *identity.Edit) error {
				_, err := e.CreateUser(e.Account(account), fmt.Sprint("user", i), "/")
				return err
			})
		})
	}
	writers.Wait()
	f, err := identity.Read(w.path)
	check(t, err)
	if n := len(f.Account(account).Users); n != 9 {
		t.Errorf("%d users", n)
	}
}

func TestRunLogsABrokenFile(t *testing.T) {
	w := newWorld(t)
	check(t, os.WriteFile(w.path, []byte("{"), 0o600))
	lines := make(chan string, 10)
	log := slog.New(slog.NewTextHandler(writerFunc(func(p []byte) (int, error) { lines <- string(p); return len(p), nil }), nil))
	if _, err := identity.Open(identity.Options{Path: w.path, Log: log}); err == nil {
		t.Fatal("a broken file was opened")
	}
	check(t, os.Remove(w.path))
	d, err := identity.Open(identity.Options{Path: w.path, Log: log})
	check(t, err)
	check(t, os.WriteFile(w.path, []byte("{"), 0o600))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { d.Run(ctx); close(done) }()
	if line := <-lines; !strings.Contains(line, "the IAM file is broken") {
		t.Error(line)
	}
	cancel()
	<-done
}

// TestFollow breaks, removes and mends the file: each is logged once, and what it
// said before holds.
func TestFollow(t *testing.T) {
	w := newWorld(t)
	good, err := os.ReadFile(w.path)
	check(t, err)
	var log bytes.Buffer
	d, err := identity.Open(identity.Options{Path: w.path, Log: slog.New(slog.NewTextHandler(&log, nil))})
	check(t, err)
	write := func(text string) func() error {
		return func() error { return os.WriteFile(w.path, []byte(text), 0o600) }
	}
	said := ""
	for i, c := range []struct {
		do   func() error
		want string
	}{
		{func() error { return nil }, ""},
		{func() error { return os.Rename(w.path, w.path+".old") }, "level=WARN msg=\"the IAM file is gone; what it said before holds\""},
		{func() error { return os.Rename(w.path+".old", w.path) }, "level=INFO msg=\"the IAM file is good again; what it says holds\""},
		{write("{"), "level=ERROR msg=\"the IAM file is broken; what it said before holds\""},
		{func() error { return os.Remove(w.path) }, "the IAM file is gone"},
		{write("{ "), "the IAM file is broken"},
		{write(string(good)), "the IAM file is good again"},
	} {
		check(t, c.do())
		log.Reset()
		for range 3 {
			said = d.Follow(said)
		}
		if got := log.String(); !strings.Contains(got, c.want) || (strings.Count(got, "\n") == 1) != (c.want != "") {
			t.Errorf("step %d logs %q, not %q", i, got, c.want)
		}
		_, err := d.Lookup(w.accessKey, "")
		check(t, err)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// TestFilesOnDisk has who may read the files, what is in them, and that equal
// files are equal texts.
func TestFilesOnDisk(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{w.path, strings.TrimSuffix(w.path, ".json") + ".key"} {
		info, err := os.Stat(name)
		check(t, err)
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", name, info.Mode())
		}
	}
	ignored, err := os.ReadFile(filepath.Join(filepath.Dir(w.path), ".gitignore"))
	check(t, err)
	if !strings.Contains(string(ignored), "*.key\n") {
		t.Errorf(".gitignore is %q", ignored)
	}
	before, err := os.ReadFile(w.path)
	check(t, err)
	if bytes.Contains(before, []byte(w.secret)) {
		t.Error("the secret is in the file")
	}
	w.update(t, func(e *identity.Edit) error {
		u := e.Account(account).Users
		u[0], u[len(u)-1] = u[len(u)-1], u[0]
		return nil
	})
	after, err := os.ReadFile(w.path)
	check(t, err)
	if !bytes.Equal(before, after) {
		t.Errorf("%s\nbecame\n%s", before, after)
	}
}

func TestKeyFromVariable(t *testing.T) {
	t.Setenv(identity.KeyVariable, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
	w := newWorld(t)
	if _, err := os.Stat(strings.TrimSuffix(w.path, ".json") + ".key"); err == nil {
		t.Error("there is a key file")
	}
	t.Setenv(identity.KeyVariable, "")
	_, err := identity.Open(identity.Options{Path: w.path})
	if err == nil || !strings.Contains(err.Error(), "is missing") {
		t.Errorf("%v", err)
	}
	if err := identity.Update(w.path, true, start, func(*identity.Edit) error { return nil }); err == nil {
		t.Error("a key was made beside secrets that it does not open")
	}
	t.Setenv(identity.KeyVariable, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh4=")
	_, err = identity.Open(identity.Options{Path: w.path})
	if err == nil || !strings.Contains(err.Error(), "does not open") {
		t.Errorf("%v", err)
	}
	d, err := identity.Open(identity.Options{Path: w.path, WithoutSecrets: true})
	check(t, err)
	if d.Principal(roleARN) == nil {
		t.Error("no role without secrets")
	}
}

// TestSecretsHide prints, logs and encodes a credential every way there is.
func TestSecretsHide(t *testing.T) {
	w := newWorld(t)
	c, err := w.Lookup(w.accessKey, "")
	check(t, err)
	s := w.issue(t, nil)
	var out bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&out, nil))
	for _, v := range []any{c, *s, s, c.Secret, &c.Secret, []identity.Secret{c.Secret}, map[string]identity.Secret{"a": c.Secret}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&out, verb, v)
		}
		log.Info("x", "v", v)
		if text, err := json.Marshal(v); err == nil {
			out.Write(text)
		}
	}
	for _, secret := range []string{w.secret, string(s.Secret), string(s.Token), fmt.Sprintf("%x", w.secret)} {
		if strings.Contains(out.String(), secret) {
			t.Errorf("%s", out.String())
		}
	}
	if !strings.Contains(out.String(), "[secret]") {
		t.Error("nothing was hidden")
	}
}

// TestLookupAllocates nothing for what was looked up before.
func TestLookupAllocates(t *testing.T) {
	w := newWorld(t)
	s := w.issue(t, nil)
	token := string(s.Token)
	signed := &sigv4.Signed{Date: "20261121", Region: "us-east-1", Service: "dynamodb"}
	for name, key := range map[string][2]string{"long-term": {w.accessKey, ""}, "session": {s.AccessKey, token}} {
		if n := testing.AllocsPerRun(100, func() {
			c, err := w.Lookup(key[0], key[1])
			check(t, err)
			c.SigningKey(signed)
		}); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func TestSigningKey(t *testing.T) {
	w := newWorld(t)
	c, err := w.Lookup(w.accessKey, "")
	check(t, err)
	for i := range 50 {
		for _, signed := range []*sigv4.Signed{
			{Date: fmt.Sprint(20261100 + i), Region: "us-east-1", Service: "dynamodb"},
			{Date: "20261121", Region: fmt.Sprint("r", i%3), Service: "sts"},
		} {
			for range 2 {
				if c.SigningKey(signed).Bytes() != signed.KeyFor(w.secret).Bytes() {
					t.Errorf("%+v has another key", signed)
				}
			}
		}
	}
}

// TestRotateKey changes the key that secrets and sessions are sealed with: no
// access key changes, and sessions go on until the old key is forgotten.
func TestRotateKey(t *testing.T) {
	w := newWorld(t)
	s := w.issue(t, nil)
	file := func(name string) string {
		t.Helper()
		text, err := os.ReadFile(name)
		check(t, err)
		return string(text)
	}
	keyFile := strings.TrimSuffix(w.path, ".json") + ".key"
	before, first := file(w.path), strings.TrimSpace(file(keyFile))
	check(t, identity.RotateKey(w.path, false))
	if keys := strings.Fields(file(keyFile)); len(keys) != 2 || keys[1] != first || keys[0] == first || file(w.path) == before {
		t.Errorf("%d keys, or the same file", len(keys))
	}
	check(t, w.Reload())
	c, err := w.Lookup(w.accessKey, "")
	check(t, err)
	if string(c.Secret) != w.secret {
		t.Error("another secret")
	}
	_, err = w.Lookup(s.AccessKey, string(s.Token))
	check(t, err)
	newer := w.issue(t, nil)

	check(t, identity.RotateKey(w.path, true))
	if n := len(strings.Fields(file(keyFile))); n != 1 {
		t.Errorf("%d keys", n)
	}
	check(t, w.Reload())
	_, err = w.Lookup(w.accessKey, "")
	check(t, err)
	for _, old := range []*identity.Issued{s, newer} {
		_, err = w.Lookup(old.AccessKey, string(old.Token))
		refused(t, err, "UnrecognizedClientException")
	}

	// A key in the variable is put there by its owner.
	const third = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
	t.Setenv(identity.KeyVariable, third+","+strings.TrimSpace(file(keyFile)))
	check(t, identity.RotateKey(w.path, false))
	if err := identity.RotateKey(w.path, true); err == nil {
		t.Error("a key in a variable was forgotten")
	}
	t.Setenv(identity.KeyVariable, third)
	_, err = identity.Open(identity.Options{Path: w.path})
	check(t, err)
}
