package sealkv

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"

	"github.com/statordb/stator/internal/kv"
)

const (
	itemPrefix = 'd' // of items and index entries
	logPrefix  = 'l' // of change logs

	spaceEnd = 1 + 4 // behind the prefix and the space

	// sealed is what a sealed value begins with, and no other: the number of its
	// key follows, then what the cipher makes of it.
	sealed      = 0xE5
	headerBytes = 1 + 4
)

// ofTable reports whether a row is one of a table.
func ofTable(key []byte) bool {
	return len(key) >= spaceEnd && (key[0] == itemPrefix || key[0] == logPrefix)
}

// place is what a sealed value is bound to: its key. Those of the change log are
// not known when their values are sealed, but for the stamp.
func place(key []byte) []byte {
	if len(key) >= spaceEnd+kv.StampSize && key[0] == logPrefix {
		return key[:len(key)-kv.StampSize]
	}
	return key
}

// keyOf returns the key that seals what is written under a key that begins with
// prefix, nil for none.
func (s *Store) keyOf(prefix []byte) *key {
	if !ofTable(prefix) {
		return nil
	}
	return (*s.spaces.Load())[binary.BigEndian.Uint32(prefix[1:])]
}

// seal appends value, sealed under k for a place.
func (s *Store) seal(dst []byte, k *key, where, value []byte) ([]byte, error) {
	with, err := s.use(context.Background(), k.number, k) // what is written is asked for at the start
	if err != nil {
		return nil, fmt.Errorf("write: %w", err)
	}
	dst = binary.BigEndian.AppendUint32(append(dst, sealed), k.number)
	return with.Seal(dst, nil, value, where), nil
}

// use returns the cipher of k, which has a number if it is nil too, or why it
// cannot be used. If it has not been asked for, it is.
func (s *Store) use(ctx context.Context, number uint32, k *key) (*opened, error) {
	for {
		if k != nil {
			if with := k.aead.Load(); with != nil {
				return with, nil
			}
		}
		if why := s.Access(number); why != nil {
			return nil, why
		}
		k = s.find(number)
		if err := s.demand(ctx, k); err != nil {
			return nil, err
		}
	}
}

func (s *Store) find(number uint32) *key {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.mu.keys[number]
}

// isSealed reports whether the value under key is sealed.
func isSealed(key, value []byte) bool {
	return len(value) >= headerBytes && value[0] == sealed && ofTable(key)
}

// open appends what the sealed value under key says.
func (s *Store) open(ctx context.Context, dst, key, value []byte) ([]byte, error) {
	number := binary.BigEndian.Uint32(value[1:])
	k := s.find(number)
	if k == nil {
		return nil, fmt.Errorf("read: a sealed value is damaged, or its data key %d is lost", number)
	}
	with, err := s.use(ctx, number, k)
	if err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	plain, err := with.Open(dst, nil, value[headerBytes:], place(key))
	if err != nil {
		return nil, errors.New("read: a sealed value is damaged")
	}
	return plain, nil
}

// Unreadable returns how many values of tables cannot be read now, by why.
func (s *Store) Unreadable(ctx context.Context) (values map[string]int, err error) {
	err = s.Store.View(ctx, kv.ReadOptions{Consistent: true}, func(r kv.Reader) error {
		values = map[string]int{}
		for _, prefix := range []byte{itemPrefix, logPrefix} {
			for p, err := range r.Scan(ctx, kv.Range{Start: []byte{prefix}, End: []byte{prefix + 1}}) {
				if err != nil {
					return err
				}
				if !isSealed(p.Key, p.Value) {
					continue
				}
				number := binary.BigEndian.Uint32(p.Value[1:])
				var why *Inaccessible
				if _, err := s.use(ctx, number, s.find(number)); errors.As(err, &why) {
					values[why.Error()]++
				}
			}
		}
		return nil
	})
	return values, err
}

// View implements kv.Store.
func (s *Store) View(ctx context.Context, o kv.ReadOptions, fn func(kv.Reader) error) error {
	return s.Store.View(ctx, o, func(r kv.Reader) error { return fn(reader{r, s}) })
}

