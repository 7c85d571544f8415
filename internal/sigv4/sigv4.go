// Package sigv4 verifies AWS Signature Version 4 in the Authorization header of
// requests. It is pure: who has which secret, and what time it is, is told.
//
// The order of checks is the service's: the header and its parts, the scope,
// then, by the caller, the access key, and then the signature and the time.
// (IAM user guide, "AWS Signature Version 4 for API requests".)
package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/statordb/stator/internal/ddberr"
)

const (
	algorithm  = "AWS4-HMAC-SHA256"
	terminator = "aws4_request"

	// timeFormat is that of X-Amz-Date.
	timeFormat = "20060102T150405Z"
	dateFormat = "20060102"

	// MaxSkew is how far the time of a request may be from the server's.
	MaxSkew = 15 * time.Minute

	// A header has at most so many signed names, which bounds the work that
	// somebody unknown can ask for.
	maxSigned = 64
)

// Message is a request as it arrived.
type Message interface {
	Method() string
	Path() string                // escaped, as it was sent
	Query() string               // without the question mark, as it was sent
	Header(name string) []string // name is in lower case; also host
}

// Signed is what the Authorization header of a request says.
type Signed struct {
	AccessKey string
	Date      string // of the scope, yyyymmdd
	Region    string
	Service   string

	Time  time.Time // X-Amz-Date, or Date
	Token string    // X-Amz-Security-Token, "" for none

	headers   []string // names
	signature string   // in hexadecimal, as it came
	stamp     string   // Time as it is signed
}

// Parse reads the Authorization header of m and checks its scope for one of
// services. It returns a MissingAuthenticationTokenException, an
// IncompleteSignatureException or an InvalidSignatureException.
func Parse(m Message, services ...string) (*Signed, error) {
	authorization := m.Header("authorization")
	if len(authorization) == 0 || authorization[0] == "" {
		return nil, ddberr.New("MissingAuthenticationTokenException", "Request is missing Authentication Token")
	}
	if len(authorization) > 1 {
		return nil, incomplete("Authorization header is there more than once.")
	}
	kind, rest, _ := strings.Cut(strings.TrimSpace(authorization[0]), " ")
	if kind != algorithm {
		return nil, incomplete("Unsupported AWS 'algorithm': '" + printable(kind) + "'.")
	}
	s, err := parseParameters(rest, m)
	if err != nil {
		return nil, err
	}
	return s, s.checkScope(services)
}

func incomplete(text string) *ddberr.Error { return ddberr.New("IncompleteSignatureException", text) }

// parseParameters reads what is behind the algorithm.
func parseParameters(text string, m Message) (*Signed, error) {
	var credential, signed, signature string
	parameters := []struct {
		name string
		into *string
	}{{"Credential", &credential}, {"Signature", &signature}, {"SignedHeaders", &signed}}
	for part := range strings.SplitSeq(text, ",") {
		if text == "" {
			break // all are missing
		}
		name, value, is := strings.Cut(strings.TrimSpace(part), "=")
		if !is {
			return nil, incomplete(fmt.Sprintf("'%s' not a valid key=value pair (missing equal-sign) in Authorization header: '%s'.", printable(name), printable(text)))
		}
		found := false
		for _, p := range parameters {
			if found = p.name == name && *p.into == ""; found {
				*p.into = value
				break
			}
		}
		if !found {
			return nil, incomplete("Authorization header has '" + printable(name) + "', which it does not take, or more than once.")
		}
	}
	var missing []string
	for _, p := range parameters {
		if *p.into == "" {
			missing = append(missing, "Authorization header requires '"+p.name+"' parameter.")
		}
	}
	s := &Signed{headers: strings.Split(signed, ";"), signature: signature}
	if err := s.setTime(m); err != nil {
		missing = append(missing, err.Error())
	}
	if missing != nil {
		return nil, incomplete(strings.Join(missing, " ") + " Authorization=" + algorithm)
	}
	if tokens := m.Header("x-amz-security-token"); len(tokens) > 0 {
		s.Token = tokens[0]
	}
	return s, s.setCredential(credential)
}

// inOrder reports whether names are as they are signed: in lower case, sorted,
// each once.
func inOrder(names []string) bool {
	if len(names) > maxSigned {
		return false
	}
	for i, name := range names {
		if name == "" || strings.ToLower(name) != name || i > 0 && name <= names[i-1] {
			return false
		}
	}
	return true
}

