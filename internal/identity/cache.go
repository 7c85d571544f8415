package identity

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"math/rand/v2"
	"sync/atomic"
)

// A session is remembered in one of a few places that the hash of its token
// chooses, in place of any of those that are there. So the cache is bounded,
// and reading it takes no lock.
const (
	sessionSets = 1 << 10
	sessionWays = 4
)

// sessionCache remembers the credentials of tokens that were opened. Its zero
// value is ready.
type sessionCache struct {
	slots [sessionSets][sessionWays]atomic.Pointer[rememberedSession]
}

type rememberedSession struct {
	hash       [sha256.Size]byte
	generation uint64 // of the state that it was made with
	credential *Credential
}

func hashToken(accessKey, token string) (hash [sha256.Size]byte) {
	b := make([]byte, 0, 2048)
	b = append(append(append(b, accessKey...), 0), token...)
	return sha256.Sum256(b)
}

func (c *sessionCache) set(hash [sha256.Size]byte) *[sessionWays]atomic.Pointer[rememberedSession] {
	return &c.slots[binary.LittleEndian.Uint64(hash[:])%sessionSets]
}

// get returns the credential of a token under a state, nil if it is not
// remembered.
func (c *sessionCache) get(generation uint64, hash [sha256.Size]byte) *Credential {
	set := c.set(hash)
	for i := range set {
		r := set[i].Load()
		if r != nil && r.generation == generation && subtle.ConstantTimeCompare(r.hash[:], hash[:]) == 1 {
			return r.credential
		}
	}
	return nil
}

// put remembers the credential of a token.
func (c *sessionCache) put(generation uint64, hash [sha256.Size]byte, credential *Credential) {
	set, at := c.set(hash), rand.IntN(sessionWays)
	for i := range set {
		if r := set[i].Load(); r == nil || r.generation != generation {
			at = i
			break
		}
	}
	set[at].Store(&rememberedSession{hash, generation, credential})
}
