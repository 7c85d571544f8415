package pebblekv

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"

	"github.com/cockroachdb/pebble/v2/objstorage/objstorageprovider"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/statordb/stator/internal/kv"
)

// loadDir is where Load makes its files. A start empties it.
const loadDir = "load"

// loadFileBytes is how much one file holds that Load adds to the store.
const loadFileBytes = 64 << 20

// lowestLevel is the one that most rows of a store are in.
const lowestLevel = 6

func (s *Store) loadPath() string { return s.files.PathJoin(s.dir, loadDir) }

// Load implements kv.Store: it makes files of the pairs and adds them to the
// lowest level that has nothing in their place. While one file is written, the
// one before is synced and added.
func (s *Store) Load(ctx context.Context, pairs iter.Seq2[kv.Pair, error]) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.gate.Leave()
	l := loader{store: s}
	err := l.run(ctx, pairs)
	if err == nil {
		err = l.finish(ctx)
	}
	if err = errors.Join(err, l.wait(), l.abort()); err != nil {
		return fmt.Errorf("load: %w", err)
	}
	return nil
}

// loader writes one file after the other.
type loader struct {
	store  *Store
	path   string          // of the file that is being written
	file   *sstable.Writer // nil: none is
	last   []byte          // key
	adding chan error      // from who adds the file before; nil: nobody does
}

func (l *loader) run(ctx context.Context, pairs iter.Seq2[kv.Pair, error]) error {
	n := 0
	for p, err := range pairs {
		if err == nil && n%scanCheckEvery == 0 {
			err = ctx.Err()
		}
		if err == nil {
			err = l.add(ctx, p)
		}
		if err != nil {
			return err
		}
		n++
	}
	return nil
}

func (l *loader) add(ctx context.Context, p kv.Pair) error {
	if err := l.store.limits.CheckPair(p.Key, len(p.Key), len(p.Value)); err != nil {
		return err
	}
	if l.last != nil && bytes.Compare(l.last, p.Key) >= 0 {
		return fmt.Errorf("the key %x comes behind %x", p.Key, l.last)
	}
	l.last = append(l.last[:0], p.Key...)
	if l.file != nil && l.file.Raw().EstimatedSize() >= loadFileBytes {
		if err := l.finish(ctx); err != nil {
			return err
		}
	}
	if l.file == nil {
		if err := l.begin(); err != nil {
			return err
		}
	}
	return l.file.Set(p.Key, p.Value)
}

// begin begins a file.
func (l *loader) begin() error {
	s := l.store
	if err := s.files.MkdirAll(s.loadPath(), 0o700); err != nil {
		return err
	}
	l.path = s.files.PathJoin(s.loadPath(), strconv.FormatUint(s.loaded.Add(1), 10))
	f, err := s.options.sealed(s.files).Create(l.path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	o := s.options.pebbleOptions(s.failure, &s.flying, nil)
	o.EnsureDefaults()
	f = vfs.NewSyncingFile(f, vfs.SyncingFileOptions{BytesPerSync: o.BytesPerSync})
	l.file = sstable.NewWriter(objstorageprovider.NewFileWritable(f), o.MakeWriterOptions(lowestLevel, s.db.TableFormat()))
	return nil
}

// finish adds the file to the store, behind the caller's back.
func (l *loader) finish(ctx context.Context) error {
	if err := l.wait(); err != nil || l.file == nil {
		return err
	}
	file, path := l.file, l.path
	l.file, l.adding = nil, make(chan error, 1)
	go func() {
		err := file.Close() // which syncs it
		if err == nil {
			err = l.store.db.Ingest(ctx, []string{path}) // which removes it
		}
		if err != nil {
			_ = l.store.files.Remove(path) // err is the reason
		}
		l.adding <- err
	}()
	return nil
}

// wait returns when no file is being added.
func (l *loader) wait() error {
	if l.adding == nil {
		return nil
	}
	err := <-l.adding
	l.adding = nil
	return err
}

// abort removes the file that is being written.
func (l *loader) abort() error {
	if l.file == nil {
		return nil
	}
	return errors.Join(l.file.Close(), l.store.files.Remove(l.path))
}
