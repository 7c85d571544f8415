package datadir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// still makes a directory of files as a store has them, one of them under two
// names.
func still(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, "000001.sst", strings.Repeat("rows ", 1000))
	write(t, dir, "000002.log", "log")
	write(t, dir, "LOCK", "")
	write(t, filepath.Join(dir, "frozen", "a"), "000002.log", "log")
	if err := os.Link(filepath.Join(dir, "000001.sst"), filepath.Join(dir, "frozen", "a", "000001.sst")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// tree returns the files below dir and what is in them.
func tree(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || e.Name() == lockFile {
			return err
		}
		text, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		fmt.Fprintf(&all, "%s %q\n", name, text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

// backup makes a backup of a new data directory with the store in still.
func backup(t *testing.T) (dir, store string) {
	t.Helper()
	d, err := Open(filepath.Join(t.TempDir(), "data"))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	store, dir = still(t), filepath.Join(t.TempDir(), "backup")
	var done, total int64
	m, err := d.Copy(context.Background(), store, dir, time.Unix(1, 0), func(d, t int64) { done, total = d, t })
	if err != nil {
		t.Fatal(err)
	}
	if want := int64(5000 + 3 + 3); done != want || total != want {
		t.Errorf("progress ended at %d of %d, want %d", done, total, want)
	}
	if len(m.Files) != 5 || m.Bytes() != 5006+int64(len("stator 1\n")) {
		t.Errorf("%d files of %d bytes", len(m.Files), m.Bytes())
	}
	return dir, store
}

func TestCopyAndRestore(t *testing.T) {
	ctx := context.Background()
	dir, store := backup(t)
	verify(t, dir)
	to := filepath.Join(t.TempDir(), "data")
	if _, err := Restore(ctx, dir, to, nil); err != nil {
		t.Fatal(err)
	}
	if got, want := tree(t, filepath.Join(to, "store")), tree(t, store); got != want {
		t.Errorf("restored:\n%s, want\n%s", got, want)
	}
	for _, root := range []string{filepath.Join(to, "store"), filepath.Join(dir, "data", "store")} {
		one, err := os.Stat(filepath.Join(root, "000001.sst"))
		other, err2 := os.Stat(filepath.Join(root, "frozen", "a", "000001.sst"))
		if err = errors.Join(err, err2); err != nil {
			t.Fatal(err)
		}
		if !os.SameFile(one, other) {
			t.Errorf("one file became two in %s", root)
		}
	}
	wantFormat(t, to, upgrades, "stator 1\n")

	if _, err := Restore(ctx, dir, to, nil); err == nil || !strings.Contains(err.Error(), "is not empty") {
		t.Errorf("restored over data: %v", err)
	}
	d, err := OpenToRead(to)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenToRead(to); err == nil {
		t.Error("it could be opened twice")
	}
	if _, err := d.Copy(ctx, store, dir, time.Now(), nil); err == nil || !strings.Contains(err.Error(), "is not empty") {
		t.Errorf("copied over a backup: %v", err)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}

// verify returns what is wrong with a backup.
func verify(t *testing.T, dir string) (found []error) {
	t.Helper()
	_, err := Verify(context.Background(), dir, func(err error) { found = append(found, err) }, nil)
	if err != nil {
		found = append(found, err)
	}
	return found
}

// TestFlippedBits flips every bit of a backup in turn.
func TestFlippedBits(t *testing.T) {
	dir, _ := backup(t)
	if found := verify(t, dir); found != nil {
		t.Fatal(found)
	}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		step := 1
		if len(text) > 1000 || testing.Short() {
			step = 97
		}
		for bit := 0; bit < 8*len(text) && err == nil; bit += step {
			text[bit/8] ^= 1 << (bit % 8)
			if err := os.WriteFile(path, text, 0o600); err != nil {
				return err
			}
			if found := verify(t, dir); len(found) == 0 || !strings.Contains(found[0].Error(), filepath.Base(path)) {
				t.Errorf("bit %d of %s: %v", bit, path, found)
			}
			to := filepath.Join(dir, "restored") // a directory of its own, removed by the failure
			if _, err := Restore(context.Background(), dir, to, nil); err == nil {
				t.Fatalf("bit %d of %s: restored", bit, path)
			}
			if left, err := os.ReadDir(to); err == nil && len(left) > 0 {
				t.Fatalf("a restore that failed left %v", left)
			}
			text[bit/8] ^= 1 << (bit % 8)
			err = os.WriteFile(path, text, 0o600)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if found := verify(t, dir); found != nil {
		t.Errorf("with every bit as it was: %v", found)
	}
}

// TestNotWhole: what a crash leaves, of a copy or of a restore, is refused.
func TestNotWhole(t *testing.T) {
	dir, _ := backup(t)
	write(t, filepath.Join(dir, "data", "store"), "more", "")
	if found := verify(t, dir); len(found) != 1 || !strings.Contains(found[0].Error(), "not in the manifest") {
		t.Errorf("a file too many: %v", found)
	}
	if err := os.Remove(filepath.Join(dir, manifestFile)); err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(t.TempDir(), "data")
	if _, err := Restore(context.Background(), dir, to, nil); err == nil || !strings.Contains(err.Error(), "not a whole backup") {
		t.Errorf("without a manifest: %v", err)
	}
	write(t, filepath.Join(to, "store"), "000001.sst", "")
	wantRefused(t, to, "its FORMAT file is missing")
}

// TestCancelled: a copy and a restore that are cancelled leave nothing.
func TestCancelled(t *testing.T) {
	dir, store := backup(t)
	d, err := Open(filepath.Join(t.TempDir(), "data"))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	ctx, cancel := context.WithCancel(context.Background())
	to := t.TempDir()
	if _, err := d.Copy(ctx, store, to, time.Now(), func(done, _ int64) { cancel() }); !errors.Is(err, context.Canceled) {
		t.Errorf("copy: %v", err)
	}
	if left := entries(t, to); len(left) > 0 {
		t.Errorf("the copy left %v", left)
	}
	if _, err := Restore(ctx, dir, to, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("restore: %v", err)
	}
	if left := entries(t, to); len(left) > 0 {
		t.Errorf("the restore left %v", left)
	}
}
