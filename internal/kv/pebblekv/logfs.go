package pebblekv

import (
	"io"

	"github.com/cespare/xxhash/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// logFS keeps SYNCED, and tells failure about every error in writing the
// write-ahead log, before Pebble sees it. Pebble itself says some of them (a new
// log that cannot be created, an old one that cannot be finished) by a panic
// that ends the process with a stack of its mutexes instead of a sentence about
// the disk.
type logFS struct {
	vfs.FS
	failure *failure
	dir     string
	synced  *synced // nil: nothing is written
}

// watch passes err on, after telling about it.
func (f *failure) watch(err error) error {
	if err != nil {
		f.fail(err)
	}
	return err
}

// wrap returns the file as one that is watched, if Pebble appends to it. Files
// elsewhere are copies.
func (l logFS) wrap(name string, file vfs.File, err error) (vfs.File, error) {
	number := appendedFile(l.PathBase(name))
	if number == 0 || l.synced == nil || l.PathDir(name) != l.PathDir(l.PathJoin(l.dir, syncedName)) {
		return file, err
	}
	if err == nil { // before the file has anything of its own
		err = l.synced.write(slot{file: number, hash: xxhash.New().Sum64()})
	}
	f := logFile{File: file, logFS: l, number: number, written: xxhash.New(), length: new(uint64)}
	if f.watch(err) != nil {
		return nil, err
	}
	return f, nil
}

// Create implements vfs.FS.
func (l logFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := l.FS.Create(name, c)
	return l.wrap(name, f, err)
}

// ReuseForWrite implements vfs.FS.
func (l logFS) ReuseForWrite(oldName, newName string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := l.FS.ReuseForWrite(oldName, newName, c)
	return l.wrap(newName, f, err)
}

// Lock implements vfs.FS. Who only reads leaves no file behind, not even a lock.
func (l logFS) Lock(name string) (io.Closer, error) {
	if l.synced == nil {
		return io.NopCloser(nil), nil
	}
	return l.FS.Lock(name)
}

// Unwrap implements vfs.FS.
func (l logFS) Unwrap() vfs.FS { return l.FS }

// logFile is a file that Pebble appends to, from its start.
type logFile struct {
	vfs.File
	logFS   logFS
	number  uint64
	written *xxhash.Digest // Pebble writes and syncs one after another
	length  *uint64
}

// watch passes err on, after telling about it if the file is one of the
// write-ahead log: for a manifest Pebble does.
func (f logFile) watch(err error) error {
	if f.number&manifestBit != 0 {
		return err
	}
	return f.logFS.failure.watch(err)
}

// Write implements vfs.File.
func (f logFile) Write(p []byte) (int, error) {
	_, _ = f.written.Write(p) // it cannot fail
	*f.length += uint64(len(p))
	n, err := f.File.Write(p)
	return n, f.watch(err)
}

// Sync implements vfs.File.
func (f logFile) Sync() error { return f.synced(f.File.Sync()) }

// SyncData implements vfs.File.
func (f logFile) SyncData() error { return f.synced(f.File.SyncData()) }

// synced writes down what a sync that ended with err has made durable.
func (f logFile) synced(err error) error {
	if err == nil {
		err = f.logFS.synced.write(slot{f.number, *f.length, f.written.Sum64()})
	}
	return f.watch(err)
}

// SyncTo implements vfs.File.
func (f logFile) SyncTo(length int64) (fullSync bool, err error) {
	fullSync, err = f.File.SyncTo(length)
	return fullSync, f.watch(err)
}
