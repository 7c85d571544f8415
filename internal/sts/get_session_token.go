package sts

import (
	"context"
	"time"

	"github.com/statordb/stator/internal/identity"
)

// How long a session of a user is, in seconds; that of a root user is at most
// an hour.
const (
	minDuration      = 900
	maxUserDuration  = 129600
	userDuration     = 43200
	rootUserDuration = 3600
)

type sessionToken struct {
	Credentials credentials
	tokenSize
}

func (t sessionToken) recorded() map[string]any {
	return map[string]any{"credentials": t.Credentials.recorded()}
}

// getSessionToken gives a user temporary credentials with the user's own
// permissions.
func (s *STS) getSessionToken(_ context.Context, c *call) (any, error) {
	duration, size := c.form.number("DurationSeconds", userDuration, minDuration, maxUserDuration), c.form.tokenSize()
	device := c.form.device()
	if err := c.form.err(); err != nil {
		return nil, err
	}
	p := c.Caller.Principal
	switch {
	case c.Caller.Session != nil:
		return nil, denied("Cannot call GetSessionToken with session credentials")
	case device != "":
		return nil, noDevice()
	}
	if p.IsRoot() {
		duration = min(duration, rootUserDuration)
	}
	issued, err := s.directory.Issue(identity.Grant{Holder: p, Duration: time.Duration(duration) * time.Second, TokenSize: size})
	if err != nil {
		return nil, err
	}
	return sessionToken{credentialsOf(issued), sizeOf(issued, roleRequest{})}, nil
}