// Update implements kv.Store.
func (s *Store) Update(ctx context.Context, o kv.TxOptions, fn func(kv.Tx) error) error {
	var t tx
	return s.Store.Update(ctx, o, func(inner kv.Tx) error {
		t = tx{reader: reader{inner, s}, tx: inner, buffer: t.buffer}
		return fn(&t)
	})
}

// Load implements kv.Store.
func (s *Store) Load(ctx context.Context, pairs iter.Seq2[kv.Pair, error]) error {
	return s.Store.Load(ctx, func(yield func(kv.Pair, error) bool) {
		var buffer []byte // of the value before
		for p, err := range pairs {
			if err == nil {
				if k := s.keyOf(p.Key); k != nil {
					buffer, err = s.seal(buffer[:0], k, place(p.Key), p.Value)
					p.Value = buffer
				}
			}
			if !yield(p, err) || err != nil {
				return
			}
		}
	})
}

// Frozen implements kv.Store.
func (s *Store) Frozen(ctx context.Context, name string) (kv.Frozen, error) {
	f, err := s.Store.Frozen(ctx, name)
	if err != nil {
		return nil, err
	}
	return frozen{reader{f, s}, f}, nil
}

// frozen is a kv.Frozen whose values are opened.
type frozen struct {
	reader
	frozen kv.Frozen
}

// Bytes implements kv.Frozen.
func (f frozen) Bytes() uint64 { return f.frozen.Bytes() }

// Close implements kv.Frozen.
func (f frozen) Close() error { return f.frozen.Close() }

// reader is a kv.Reader whose values are opened.
type reader struct {
	inner kv.Reader
	store *Store
}

// Get implements kv.Reader.
func (r reader) Get(ctx context.Context, key []byte) ([]byte, error) {
	value, err := r.inner.Get(ctx, key)
	return r.store.opened(ctx, key, value, err)
}

// opened returns the value under key, of which value or err was read.
func (s *Store) opened(ctx context.Context, key, value []byte, err error) ([]byte, error) {
	if err != nil || !isSealed(key, value) {
		return value, err
	}
	return s.open(ctx, make([]byte, 0, len(value)), key, value)
}

// Scan implements kv.Reader.
func (r reader) Scan(ctx context.Context, rng kv.Range) iter.Seq2[kv.Pair, error] {
	return func(yield func(kv.Pair, error) bool) {
		var buffer []byte // of the value before
		for p, err := range r.inner.Scan(ctx, rng) {
			if err == nil && isSealed(p.Key, p.Value) {
				buffer, err = r.store.open(ctx, buffer[:0], p.Key, p.Value)
				p.Value = buffer
			}
			if !yield(p, err) || err != nil {
				return
			}
		}
	}
}

// tx is a kv.Tx whose values are sealed.
type tx struct {
	reader
	tx     kv.Tx
	buffer []byte
}

// GetLocked implements kv.Tx.
func (t *tx) GetLocked(ctx context.Context, key []byte) ([]byte, error) {
	value, err := t.tx.GetLocked(ctx, key)
	return t.store.opened(ctx, key, value, err)
}

// Put implements kv.Tx.
func (t *tx) Put(key, value []byte) error {
	value, err := t.seal(key, place(key), value)
	if err != nil {
		return err
	}
	return t.tx.Put(key, value)
}

// Append implements kv.Tx.
func (t *tx) Append(prefix, value []byte) error {
	value, err := t.seal(prefix, prefix, value)
	if err != nil {
		return err
	}
	return t.tx.Append(prefix, value)
}

// seal returns value as it is written under a key that begins with prefix: sealed
// for a place, until the next call, or as it is.
func (t *tx) seal(prefix, where, value []byte) (written []byte, err error) {
	k := t.store.keyOf(prefix)
	if k == nil {
		return value, nil
	}
	t.buffer, err = t.store.seal(t.buffer[:0], k, where, value)
	return t.buffer, err
}

// Delete implements kv.Tx.
func (t *tx) Delete(key []byte) error { return t.tx.Delete(key) }
