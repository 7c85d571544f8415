//go:build unix

package stator_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/statordb/stator"
)

// TestExposed opens what others can read, and says so, and what they cannot.
func TestExposed(t *testing.T) {
	p := newPeople(t, nil)
	top, err := os.MkdirTemp("/tmp", "stator-exposed-") // everybody gets there
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(top)
	paths := map[string]string{"data": "data", "audit": "audit", "file": "iam.json", "key": "iam.key"}
	for name, file := range paths {
		paths[name] = filepath.Join(top, file)
	}
	for from, to := range map[string]string{p.file: paths["file"], strings.TrimSuffix(p.file, ".json") + ".key": paths["key"]} {
		text, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	chmod := func(path string, mode os.FileMode) {
		t.Helper()
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		top  os.FileMode
		open []string // of paths
	}{
		{0o755, nil},
		{0o711, []string{"data"}},
		{0o755, []string{"audit"}},
		{0o755, []string{"file"}},
		{0o755, []string{"key"}},
		{0o755, []string{"audit", "data", "file", "key"}},
		{0o700, nil},
		{0o750, nil},
	} {
		var log lockedBuilder
		chmod(top, c.top)
		var want []string
		for name, path := range paths {
			switch _, err := os.Stat(path); {
			case err != nil: // the server makes it
			case slices.Contains(c.open, name) || c.top&1 == 0:
				chmod(path, 0o755)
			default:
				chmod(path, 0o700)
			}
		}
		srv, err := stator.Open(stator.Config{Auth: "iam", IAMFile: paths["file"], DataDir: paths["data"], AuditDir: paths["audit"], Log: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		mustClose(t, srv)
		for name, path := range paths {
			if slices.Contains(c.open, name) {
				want = append(want, path)
			}
		}
		var got []string
		for line := range strings.Lines(log.String()) {
			if !strings.Contains(line, "chmod go-rwx") {
				continue
			}
			_, list, _ := strings.Cut(line, "paths=")
			got = append(got, strings.Fields(strings.Trim(list, "\"\n"))...)
		}
		slices.Sort(got)
		if slices.Sort(want); !slices.Equal(got, want) {
			t.Errorf("%v in a directory %o: warned of %v", c.open, c.top, got)
		}
	}
}
