package seal

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// FS is a file system whose files are sealed. Names, directories and locks are
// those of the file system below. Make one with NewFS.
type FS struct {
	vfs.FS
	keys     *Keys
	appended func(name string) bool
}

// NewFS returns files with their content sealed under keys. appended reports, by
// the name of a new file, whether it is a log, see the package comment; nil is
// never.
func NewFS(files vfs.FS, keys *Keys, appended func(name string) bool) *FS {
	if appended == nil {
		appended = func(string) bool { return false }
	}
	return &FS{files, keys, appended}
}

// Files returns the files of the disk: with their content sealed under keys, or as
// it is if keys are nil.
func Files(keys *Keys) vfs.FS {
	if keys == nil {
		return vfs.Default
	}
	return NewFS(vfs.Default, keys, nil)
}

// Sealed reports whether a file in a directory is sealed.
func Sealed(dir string) bool {
	names, _ := vfs.Default.List(dir)
	for _, name := range names {
		var start [len(magic)]byte
		f, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			continue
		}
		_, err = io.ReadFull(f, start[:])
		_ = f.Close() // it was only read
		if err == nil && string(start[:]) == magic {
			return true
		}
	}
	return false
}

// Create implements vfs.FS.
func (s *FS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := s.FS.Create(name, c)
	if err != nil {
		return nil, err
	}
	return s.write(f, name)
}

// ReuseForWrite implements vfs.FS. Only a log can take the place of another file:
// of a file of blocks, what is left of the old one would be behind its end.
func (s *FS) ReuseForWrite(oldName, newName string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if !s.appended(s.PathBase(newName)) {
		if err := s.FS.Remove(oldName); err != nil {
			return nil, err
		}
		return s.Create(newName, c)
	}
	f, err := s.FS.ReuseForWrite(oldName, newName, c)
	if err != nil {
		return nil, err
	}
	return s.write(f, newName)
}

// write returns a new file, sealed.
func (s *FS) write(f vfs.File, name string) (vfs.File, error) {
	if s.appended(s.PathBase(name)) {
		return s.writeAs(log, f, name)
	}
	return s.writeAs(blocks, f, name)
}

func (s *FS) writeAs(k kind, f vfs.File, name string) (vfs.File, error) {
	h := newHeader(k, s.keys.Newest())
	opener, err := h.opener(s.keys)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	w := writer{File: f, name: name, header: h, opener: opener}
	if k == log {
		return &logWriter{writer: w}, nil
	}
	return &blockWriter{writer: w}, nil
}

// Open implements vfs.FS. A reader sees what was there when it was opened.
func (s *FS) Open(name string, options ...vfs.OpenOption) (vfs.File, error) {
	f, err := s.FS.Open(name, options...)
	if err != nil {
		return nil, err
	}
	r, err := s.read(f, name)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s %w", name, err), f.Close())
	}
	return r, nil
}

func (s *FS) read(f vfs.File, name string) (vfs.File, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	r := reader{File: f, name: name, info: info}
	var start [headerBytes]byte
	n, err := f.ReadAt(start[:min(info.Size(), headerBytes)], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	h, err := parseHeader(start[:n])
	if errors.Is(err, errTorn) && (n == 0 || s.appended(s.PathBase(name))) {
		return &logReader{reader: r}, nil // without parts
	}
	if err == nil {
		r.opener, err = h.opener(s.keys)
	}
	if err != nil {
		return nil, err
	}
	if h.kind() == log {
		return newLogReader(r)
	}
	return newBlockReader(r)
}

// OpenReadWrite implements vfs.FS: no sealed file is changed in its middle.
func (s *FS) OpenReadWrite(name string, _ vfs.DiskWriteCategory, _ ...vfs.OpenOption) (vfs.File, error) {
	return nil, fmt.Errorf("%s: a sealed file cannot be changed in its middle", name)
}

// Stat implements vfs.FS. The size is that of the content.
func (s *FS) Stat(name string) (vfs.FileInfo, error) {
	info, err := s.FS.Stat(name)
	if err != nil || info.IsDir() {
		return info, err
	}
	f, err := s.Open(name)
	if err != nil {
		return nil, err
	}
	sized, err := f.Stat()
	return sized, errors.Join(err, f.Close())
}

// Unwrap implements vfs.FS.
func (s *FS) Unwrap() vfs.FS { return s.FS }

// sized is what is known of a file, with the size of its content.
type sized struct {
	vfs.FileInfo
	size int64
}

// Size implements fs.FileInfo.
func (s sized) Size() int64 { return s.size }
