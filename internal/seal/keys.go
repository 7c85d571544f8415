package seal

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/statordb/stator/internal/datadir"
)

// KeyBytes is the length of every key: they are for AES-256.
const KeyBytes = 32

const idBytes = 16

// ID names a data key. It is random and no secret.
type ID [idBytes]byte

// String returns the ID in hexadecimal.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// MarshalText implements encoding.TextMarshaler.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (id *ID) UnmarshalText(text []byte) error {
	b, err := hex.DecodeString(string(text))
	if err == nil && len(b) != idBytes {
		err = fmt.Errorf("it has %d bytes, not %d", len(b), idBytes)
	}
	copy(id[:], b)
	return err
}

// secret returns a key. It is a function because fmt and what encodes by
// reflection print the bytes of anything else, however deep, whatever methods it has.
type secret func() []byte

// newSecret returns a new key.
func newSecret() secret {
	key := make([]byte, KeyBytes)
	_, _ = rand.Read(key) // it never fails
	return keep(key)
}

// keep returns key, which nobody else keeps.
func keep(key []byte) secret { return func() []byte { return key } }

// dataKey is a data key that was unwrapped.
type dataKey struct {
	id     ID
	secret secret
}

// Keys are the data keys of a data directory. Its methods are safe for concurrent
// use.
type Keys struct {
	path   string // of the file KEYS; "" for keys that are in memory only
	source Source
	mu     struct {
		sync.RWMutex
		keys []*dataKey // the newest is the last
		ring []*ringKey
		read os.FileInfo
	}
}

// InMemory returns keys of which there is no file: one new data key.
func InMemory() *Keys {
	k := &Keys{}
	k.mu.keys = []*dataKey{newDataKey()}
	return k
}

func newDataKey() *dataKey {
	k := &dataKey{secret: newSecret()}
	_, _ = rand.Read(k.id[:]) // it never fails
	return k
}

// Newest returns the id of the key that new files are sealed under.
func (k *Keys) Newest() ID {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.mu.keys[len(k.mu.keys)-1].id
}

// ErrUnknownKey is in the error for what is sealed under a key that is not there.
var ErrUnknownKey = errors.New("is encrypted under a data key that KEYS does not have")

func (k *Keys) find(id ID) (*dataKey, error) {
	if key := k.known(id); key != nil {
		return key, nil
	}
	return nil, fmt.Errorf("%w: %s", ErrUnknownKey, id)
}

func (k *Keys) known(id ID) *dataKey {
	k.mu.RLock()
	defer k.mu.RUnlock()
	for _, key := range slices.Backward(k.mu.keys) {
		if key.id == id {
			return key
		}
	}
	return nil
}

// file is what KEYS holds, as JSON.
type file struct {
	Format   string        `json:"format"`
	Root     string        `json:"root"` // the Source's name
	DataKeys []wrappedKey  `json:"dataKeys"`
	Ring     []wrappedRing `json:"tableKeys,omitempty"`
}

const fileFormat = "stator keys 1"

// wrappedKey is a data key in KEYS.
type wrappedKey struct {
	ID      ID        `json:"id"`
	Created time.Time `json:"created"`
	Wrapped []byte    `json:"wrapped"` // by the root key
}

// purpose is what a wrapped key is bound to: it opens as nothing else.
func (w *wrappedKey) purpose() string { return "stator data key " + w.ID.String() }

// Create writes a file of keys with one new data key, durably.
func Create(ctx context.Context, path string, source Source, now time.Time) (*Keys, error) {
	if _, err := os.Lstat(path); err == nil {
		return nil, fmt.Errorf("%s is there already", path)
	}
	f := &file{Format: fileFormat, Root: source.Name()}
	if err := f.add(ctx, source, now); err != nil {
		return nil, err
	}
	if err := f.addRing(ctx, source, ManagedAlias, now); err != nil {
		return nil, err
	}
	if err := f.write(path); err != nil {
		return nil, err
	}
	return Open(ctx, path, source)
}

// Open reads a file of keys.
func Open(ctx context.Context, path string, source Source) (*Keys, error) {
	k := &Keys{path: path, source: source}
	return k, k.Reload(ctx)
}

