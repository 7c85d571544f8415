package datadir

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// write creates a file in dir, and dir.
func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// wantFormat opens and closes dir and checks its FORMAT file.
func wantFormat(t *testing.T, dir string, upgrades []upgrade, want string) {
	t.Helper()
	d, err := open(dir, upgrades)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	if err := d.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if got, err := os.ReadFile(filepath.Join(dir, formatFile)); err != nil || string(got) != want {
		t.Errorf("FORMAT = %q, %v, want %q", got, err, want)
	}
}

// wantRefused checks the error of opening dir, and that it is one line.
func wantRefused(t *testing.T, dir, want string) {
	t.Helper()
	d, err := Open(dir)
	if err == nil {
		_ = d.Close()
		t.Fatalf("Open succeeded, want an error with %q", want)
	}
	if got := err.Error(); !strings.Contains(got, want) || !strings.HasPrefix(strings.TrimPrefix(got, "cannot write in "), dir) || strings.Contains(got, "\n") {
		t.Errorf("Open: %q, want one line about %s with %q", got, dir, want)
	}
}

// entries lists a directory.
func entries(t *testing.T, dir string) []string {
	t.Helper()
	all, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range all {
		names = append(names, e.Name())
	}
	return names
}

func TestOpenCreates(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	wantFormat(t, dir, nil, "stator 1\n")
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("mode %v, %v: others can read it", info.Mode(), err)
	}
	wantFormat(t, dir, nil, "stator 1\n")
	d, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if d.Path() != dir || d.Store() != filepath.Join(dir, "store") {
		t.Errorf("Path %s, Store %s", d.Path(), d.Store())
	}
}

// TestInterruptedFirstOpen has every state in which a crash can leave a new
// directory.
func TestInterruptedFirstOpen(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"empty":         {},
		"locked":        {lockFile: ""},
		"temp empty":    {lockFile: "", tempFile: ""},
		"temp torn":     {lockFile: "", tempFile: "sta"},
		"temp whole":    {lockFile: "", tempFile: "stator 1\n"},
		"temp alone":    {tempFile: "stator 1\n"},
		"format alone":  {formatFile: "stator 1\n"},
		"next upgrade":  {formatFile: "stator 1\n", tempFile: "stator 2\n"},
		"mount point":   {"lost+found": ""},
		"without store": {formatFile: "stator 1\n", lockFile: ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for file, text := range files {
				write(t, dir, file, text)
			}
			wantFormat(t, dir, nil, "stator 1\n")
		})
	}
}

func TestRefusals(t *testing.T) {
	parent := t.TempDir()
	dir := func(name string) string { return filepath.Join(parent, name) }

	write(t, parent, "file", "")
	wantRefused(t, dir("file"), "is a file: give a directory")

	write(t, dir("foreign"), "thesis.txt", "")
	wantRefused(t, dir("foreign"), "not a Stator directory (it holds thesis.txt")
	if got := entries(t, dir("foreign")); len(got) != 1 {
		t.Errorf("a foreign directory now holds %s", got)
	}

	write(t, dir("odd"), formatFile, "stator one\n")
	wantRefused(t, dir("odd"), "its FORMAT file says something else")
	write(t, dir("zero"), formatFile, "stator 0\n")
	wantRefused(t, dir("zero"), "its FORMAT file says something else")

	write(t, dir("newer"), formatFile, "stator 7\n")
	wantRefused(t, dir("newer"), "made by a newer Stator (format 7; this one reads up to 1)")
}

// What is in the place of a file keeps every user from writing it, where
// permissions would not keep all.
func TestNotWritable(t *testing.T) {
	for _, name := range []string{lockFile, tempFile} {
		dir := t.TempDir()
		write(t, dir, formatFile, "stator 1\n")
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
		if name == tempFile {
			if err := os.Remove(filepath.Join(dir, formatFile)); err != nil {
				t.Fatal(err)
			}
		}
		wantRefused(t, dir, "let the user that runs Stator write there")
	}
}

func TestCannotWriteIsOneLine(t *testing.T) {
	err := cannotWrite("/d", &os.PathError{Op: "open", Path: "/d/LOCK", Err: os.ErrPermission})
	want := "cannot write in /d (permission denied): let the user that runs Stator write there, or give another directory"
	if err.Error() != want || !errors.Is(err, os.ErrPermission) {
		t.Errorf("got %q, want %q", err, want)
	}
}

func TestOpenTwice(t *testing.T) {
	dir := t.TempDir()
	d, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	wantRefused(t, dir, "already open in another process")
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	wantFormat(t, dir, nil, "stator 1\n")
}

// TestLockDiesWithItsProcess has another process open the directory and be
// killed.
func TestLockDiesWithItsProcess(t *testing.T) {
	if dir := os.Getenv("DATADIR_TEST_HOLD"); dir != "" {
		d, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close() // never: it keeps the collector from closing the lock
		_, _ = os.Stdout.WriteString("open\n")
		select {}
	}
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0], "-test.run=^TestLockDiesWithItsProcess$")
	cmd.Env = append(os.Environ(), "DATADIR_TEST_HOLD="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	wantRefused(t, dir, "already open in another process")
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	wantFormat(t, dir, nil, "stator 1\n")
}

func TestUpgrades(t *testing.T) {
	dir := t.TempDir()
	wantFormat(t, dir, nil, "stator 1\n")
	var ran []int
	crash := errors.New("crash")
	var fail error
	steps := []upgrade{
		func(string) error { ran = append(ran, 1); return nil },
		func(path string) error {
			ran = append(ran, 2)
			if path != dir {
				t.Errorf("upgrade of %s, want %s", path, dir)
			}
			return fail
		},
		func(string) error { ran = append(ran, 3); return nil },
	}
	fail = crash
	if _, err := open(dir, steps); !errors.Is(err, crash) {
		t.Fatalf("Open: %v, want %v", err, crash)
	}
	fail = nil
	wantFormat(t, dir, steps, "stator 4\n")
	if want := []int{1, 2, 2, 3}; !slices.Equal(ran, want) {
		t.Errorf("upgrades ran %v, want %v", ran, want)
	}
	wantFormat(t, dir, steps, "stator 4\n")
	wantFormat(t, t.TempDir(), steps, "stator 4\n")
	if len(ran) != 4 {
		t.Errorf("upgrades ran %v: again, or on a new directory", ran)
	}
}
