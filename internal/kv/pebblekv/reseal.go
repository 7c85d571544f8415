package pebblekv

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/statordb/stator/internal/seal"
)

// Reseal copies the store in the directory from, which no process has open and
// nobody changes, to a directory that is not there, durably: what was sealed under
// old is sealed under next. Either keys may be nil, for files that are not sealed.
// It calls progress with the bytes of each piece that was copied.
func Reseal(ctx context.Context, from, to string, old, next *seal.Keys, progress func(int)) error {
	r := &resealer{
		ctx: ctx, progress: progress, same: map[string][]twin{},
		in: Options{Keys: old}.sealed(vfs.Default), out: Options{Keys: next}.sealed(vfs.Default),
	}
	if err := r.directory(from, to); err != nil {
		return err
	}
	frozen, err := os.ReadDir(filepath.Join(from, frozenDir))
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	for _, d := range frozen {
		if strings.HasSuffix(d.Name(), unfinished) {
			continue
		}
		if err := r.directory(filepath.Join(from, frozenDir, d.Name()), filepath.Join(to, frozenDir, d.Name())); err != nil {
			return err
		}
	}
	if err == nil && len(frozen) > 0 {
		err = syncDir(vfs.Default, filepath.Join(to, frozenDir))
	}
	return errors.Join(err, syncDir(vfs.Default, to), syncDir(vfs.Default, filepath.Dir(to)))
}

// resealer is one run of Reseal.
type resealer struct {
	ctx      context.Context
	progress func(int)
	in, out  vfs.FS
	same     map[string][]twin // by name without directory: files that may have other names too
}

// twin is a file that was copied.
type twin struct {
	info os.FileInfo
	to   string
}

// directory copies the files of one store.
func (r *resealer) directory(from, to string) error {
	if err := checkSynced(vfs.Default, from); err != nil {
		return err
	}
	entries, err := os.ReadDir(from)
	if err = errors.Join(err, os.MkdirAll(to, 0o700)); err != nil {
		return err
	}
	for _, e := range entries {
		if e.IsDir() || e.Name() == syncedName || e.Name() == "LOCK" {
			continue
		}
		info, err := e.Info()
		if err == nil {
			err = r.file(info, filepath.Join(from, e.Name()), filepath.Join(to, e.Name()))
		}
		if err != nil {
			return fmt.Errorf("copy %s: %w", filepath.Join(from, e.Name()), err)
		}
	}
	return writeSynced(vfs.Default, to) // which syncs the directory
}

func (r *resealer) file(info os.FileInfo, from, to string) error {
	if filepath.Ext(from) != ".sst" {
		return r.copy(from, to)
	}
	for _, t := range r.same[info.Name()] {
		if os.SameFile(t.info, info) {
			return vfs.LinkOrCopy(vfs.Default, t.to, to)
		}
	}
	r.same[info.Name()] = append(r.same[info.Name()], twin{info, to})
	return r.copy(from, to)
}

// copy copies the content of a file.
func (r *resealer) copy(from, to string) error {
	in, err := r.in.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := r.out.Create(to, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	piece := make([]byte, 256<<10)
	for {
		n, err := in.Read(piece)
		if n > 0 {
			r.progress(n)
			_, e := out.Write(piece[:n])
			err = errors.Join(e, err, r.ctx.Err())
		}
		switch {
		case errors.Is(err, io.EOF) && n == 0:
			return errors.Join(out.Sync(), out.Close())
		case err != nil && !errors.Is(err, io.EOF):
			return errors.Join(err, out.Close())
		}
	}
}
