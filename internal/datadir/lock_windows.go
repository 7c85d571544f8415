package datadir

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// tryLock locks f; held says that another process, or this one through another
// file, has it locked.
func tryLock(f *os.File) (held bool, err error) {
	err = windows.LockFileEx(windows.Handle(f.Fd()),
		windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, new(windows.Overlapped))
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return true, nil
	}
	return false, err
}

// unlock does nothing: no other process has the file open, and to close it is
// enough.
func unlock(*os.File) error { return nil }

// syncDir does nothing: Windows cannot sync a directory.
func syncDir(string) error { return nil }
