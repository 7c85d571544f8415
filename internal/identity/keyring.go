package identity

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/statordb/stator/internal/datadir"
)

// KeyVariable is the environment variable that may hold the key, in base64.
const KeyVariable = "STATOR_IAM_KEY"

// keySize is the size of the key in bytes.
const keySize = 32

// keyring seals and opens. The secrets of access keys and the tokens of
// sessions have a key each, derived from one, so that neither passes for the
// other.
type keyring struct{ secrets, sessions cipher.AEAD }

func newKeyring(key []byte) (*keyring, error) {
	if len(key) != keySize {
		return nil, fmt.Errorf("the IAM key has %d bytes, not %d", len(key), keySize)
	}
	secrets, err := deriveAEAD(key, "stator iam secrets")
	if err != nil {
		return nil, err
	}
	sessions, err := deriveAEAD(key, "stator iam sessions")
	return &keyring{secrets, sessions}, err
}

func deriveAEAD(key []byte, purpose string) (cipher.AEAD, error) {
	derived, err := hkdf.Key(sha256.New, key, nil, purpose, keySize)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(derived)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// sealedForm is in front of a sealed secret and says how it is sealed.
const sealedForm = "aes256gcm:"

// sealSecret returns the secret of an access key for the file.
func (k *keyring) sealSecret(accessKey, secret string) string {
	return sealedForm + base64.StdEncoding.EncodeToString(k.secrets.Seal(nil, nil, []byte(secret), []byte(accessKey)))
}

// openSecret is the reverse of sealSecret.
func (k *keyring) openSecret(accessKey, sealed string) (Secret, error) {
	text, ok := strings.CutPrefix(sealed, sealedForm)
	box, err := base64.StdEncoding.Strict().DecodeString(text)
	if !ok || err != nil {
		return "", fmt.Errorf("the secret of %s is not a sealed secret", accessKey)
	}
	secret, err := k.secrets.Open(nil, nil, box, []byte(accessKey))
	if err != nil {
		return "", fmt.Errorf("the secret of %s does not open: it was sealed under another IAM key, or changed", accessKey)
	}
	return Secret(secret), nil
}

// keyPath returns where the key of the file at path is.
func keyPath(path string) string { return strings.TrimSuffix(path, ".json") + ".key" }

// readKey returns the key of the file at path: that of the variable, or that of
// the key file. Its error is an fs.ErrNotExist if there is neither.
func readKey(path string) ([]byte, error) {
	text, from := os.Getenv(KeyVariable), KeyVariable
	if text == "" {
		from = keyPath(path)
		raw, err := os.ReadFile(from)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("the IAM key %s is missing: put it back, or give it in %s: %w", from, KeyVariable, err)
		}
		if err != nil {
			return nil, fmt.Errorf("cannot read the IAM key: %w", err)
		}
		text = string(raw)
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil || len(key) != keySize {
		return nil, fmt.Errorf("the IAM key in %s is not %d bytes in base64", from, keySize)
	}
	return key, nil
}

// makeKey returns the key of the file at path, and makes one where there is
// none.
func makeKey(path string) ([]byte, error) {
	key, err := readKey(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	key = make([]byte, keySize)
	rand.Read(key)
	return key, datadir.ReplaceFile(keyPath(path), []byte(base64.StdEncoding.EncodeToString(key)+"\n"))
}
