package sealkv

import (
	"cmp"
	"context"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/statordb/stator/internal/kv"
	"github.com/statordb/stator/internal/seal"
)

// keyPrefix is what the rows of keys begin with; the number follows. Number 0 is
// the row of the last number that was given out.
const keyPrefix = 'k'

func keyRow(number uint32) []byte { return binary.BigEndian.AppendUint32([]byte{keyPrefix}, number) }

// row is a key as it is stored.
type row struct {
	Service string // ARN of the key that wraps it
	Wrapped []byte
}

func purpose(number uint32) string { return fmt.Sprintf("stator table data key %d", number) }

// key is a key of a table.
type key struct {
	row
	number uint32
	aead   atomic.Pointer[opened] // nil: it cannot be used
}

type opened struct{ cipher.AEAD }

// Inaccessible is the error for a value whose key cannot be used now.
type Inaccessible struct {
	ARN   string
	Since time.Time
	Cause *seal.KeyError
}

// Error implements error.
func (e *Inaccessible) Error() string {
	return "the key " + e.ARN + " cannot be used: " + e.Cause.Error()
}

// Store is a kv.Store whose values may be sealed. Make one with Open.
type Store struct {
	kv.Store
	service seal.Service
	now     func() time.Time
	spaces  atomic.Pointer[map[uint32]*key] // that have a key
	refresh sync.Mutex                      // held by Refresh
	mu      struct {
		sync.RWMutex
		keys map[uint32]*key          // by number
		gone map[string]*Inaccessible // by ARN
	}
}

// openTime is how long Open waits for a service.
const openTime = 10 * time.Second

