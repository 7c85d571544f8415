package bucket

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/statordb/stator/internal/bucket/buckettest"
)

// stores are the stores that keep the contract, with the bucket "things".
func stores(t *testing.T) map[string]Store {
	path := t.TempDir()
	if err := os.Mkdir(filepath.Join(path, "things"), 0o700); err != nil {
		t.Fatal(err)
	}
	return map[string]Store{"directory": NewDir(path, nil), "S3": NewS3(buckettest.New(t, "things", "empty").URL, "us-east-1")}
}

func put(t *testing.T, s Store, key, content string) string {
	t.Helper()
	etag, err := s.Put(t.Context(), "things", key, strings.NewReader(content), PutOptions{})
	if err != nil {
		t.Fatalf("Put %q: %v", key, err)
	}
	return etag
}

func get(t *testing.T, s Store, key string) string {
	t.Helper()
	r, err := s.Open(t.Context(), "things", key)
	if err != nil {
		t.Fatalf("Open %q: %v", key, err)
	}
	defer r.Close()
	content, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("read %q: %v", key, err)
	}
	return string(content)
}

func keys(t *testing.T, s Store, prefix string) (all []string) {
	t.Helper()
	for o, err := range s.List(t.Context(), "things", prefix) {
		if err != nil {
			t.Fatalf("List %q: %v", prefix, err)
		}
		all = append(all, o.Key)
	}
	return all
}

func TestContract(t *testing.T) {
	for name, s := range stores(t) {
		t.Run(name, func(t *testing.T) {
			sum := md5.Sum([]byte("hello"))
			if etag := put(t, s, "a/b.json", "hello"); etag != hex.EncodeToString(sum[:]) {
				t.Errorf("the entity tag is %q, not the MD5", etag)
			}
			for _, key := range []string{"a", "a.json", "a/b/c", "a b/ü+%41?&#.json", "z"} {
				if key == "a" && name == "directory" {
					continue // a file cannot be where a directory is
				}
				put(t, s, key, key)
				if got := get(t, s, key); got != key {
					t.Errorf("%q holds %q", key, got)
				}
			}
			put(t, s, "a/b.json", "replaced")
			put(t, s, "empty", "")
			if got := get(t, s, "a/b.json") + get(t, s, "empty"); got != "replaced" {
				t.Errorf("the objects hold %q", got)
			}
			all := keys(t, s, "")
			if !slices.IsSorted(all) || len(all) < 6 {
				t.Errorf("listed: %q", all)
			}
			if got := keys(t, s, "a/b"); !slices.Equal(got, []string{"a/b.json", "a/b/c"}) {
				t.Errorf("listed with a prefix: %q", got)
			}
			if got := keys(t, s, "none"); got != nil {
				t.Errorf("listed without any: %q", got)
			}
		})
	}
}

func TestVersions(t *testing.T) {
	for name, s := range stores(t) {
		t.Run(name, func(t *testing.T) {
			versions := map[string]bool{}
			for _, content := range []string{"one", "three"} {
				put(t, s, "k", content)
				for o, err := range s.List(t.Context(), "things", "k") {
					if err != nil || o.Size != int64(len(content)) {
						t.Errorf("listed %+v, %v", o, err)
					}
					versions[o.Version] = true
				}
			}
			if len(versions) != 2 {
				t.Errorf("the versions are %v", versions)
			}
		})
	}
}

func TestAbsent(t *testing.T) {
	for name, s := range stores(t) {
		t.Run(name, func(t *testing.T) {
			if _, err := s.Open(t.Context(), "things", "nothing"); !errors.Is(err, ErrNoObject) {
				t.Errorf("an absent object: %v", err)
			}
			if _, err := s.Open(t.Context(), "elsewhere", "x"); !errors.Is(err, ErrNoBucket) {
				t.Errorf("an absent bucket: %v", err)
			}
			for _, err := range s.List(t.Context(), "elsewhere", "") {
				if !errors.Is(err, ErrNoBucket) {
					t.Errorf("the list of an absent bucket: %v", err)
				}
			}
		})
	}
}

// failing yields some bytes and then an error.
type failing struct{ left int }

var errBroken = errors.New("broken")

func (f *failing) Read(p []byte) (int, error) {
	if f.left == 0 {
		return 0, errBroken
	}
	n := min(len(p), f.left)
	f.left -= n
	return n, nil
}

func TestFailedPutLeavesNothing(t *testing.T) {
	for name, s := range stores(t) {
		t.Run(name, func(t *testing.T) {
			put(t, s, "there", "before")
			for _, size := range []int{10, 3 * partBytes / 2} {
				for _, key := range []string{"there", "new/file"} {
					if _, err := s.Put(t.Context(), "things", key, &failing{size}, PutOptions{}); !errors.Is(err, errBroken) {
						t.Errorf("%d bytes to %s: %v", size, key, err)
					}
				}
			}
			if got := keys(t, s, ""); !slices.Equal(got, []string{"there"}) || get(t, s, "there") != "before" {
				t.Errorf("left: %q", got)
			}
		})
	}
}

func TestLargeObject(t *testing.T) {
	content := make([]byte, 2*partBytes+12345)
	source := rand.NewChaCha8([32]byte{1})
	_, _ = source.Read(content)
	for _, size := range []int{partBytes - 1, partBytes, len(content)} {
		server := buckettest.New(t, "things")
		for name, s := range map[string]Store{"directory": NewDir(t.TempDir(), nil), "S3": NewS3(server.URL, "eu-west-1")} {
			if _, err := s.Put(t.Context(), "things", "large", bytes.NewReader(content[:size]), PutOptions{}); err != nil {
				t.Fatal(err)
			}
			if got := get(t, s, "large"); got != string(content[:size]) {
				t.Errorf("%s: %d bytes are not what was stored", name, size)
			}
		}
		if server.Largest > partBytes {
			t.Errorf("%d bytes were sent at once", server.Largest)
		}
	}
}

