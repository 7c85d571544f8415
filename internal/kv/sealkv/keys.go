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

	"golang.org/x/sync/errgroup"

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
	aead   atomic.Pointer[opened] // nil: it cannot be used, or has not been asked for
	asking sync.Mutex             // held while it is asked for on demand
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

// Open reads the keys in store. Service is asked for them by Refresh and when
// values are read.
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

// Access returns why the key with a number cannot be used, nil if it can, or has not
// been asked for.
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
	return s.mu.gone[k.Service]
}

// manyAsked is how many keys that one key of the service wraps are asked for at a
// time.
const manyAsked = 16

// Refresh asks the service which of its keys can be used, about all of them at the
// same time: for one key each that it wraps, and for those of Assign. The others are
// asked for when a value under them is read.
func (s *Store) Refresh(ctx context.Context) error {
	s.refresh.Lock()
	defer s.refresh.Unlock()
	wanted := s.wanted()
	arns := slices.Sorted(maps.Keys(wanted))
	errs := make([]error, len(arns))
	var asking sync.WaitGroup
	for i, arn := range arns {
		asking.Go(func() {
			if err := s.ask(ctx, wanted[arn]); err != nil {
				errs[i] = fmt.Errorf("ask for the key %s: %w", arn, err)
			}
		})
	}
	asking.Wait()
	return errors.Join(errs...)
}

// wanted returns the keys of Assign by the ARN of what wraps them, and one key for
// each other ARN of which it is known whether it can be used.
func (s *Store) wanted() map[string][]*key {
	wanted := map[string][]*key{}
	s.mu.RLock()
	defer s.mu.RUnlock()
	assigned := map[uint32]bool{}
	for _, k := range *s.spaces.Load() {
		if !assigned[k.number] && k.Service != "" {
			wanted[k.Service] = append(wanted[k.Service], k)
		}
		assigned[k.number] = true
	}
	for _, k := range s.mu.keys {
		if wanted[k.Service] == nil && (k.aead.Load() != nil || s.mu.gone[k.Service] != nil) {
			wanted[k.Service] = []*key{k}
		}
	}
	return wanted
}

// ask asks for keys, which one key of the service wraps: for the first to see
// whether it can be used, and for the others that could not be until now.
func (s *Store) ask(ctx context.Context, keys []*key) error {
	if err := s.unwrap(ctx, keys[0], true); err != nil {
		return s.lose(keys[0].Service, err)
	}
	var asking errgroup.Group
	asking.SetLimit(manyAsked)
	for _, k := range keys[1:] {
		if k.aead.Load() == nil {
			asking.Go(func() error { return s.unwrap(ctx, k, false) })
		}
	}
	if err := asking.Wait(); err != nil {
		return s.lose(keys[0].Service, err)
	}
	return nil
}

// unwrap asks the service for k, which can be used from then on. If what wraps it
// could not be used, it can again if first is true, and otherwise is asked for first.
func (s *Store) unwrap(ctx context.Context, k *key, first bool) error {
	secret, err := s.service.Unwrap(ctx, k.Service, purpose(k.number), k.Wrapped)
	defer clear(secret)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if first {
		delete(s.mu.gone, k.Service)
	}
	if s.mu.gone[k.Service] != nil || k.aead.Load() != nil {
		return nil
	}
	return k.use(secret)
}

// demand asks for k, which has not been asked for. What came of it, Access says.
func (s *Store) demand(ctx context.Context, k *key) error {
	k.asking.Lock()
	defer k.asking.Unlock()
	if k.aead.Load() != nil || s.Access(k.number) != nil {
		return nil // who held the lock before has asked
	}
	if err := s.unwrap(ctx, k, false); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		_ = s.lose(k.Service, err) // Refresh says it too
	}
	return nil
}

// lose forgets the keys that a key of the service wraps, if err is its refusal,
// and otherwise returns err. Those that are not there are not asked for until Refresh
// has found that they can be used.
func (s *Store) lose(arn string, err error) error {
	var cause *seal.KeyError
	known := errors.As(err, &cause)
	if !known {
		cause = &seal.KeyError{Code: "KMSInternalException", Message: "The key management service does not answer"}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	lost := false
	for _, k := range s.mu.keys {
		if known && k.Service == arn {
			lost = k.aead.Swap(nil) != nil || lost
		}
	}
	if before := s.mu.gone[arn]; before == nil || *before.Cause != *cause {
		since := s.now()
		if before != nil && !lost {
			since = before.Since
		}
		s.mu.gone[arn] = &Inaccessible{arn, since, cause}
	}
	if known {
		return nil
	}
	return err
}
