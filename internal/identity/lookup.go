package identity

import (
	"math/rand/v2"
	"strings"
	"sync/atomic"

	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/iam"
	"github.com/statordb/stator/internal/sigv4"
)

// Credential is an access key that somebody may use now. Callers share it.
type Credential struct {
	AccessKey string
	Secret    Secret
	Principal *iam.Principal // not to be changed
	Session   *Session       // nil for a long-term access key

	derived [derivedKeys]atomic.Pointer[derivedKey]
}

// derivedKeys is how many derived keys a credential remembers: those of a few
// regions and services on the two days around midnight.
const derivedKeys = 8

type derivedKey struct {
	date, region, service string
	key                   *sigv4.Key
}

// SigningKey returns the key for the scope of s, which is derived once for as
// long as it is remembered.
func (c *Credential) SigningKey(s *sigv4.Signed) *sigv4.Key {
	for i := range c.derived {
		if d := c.derived[i].Load(); d != nil && d.date == s.Date && d.region == s.Region && d.service == s.Service {
			return d.key
		}
	}
	// The strings of s may lie in a request.
	d := &derivedKey{strings.Clone(s.Date), strings.Clone(s.Region), strings.Clone(s.Service), s.KeyFor(string(c.Secret))}
	c.derived[rand.IntN(derivedKeys)].Store(d)
	return d.key
}

// Lookup returns who uses an access key with a session token, "" for none. It
// returns an UnrecognizedClientException or an ExpiredTokenException.
func (d *Directory) Lookup(accessKey, token string) (*Credential, error) {
	s := d.state.Load()
	if token == "" {
		if c := s.access[accessKey]; c != nil {
			return c, nil
		}
		return nil, unrecognized()
	}
	return d.lookupSession(s, accessKey, token)
}

// The texts are DynamoDB's; see the STS package for those of STS.
func unrecognized() error {
	return ddberr.New("UnrecognizedClientException", "The security token included in the request is invalid.")
}

func expired() error {
	return ddberr.New("ExpiredTokenException", "The security token included in the request is expired")
}