func TestAbortsParts(t *testing.T) {
	server := buckettest.New(t, "things")
	s := NewS3(server.URL, "us-east-1")
	if _, err := s.Put(t.Context(), "things", "k", &failing{partBytes + 1}, PutOptions{}); !errors.Is(err, errBroken) {
		t.Fatal(err)
	}
	if server.Aborted != 1 || len(server.Uploads) != 0 {
		t.Errorf("%d uploads aborted, %d left", server.Aborted, len(server.Uploads))
	}
}

func TestReadsOnAfterBrokenConnections(t *testing.T) {
	server := buckettest.New(t, "things")
	s := NewS3(server.URL, "us-east-1")
	content := strings.Repeat("0123456789", 50_000)
	put(t, s, "k", content)
	server.BreakAt = len(content)/readTries + 1
	if got := get(t, s, "k"); got != content {
		t.Errorf("read %d bytes of %d", len(got), len(content))
	}
	server.BreakAt = len(content) / (2 * readTries)
	r, err := s.Open(t.Context(), "things", "k")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := io.ReadAll(r); err == nil {
		t.Error("connections may break for ever")
	}
}

func TestEncryptionAndDenial(t *testing.T) {
	server := buckettest.New(t, "things", "forbidden")
	s := NewS3(server.URL, "us-east-1")
	for _, body := range []io.Reader{strings.NewReader("x"), bytes.NewReader(make([]byte, partBytes+1))} {
		if _, err := s.Put(t.Context(), "things", "k", body, PutOptions{Encryption: "KMS", KMSKey: "key"}); err != nil {
			t.Fatal(err)
		}
		h := server.Headers[len(server.Headers)-1]
		if h.Get("x-amz-server-side-encryption") != "aws:kms" || h.Get("x-amz-server-side-encryption-aws-kms-key-id") != "key" {
			t.Errorf("the headers are %v", h)
		}
	}
	if _, err := s.Put(t.Context(), "forbidden", "k", strings.NewReader("x"), PutOptions{}); !errors.Is(err, ErrDenied) {
		t.Errorf("a bucket that is not ours: %v", err)
	}
}

func TestKeysStayInTheBucket(t *testing.T) {
	path := t.TempDir()
	s := NewDir(filepath.Join(path, "buckets"), nil)
	put(t, s, "k", "x")
	secret := filepath.Join(path, "secret")
	if err := os.WriteFile(secret, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	inside := filepath.Join(path, "buckets", "things")
	if err := errors.Join(os.Symlink(secret, filepath.Join(inside, "link")), os.Symlink(path, filepath.Join(inside, "up"))); err != nil {
		t.Fatal(err)
	}
	bad := []string{"", ".", "..", "../x", "a/../../x", "/etc/x", "a//b", "a/", "a\x00b", `a\b`, "\xff", strings.Repeat("n", 256), "link", "up/secret", partial + "x"}
	for _, key := range bad {
		if _, err := s.Open(t.Context(), "things", key); err == nil {
			t.Errorf("%q was opened", key)
		}
		if key == "link" {
			continue // an object replaces a link
		}
		if _, err := s.Put(t.Context(), "things", key, strings.NewReader("x"), PutOptions{}); err == nil {
			t.Errorf("%q was stored", key)
		}
	}
	put(t, s, "link", "y")
	for _, name := range []string{"", ".", "..", "../things", "a/b", ".hidden"} {
		if _, err := s.Put(t.Context(), name, "k", strings.NewReader("x"), PutOptions{}); !errors.Is(err, ErrNoBucket) {
			t.Errorf("bucket %q: %v", name, err)
		}
	}
	if got := keys(t, s, ""); !slices.Equal(got, []string{"k", "link"}) {
		t.Errorf("listed: %q", got)
	}
	if content, err := os.ReadFile(secret); err != nil || string(content) != "secret" {
		t.Errorf("what is outside was written: %q, %v", content, err)
	}
}

func TestPartialFilesAreNoObjects(t *testing.T) {
	path := t.TempDir()
	s := NewDir(path, nil)
	put(t, s, "k", "x")
	for _, name := range []string{partial + "1", partial + "old"} {
		if err := os.WriteFile(filepath.Join(path, "things", name), []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	long := time.Now().Add(-2 * partialLife)
	if err := os.Chtimes(filepath.Join(path, "things", partial+"old"), long, long); err != nil {
		t.Fatal(err)
	}
	if got := keys(t, s, ""); !slices.Equal(got, []string{"k"}) {
		t.Errorf("listed: %q", got)
	}
	put(t, NewDir(path, nil), "k", "y") // another process
	left, err := os.ReadDir(filepath.Join(path, "things"))
	if err != nil || len(left) != 2 || left[0].Name() != partial+"1" {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestTemporaryDirectory(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	s := NewDir("", nil)
	if _, err := s.Open(t.Context(), "things", "k"); !errors.Is(err, ErrNoBucket) {
		t.Errorf("before the first Put: %v", err)
	}
	put(t, s, "k", "x")
	made := s.mu.path
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(made); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the temporary directory is still there: %v", err)
	}
	if _, err := s.Put(t.Context(), "things", "k", strings.NewReader("x"), PutOptions{}); err == nil {
		t.Error("a closed store stored")
	}
}
