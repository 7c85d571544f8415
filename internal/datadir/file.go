package datadir

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// ReplaceFile makes text what the file at path says, for its owner's eyes only.
// A crash leaves the old file or the new one, whole; when it returns it is the
// new one. Two calls at a time for one path spoil each other: take a LockFile.
func ReplaceFile(path string, text []byte) error {
	temp, dir := path+".tmp", filepath.Dir(path)
	err := writeSynced(temp, string(text))
	if err == nil {
		err = os.Rename(temp, path)
	}
	if err == nil {
		err = syncDir(dir)
	}
	if err != nil {
		return cannotWrite(dir, err)
	}
	return syncAncestors(dir)
}

// Lock is a file that is locked until Close.
type Lock struct{ *os.File }

// LockFile makes the file at path, and locks it; nil says that another process,
// or this one through another call, has it locked.
func LockFile(path string) (*Lock, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, cannotWrite(filepath.Dir(path), err)
	}
	held, err := tryLock(f)
	switch {
	case err != nil:
		return nil, errors.Join(fmt.Errorf("cannot lock %s: %w", path, err), f.Close())
	case held:
		return nil, f.Close()
	}
	return &Lock{f}, nil
}

// Close unlocks the file. To close it is not enough: a process that this one is
// starting has it open too, for a moment.
func (l *Lock) Close() error { return errors.Join(unlock(l.File), l.File.Close()) }
