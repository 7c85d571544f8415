package audit

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestMoved has others move, remove and cut the current file and its directory:
// what is recorded then is at the path.
func TestMoved(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "audit")
	path, aside := filepath.Join(dir, current), dir+"-aside"
	w := open(t, Options{Dir: dir})
	var before []byte // the line of another
	for _, c := range []struct {
		name string
		do   func() error
		want string
	}{
		{"nothing", func() error { return nil }, "[0]"},
		{"the file moved", func() error { return os.Rename(path, path+".1") }, "[1]"},
		{"the file removed", func() error { return os.Remove(path) }, "[2]"},
		{"the directory removed", func() error { return os.RemoveAll(dir) }, "[3]"},
		{"the directory moved", func() error { return os.Rename(dir, aside) }, "[4]"},
		{"the file cut", func() error { return os.Truncate(path, 0) }, "[5]"},
		{"another made", func() (err error) {
			if before, err = os.ReadFile(path); err != nil {
				return err
			}
			if err := os.Remove(path); err != nil {
				return err
			}
			return os.WriteFile(path, append(before, `{"torn`...), 0o600)
		}, "[5 6]"},
		{"it goes on", func() error { return nil }, "[5 6 7]"},
	} {
		if err := c.do(); err != nil {
			t.Fatal(err)
		}
		id := strings.Fields(strings.Trim(c.want, "[]"))
		e := events["put"]
		e.RequestID = id[len(id)-1]
		record1(t, w, e)
		if got := ids(t, dir); fmt.Sprint(got) != c.want {
			t.Errorf("%s: %v, not %s", c.name, got, c.want)
		}
	}
	if got := ids(t, aside); fmt.Sprint(got) != "[3]" {
		t.Errorf("what was moved has %v", got)
	}
}

// TestMovedAndStuck cannot open the path anew, and then can.
func TestMovedAndStuck(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "audit")
	w := open(t, Options{Dir: dir})
	record1(t, w, put(0))
	if err := os.Rename(dir, dir+"-aside"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := w.Record(context.Background(), put(1)); err == nil {
			t.Error("recorded where nothing can be")
		}
	}
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	record1(t, w, put(2))
	if got := ids(t, dir); fmt.Sprint(got) != "[2]" {
		t.Errorf("got %v", got)
	}
}

// TestLock has two open one directory: also when it is made anew.
func TestLock(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "audit")
	busy := "another server writes to " + dir + ": stop it, or give each server an audit directory of its own"
	w := open(t, Options{Dir: dir})
	if _, err := Open(Options{Dir: dir}); err == nil || err.Error() != "open the audit log: "+busy {
		t.Errorf("opened twice: %v", err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	other := open(t, Options{Dir: dir})
	if err := w.Record(context.Background(), put(0)); err == nil || err.Error() != "write an audit record: "+busy {
		t.Errorf("recorded in another's directory: %v", err)
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	record1(t, w, put(1))
	if _, err := Open(Options{Dir: dir}); err == nil {
		t.Error("the directory is not locked again")
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, Options{Dir: dir})
}
