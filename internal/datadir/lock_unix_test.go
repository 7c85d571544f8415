//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package datadir

import (
	"path/filepath"
	"syscall"
	"testing"
)

// TestLockOfChild closes a lock while another file descriptor has its file, as
// the copy of a process that is about to become another one has.
func TestLockOfChild(t *testing.T) {
	path := filepath.Join(t.TempDir(), lockFile)
	lock, err := LockFile(path)
	if err != nil || lock == nil {
		t.Fatal(lock, err)
	}
	if again, err := LockFile(path); again != nil || err != nil {
		t.Errorf("locked twice: %v, %v", again, err)
	}
	copied, err := syscall.Dup(int(lock.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(copied)
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := LockFile(path)
	if err != nil || again == nil {
		t.Fatalf("after the end of the lock: %v, %v", again, err)
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
}
