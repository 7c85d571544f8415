package pebblekv

import (
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// logFS tells failure about every error in writing the write-ahead log, before
// Pebble sees it. Pebble itself says some of them (a new log that cannot be
// created, an old one that cannot be finished) by a panic that ends the process
// with a stack of its mutexes instead of a sentence about the disk.
type logFS struct {
	vfs.FS
	failure *failure
}

// watch passes err on, after telling about it.
func (f *failure) watch(err error) error {
	if err != nil {
		f.fail(err)
	}
	return err
}

// wrap returns the file as one that tells about its errors, if it is a log.
func (l logFS) wrap(name string, file vfs.File, err error) (vfs.File, error) {
	if !strings.HasSuffix(name, ".log") {
		return file, err
	}
	if l.failure.watch(err) != nil {
		return nil, err
	}
	return logFile{file, l.failure}, nil
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

// Unwrap implements vfs.FS.
func (l logFS) Unwrap() vfs.FS { return l.FS }

// logFile is a file of the write-ahead log.
type logFile struct {
	vfs.File
	failure *failure
}

// Write implements vfs.File.
func (f logFile) Write(p []byte) (int, error) {
	n, err := f.File.Write(p)
	return n, f.failure.watch(err)
}

// Sync implements vfs.File.
func (f logFile) Sync() error { return f.failure.watch(f.File.Sync()) }

// SyncData implements vfs.File.
func (f logFile) SyncData() error { return f.failure.watch(f.File.SyncData()) }

// SyncTo implements vfs.File.
func (f logFile) SyncTo(length int64) (fullSync bool, err error) {
	fullSync, err = f.File.SyncTo(length)
	return fullSync, f.failure.watch(err)
}
