package audit

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/statordb/stator/internal/datadir"
)

// lockName is the file that says that a directory is in use.
const lockName = "LOCK"

// takeLock locks the directory, unless it is the one that is locked already.
func (f *files) takeLock() error {
	path := filepath.Join(f.options.Dir, lockName)
	if f.lock != nil {
		held, err := f.lock.Stat()
		if err != nil {
			return err
		}
		if there, err := os.Stat(path); err == nil && os.SameFile(held, there) {
			return nil
		}
	}
	lock, err := datadir.LockFile(path)
	if err != nil {
		return err
	}
	if lock == nil {
		return fmt.Errorf("another server writes to %s: stop it, or give each server an audit directory of its own", f.options.Dir)
	}
	err = f.unlock()
	f.lock = lock
	return err
}

func (f *files) unlock() error {
	if f.lock == nil {
		return nil
	}
	return f.lock.Close()
}