// setTime reads the time of the request.
func (s *Signed) setTime(m Message) error {
	missing := errors.New("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
	for _, name := range []string{"x-amz-date", "date"} {
		values := m.Header(name)
		if len(values) == 0 {
			continue
		}
		for _, format := range []string{timeFormat, time.RFC1123, time.RFC1123Z} {
			if at, err := time.Parse(format, values[0]); err == nil {
				s.Time, s.stamp = at, at.UTC().Format(timeFormat)
				return nil
			}
		}
		return fmt.Errorf("Date must be in ISO-8601 'basic format'. Got '%s'. See http://en.wikipedia.org/wiki/ISO_8601.", printable(values[0]))
	}
	return missing
}

// setCredential splits a Credential.
func (s *Signed) setCredential(text string) error {
	parts := strings.Split(text, "/")
	if len(parts) != 5 {
		return incomplete(fmt.Sprintf("Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '%s'.", printable(text)))
	}
	s.AccessKey, s.Date, s.Region, s.Service = parts[0], parts[1], parts[2], parts[3]
	if parts[4] != terminator {
		return invalid(fmt.Sprintf("Credential should be scoped with a valid terminator: '%s', not '%s'.", terminator, printable(parts[4])))
	}
	return nil
}

func (s *Signed) checkScope(services []string) error {
	if !slices.Contains(services, s.Service) {
		return invalid(fmt.Sprintf("Credential should be scoped to correct service: '%s'.", services[0]))
	}
	if date := s.stamp[:len(dateFormat)]; s.Date != date {
		return invalid(fmt.Sprintf("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '%s' != '%s', from '%s'.",
			printable(s.Date), date, s.stamp))
	}
	return nil
}

// The texts of an InvalidSignatureException.
const (
	mismatch = "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
	expired  = "Signature expired: %s is now earlier than %s (%s - 15 min.)"
	early    = "Signature not yet current: %s is still later than %s (%s + 15 min.)"
)

func invalid(text string) *ddberr.Error { return ddberr.New("InvalidSignatureException", text) }

// Key is a key derived from a secret for a day, a region and a service.
type Key [sha256.Size]byte

// KeyFor derives the key for the scope of s from a secret.
func (s *Signed) KeyFor(secret string) Key {
	key := mac([]byte("AWS4"+secret), s.Date)
	for _, part := range []string{s.Region, s.Service, terminator} {
		key = mac(key, part)
	}
	return Key(key)
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// Verify checks that key signed m, whose body has the SHA-256 hash body, and
// that it did so about now. It returns an InvalidSignatureException.
func (s *Signed) Verify(m Message, body [sha256.Size]byte, key Key, now time.Time) error {
	if !inOrder(s.headers) {
		return invalid(mismatch)
	}
	for _, required := range mustSign {
		if !slices.Contains(s.headers, required) && len(m.Header(required)) > 0 {
			return invalid(fmt.Sprintf("'%s' must be a 'SignedHeader' in the AWS Authorization.", headerName(required)))
		}
	}
	signature := s.Sign(m, body, key)
	if len(s.signature) != len(signature) || subtle.ConstantTimeCompare([]byte(s.signature), signature[:]) != 1 {
		return invalid(mismatch)
	}
	return s.checkTime(now)
}

// Sign returns the signature of m, in hexadecimal, by key, for the headers and
// the time of s.
func (s *Signed) Sign(m Message, body [sha256.Size]byte, key Key) (signature [2 * sha256.Size]byte) {
	var room [2048]byte
	canonical := sha256.Sum256(s.appendCanonical(room[:0], m, body))
	toSign := make([]byte, 0, 192)
	toSign = append(append(append(append(toSign, algorithm...), '\n'), s.stamp...), '\n')
	for _, part := range [...]string{s.Date, s.Region, s.Service} {
		toSign = append(append(toSign, part...), '/')
	}
	toSign = append(append(toSign, terminator...), '\n')
	toSign = hex.AppendEncode(toSign, canonical[:])
	h := hmac.New(sha256.New, key[:])
	h.Write(toSign)
	hex.Encode(signature[:], h.Sum(toSign[:0]))
	return signature
}

// mustSign are the headers that a request signs if it has them: those that say
// what it is. What the time is, is in what is signed besides.
var mustSign = []string{"host", "x-amz-confirm-remove-self-resource-access", "x-amz-date", "x-amz-security-token", "x-amz-target"}

// headerName returns a name as people write it.
func headerName(name string) string {
	parts := strings.Split(name, "-")
	for i, part := range parts {
		parts[i] = strings.ToUpper(part[:1]) + part[1:]
	}
	return strings.Join(parts, "-")
}

func (s *Signed) checkTime(now time.Time) error {
	now = now.UTC()
	at, first, last := s.Time.UTC(), now.Add(-MaxSkew), now.Add(MaxSkew)
	switch {
	case at.Before(first):
		return invalid(fmt.Sprintf(expired, s.stamp, first.Format(timeFormat), now.Format(timeFormat)))
	case at.After(last):
		return invalid(fmt.Sprintf(early, s.stamp, last.Format(timeFormat), now.Format(timeFormat)))
	}
	return nil
}

// printable returns text as an error may show it.
func printable(text string) string {
	if len(text) > 128 {
		text = text[:128]
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, text)
}
