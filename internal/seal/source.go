package seal

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
)

// Source has a root key: it wraps keys and unwraps them. What was wrapped for one
// purpose does not unwrap for another.
type Source interface {
	Wrap(ctx context.Context, purpose string, key []byte) (wrapped []byte, err error)
	Unwrap(ctx context.Context, purpose string, wrapped []byte) (key []byte, err error)
	Name() string // for people, and no secret
}

// FromFile returns the root key in a file: 32 bytes, or those in base64 or
// hexadecimal. What the key does not unwrap is tried with the one that is in the
// file then: it may be put in place of the old one.
func FromFile(path string) (Source, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the key file: %w", err)
	}
	defer clear(text)
	r, err := newRoot("the key in the file "+path, text)
	if err != nil {
		return nil, err
	}
	r.path = path
	return r, nil
}

// FromVariable returns the root key in an environment variable, in base64 or
// hexadecimal.
func FromVariable(name string) (Source, error) {
	text, ok := os.LookupEnv(name)
	if !ok {
		return nil, fmt.Errorf("there is no environment variable %s, which is to hold the key", name)
	}
	r, err := newRoot("the key in the variable "+name, []byte(text))
	if err != nil {
		return nil, err
	}
	return r, nil
}

// root is a Source that has its key in memory.
type root struct {
	name string
	key  secret
	path string // of the file that it is from; "" for none
}

// newRoot reads a key. No error says what text is.
func newRoot(name string, text []byte) (*root, error) {
	if key := decodeKey(text); key != nil {
		return &root{name: name, key: keep(key)}, nil
	}
	return nil, fmt.Errorf("%s is none: use 32 random bytes, in base64 or hexadecimal (openssl rand -base64 32)", name)
}

// decodeKey returns a key in any of its forms, nil if text is none.
func decodeKey(text []byte) []byte {
	if len(text) == KeyBytes {
		return bytes.Clone(text)
	}
	trimmed := bytes.TrimSpace(text)
	key := make([]byte, len(trimmed))
	for _, decode := range []func(dst, src []byte) (int, error){hex.Decode, base64.StdEncoding.Decode} {
		if n, err := decode(key, trimmed); err == nil && n == KeyBytes {
			return key[:n:n]
		}
	}
	return nil
}

// Name implements Source.
func (r *root) Name() string { return r.name }

// Wrap implements Source.
func (r *root) Wrap(_ context.Context, purpose string, key []byte) ([]byte, error) {
	aead, err := NewAEAD(r.key())
	if err != nil {
		return nil, err
	}
	return aead.Seal(nil, nil, key, []byte(purpose)), nil
}

var errWrongKey = errors.New("it is not the key that was used, or the file was changed")

// Unwrap implements Source.
func (r *root) Unwrap(ctx context.Context, purpose string, wrapped []byte) ([]byte, error) {
	aead, err := NewAEAD(r.key())
	if err != nil {
		return nil, err
	}
	key, err := aead.Open(nil, nil, wrapped, []byte(purpose))
	if err == nil {
		return key, nil
	}
	if r.path != "" {
		if now, err := FromFile(r.path); err == nil {
			again := now.(*root)
			again.path = ""
			return again.Unwrap(ctx, purpose, wrapped)
		}
	}
	return nil, errWrongKey
}

// NewKey returns a new root key as FromFile reads it, in base64 with a line end.
func NewKey() []byte {
	return append(base64.StdEncoding.AppendEncode(nil, newSecret()()), '\n')
}
