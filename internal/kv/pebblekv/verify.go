package pebblekv

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/statordb/stator/internal/seal"
)

// Volume is how much was looked at.
type Volume struct {
	Files int
	Bytes int64
}

// Verify reads every file of the store in dir, on disk, which no process has
// open, which keys seal if they are not nil, and of what is frozen there, against the checksums that were written
// with them. It calls found with what is wrong, a file each. A file that is
// there under several names is read once.
func Verify(ctx context.Context, dir string, keys *seal.Keys, found func(error)) (Volume, error) {
	v := &verifier{files: Options{Keys: keys}.sealed(vfs.Default), found: found, seen: map[string][]os.FileInfo{}}
	frozen, err := os.ReadDir(filepath.Join(dir, frozenDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return v.Volume, err
	}
	dirs := []string{dir}
	for _, d := range frozen {
		if !strings.HasSuffix(d.Name(), unfinished) {
			dirs = append(dirs, filepath.Join(dir, frozenDir, d.Name()))
		}
	}
	for _, dir := range dirs {
		if err := v.directory(ctx, dir); err != nil {
			return v.Volume, err
		}
	}
	return v.Volume, nil
}

// verifier is one run of Verify.
type verifier struct {
	Volume
	files vfs.FS // content
	found func(error)
	seen  map[string][]os.FileInfo // by name without directory
}

func (v *verifier) directory(ctx context.Context, dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	if err := checkSynced(vfs.Default, dir); err != nil {
		v.found(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		switch {
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case e.IsDir() || v.again(info):
			continue
		}
		v.Files++
		v.Bytes += info.Size()
		path := filepath.Join(dir, e.Name())
		if filepath.Ext(path) != ".sst" {
			continue
		}
		if err := verifyTable(ctx, v.files, path); err != nil {
			v.found(fmt.Errorf("%s is damaged: %w", path, err))
		}
	}
	return nil
}

// again reports whether a file was seen under another name.
func (v *verifier) again(info os.FileInfo) bool {
	same := v.seen[info.Name()]
	if slices.ContainsFunc(same, func(o os.FileInfo) bool { return os.SameFile(o, info) }) {
		return true
	}
	v.seen[info.Name()] = append(same, info)
	return false
}

// verifyTable reads all blocks of a file of sorted rows.
func verifyTable(ctx context.Context, files vfs.FS, path string) (err error) {
	defer func() { // what it makes of a damaged file is Pebble's affair
		if p := recover(); p != nil {
			err = fmt.Errorf("it cannot be read: %v", p)
		}
	}()
	f, err := files.Open(path)
	if err != nil {
		return err
	}
	readable, err := sstable.NewSimpleReadable(f)
	if err != nil {
		return errors.Join(err, f.Close())
	}
	o := Options{}.withDefaults().pebbleOptions(&failure{}, nil, nil)
	o.EnsureDefaults()
	r, err := sstable.NewReader(ctx, readable, o.MakeReaderOptions())
	if err != nil {
		return err // the reader has closed the file
	}
	return errors.Join(r.ValidateBlockChecksums(), r.Close())
}

// Order reports whether what the store has in its levels is in order.
func (s *Store) Order() error {
	if err := s.db.CheckLevels(nil); err != nil {
		return fmt.Errorf("rows of the store are not in order: %w", err)
	}
	return nil
}
