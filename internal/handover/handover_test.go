package handover_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/statordb/stator/internal/handover"
)

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestFind(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	for name, want := range map[string][2]string{
		"a.json": {"DYNAMODB_JSON", "NONE"}, "b.ion.gz": {"ION", "GZIP"}, "c.csv.zst": {"CSV", "ZSTD"}, "d": {"", "NONE"}, "e.tsv": {"", "NONE"},
	} {
		write(t, filepath.Join(dir, name, name), "text")
		for _, path := range []string{filepath.Join(dir, name), filepath.Join(dir, name, name)} {
			f, err := handover.Find(ctx, path, nil)
			if err != nil {
				t.Fatal(err)
			}
			if len(f.Paths) != 1 || f.Bytes != 4 || f.Format != want[0] || f.Compression != want[1] {
				t.Errorf("%s: %+v, want %v", path, f, want)
			}
		}
	}
	for _, name := range []string{"one.json", "README/two.json", ".hidden", ".git/three.json", "LICENSE", "readme.md", "README.json"} {
		write(t, filepath.Join(dir, "some", name), "text")
	}
	f, err := handover.Find(ctx, filepath.Join(dir, "some"), nil)
	if err != nil || len(f.Paths) != 3 || f.Format != "DYNAMODB_JSON" {
		t.Errorf("among others: %+v, %v", f, err)
	} else if got := strings.ReplaceAll(strings.Join(f.Skipped, " "), filepath.Join(dir, "some")+string(filepath.Separator), ""); got != ".git .hidden LICENSE readme.md" {
		t.Errorf("skipped %s", got)
	}
	f, err = handover.InBucket(ctx, dir, "some", "README/")
	if err != nil || len(f.Paths) != 1 || f.Paths[0] != "README/two.json" || f.Format != "DYNAMODB_JSON" || f.Compression != "NONE" {
		t.Errorf("in a bucket: %+v, %v", f, err)
	}
	if _, err := handover.InBucket(ctx, dir, "some", ""); err == nil || !strings.Contains(err.Error(), "are of two kinds") {
		t.Errorf("in a bucket of two kinds: %v", err)
	}
	write(t, filepath.Join(dir, "export", "_started"), "")
	if err := os.Mkdir(filepath.Join(dir, "empty"), 0o700); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"": "are of two kinds", "nothing": "cannot read", "empty": "there are no files", "export": "is not a whole export",
	} {
		if _, err := handover.Find(ctx, filepath.Join(dir, path), nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", path, err, want)
		}
	}
}

// TestBucket hands files over, and takes a directory back.
func TestBucket(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	write(t, filepath.Join(dir, "in", "x", "a.json"), "one")
	write(t, filepath.Join(dir, "in", "y", "a.json"), "another")
	files, err := handover.Find(ctx, filepath.Join(dir, "in"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := handover.NewBucket(filepath.Join(dir, "no", "buckets"), "import-"); err == nil {
		t.Error("a bucket was made where there is no server")
	}
	b, err := handover.NewBucket(filepath.Join(dir, "buckets"), "import-")
	if err != nil {
		t.Fatal(err)
	}
	var done int64
	if err := b.Put(ctx, files, func(d, _ int64) { done = d }); err != nil || done != files.Bytes || done != 10 {
		t.Errorf("%d bytes of %d, %v", done, files.Bytes, err)
	}
	in := filepath.Join(dir, "buckets", b.Name)
	for name, want := range map[string]string{"000000-a.json": "one", "000001-a.json": "another"} {
		if text, err := os.ReadFile(filepath.Join(in, handover.Prefix, name)); err != nil || string(text) != want {
			t.Errorf("%s is %q, %v", name, text, err)
		}
	}
	write(t, filepath.Join(in, "p", "id", "manifest"), "m")
	write(t, filepath.Join(in, "p", "id", "data", "f"), "data")
	to := filepath.Join(dir, "out", "export")
	if err := b.Take(ctx, "p/id/manifest", to); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(to, "data", "f")); err != nil || string(text) != "data" {
		t.Errorf("taken: %q, %v", text, err)
	}
	write(t, filepath.Join(in, "q", "id", "manifest"), "m")
	write(t, filepath.Join(in, "q", "data", "f"), "changes")
	to = filepath.Join(dir, "out", "changes")
	if err := b.Take(ctx, "q/id/manifest", to); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(to, "data", "f")); err != nil || string(text) != "changes" {
		t.Errorf("taken: %q, %v", text, err)
	}
	if err := b.Remove(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(in); err == nil {
		t.Error("the bucket is still there")
	}
	if text, err := os.ReadFile(filepath.Join(dir, "in", "x", "a.json")); err != nil || string(text) != "one" {
		t.Errorf("the file that was handed over: %q, %v", text, err)
	}
}
