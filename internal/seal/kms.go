package seal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/smithy-go"
)

// KMS is a Service that is reached over AWS KMS's protocol.
type KMS struct{ client *kms.Client }

// NewKMS returns the KMS at endpoint, a URL, or if that is "" the one of AWS in
// the region. Credentials are those of the environment: AWS_ACCESS_KEY_ID,
// AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN.
func NewKMS(endpoint, region string) *KMS {
	o := kms.Options{Region: region, Credentials: credentials.NewStaticCredentialsProvider(
		cmp.Or(os.Getenv("AWS_ACCESS_KEY_ID"), "stator"), cmp.Or(os.Getenv("AWS_SECRET_ACCESS_KEY"), "stator"), os.Getenv("AWS_SESSION_TOKEN"))}
	if endpoint != "" {
		o.BaseEndpoint = &endpoint
	}
	return &KMS{kms.New(o)}
}

// encryptionContext binds what KMS encrypts to a purpose.
func encryptionContext(purpose string) map[string]string {
	return map[string]string{"stator:purpose": purpose}
}

// refusals are what a KMS answers for a key that cannot be used.
var refusals = []string{"NotFoundException", "DisabledException", "KMSInvalidStateException", "AccessDeniedException", "InvalidKeyUsageException"}

// refused returns err as a *KeyError if it is the KMS's refusal of the key.
func refused(err error) error {
	var answer smithy.APIError
	if errors.As(err, &answer) && slices.Contains(refusals, answer.ErrorCode()) {
		return &KeyError{answer.ErrorCode(), answer.ErrorMessage()}
	}
	return err
}

// Resolve implements Service.
func (k *KMS) Resolve(ctx context.Context, name string) (arn string, err error) {
	out, err := k.client.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: &name})
	if err != nil {
		return "", refused(err)
	}
	arn = aws.ToString(out.KeyMetadata.Arn)
	return arn, stateError(arn, string(out.KeyMetadata.KeyState))
}

// Wrap implements Service.
func (k *KMS) Wrap(ctx context.Context, arn, purpose string, key []byte) ([]byte, error) {
	out, err := k.client.Encrypt(ctx, &kms.EncryptInput{KeyId: &arn, Plaintext: key, EncryptionContext: encryptionContext(purpose)})
	if err != nil {
		return nil, refused(err)
	}
	return out.CiphertextBlob, nil
}

// Unwrap implements Service.
func (k *KMS) Unwrap(ctx context.Context, arn, purpose string, wrapped []byte) ([]byte, error) {
	out, err := k.client.Decrypt(ctx, &kms.DecryptInput{KeyId: &arn, CiphertextBlob: wrapped, EncryptionContext: encryptionContext(purpose)})
	if err != nil {
		return nil, refused(err)
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
