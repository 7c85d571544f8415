// Package sigv4 verifies AWS Signature Version 4 in the Authorization header of
// requests, or in their query. It is pure: who has which secret, and what time it is,
// is told.
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
	"fmt"
	"hash"
	"strings"
	"sync"
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

	maxRegion = 32 // how long the name of a region may be
)

// Message is a request as it arrived.
type Message interface {
	Method() string
	Path() string  // escaped, as it was sent
	Query() string // without the question mark, as it was sent
	// Header returns how often there is a header, whose name is in lower case, and
	// the value of its place-th line, "" if there is none; also host.
	Header(name string, place int) (value string, lines int)
}

// Signed is what the Authorization header of a request says.
type Signed struct {
	AccessKey string
	Date      string // of the scope, yyyymmdd
	Region    string
	Service   string

	Time  time.Time // X-Amz-Date, or Date
	Token string    // X-Amz-Security-Token, "" for none

	headers   string // names, with semicolons between
	signature string // in hexadecimal, as it came
	stamp     string // Time as it is signed
	presigned bool   // the query says all this, which is signed but for the signature
}

// Parse reads the Authorization header of m and checks that its scope is for
// service. It returns a MissingAuthenticationTokenException, an
// IncompleteSignatureException or an InvalidSignatureException.
func Parse(m Message, service string) (*Signed, error) {
	authorization, lines := m.Header("authorization", 0)
	if authorization == "" {
		return nil, ddberr.New("MissingAuthenticationTokenException", "Request is missing Authentication Token")
	}
	if lines > 1 {
		return nil, incomplete("Authorization header is there more than once.")
	}
	kind, rest, _ := strings.Cut(strings.TrimSpace(authorization), " ")
	if kind != algorithm {
		return nil, incomplete("Unsupported AWS 'algorithm': '" + printable(kind) + "'.")
	}
	s, err := parseParameters(rest, m)
	if err != nil {
		return nil, err
	}
	return s, s.checkScope(service)
}

func incomplete(text string) *ddberr.Error { return ddberr.New("IncompleteSignatureException", text) }