// Reload reads the file of keys again if it has changed. If that fails, the keys
// that were read before stay.
func (k *Keys) Reload(ctx context.Context) error {
	if k.path == "" {
		return nil
	}
	info, err := os.Stat(k.path)
	if err != nil || k.same(info) {
		return err
	}
	f, err := readFile(k.path)
	if err != nil {
		return err
	}
	keys, err := k.unwrap(ctx, f)
	if err != nil {
		return fmt.Errorf("%s cannot be opened with %s: %w", k.path, k.source.Name(), err)
	}
	ring, err := k.unwrapRing(ctx, f)
	if err != nil {
		return fmt.Errorf("%s cannot be opened with %s: %w", k.path, k.source.Name(), err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.mu.keys, k.mu.ring, k.mu.read = keys, ring, info
	return nil
}

// same reports whether the file of keys is the one that was read last: a new one
// is another file.
func (k *Keys) same(info os.FileInfo) bool {
	k.mu.RLock()
	defer k.mu.RUnlock()
	last := k.mu.read
	return last != nil && os.SameFile(last, info) && last.ModTime().Equal(info.ModTime()) && last.Size() == info.Size()
}

// unwrap returns the data keys of f. It asks the source only for those that are
// not known yet.
func (k *Keys) unwrap(ctx context.Context, f *file) ([]*dataKey, error) {
	var keys []*dataKey
	for _, w := range f.DataKeys {
		key := k.known(w.ID)
		if key == nil {
			secret, err := unwrapKey(ctx, k.source, w.purpose(), w.Wrapped)
			if err != nil {
				return nil, err
			}
			key = &dataKey{id: w.ID, secret: secret}
		}
		keys = append(keys, key)
	}
	return keys, nil
}

func unwrapKey(ctx context.Context, source Source, purpose string, wrapped []byte) (secret, error) {
	plain, err := source.Unwrap(ctx, purpose, wrapped)
	if err != nil {
		return nil, err
	}
	if len(plain) != KeyBytes {
		return nil, fmt.Errorf("a key has %d bytes, not %d", len(plain), KeyBytes)
	}
	return keep(plain), nil
}

// Rotate adds a data key to a file of keys: what is written from now on is sealed
// under it. A server notices within seconds.
func Rotate(ctx context.Context, path string, source Source, now time.Time) (ID, error) {
	var id ID
	err := change(path, func(f *file) error {
		if _, err := (&Keys{source: source}).unwrap(ctx, f); err != nil {
			return fmt.Errorf("%s cannot be opened with %s: %w", path, source.Name(), err)
		}
		if err := f.add(ctx, source, now); err != nil {
			return err
		}
		id = f.DataKeys[len(f.DataKeys)-1].ID
		return nil
	})
	return id, err
}

// Rewrap wraps the keys in a file of keys anew, by another root key.
func Rewrap(ctx context.Context, path string, from, to Source) error {
	return change(path, func(f *file) error {
		k := &Keys{source: from}
		keys, err := k.unwrap(ctx, f)
		if err != nil {
			return fmt.Errorf("%s cannot be opened with %s: %w", path, from.Name(), err)
		}
		ring, err := k.unwrapRing(ctx, f)
		if err != nil {
			return fmt.Errorf("%s cannot be opened with %s: %w", path, from.Name(), err)
		}
		for i := range f.DataKeys {
			w := &f.DataKeys[i]
			if w.Wrapped, err = to.Wrap(ctx, w.purpose(), keys[i].secret()); err != nil {
				return err
			}
		}
		for i := range f.Ring {
			w := &f.Ring[i]
			if w.Wrapped, err = to.Wrap(ctx, w.purpose(), ring[i].secret()); err != nil {
				return err
			}
		}
		f.Root = to.Name()
		return nil
	})
}

// Info is what can be said of a data key.
type Info struct {
	ID      ID        `json:"id"`
	Created time.Time `json:"created"`
}

// Describe returns what wraps the data keys in a file of keys, and the data keys,
// of which the last is in use. It needs no key.
func Describe(path string) (root string, keys []Info, err error) {
	f, err := readFile(path)
	if err != nil {
		return "", nil, err
	}
	for _, w := range f.DataKeys {
		keys = append(keys, Info{w.ID, w.Created})
	}
	return f.Root, keys, nil
}

// add adds a new data key.
func (f *file) add(ctx context.Context, source Source, now time.Time) error {
	key := newDataKey()
	w := wrappedKey{ID: key.id, Created: now.UTC().Truncate(time.Second)}
	var err error
	if w.Wrapped, err = source.Wrap(ctx, w.purpose(), key.secret()); err != nil {
		return err
	}
	f.DataKeys = append(f.DataKeys, w)
	return nil
}

// change changes a file of keys: nobody else does meanwhile.
func change(path string, how func(*file) error) error {
	lock, err := datadir.LockFile(path + ".lock")
	if err != nil {
		return err
	}
	if lock == nil {
		return fmt.Errorf("%s is being changed by another process: try again", path)
	}
	defer lock.Close()
	f, err := readFile(path)
	if err != nil {
		return err
	}
	if err := how(f); err != nil {
		return err
	}
	return f.write(path)
}

func readFile(path string) (*file, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("there is no file %s: the data is not encrypted, or the file is lost", path)
		}
		return nil, err
	}
	f := new(file)
	if err := json.Unmarshal(text, f); err != nil {
		return nil, fmt.Errorf("%s is damaged: put it back from a backup (%w)", path, err)
	}
	if f.Format != fileFormat || len(f.DataKeys) == 0 {
		return nil, fmt.Errorf("%s has the format %q with %d keys: it is damaged, or of a newer Stator", path, f.Format, len(f.DataKeys))
	}
	return f, nil
}

// write puts f in place of what is at path.
func (f *file) write(path string) error {
	text, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return err
	}
	return datadir.ReplaceFile(path, append(text, '\n'))
}
