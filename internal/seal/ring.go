package seal

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// ManagedAlias names the key of tables that ask for KMS and name no key.
const ManagedAlias = "alias/aws/dynamodb"

// Ring is a Service without a KMS: its keys are in the file of keys, wrapped by
// the root key, and follow the file as Keys.Reload does.
type Ring struct {
	keys   *Keys
	prefix string // of the ARNs, "arn:aws:kms:us-east-1:123456789012:"
}

// NewRing returns the ring in a file of keys; region and account are in the ARNs.
func NewRing(keys *Keys, region, account string) *Ring {
	return &Ring{keys, "arn:aws:kms:" + region + ":" + account + ":"}
}

// ringKey is a key of a ring that was unwrapped.
type ringKey struct {
	id, alias, state string
	secret           secret
}

// wrappedRing is a key of a ring in KEYS.
type wrappedRing struct {
	ID      string    `json:"id"`
	Alias   string    `json:"alias"`
	State   string    `json:"state"`
	Created time.Time `json:"created"`
	Wrapped []byte    `json:"wrapped"` // by the root key
}

func (w *wrappedRing) purpose() string { return "stator table key " + w.ID }

// unwrapRing returns the ring in f. It asks the source only for keys that are not
// known yet.
func (k *Keys) unwrapRing(ctx context.Context, f *file) (ring []*ringKey, err error) {
	k.mu.RLock()
	known := k.mu.ring
	k.mu.RUnlock()
	for _, w := range f.Ring {
		key := &ringKey{id: w.ID, alias: w.Alias, state: w.State}
		if i := slices.IndexFunc(known, func(r *ringKey) bool { return r.id == w.ID }); i >= 0 {
			key.secret = known[i].secret
		} else if key.secret, err = unwrapKey(ctx, k.source, w.purpose(), w.Wrapped); err != nil {
			return nil, err
		}
		ring = append(ring, key)
	}
	return ring, nil
}

// find returns the key that name is the id, the ARN, the alias or the ARN of the
// alias of; nil if there is none. Region and account of an ARN do not matter: a
// server may be given others.
func (r *Ring) find(name string) *ringKey {
	if parts := strings.SplitN(name, ":", 6); len(parts) == 6 && parts[0] == "arn" {
		name = parts[5]
	}
	name = strings.TrimPrefix(name, "key/")
	r.keys.mu.RLock()
	defer r.keys.mu.RUnlock()
	for _, key := range r.keys.mu.ring {
		if name == key.id || name == key.alias {
			return key
		}
	}
	return nil
}

// use returns the key with a name, if it is enabled, and its ARN.
func (r *Ring) use(name string) (*ringKey, string, error) {
	key := r.find(name)
	if key == nil {
		if !strings.HasPrefix(name, "arn:") {
			name = r.prefix + "key/" + name
		}
		return nil, "", notFound(name)
	}
	arn := r.prefix + "key/" + key.id
	return key, arn, stateError(arn, key.state)
}

// Resolve implements Service.
func (r *Ring) Resolve(_ context.Context, name string) (arn string, err error) {
	_, arn, err = r.use(name)
	return arn, err
}

// Wrap implements Service.
func (r *Ring) Wrap(ctx context.Context, arn, purpose string, key []byte) ([]byte, error) {
	k, _, err := r.use(arn)
	if err != nil {
		return nil, err
	}
	return (&root{key: k.secret}).Wrap(ctx, purpose, key)
}

// Unwrap implements Service.
func (r *Ring) Unwrap(ctx context.Context, arn, purpose string, wrapped []byte) ([]byte, error) {
	k, _, err := r.use(arn)
	if err != nil {
		return nil, err
	}
	return (&root{key: k.secret}).Unwrap(ctx, purpose, wrapped)
}

// RingKey is what can be said of a key of a ring.
type RingKey struct {
	ID      string    `json:"id"`
	Alias   string    `json:"alias"`
	State   string    `json:"state"`
	Created time.Time `json:"created"`
}

// DescribeRing returns the keys of the ring in a file of keys. It needs no key.
func DescribeRing(path string) (ring []RingKey, err error) {
	f, err := readFile(path)
	if err != nil {
		return nil, err
	}
	for _, w := range f.Ring {
		ring = append(ring, RingKey{w.ID, w.Alias, w.State, w.Created})
	}
	return ring, nil
}

// aliasPattern is that of KMS.
var aliasPattern = regexp.MustCompile(`^alias/[a-zA-Z0-9/_-]{1,250}$`)

// CreateRingKey adds an enabled key with an alias to the ring in a file of keys.
func CreateRingKey(ctx context.Context, path string, source Source, alias string, now time.Time) error {
	if !aliasPattern.MatchString(alias) || strings.HasPrefix(alias, "alias/aws/") {
		return fmt.Errorf("%q cannot be the alias of a key: use one like alias/orders, not alias/aws/…", alias)
	}
	return change(path, func(f *file) error {
		if slices.ContainsFunc(f.Ring, func(w wrappedRing) bool { return w.Alias == alias }) {
			return fmt.Errorf("there is a key %s already", alias)
		}
		if _, err := (&Keys{source: source}).unwrap(ctx, f); err != nil {
			return fmt.Errorf("%s cannot be opened with %s: %w", path, source.Name(), err)
		}
		return f.addRing(ctx, source, alias, now)
	})
}

// addRing adds a key to the ring.
func (f *file) addRing(ctx context.Context, source Source, alias string, now time.Time) (err error) {
	w := wrappedRing{ID: uuid.NewString(), Alias: alias, State: StateEnabled, Created: now.UTC().Truncate(time.Second)}
	if w.Wrapped, err = source.Wrap(ctx, w.purpose(), newSecret()()); err == nil {
		f.Ring = append(f.Ring, w)
	}
	return err
}

// SetRingKey gives the key of a ring with an id or alias a state, or removes it
// for good if the state is "". It needs no key.
func SetRingKey(path, name, state string) error {
	return change(path, func(f *file) error {
		i := slices.IndexFunc(f.Ring, func(w wrappedRing) bool { return w.ID == name || w.Alias == name })
		switch {
		case i < 0:
			return fmt.Errorf("there is no key %s in %s", name, path)
		case f.Ring[i].Alias == ManagedAlias:
			return errors.New(ManagedAlias + " cannot be disabled or removed: tables that ask for KMS without a key use it")
		case state == "":
			f.Ring = slices.Delete(f.Ring, i, i+1)
		default:
			f.Ring[i].State = state
		}
		return nil
	})
}
