package seal

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/kms"
)

// Source has a root key: it wraps keys and unwraps them. What was wrapped for one
// purpose does not unwrap for another.
type Source interface {
	Wrap(ctx context.Context, purpose string, key []byte) (wrapped []byte, err error)
	Unwrap(ctx context.Context, purpose string, wrapped []byte) (key []byte, err error)
	Name() string // for people, and no secret
}

// FromFile returns the root key in a file: 32 bytes, or those in base64 or
// hexadecimal.
func FromFile(path string) (Source, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the key file: %w", err)
	}
	defer clear(text)
	return newRoot("the key in the file "+path, text)
}

// FromVariable returns the root key in an environment variable, in base64 or
// hexadecimal.
func FromVariable(name string) (Source, error) {
	text, ok := os.LookupEnv(name)
	if !ok {
		return nil, fmt.Errorf("there is no environment variable %s, which is to hold the key", name)
	}
	return newRoot("the key in the variable "+name, []byte(text))
}

// root is a Source that has its key in memory.
type root struct {
	name string
	key  secret
}

// newRoot reads a key. No error says what text is.
func newRoot(name string, text []byte) (Source, error) {
	if key := decodeKey(text); key != nil {
		return &root{name, keep(key)}, nil
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
	aead, err := newAEAD(r.key())
	if err != nil {
		return nil, err
	}
	return aead.Seal(nil, nil, key, []byte(purpose)), nil
}

var errWrongKey = errors.New("it is not the key that was used, or the file was changed")

// Unwrap implements Source.
func (r *root) Unwrap(_ context.Context, purpose string, wrapped []byte) ([]byte, error) {
	aead, err := newAEAD(r.key())
	if err != nil {
		return nil, err
	}
	key, err := aead.Open(nil, nil, wrapped, []byte(purpose))
	if err != nil {
		return nil, errWrongKey
	}
	return key, nil
}

// kmsSource is a Source whose root key never leaves a KMS.
type kmsSource struct {
	client *kms.Client
	key    string
}

// FromKMS returns the root key with an id, an alias or an ARN at a KMS: at
// endpoint, a URL, or if that is "" at the one of AWS in the region. Credentials
// are those of the environment: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY,
// AWS_SESSION_TOKEN.
func FromKMS(key, endpoint, region string) Source {
	o := kms.Options{Region: region, Credentials: credentials.NewStaticCredentialsProvider(
		cmp.Or(os.Getenv("AWS_ACCESS_KEY_ID"), "stator"), cmp.Or(os.Getenv("AWS_SECRET_ACCESS_KEY"), "stator"), os.Getenv("AWS_SESSION_TOKEN"))}
	if endpoint != "" {
		o.BaseEndpoint = &endpoint
	}
	return &kmsSource{kms.New(o), key}
}

// Name implements Source.
func (s *kmsSource) Name() string { return "the KMS key " + s.key }

// encryptionContext binds what KMS encrypts to a purpose.
func encryptionContext(purpose string) map[string]string {
	return map[string]string{"stator:purpose": purpose}
}

// Wrap implements Source.
func (s *kmsSource) Wrap(ctx context.Context, purpose string, key []byte) ([]byte, error) {
	out, err := s.client.Encrypt(ctx, &kms.EncryptInput{KeyId: &s.key, Plaintext: key, EncryptionContext: encryptionContext(purpose)})
	if err != nil {
		return nil, fmt.Errorf("encrypt with %s: %w", s.Name(), err)
	}
	return out.CiphertextBlob, nil
}

// Unwrap implements Source.
func (s *kmsSource) Unwrap(ctx context.Context, purpose string, wrapped []byte) ([]byte, error) {
	out, err := s.client.Decrypt(ctx, &kms.DecryptInput{
		KeyId: aws.String(s.key), CiphertextBlob: wrapped, EncryptionContext: encryptionContext(purpose)})
	if err != nil {
		return nil, fmt.Errorf("decrypt with %s: %w", s.Name(), err)
	}
	return out.Plaintext, nil
}

// NewKey returns a new root key as FromFile reads it, in base64 with a line end.
func NewKey() []byte {
	return append(base64.StdEncoding.AppendEncode(nil, newSecret()()), '\n')
}
