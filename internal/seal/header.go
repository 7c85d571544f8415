package seal

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
)

// A sealed file begins with a header: the magic, the kind, the id of its data
// key, and the salt of its own key.
const (
	magic       = "\x00stator\x01"
	kindAt      = 8          // behind the magic
	keyAt       = kindAt + 8 // 7 bytes are for later versions
	saltAt      = keyAt + idBytes
	headerBytes = saltAt + 32

	overhead = 12 + 16 // of a part: nonce and tag
)

type kind byte

const (
	blocks kind = 'b'
	log    kind = 'l'
)

// header is the start of a file.
type header [headerBytes]byte

// newHeader returns the header of a new file.
func newHeader(k kind, key ID) (h header) {
	copy(h[:], magic)
	h[kindAt] = byte(k)
	copy(h[keyAt:], key[:])
	_, _ = rand.Read(h[saltAt:]) // it never fails
	return h
}

func (h *header) kind() kind { return kind(h[kindAt]) }

// ErrDamaged is in the error for a file that does not hold what was written.
var ErrDamaged = errors.New("is damaged: it does not hold what was written under this key")

// errTorn says that a header was not written before a power cut.
var errTorn = errors.New("the header is not there")

// parseHeader reads a header, of which b may be the start.
func parseHeader(b []byte) (h header, err error) {
	n := copy(h[:], b)
	switch {
	case n == headerBytes && string(h[:len(magic)]) == magic && (h.kind() == blocks || h.kind() == log):
		return h, nil
	case len(bytes.TrimLeft(b, "\x00")) == 0, n < headerBytes && string(b[:min(n, len(magic))]) == magic[:min(n, len(magic))]:
		return h, errTorn
	}
	return h, errors.New("is not encrypted, or damaged in its first bytes")
}

// opener returns what seals and opens the parts of the file.
func (h *header) opener(keys *Keys) (cipher.AEAD, error) {
	key, err := keys.find(ID(h[keyAt:saltAt]))
	if err != nil {
		return nil, err
	}
	secret, err := hkdf.Key(sha256.New, key.secret(), h[saltAt:], "stator file "+string(h[:saltAt]), KeyBytes)
	if err != nil {
		return nil, fmt.Errorf("derive the key of a file: %w", err)
	}
	return NewAEAD(secret)
}

// NewAEAD returns AES-256-GCM, which puts a random nonce in front of what it
// seals.
func NewAEAD(secret []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(secret)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}
