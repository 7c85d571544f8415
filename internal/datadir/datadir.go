// Package datadir owns the directory in which a server keeps everything that
// outlives it: it creates it, locks it and knows what format it has.
//
// # Layout
//
//	FORMAT   one line, "stator N": the format of everything else here
//	LOCK     locked while a process has the directory open; empty
//	KEYS     the keys of the files below, wrapped; absent if they are not encrypted
//	store/   the storage engine's files
//	scratch/ temporary files, removed when the directory is opened
//	buckets/ the buckets of exports and imports, unless they are elsewhere
//	imports/ what could not be imported, a file for each import
//
// A backup of it has a MANIFEST and the same in data/, without LOCK and scratch:
// of encrypted files the copies are encrypted too.
//
// # Invariants
//
//   - FORMAT appears, whole and durable, before anything it speaks of. A crash
//     or power cut during the first Open leaves a directory that opens.
//   - Nothing is written to a directory that is not ours.
//   - Format N+1 is written only after the upgrade from N has succeeded, so an
//     interrupted upgrade runs again, from its start.
package datadir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

const (
	formatFile = "FORMAT"
	tempFile   = "FORMAT.tmp"
	lockFile   = "LOCK"
	keysFile   = "KEYS"
	storeDir   = "store"
	scratchDir = "scratch"
	bucketsDir = "buckets"
	importsDir = "imports"
)

// upgrade takes the directory at path from one format to the next. It may be
// run again after a crash in its middle.
type upgrade func(path string) error

// upgrades, in order: the first one takes format 1 to format 2. The newest
// format, which new directories get, is one more than their number.
var upgrades []upgrade

// Dir is a directory that this process has open. Nobody else can open it until
// Close or the end of the process.
type Dir struct {
	path string
	lock *Lock
}

// Open opens the data directory at path, creating it, readable by its owner
// only, if there is nothing, and upgrading it if its format is older than this
// program's. Each error is one line that says what to do.
func Open(path string) (*Dir, error) { return open(path, upgrades) }

func open(path string, upgrades []upgrade) (*Dir, error) {
	if err := makeDir(path); err != nil {
		return nil, err
	}
	// Before LOCK is created, so that a foreign directory stays as it was.
	if _, err := readFormat(path); err != nil {
		return nil, err
	}
	lock, err := takeLock(path)
	if err != nil {
		return nil, err
	}
	if err := bringUpToDate(path, upgrades); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	d := &Dir{path: path, lock: lock}
	if err := os.RemoveAll(d.Scratch()); err != nil {
		return nil, errors.Join(cannotWrite(path, err), lock.Close())
	}
	return d, nil
}

// Make makes a data directory at path, which must be empty or absent, of what fill
// puts into it: Keys and Store. Until that has returned nothing opens it. If it
// fails, nothing stays there.
func Make(path string, fill func(*Dir) error) error {
	if err := claim(path); err != nil {
		return err
	}
	lock, err := takeLock(path)
	if err != nil {
		return err
	}
	d := &Dir{path: path, lock: lock}
	if err = fill(d); err == nil {
		err = writeFormat(path, 1+len(upgrades))
	}
	if err != nil {
		return errors.Join(err, os.RemoveAll(d.Store()), os.RemoveAll(d.Keys()), d.Close(), os.Remove(lock.Name()))
	}
	return d.Close()
}

// OpenToRead locks the data directory at path and changes nothing in it.
func OpenToRead(path string) (*Dir, error) {
	if err := checkNewest(path); err != nil {
		return nil, err
	}
	lock, err := takeLock(path)
	if err != nil {
		return nil, err
	}
	return &Dir{path: path, lock: lock}, nil
}

// checkNewest returns an error if the directory is not of this program's format.
func checkNewest(path string) error {
	format, err := readFormat(path)
	switch newest := 1 + len(upgrades); {
	case err != nil:
		return err
	case format == 0:
		return fmt.Errorf("%s holds no data", path)
	case format != newest:
		return fmt.Errorf("%s has format %d, this program reads format %d: use the version that wrote it, or start a server on it first", path, format, newest)
	}
	return nil
}

// Path returns the directory as it was given to Open.
func (d *Dir) Path() string { return d.path }

// Store returns the directory of the storage engine. It need not exist.
func (d *Dir) Store() string { return filepath.Join(d.path, storeDir) }

// Keys returns the file of the keys. It need not exist.
func (d *Dir) Keys() string { return filepath.Join(d.path, keysFile) }

// Scratch returns the directory of temporary files. It does not exist.
func (d *Dir) Scratch() string { return filepath.Join(d.path, scratchDir) }

// Buckets returns the directory of the buckets. It need not exist.
func (d *Dir) Buckets() string { return filepath.Join(d.path, bucketsDir) }

// Imports returns the directory of the error logs of imports. It need not exist.
func (d *Dir) Imports() string { return filepath.Join(d.path, importsDir) }

