package seal_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/statordb/stator/internal/seal"
	"github.com/statordb/stator/internal/seal/kmstest"
)

// keyFile returns the key file with a text.
func keyFile(t *testing.T, text []byte) seal.Source {
	t.Helper()
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := seal.FromFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestRotation changes the root key and the data key: what was sealed before is
// read after, and what is new is sealed under the new key.
func TestRotation(t *testing.T) {
	ctx, path, now := context.Background(), filepath.Join(t.TempDir(), "KEYS"), time.Unix(1e9, 0)
	kms := kmstest.New(t)
	sources := map[string]seal.Source{"file": keyFile(t, seal.NewKey()), "other file": keyFile(t, seal.NewKey()), "kms": seal.FromKMS(kms.Add("one", "alias/one"), seal.NewKMS(kms.URL, "us-east-1"))}
	keys, err := seal.Create(ctx, path, sources["file"], now)
	if err != nil {
		t.Fatal(err)
	}
	below := vfs.NewMem()
	write(t, seal.NewFS(below, keys, isLog), "first", "one")
	for _, step := range [][2]string{{"file", "kms"}, {"kms", "other file"}, {"other file", "file"}} {
		from, to := sources[step[0]], sources[step[1]]
		if err := seal.Rewrap(ctx, path, to, from); err == nil {
			t.Fatalf("keys that %s has wrapped were unwrapped with %s", step[0], step[1])
		}
		if err := seal.Rewrap(ctx, path, from, to); err != nil {
			t.Fatal(err)
		}
		if _, err := seal.Open(ctx, path, from); err == nil {
			t.Errorf("%s still opens what %s has wrapped", step[0], step[1])
		}
		id, err := seal.Rotate(ctx, path, to, now)
		if err != nil {
			t.Fatal(err)
		}
		again, err := seal.Open(ctx, path, to)
		if err != nil || again.Newest() != id {
			t.Fatalf("opened anew: %v, %v", again, err)
		}
		name := "with " + step[1]
		write(t, seal.NewFS(below, again, isLog), name, step[1])
		for name, want := range map[string]string{"first": "one", name: step[1]} {
			if got := read(t, seal.NewFS(below, again, isLog), name); string(got) != want {
				t.Errorf("%s is %q", name, got)
			}
		}
		if raw := read(t, below, name); !bytes.Contains(raw, id[:]) {
			t.Errorf("%s is not sealed under the new key", name)
		}
	}
	// keys has been open all the time, with the key that is used again.
	if err := keys.Reload(ctx); err != nil {
		t.Fatal(err)
	}
	if got := read(t, seal.NewFS(below, keys, isLog), "with kms"); string(got) != "kms" {
		t.Errorf("%q", got)
	}
	kms.Down(true)
	if err := seal.Rewrap(ctx, path, sources["file"], sources["kms"]); err == nil {
		t.Error("keys were wrapped by a KMS that is down")
	}
	if _, err := seal.Open(ctx, path, sources["file"]); err != nil {
		t.Errorf("after a change that has failed: %v", err)
	}
}

// TestKeysChanged changes each byte of a file of keys: it opens as it was, or not.
func TestKeysChanged(t *testing.T) {
	ctx, path := context.Background(), filepath.Join(t.TempDir(), "KEYS")
	source := keyFile(t, seal.NewKey())
	keys, err := seal.Create(ctx, path, source, time.Unix(1e9, 0))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	for n := range text {
		changed := bytes.Clone(text)
		changed[n] ^= 1
		if err := os.WriteFile(path, changed, 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := seal.Open(ctx, path, source)
		switch {
		case err != nil:
			refused++
		case got.Newest() != keys.Newest():
			t.Errorf("byte %d was changed, and there is another key", n)
		}
	}
	if refused < 150 {
		t.Errorf("only %d of %d changes were refused", refused, len(text))
	}
}

// TestNoKeyIsPrinted prints everything that has a key in it.
func TestNoKeyIsPrinted(t *testing.T) {
	raw := make([]byte, 32)
	for i := range raw {
		raw[i] = byte(200 + i)
	}
	text := []byte(base64.StdEncoding.EncodeToString(raw))
	source := keyFile(t, text)
	keys, err := seal.Create(context.Background(), filepath.Join(t.TempDir(), "KEYS"), source, time.Unix(1e9, 0))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	for _, v := range []any{source, keys, &source, []seal.Source{source}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d", "%q"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		_ = json.NewEncoder(&out).Encode(v)
		slog.New(slog.NewTextHandler(&out, nil)).Info("a key", "key", v)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("a key", "key", v)
	}
	for _, secret := range []string{string(raw[:4]), hex.EncodeToString(raw[:4]), string(text[:6]), fmt.Sprint(raw[0], " ", raw[1], " ", raw[2]), fmt.Sprintf("%#x, %#x", raw[0], raw[1])} {
		if strings.Contains(strings.ToLower(out.String()), strings.ToLower(secret)) {
			t.Errorf("%q is printed:\n%s", secret, out.String())
		}
	}
}
