package seal

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// ErrSealed is the error of reading a sealed file without keys.
var ErrSealed = errors.New("the file is encrypted, and there is no key")

// SyncedFile is a file that is written from its start to its end.
type SyncedFile interface {
	io.WriteCloser
	Sync() error
}

// Seal returns the new and empty file f as a file of blocks.
func (k *Keys) Seal(f *os.File) (SyncedFile, error) {
	return NewFS(nil, k, nil).writeAs(blocks, diskFile{f}, f.Name())
}

// Unseal returns the content of f, sealed or not. Nil has no keys: for a sealed one
// it returns ErrSealed.
func (k *Keys) Unseal(f *os.File) (io.ReadCloser, error) {
	var start [len(magic)]byte
	if _, err := f.ReadAt(start[:], 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch {
	case string(start[:]) != magic:
		return f, nil
	case k == nil:
		return nil, fmt.Errorf("%s: %w", f.Name(), ErrSealed)
	}
	return NewFS(nil, k, nil).read(diskFile{f}, f.Name())
}

// diskFile is a file of the system as a vfs.File.
type diskFile struct{ *os.File }

// Stat implements vfs.File.
func (d diskFile) Stat() (vfs.FileInfo, error) {
	info, err := d.File.Stat()
	return diskInfo{info}, err
}

// Preallocate implements vfs.File.
func (diskFile) Preallocate(int64, int64) error { return nil }

// Prefetch implements vfs.File.
func (diskFile) Prefetch(int64, int64) error { return nil }

// SyncTo implements vfs.File.
func (diskFile) SyncTo(int64) (fullSync bool, err error) { return false, nil }

// SyncData implements vfs.File.
func (d diskFile) SyncData() error { return d.Sync() }

// Fd implements vfs.File.
func (diskFile) Fd() uintptr { return vfs.InvalidFd }

type diskInfo struct{ os.FileInfo }

// DeviceID implements vfs.FileInfo.
func (diskInfo) DeviceID() vfs.DeviceID { return vfs.DeviceID{} }