// Close lets others open the directory.
func (d *Dir) Close() error { return d.lock.Close() }

// makeDir makes path a directory.
func makeDir(path string) error {
	info, err := os.Stat(path)
	switch {
	case err == nil && !info.IsDir():
		return fmt.Errorf("%s is a file: give a directory", path)
	case err == nil:
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		return cannotWrite(path, err)
	}
	parent := filepath.Dir(path)
	if parent != path {
		if err := makeDir(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return cannotWrite(parent, err)
	}
	return nil
}

// takeLock locks the directory for this process.
func takeLock(path string) (*Lock, error) {
	lock, err := LockFile(filepath.Join(path, lockFile))
	if lock == nil && err == nil {
		err = fmt.Errorf("%s %w", path, ErrInUse)
	}
	return lock, err
}

// ErrInUse is in the error for a directory that another process has open.
var ErrInUse = errors.New("is already open in another process: stop that one, or give this one another directory")

// bringUpToDate runs the upgrades that the directory needs, after giving it the
// newest format if it is new. The caller holds the lock.
func bringUpToDate(path string, upgrades []upgrade) error {
	newest := 1 + len(upgrades)
	have, err := readFormat(path)
	switch {
	case err != nil:
		return err
	case have == 0:
		return writeFormat(path, newest)
	case have > newest:
		return fmt.Errorf("%s was made by a newer Stator (format %d; this one reads up to %d): start that version or a later one",
			path, have, newest)
	}
	for ; have < newest; have++ {
		if err := upgrades[have-1](path); err != nil {
			return fmt.Errorf("upgrade %s from format %d: %w", path, have, err)
		}
		if err := writeFormat(path, have+1); err != nil {
			return err
		}
	}
	return nil
}

// readFormat returns the format of the directory, 0 if it has none yet, or an
// error if it is not ours.
func readFormat(path string) (int, error) {
	name := filepath.Join(path, formatFile)
	text, err := os.ReadFile(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return 0, checkEmpty(path)
	case err != nil:
		return 0, fmt.Errorf("cannot read %s: %w", name, err)
	}
	number, ok := strings.CutPrefix(strings.TrimSuffix(string(text), "\n"), "stator ")
	format, err := strconv.Atoi(number)
	if !ok || err != nil || format < 1 {
		return 0, fmt.Errorf("%s is not a Stator directory (its FORMAT file says something else): give an empty or a new directory", path)
	}
	return format, nil
}

// checkEmpty returns an error if the directory, which has no format, holds more
// than an interrupted first Open leaves, or a new file system.
func checkEmpty(path string) error {
	entries, err := os.ReadDir(path)
	if err != nil {
		return fmt.Errorf("cannot read %s: %w", path, err)
	}
	for _, e := range entries {
		switch e.Name() {
		case lockFile, tempFile, "lost+found":
		case formatFile:
			return nil // written since we looked, by a process that has the lock
		case storeDir, keysFile:
			return fmt.Errorf("%s holds data, but its FORMAT file is missing: put that file back from a copy of the directory, or give another directory", path)
		default:
			return fmt.Errorf("%s is not a Stator directory (it holds %s and no FORMAT file): give an empty or a new directory",
				path, e.Name())
		}
	}
	return nil
}

// formatText is what the FORMAT file of a format says.
func formatText(format int) string { return fmt.Sprintf("stator %d\n", format) }

// writeFormat makes the format of the directory durable, and the directory too.
func writeFormat(path string, format int) error {
	temp := filepath.Join(path, tempFile)
	if err := writeSynced(temp, formatText(format)); err != nil {
		return cannotWrite(path, err)
	}
	if err := os.Rename(temp, filepath.Join(path, formatFile)); err != nil {
		return cannotWrite(path, err)
	}
	if err := syncDir(path); err != nil {
		return cannotWrite(path, err)
	}
	return syncAncestors(path)
}

// writeSynced replaces a file and syncs it.
func writeSynced(name, text string) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Sync(), f.Close())
}

// syncAncestors makes path itself survive a power cut: makeDir may have created
// it and any of the directories above, now or before a crash. One that we may
// not open we have not created.
func syncAncestors(path string) error {
	abs, err := filepath.Abs(path)
	if err != nil {
		return cannotWrite(path, err)
	}
	for dir := filepath.Dir(abs); ; dir = filepath.Dir(dir) {
		if err := syncDir(dir); err != nil && !errors.Is(err, fs.ErrPermission) {
			return cannotWrite(dir, err)
		}
		if dir == filepath.Dir(dir) {
			return nil
		}
	}
}

func cannotWrite(path string, err error) error {
	if pe := (*fs.PathError)(nil); errors.As(err, &pe) {
		err = pe.Err // the path is said already
	}
	return fmt.Errorf("cannot write in %s (%w): let the user that runs Stator write there, or give another directory", path, err)
}
