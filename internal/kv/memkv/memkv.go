// Package memkv keeps a store in memory, for tests and for servers that may
// forget. It is the model of the kv contract: what it does, the other drivers
// are compared with.
//
// # Invariants
//
//   - The published tree is never modified: a transaction changes a
//     copy-on-write copy of it and publishes that. A View therefore needs no
//     lock and blocks nobody.
//   - One Update runs at a time, which makes every one serializable. The writer
//     token is held while its function runs, against the house rule about locks
//     and callbacks, because nothing is simpler to trust; an Update inside an
//     Update would wait for itself.
//   - Nothing is durable, so every View is consistent.
package memkv

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/tidwall/btree"

	"github.com/statordb/stator/internal/kv"
)

// degree is the least number of children of an inner node. It is small because
// a transaction copies every node on the path to each key that it writes.
const degree = 16

type tree = btree.BTreeG[kv.Pair]

// Options are the choices of a store; the zero value is a good one.
type Options struct {
	Limits kv.Limits // kv.EmbeddedLimits if zero
}

// Store is a kv.Store in memory. Make one with New.
type Store struct {
	limits  kv.Limits
	gate    *kv.Gate
	writer  chan struct{} // the token of the one running Update
	stamp   atomic.Uint64 // last stamp given out
	current atomic.Pointer[tree]
	commits atomic.Uint64
	frozen  frozen
}

// New returns an empty store.
func New(o Options) *Store {
	if o.Limits == (kv.Limits{}) {
		o.Limits = kv.EmbeddedLimits()
	}
	s := &Store{limits: o.Limits, gate: kv.NewGate(), writer: make(chan struct{}, 1)}
	s.frozen.trees = map[string]*tree{}
	s.current.Store(btree.NewBTreeGOptions(byKey, btree.Options{Degree: degree, NoLocks: true}))
	return s
}

func byKey(a, b kv.Pair) bool { return bytes.Compare(a.Key, b.Key) < 0 }

// View implements kv.Store. Reading a key outside o.Keys, or scanning when
// o.Keys is not nil, is an error here, so that tests notice.
func (s *Store) View(ctx context.Context, o kv.ReadOptions, fn func(kv.Reader) error) error {
	if err := s.gate.Enter(); err != nil {
		return err
	}
	defer s.gate.Leave()
	if err := ctx.Err(); err != nil {
		return err
	}
	if o.Keys == nil {
		return fn(snapshot{s.current.Load()})
	}
	return fn(keyedSnapshot{snapshot{s.current.Load()}, o.Keys})
}

// Update implements kv.Store. It does not run fn again.
func (s *Store) Update(ctx context.Context, _ kv.TxOptions, fn func(kv.Tx) error) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.unlock()
	t := &tx{limits: s.limits, base: s.current.Load()}
	if err := fn(t); err != nil {
		return err
	}
	if err := errors.Join(t.err, ctx.Err()); err != nil {
		return err
	}
	if t.own == nil && t.appended == nil {
		return nil
	}
	s.publish(t)
	return nil
}

// publish makes the writes of t current. The caller holds the writer token.
func (s *Store) publish(t *tx) {
	t.fork()
	for _, p := range t.appended {
		p.Key = binary.BigEndian.AppendUint64(p.Key, s.stamp.Add(1))
		t.own.Set(p)
	}
	s.current.Store(t.own)
	s.commits.Add(1)
}

// Clear implements kv.Store.
func (s *Store) Clear(ctx context.Context, start, end []byte) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.unlock()
	next := s.current.Load().Copy()
	for p := range (snapshot{s.current.Load()}).Scan(ctx, kv.Range{Start: start, End: end}) {
		next.Delete(p)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	s.current.Store(next)
	return nil
}

// LastStamp implements kv.Store.
func (s *Store) LastStamp() uint64 { return s.stamp.Load() }

// Limits implements kv.Store.
func (s *Store) Limits() kv.Limits { return s.limits }

// Stats implements kv.Store; only Commits is counted.
func (s *Store) Stats() kv.Stats { return kv.Stats{Commits: s.commits.Load()} }

// Close implements kv.Store. The contents are gone.
func (s *Store) Close() error {
	if err := s.gate.Close(); err != nil {
		return err
	}
	s.current.Store(nil)
	return nil
}

// lock enters the gate and takes the writer token; after nil the caller owes
// one unlock.
func (s *Store) lock(ctx context.Context) error {
	if err := s.gate.Enter(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		s.gate.Leave()
		return err
	}
	select {
	case s.writer <- struct{}{}:
		return nil
	case <-ctx.Done():
		s.gate.Leave()
		return ctx.Err()
	}
}

func (s *Store) unlock() {
	<-s.writer
	s.gate.Leave()
}

// tx is a kv.Tx; its writes go to a tree of its own.
type tx struct {
	limits   kv.Limits
	base     *tree     // what was current when it started
	own      *tree     // copy of base with its writes; nil before the first
	appended []kv.Pair // keys still without their stamp
	size     int       // bytes written
	err      error     // first write refused
}

func (t *tx) view() snapshot {
	if t.own != nil {
		return snapshot{t.own}
	}
	return snapshot{t.base}
}

// fork makes own writable.
func (t *tx) fork() {
	if t.own == nil {
		t.own = t.base.Copy()
	}
}

// Get implements kv.Reader.
func (t *tx) Get(ctx context.Context, key []byte) ([]byte, error) {
	return t.view().Get(ctx, key)
}

// GetLocked implements kv.Tx.
func (t *tx) GetLocked(ctx context.Context, key []byte) ([]byte, error) {
	return t.view().Get(ctx, key)
}

// Put implements kv.Tx.
func (t *tx) Put(key, value []byte) error {
	if err := t.admit(key, len(key), len(value)); err != nil {
		return err
	}
	t.fork()
	t.own.Set(kv.Pair{Key: bytes.Clone(key), Value: copyValue(value)})
	return nil
}

// Delete implements kv.Tx.
func (t *tx) Delete(key []byte) error {
	if err := t.admit(key, len(key), 0); err != nil {
		return err
	}
	t.fork()
	t.own.Delete(kv.Pair{Key: key})
	return nil
}

// Append implements kv.Tx.
func (t *tx) Append(prefix, value []byte) error {
	size := len(prefix) + kv.StampSize
	if err := t.admit(prefix, size, len(value)); err != nil {
		return err
	}
	key := append(make([]byte, 0, size), prefix...)
	t.appended = append(t.appended, kv.Pair{Key: key, Value: copyValue(value)})
	return nil
}

// admit counts a write, or refuses it for good: its error fails the commit too.
func (t *tx) admit(key []byte, keyLen, valueLen int) error {
	err := t.limits.CheckPair(key, keyLen, valueLen)
	if err == nil {
		t.size += keyLen + valueLen
		err = t.limits.CheckTransaction(t.size)
	}
	if t.err == nil {
		t.err = err
	}
	return err
}

// copyValue returns a copy that is not nil.
func copyValue(value []byte) []byte {
	return append(make([]byte, 0, len(value)), value...)
}

// keyedSnapshot is the Reader of a View that named its keys.
type keyedSnapshot struct {
	snapshot
	keys [][]byte
}

// Get implements kv.Reader.
func (s keyedSnapshot) Get(ctx context.Context, key []byte) ([]byte, error) {
	if !slices.ContainsFunc(s.keys, func(k []byte) bool { return bytes.Equal(k, key) }) {
		return nil, fmt.Errorf("memkv: get of %q, which is not in ReadOptions.Keys", key)
	}
	return s.snapshot.Get(ctx, key)
}
