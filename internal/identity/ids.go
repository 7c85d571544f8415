package identity

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/base64"
)

// What unique ids and access keys begin with. (IAM user guide, "IAM
// identifiers".)
const (
	userPrefix    = "AIDA"
	groupPrefix   = "AGPA"
	rolePrefix    = "AROA"
	policyPrefix  = "ANPA"
	keyPrefix     = "AKIA"
	sessionPrefix = "ASIA"
)

// newID returns a unique id, 21 characters.
func newID(prefix string) string { return prefix + randomLetters(17) }

// newAccessKey returns an access key id, 20 characters.
func newAccessKey(prefix string) string { return prefix + randomLetters(16) }

func randomLetters(n int) string {
	random := make([]byte, n)
	rand.Read(random)
	return base32.StdEncoding.EncodeToString(random)[:n]
}

// newSecret returns a secret access key, 40 characters.
func newSecret() string {
	random := make([]byte, 30)
	rand.Read(random)
	return base64.StdEncoding.EncodeToString(random)
}