// parseParameters reads what is behind the algorithm.
func parseParameters(text string, m Message) (*Signed, error) {
	var credential, signed, signature string
	parameters := [...]struct {
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
	s := &Signed{headers: signed, signature: signature}
	if fault := s.setTime(m); fault != "" {
		missing = append(missing, fault)
	}
	if missing != nil {
		return nil, incomplete(strings.Join(missing, " ") + " Authorization=" + algorithm)
	}
	s.Token, _ = m.Header("x-amz-security-token", 0)
	return s, s.setCredential(credential)
}

// inOrder reports whether names, with semicolons between, are as they are signed:
// in lower case, sorted, each once.
func inOrder(names string) bool {
	before, n := "", 0
	for name, rest, more := strings.Cut(names, ";"); ; name, rest, more = strings.Cut(rest, ";") {
		n++
		if name <= before || n > maxSigned || !isLower(name) {
			return false
		}
		if before = name; !more {
			return true
		}
	}
}

func isLower(name string) bool {
	for i := range len(name) {
		if c := name[i]; 'A' <= c && c <= 'Z' || c >= 0x80 {
			return false
		}
	}
	return true
}

// signs reports whether s has signed the header called name.
func (s *Signed) signs(name string) bool {
	for signed := range strings.SplitSeq(s.headers, ";") {
		if signed == name {
			return true
		}
	}
	return false
}

const badDate = "Date must be in ISO-8601 'basic format'. Got '%s'. See http://en.wikipedia.org/wiki/ISO_8601."

// setTime reads the time of the request; fault says what is wrong with it.
func (s *Signed) setTime(m Message) (fault string) {
	for _, name := range [...]string{"x-amz-date", "date"} {
		value, lines := m.Header(name, 0)
		if lines == 0 {
			continue
		}
		if at, ok := parseStamp(value); ok {
			s.Time, s.stamp = at, value
			return ""
		}
		for _, format := range [...]string{time.RFC1123, time.RFC1123Z} {
			if at, err := time.Parse(format, value); err == nil {
				s.Time, s.stamp = at, at.UTC().Format(timeFormat)
				return ""
			}
		}
		return fmt.Sprintf(badDate, printable(value))
	}
	return "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
}

// parseStamp is time.Parse for the format that every SDK sends.
func parseStamp(text string) (at time.Time, ok bool) {
	if len(text) != len(timeFormat) || text[8] != 'T' || text[15] != 'Z' {
		return at, false
	}
	number := func(from, to int) (n int) {
		for _, c := range []byte(text[from:to]) {
			if c < '0' || c > '9' {
				ok = false
			}
			n = 10*n + int(c-'0')
		}
		return n
	}
	ok = true
	year, month, day := number(0, 4), number(4, 6), number(6, 8)
	hour, minute, second := number(9, 11), number(11, 13), number(13, 15)
	at = time.Date(year, time.Month(month), day, hour, minute, second, 0, time.UTC)
	// A date that there is not becomes another one.
	return at, ok && at.Day() == day && at.Month() == time.Month(month) && at.Hour() == hour && at.Minute() == minute && at.Second() == second
}

// setCredential splits a Credential.
func (s *Signed) setCredential(text string) error {
	var parts [5]string
	n := 0
	for part := range strings.SplitSeq(text, "/") {
		if n < len(parts) {
			parts[n] = part
		}
		n++
	}
	if n != len(parts) {
		return incomplete(fmt.Sprintf("Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '%s'.", printable(text)))
	}
	s.AccessKey, s.Date, s.Region, s.Service = parts[0], parts[1], parts[2], parts[3]
	if parts[4] != terminator {
		return invalid(fmt.Sprintf("Credential should be scoped with a valid terminator: '%s', not '%s'.", terminator, printable(parts[4])))
	}
	return nil
}

func (s *Signed) checkScope(service string) error {
	if !isRegion(s.Region) {
		return invalid(fmt.Sprintf("Credential should be scoped to a valid region, not '%s'.", printable(s.Region)))
	}
	if s.Service != service {
		return invalid(fmt.Sprintf("Credential should be scoped to correct service: '%s'.", service))
	}
	if date := s.stamp[:len(dateFormat)]; s.Date != date {
		return invalid(fmt.Sprintf("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '%s' != '%s', from '%s'.",
			printable(s.Date), date, s.stamp))
	}
	return nil
}

// isRegion reports whether text may be the name of a region: it becomes part of the
// names of tables and of ARNs.
func isRegion(text string) bool {
	for i := range len(text) {
		if c := text[i]; ('a' > c || c > 'z') && ('0' > c || c > '9') && c != '-' {
			return false
		}
	}
	return 0 < len(text) && len(text) <= maxRegion
}

// The texts of an InvalidSignatureException.
const (
	mismatch = "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
	expired  = "Signature expired: %s is now earlier than %s (%s - 15 min.)"
	early    = "Signature not yet current: %s is still later than %s (%s + 15 min.)"
)

func invalid(text string) *ddberr.Error { return ddberr.New("InvalidSignatureException", text) }

// Key is a key derived from a secret for a day, a region and a service. It is safe
// for concurrent use.
type Key struct {
	bytes  [sha256.Size]byte
	hashes sync.Pool // of hash.Hash: HMACs of bytes
}

// NewKey returns the key of known bytes.
func NewKey(bytes [sha256.Size]byte) *Key { return &Key{bytes: bytes} }

// Bytes returns the key.
func (k *Key) Bytes() [sha256.Size]byte { return k.bytes }

// sum appends the HMAC of text.
func (k *Key) sum(dst, text []byte) []byte {
	h, _ := k.hashes.Get().(hash.Hash)
	if h == nil {
		h = hmac.New(sha256.New, k.bytes[:])
	}
	h.Reset()
	h.Write(text)
	dst = h.Sum(dst)
	k.hashes.Put(h)
	return dst
}

// KeyFor derives the key for the scope of s from a secret.
func (s *Signed) KeyFor(secret string) *Key {
	key := mac([]byte("AWS4"+secret), s.Date)
	for _, part := range []string{s.Region, s.Service, terminator} {
		key = mac(key, part)
	}
	return NewKey([sha256.Size]byte(key))
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// Verify checks that key signed m, whose body has the SHA-256 hash body, and
// that it did so about now. It returns an InvalidSignatureException.
func (s *Signed) Verify(m Message, body [sha256.Size]byte, key *Key, now time.Time) error {
	if !inOrder(s.headers) {
		return invalid(mismatch)
	}
	for _, required := range mustSign {
		if s.signs(required) {
			continue
		}
		if _, lines := m.Header(required, 0); lines > 0 {
			return invalid(fmt.Sprintf("%s must be a 'SignedHeader' in the AWS Authorization.", headerName(required)))
		}
	}
	signature := s.Sign(m, body, key)
	if len(s.signature) != len(signature) || subtle.ConstantTimeCompare([]byte(s.signature), signature[:]) != 1 {
		return invalid(mismatch)
	}
	return s.checkTime(now)
}

// rooms are buffers of requests that are signed. A header is bounded, and so are
// they.
var rooms sync.Pool // of *[]byte

// Sign returns the signature of m, in hexadecimal, by key, for the headers and
// the time of s.
func (s *Signed) Sign(m Message, body [sha256.Size]byte, key *Key) (signature [2 * sha256.Size]byte) {
	room, _ := rooms.Get().(*[]byte)
	if room == nil {
		room = new([]byte)
	}
	defer rooms.Put(room)
	*room = s.appendCanonical((*room)[:0], m, body)
	canonical := sha256.Sum256(*room)
	toSign := (*room)[:0] // what was there is hashed
	toSign = append(append(append(append(toSign, algorithm...), '\n'), s.stamp...), '\n')
	for _, part := range [...]string{s.Date, s.Region, s.Service} {
		toSign = append(append(toSign, part...), '/')
	}
	toSign = append(append(toSign, terminator...), '\n')
	toSign = hex.AppendEncode(toSign, canonical[:])
	var sum [sha256.Size]byte
	hex.Encode(signature[:], key.sum(sum[:0], toSign))
	return signature
}

// mustSign are the headers that a request signs if it has them: those that say
// what it is. What the time is, is in what is signed besides.
var mustSign = []string{"host", "x-amz-confirm-remove-self-resource-access", "x-amz-date", "x-amz-security-token", "x-amz-target"}

// headerName returns a name as errors show it. The host has two, of which HTTP/2 has
// the second. (Seen of DynamoDB: aws/aws-sdk-php issue 2469.)
func headerName(name string) string {
	if name == "host" {
		return "'Host' or ':authority'"
	}
	parts := strings.Split(name, "-")
	for i, part := range parts {
		parts[i] = strings.ToUpper(part[:1]) + part[1:]
	}
	return "'" + strings.Join(parts, "-") + "'"
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
