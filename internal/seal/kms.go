package seal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/smithy-go"
)

// KMS is a Service that is reached over AWS KMS's protocol.
type KMS struct {
	// Patience is how long a call waits for an answer, with what is tried again. Set it before
	// the first call, if ever: it is 5 seconds.
	Patience time.Duration
	client   *kms.Client
}

// NewKMS returns the KMS at endpoint, a URL, or if that is "" the one of AWS in
// the region. Credentials are those of the environment: AWS_ACCESS_KEY_ID,
// AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN.
func NewKMS(endpoint, region string) *KMS {
	o := kms.Options{Region: region, RetryMaxAttempts: 2, Credentials: credentials.NewStaticCredentialsProvider(
		cmp.Or(os.Getenv("AWS_ACCESS_KEY_ID"), "stator"), cmp.Or(os.Getenv("AWS_SECRET_ACCESS_KEY"), "stator"), os.Getenv("AWS_SESSION_TOKEN"))}
	if endpoint != "" {
		o.BaseEndpoint = &endpoint
	}
	return &KMS{Patience: 5 * time.Second, client: kms.New(o)}
}

// encryptionContext binds what KMS encrypts to a purpose.
func encryptionContext(purpose string) map[string]string {
	return map[string]string{"stator:purpose": purpose}
}

// refusals are what a KMS answers for a key that cannot be used.
var refusals = []string{"NotFoundException", "DisabledException", "KMSInvalidStateException", "AccessDeniedException", "InvalidKeyUsageException"}

// call calls an operation of the KMS.
func call[In, Out any](ctx context.Context, k *KMS, operation func(context.Context, *In, ...func(*kms.Options)) (*Out, error), in *In) (*Out, error) {
	asking, stop := context.WithTimeout(ctx, k.Patience)
	defer stop()
	out, err := operation(asking, in)
	switch {
	case err == nil:
		return out, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case asking.Err() != nil:
		return nil, fmt.Errorf("the KMS has not answered within %v", k.Patience)
	}
	return nil, failed(err)
}

// failed returns err as a *KeyError if it is the KMS's refusal of the key, and
// otherwise without what differs each time, like the id of the request.
func failed(err error) error {
	var answer smithy.APIError
	var network *net.OpError
	switch {
	case errors.As(err, &answer) && slices.Contains(refusals, answer.ErrorCode()):
		return &KeyError{answer.ErrorCode(), answer.ErrorMessage()}
	case errors.As(err, &answer):
		return fmt.Errorf("the KMS answers %s: %s", answer.ErrorCode(), answer.ErrorMessage())
	case errors.As(err, &network):
		return fmt.Errorf("the KMS cannot be reached: %w", network.Err)
	}
	return err
}

// Resolve implements Service.
func (k *KMS) Resolve(ctx context.Context, name string) (arn string, err error) {
	out, err := call(ctx, k, k.client.DescribeKey, &kms.DescribeKeyInput{KeyId: &name})
	if err != nil {
		return "", err
	}
	arn = aws.ToString(out.KeyMetadata.Arn)
	return arn, stateError(arn, string(out.KeyMetadata.KeyState))
}

// Wrap implements Service.
func (k *KMS) Wrap(ctx context.Context, arn, purpose string, key []byte) ([]byte, error) {
	out, err := call(ctx, k, k.client.Encrypt, &kms.EncryptInput{KeyId: &arn, Plaintext: key, EncryptionContext: encryptionContext(purpose)})
	if err != nil {
		return nil, err
	}
	return out.CiphertextBlob, nil
}

// Unwrap implements Service.
func (k *KMS) Unwrap(ctx context.Context, arn, purpose string, wrapped []byte) ([]byte, error) {
	out, err := call(ctx, k, k.client.Decrypt, &kms.DecryptInput{KeyId: &arn, CiphertextBlob: wrapped, EncryptionContext: encryptionContext(purpose)})
	if err != nil {
		return nil, err
	}
	return out.Plaintext, nil
}

// kmsSource is a Source whose root key never leaves a KMS.
type kmsSource struct {
	kms *KMS
	key string
}

// FromKMS returns the root key with an id, an alias or an ARN at a KMS.
func FromKMS(key string, kms *KMS) Source { return &kmsSource{kms, key} }

// Name implements Source.
func (s *kmsSource) Name() string { return "the KMS key " + s.key }

// Wrap implements Source.
func (s *kmsSource) Wrap(ctx context.Context, purpose string, key []byte) ([]byte, error) {
	wrapped, err := s.kms.Wrap(ctx, s.key, purpose, key)
	if err != nil {
		return nil, fmt.Errorf("encrypt with %s: %w", s.Name(), err)
	}
	return wrapped, nil
}

// Unwrap implements Source.
func (s *kmsSource) Unwrap(ctx context.Context, purpose string, wrapped []byte) ([]byte, error) {
	key, err := s.kms.Unwrap(ctx, s.key, purpose, wrapped)
	if err != nil {
		return nil, fmt.Errorf("decrypt with %s: %w", s.Name(), err)
	}
	return key, nil
}