// Open reads the keys in store and asks service for them, for some seconds at most.
func Open(ctx context.Context, store kv.Store, service seal.Service, now func() time.Time) (*Store, error) {
	s := &Store{Store: store, service: service, now: now}
	s.spaces.Store(&map[uint32]*key{})
	s.mu.keys, s.mu.gone = map[uint32]*key{}, map[string]*Inaccessible{}
	err := store.View(ctx, kv.ReadOptions{Consistent: true}, func(r kv.Reader) error {
		for p, err := range r.Scan(ctx, kv.Range{Start: keyRow(1), End: []byte{keyPrefix + 1}}) {
			if err != nil {
				return err
			}
			k := &key{number: binary.BigEndian.Uint32(p.Key[1:])}
			if err := json.Unmarshal(p.Value, &k.row); err != nil {
				return fmt.Errorf("key %d: %w", k.number, err)
			}
			s.mu.keys[k.number] = k
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the keys of tables: %w", err)
	}
	asking, stop := context.WithTimeout(ctx, openTime)
	defer stop()
	_ = s.Refresh(asking) // tables whose keys are not there are inaccessible
	return s, nil
}

// HasKeys reports whether a store has keys of tables.
func HasKeys(ctx context.Context, store kv.Store) (found bool, err error) {
	at := keyRow(0)
	err = store.View(ctx, kv.ReadOptions{Consistent: true, Keys: [][]byte{at}}, func(r kv.Reader) error {
		last, err := r.Get(ctx, at)
		found = last != nil
		return err
	})
	return found, err
}

// Resolve returns the ARN of an enabled key of the service.
func (s *Store) Resolve(ctx context.Context, name string) (arn string, err error) {
	return s.service.Resolve(ctx, name)
}

// NewKey makes a key for a table, wrapped by the service's key with an ARN, and
// returns its number.
func (s *Store) NewKey(ctx context.Context, arn string) (number uint32, err error) {
	var secret [seal.KeyBytes]byte
	_, _ = rand.Read(secret[:]) // it never fails
	defer clear(secret[:])
	if number, err = s.nextNumber(ctx); err != nil {
		return 0, err
	}
	k := &key{number: number, row: row{Service: arn}}
	if k.Wrapped, err = s.service.Wrap(ctx, arn, purpose(number), secret[:]); err != nil {
		return 0, err
	}
	text, err := json.Marshal(k.row)
	if err != nil {
		return 0, err
	}
	at := keyRow(number)
	err = s.Store.Update(ctx, kv.TxOptions{Keys: [][]byte{at}}, func(tx kv.Tx) error { return tx.Put(at, text) })
	if err != nil {
		return 0, fmt.Errorf("keep a key: %w", err)
	}
	if err := k.use(secret[:]); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.keys[number] = k
	return number, nil
}

// nextNumber gives out a number, once.
func (s *Store) nextNumber(ctx context.Context) (number uint32, err error) {
	at := keyRow(0)
	err = s.Store.Update(ctx, kv.TxOptions{Keys: [][]byte{at}}, func(tx kv.Tx) error {
		last, err := tx.GetLocked(ctx, at)
		if err != nil {
			return err
		}
		number = 1
		if len(last) == 4 {
			number = binary.BigEndian.Uint32(last) + 1
		}
		return tx.Put(at, binary.BigEndian.AppendUint32(nil, number))
	})
	return number, err
}

func (k *key) use(secret []byte) error {
	aead, err := seal.NewAEAD(secret)
	if err == nil {
		k.aead.Store(&opened{aead})
	}
	return err
}

// Assign seals what is written to spaces from now on under the key with a number;
// 0 is for none.
func (s *Store) Assign(spaces []uint32, number uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := maps.Clone(*s.spaces.Load())
	for _, space := range spaces {
		if delete(now, space); number != 0 {
			// One that is not there is as one that cannot be used: nothing is written plain.
			now[space] = cmp.Or(s.mu.keys[number], &key{number: number})
		}
	}
	s.spaces.Store(&now)
}

// Access returns why the key with a number cannot be used, nil if it can.
func (s *Store) Access(number uint32) *Inaccessible {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.access(number)
}

// access is Access for who holds mu.
func (s *Store) access(number uint32) *Inaccessible {
	k := s.mu.keys[number]
	if k == nil {
		return &Inaccessible{ARN: fmt.Sprint("number ", number), Cause: &seal.KeyError{Code: "NotFoundException", Message: fmt.Sprintf("There is no data key %d", number)}}
	}
	if k.aead.Load() != nil {
		return nil
	}
	if why := s.mu.gone[k.Service]; why != nil {
		return why
	}
	return &Inaccessible{ARN: k.Service, Cause: &seal.KeyError{Code: "KMSInternalException", Message: "The key has not been asked for"}}
}

// Refresh asks the service which of its keys can be used.
func (s *Store) Refresh(ctx context.Context) error {
	s.refresh.Lock()
	defer s.refresh.Unlock()
	wrapped := map[string][]*key{}
	s.mu.RLock()
	for _, k := range s.mu.keys {
		wrapped[k.Service] = append(wrapped[k.Service], k)
	}
	s.mu.RUnlock()
	var errs []error
	for _, arn := range slices.Sorted(maps.Keys(wrapped)) {
		if err := s.ask(ctx, arn, wrapped[arn]); err != nil {
			errs = append(errs, fmt.Errorf("ask for the key %s: %w", arn, err))
		}
	}
	return errors.Join(errs...)
}

// ask asks for the keys that one key of the service wraps: for one of them to see
// whether it can be used, and for those that could not be until now.
func (s *Store) ask(ctx context.Context, arn string, keys []*key) error {
	for i, k := range keys {
		if i > 0 && k.aead.Load() != nil {
			continue
		}
		secret, err := s.service.Unwrap(ctx, arn, purpose(k.number), k.Wrapped)
		if err == nil && k.aead.Load() == nil {
			err = k.use(secret)
		}
		clear(secret)
		if err != nil {
			return s.lose(arn, keys, err)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.mu.gone, arn)
	return nil
}

// lose forgets the keys that a key of the service wraps, if err is its refusal,
// and otherwise returns err.
func (s *Store) lose(arn string, keys []*key, err error) error {
	var cause *seal.KeyError
	known := errors.As(err, &cause)
	if !known {
		cause = &seal.KeyError{Code: "KMSInternalException", Message: "The key management service does not answer"}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	lost := false
	for _, k := range keys {
		if known {
			k.aead.Store(nil)
		}
		lost = lost || k.aead.Load() == nil
	}
	if before := s.mu.gone[arn]; lost && (before == nil || *before.Cause != *cause) {
		since := s.now()
		if before != nil {
			since = before.Since
		}
		s.mu.gone[arn] = &Inaccessible{arn, since, cause}
	}
	if known {
		return nil
	}
	return err
}
