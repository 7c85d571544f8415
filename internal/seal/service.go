package seal

import (
	"context"
	"errors"
	"fmt"
)

// Service has keys that wrap the data keys of tables, as AWS KMS does. A key that
// cannot be used makes a *KeyError; other errors say nothing about it.
type Service interface {
	// Resolve returns the ARN of the enabled key that has the id, ARN, alias
	// ("alias/…") or ARN of an alias.
	Resolve(ctx context.Context, name string) (arn string, err error)
	Wrap(ctx context.Context, arn, purpose string, key []byte) (wrapped []byte, err error)
	Unwrap(ctx context.Context, arn, purpose string, wrapped []byte) (key []byte, err error)
}

// KeyError says why a key cannot be used, as KMS does.
type KeyError struct {
	Code    string // NotFoundException, DisabledException, KMSInvalidStateException, AccessDeniedException
	Message string
}

// Error implements error.
func (e *KeyError) Error() string { return e.Code + ": " + e.Message }

// States of a key.
const (
	StateEnabled  = "Enabled"
	StateDisabled = "Disabled"
)

// stateError returns why a key in a state cannot be used, nil if it can. The
// sentences are KMS's.
func stateError(arn, state string) error {
	switch state {
	case StateEnabled:
		return nil
	case StateDisabled:
		return &KeyError{"DisabledException", arn + " is disabled."}
	case "PendingDeletion":
		return &KeyError{"KMSInvalidStateException", arn + " is pending deletion."}
	}
	return &KeyError{"KMSInvalidStateException", arn + " is in the state " + state + "."}
}

func notFound(arn string) error {
	return &KeyError{"NotFoundException", fmt.Sprintf("Key '%s' does not exist", arn)}
}

// NoService is a Service without keys.
type NoService struct{}

var errNoService = &KeyError{"NotFoundException", "There is no key management service"}

// Resolve implements Service.
func (NoService) Resolve(context.Context, string) (string, error) { return "", errNoService }

// Wrap implements Service.
func (NoService) Wrap(context.Context, string, string, []byte) ([]byte, error) {
	return nil, errNoService
}

// Unwrap implements Service.
func (NoService) Unwrap(context.Context, string, string, []byte) ([]byte, error) {
	return nil, errNoService
}

// Both returns a Service that has the keys of ring, of which it takes the one
// that ManagedAlias names, and those of kms. Either may be nil.
func Both(ring *Ring, kms *KMS) Service {
	switch {
	case ring == nil && kms == nil:
		return nil
	case ring == nil:
		return kms
	case kms == nil:
		return ring
	}
	return both{ring, kms}
}

type both struct {
	ring *Ring
	kms  *KMS
}

// Resolve implements Service.
func (b both) Resolve(ctx context.Context, name string) (string, error) {
	arn, err := b.ring.Resolve(ctx, name)
	if missing := (*KeyError)(nil); errors.As(err, &missing) && missing.Code == "NotFoundException" {
		return b.kms.Resolve(ctx, name)
	}
	return arn, err
}

// Wrap implements Service.
func (b both) Wrap(ctx context.Context, arn, purpose string, key []byte) ([]byte, error) {
	return b.of(arn).Wrap(ctx, arn, purpose, key)
}

// Unwrap implements Service.
func (b both) Unwrap(ctx context.Context, arn, purpose string, wrapped []byte) ([]byte, error) {
	return b.of(arn).Unwrap(ctx, arn, purpose, wrapped)
}

// of returns who has the key with an ARN.
func (b both) of(arn string) Service {
	if b.ring.find(arn) != nil {
		return b.ring
	}
	return b.kms
}
