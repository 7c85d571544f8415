package pebblekv

import (
	"context"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// stillDir, below the store's directory, is where Still puts a picture. A start
// removes what a crash has left.
const stillDir = "still"

// Still makes a directory with everything that the store holds at one instant,
// what is frozen included, as files that nothing changes: hard links, below the
// store's own directory. Writers do not wait. release removes it; until then
// there is no other.
func (s *Store) Still(ctx context.Context) (dir string, release func() error, err error) {
	if err := s.enter(ctx); err != nil {
		return "", nil, err
	}
	defer s.gate.Leave()
	s.frozen.Lock() // what is frozen does not change meanwhile
	defer s.frozen.Unlock()
	dir = s.stillPath()
	if _, err := s.files.Stat(dir); err == nil {
		return "", nil, errors.New("a copy of the store is being made already: wait until it is ready")
	}
	release = func() error { return s.files.RemoveAll(dir) }
	if err = s.checkpoint(dir, nil); err == nil {
		err = s.linkFrozen(s.files.PathJoin(dir, frozenDir))
	}
	if err != nil {
		return "", nil, errors.Join(fmt.Errorf("take a still picture of the store: %w", err), release())
	}
	return dir, release, nil
}

func (s *Store) stillPath() string { return s.files.PathJoin(s.dir, stillDir) }

// linkFrozen links everything that is frozen into dir.
func (s *Store) linkFrozen(dir string) error {
	names, err := s.frozenNames()
	if err != nil {
		return err
	}
	for _, name := range names {
		to := s.files.PathJoin(dir, name)
		files, err := s.files.List(s.frozenPath(name))
		if err = errors.Join(err, s.files.MkdirAll(to, 0o700)); err != nil {
			return err
		}
		for _, file := range files {
			if err := vfs.LinkOrCopy(s.files, s.files.PathJoin(s.frozenPath(name), file), s.files.PathJoin(to, file)); err != nil {
				return err
			}
		}
	}
	return nil
}
