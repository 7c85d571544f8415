package memkv

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"

	"github.com/statordb/stator/internal/kv"
)

// frozen are the trees kept by name.
type frozen struct {
	sync.Mutex
	trees map[string]*tree
}

// Freeze implements kv.Store. It keeps the whole tree, which costs nothing.
func (s *Store) Freeze(ctx context.Context, name string, _ []kv.Range) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.unlock()
	if err := kv.CheckName(name); err != nil {
		return err
	}
	s.frozen.Lock()
	defer s.frozen.Unlock()
	if s.frozen.trees[name] != nil {
		return fmt.Errorf("%w: %s", kv.ErrFrozen, name)
	}
	s.frozen.trees[name] = s.current.Load()
	return nil
}

// Frozen implements kv.Store.
func (s *Store) Frozen(_ context.Context, name string) (kv.Frozen, error) {
	if err := s.gate.Enter(); err != nil {
		return nil, err
	}
	defer s.gate.Leave()
	s.frozen.Lock()
	defer s.frozen.Unlock()
	t := s.frozen.trees[name]
	if t == nil {
		return nil, fmt.Errorf("%w: %s", kv.ErrNotFrozen, name)
	}
	return frozenTree{snapshot{t}}, nil
}

// Thaw implements kv.Store. Who has it open can go on reading.
func (s *Store) Thaw(_ context.Context, name string) error {
	if err := s.gate.Enter(); err != nil {
		return err
	}
	defer s.gate.Leave()
	s.frozen.Lock()
	defer s.frozen.Unlock()
	delete(s.frozen.trees, name)
	return nil
}

// FrozenNames implements kv.Store.
func (s *Store) FrozenNames(context.Context) ([]string, error) {
	if err := s.gate.Enter(); err != nil {
		return nil, err
	}
	defer s.gate.Leave()
	s.frozen.Lock()
	defer s.frozen.Unlock()
	return slices.Sorted(maps.Keys(s.frozen.trees)), nil
}

type frozenTree struct{ snapshot }

// Bytes implements kv.Frozen: the memory is that of the rows in use.
func (frozenTree) Bytes() uint64 { return 0 }

// Close implements kv.Frozen.
func (frozenTree) Close() error { return nil }

// loadChunk is how many bytes Load writes at a time.
const loadChunk = 1 << 20

// Load implements kv.Store.
func (s *Store) Load(ctx context.Context, pairs iter.Seq2[kv.Pair, error]) error {
	var chunk []kv.Pair
	size := 0
	for p, err := range pairs {
		if err == nil {
			err = s.limits.CheckPair(p.Key, len(p.Key), len(p.Value))
		}
		if err != nil {
			return err
		}
		chunk = append(chunk, kv.Pair{Key: bytes.Clone(p.Key), Value: copyValue(p.Value)})
		if size += len(p.Key) + len(p.Value); size < loadChunk {
			continue
		}
		if err := s.set(ctx, chunk); err != nil {
			return err
		}
		chunk, size = nil, 0
	}
	return s.set(ctx, chunk)
}

// set writes pairs, which it keeps.
func (s *Store) set(ctx context.Context, pairs []kv.Pair) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.unlock()
	next := s.current.Load().Copy()
	for _, p := range pairs {
		next.Set(p)
	}
	s.current.Store(next)
	return nil
}
