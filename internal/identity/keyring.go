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
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/statordb/stator/internal/datadir"
)

// KeyVariable is the environment variable that may hold the key, in base64.
const KeyVariable = "STATOR_IAM_KEY"

// keySize is the size of the key in bytes.
const keySize = 32

// keyring seals with its first key and opens with any: the others are those
// before it. The secrets of access keys and the tokens of sessions have a key
// each, derived from one, so that neither passes for the other. A key with random
// nonces is good for 2^32 texts (NIST SP 800-38D, 8.3), so many sessions.
type keyring struct{ secrets, sessions []cipher.AEAD }

func newKeyring(keys ...[]byte) (*keyring, error) {
	k := new(keyring)
	for _, key := range keys {
		if len(key) != keySize {
			return nil, fmt.Errorf("the IAM key has %d bytes, not %d", len(key), keySize)
		}
		secrets, err := deriveAEAD(key, "stator iam secrets")
		if err != nil {
			return nil, err
		}
		sessions, err := deriveAEAD(key, "stator iam sessions")
		if err != nil {
			return nil, err
		}
		k.secrets, k.sessions = append(k.secrets, secrets), append(k.sessions, sessions)
	}
	return k, nil
}

// open opens a box with the first of some keys that does.
func open(keys []cipher.AEAD, box, of []byte) (text []byte, err error) {
	for _, key := range keys {
		if text, err = key.Open(nil, nil, box, of); err == nil {
			return text, nil
		}
	}
	return nil, err
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
	return sealedForm + base64.StdEncoding.EncodeToString(k.secrets[0].Seal(nil, nil, []byte(secret), []byte(accessKey)))
}

// openSecret is the reverse of sealSecret.
func (k *keyring) openSecret(accessKey, sealed string) (Secret, error) {
	text, ok := strings.CutPrefix(sealed, sealedForm)
	box, err := base64.StdEncoding.Strict().DecodeString(text)
	if !ok || err != nil {
		return "", fmt.Errorf("the secret of %s is not a sealed secret", accessKey)
	}
	secret, err := open(k.secrets, box, []byte(accessKey))
	if err != nil {
		return "", fmt.Errorf("the secret of %s does not open: it was sealed under another IAM key, or changed", accessKey)
	}
	return Secret(secret), nil
}

// KeyPath returns where the key of the file at path is, if no variable holds it.
func KeyPath(path string) string { return strings.TrimSuffix(path, ".json") + ".key" }

// readKeys returns the keys of the file at path, the one to seal with first:
// those of the variable, or those of the key file. Its error is an fs.ErrNotExist
// if there is neither.
func readKeys(path string) (keys [][]byte, err error) {
	text, from := os.Getenv(KeyVariable), KeyVariable
	if text == "" {
		from = KeyPath(path)
		raw, err := os.ReadFile(from)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("the IAM key %s is missing: put it back, or give it in %s: %w", from, KeyVariable, err)
		}
		if err != nil {
			return nil, fmt.Errorf("cannot read the IAM key: %w", err)
		}
		text = string(raw)
	}
	for _, one := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || unicode.IsSpace(r) }) {
		key, err := base64.StdEncoding.DecodeString(one)
		if err != nil || len(key) != keySize {
			return nil, fmt.Errorf("the IAM key in %s is not %d bytes in base64", from, keySize)
		}
		keys = append(keys, key)
	}
	if keys == nil {
		return nil, fmt.Errorf("there is no IAM key in %s", from)
	}
	return keys, nil
}

// makeKeys returns the keys of the file at path, and makes one where there is
// none.
func makeKeys(path string) ([][]byte, error) {
	keys, err := readKeys(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return keys, err
	}
	keys = [][]byte{newKey()}
	return keys, writeKeys(path, keys)
}

func newKey() []byte {
	key := make([]byte, keySize)
	rand.Read(key)
	return key
}

func writeKeys(path string, keys [][]byte) error {
	var b strings.Builder
	for _, key := range keys {
		b.WriteString(base64.StdEncoding.EncodeToString(key) + "\n")
	}
	return datadir.ReplaceFile(KeyPath(path), []byte(b.String()))
}

// RotateKey makes a new key for the file at path and seals its secrets with it.
// The keys before are kept, so that sessions go on, unless forget says that they
// are not to. A key in the variable is not made: the new one is put in front of
// it there, and this seals with it.
func RotateKey(path string, forget bool) error {
	fixed := os.Getenv(KeyVariable) != ""
	if fixed && forget {
		return fmt.Errorf("the IAM key is in %s: take the keys before it out there", KeyVariable)
	}
	lock, err := takeLock(lockPath(path)) // of both files, until both are as they will be
	if err != nil {
		return err
	}
	defer lock.Close()
	keys, err := readKeys(path)
	if err != nil {
		return err
	}
	if !fixed {
		keys = append([][]byte{newKey()}, keys...)
		if err := writeKeys(path, keys); err != nil {
			return err
		}
	}
	err = update(path, false, time.Time{}, (*Edit).seal)
	if err == nil && forget {
		err = writeKeys(path, keys[:1])
	}
	return err
}

// seal seals all secrets with the first key.
func (e *Edit) seal() error {
	for _, a := range e.Accounts {
		lists := [][]*AccessKey{a.AccessKeys}
		for _, u := range a.Users {
			lists = append(lists, u.AccessKeys)
		}
		for _, k := range slices.Concat(lists...) {
			secret, err := e.keys.openSecret(k.AccessKeyID, k.SealedSecret)
			if err != nil {
				return err
			}
			k.SealedSecret = e.keys.sealSecret(k.AccessKeyID, string(secret))
		}
	}
	return nil
}
