package identity

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/statordb/stator/internal/datadir"
)

// lockPatience is how long Update waits for another one to end.
const lockPatience = 5 * time.Second

// Edit is a File that is being changed.
type Edit struct {
	*File
	keys *keyring
	now  time.Time
}

// Update changes the file at path with change. The file and its key are made if
// they are not there and create says so. Nothing is written when change, or what
// it made of the file, has an error.
func Update(path string, create bool, now time.Time, change func(*Edit) error) error {
	if create {
		if err := makeHome(filepath.Dir(path)); err != nil {
			return err
		}
	}
	if _, err := os.Stat(filepath.Dir(path)); err != nil {
		return missingFile(path, err)
	}
	lock, err := takeLock(lockPath(path))
	if err != nil {
		return err
	}
	defer lock.Close()
	return update(path, create, now, change)
}

// update is Update under its lock.
func update(path string, create bool, now time.Time, change func(*Edit) error) error {
	read := readKeys
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && create {
		read = makeKeys // never beside secrets that another key has sealed
		text, err = (&File{Version: fileVersion}).Encode()
	}
	if err != nil {
		return missingFile(path, err)
	}
	f, err := Parse(text)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	e := &Edit{File: f, now: now.UTC().Truncate(time.Second)}
	keys, err := read(path)
	if err != nil {
		return err
	}
	if e.keys, err = newKeyring(keys...); err != nil {
		return err
	}
	if err := change(e); err != nil {
		return err
	}
	return e.write(path, text)
}

// write writes the file, if it is one that Open would read and not what it says
// already.
func (e *Edit) write(path string, old []byte) error {
	text, err := e.Encode()
	if err != nil {
		return err
	}
	again, err := Parse(text)
	if err != nil {
		return err
	}
	if _, err := compile(again, e.keys, 0); err != nil {
		return err
	}
	if _, err := os.Stat(path); err == nil && bytes.Equal(text, old) {
		return nil
	}
	return datadir.ReplaceFile(path, text)
}

// Read returns what the file at path says.
func Read(path string) (*File, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, missingFile(path, err)
	}
	f, err := Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

func missingFile(path string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no IAM file %s: make one with stator iam init", path)
	}
	return fmt.Errorf("cannot read the IAM file: %w", err)
}

func lockPath(path string) string { return strings.TrimSuffix(path, ".json") + ".lock" }

func takeLock(path string) (*datadir.Lock, error) {
	for end := time.Now().Add(lockPatience); ; time.Sleep(20 * time.Millisecond) {
		lock, err := datadir.LockFile(path)
		if lock != nil || err != nil {
			return lock, err
		}
		if time.Now().After(end) {
			return nil, fmt.Errorf("%s is locked by another process that changes the IAM file: try again when it has ended", path)
		}
	}
}

// ignored keeps what is not for version control out of it.
const ignored = "# The key opens the secrets in the IAM file: never publish it.\n*.key\n*.lock\n*.tmp\n"

// makeHome makes the directory of the file.
func makeHome(dir string) error {
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return datadir.ReplaceFile(filepath.Join(dir, ".gitignore"), []byte(ignored))
}
