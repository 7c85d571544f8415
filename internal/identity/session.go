package identity

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
	"time"

	"github.com/statordb/stator/internal/iam"
)

// Session is what is known of a session beside its principal.
type Session struct {
	Issuer         string // ARN of the role, or of the user whose session it is
	IssuerID       string // unique id of the role or the user
	IssuerName     string
	Name           string // of the session, "" for that of a user
	Made, Expires  time.Time
	Tags           map[string]string
	TransitiveTags []string // keys of those that go on to the next role
	SourceIdentity string
	Federated      string // identity provider, "" for none
}

// Grant is what a session is to be.
type Grant struct {
	Role           *CompiledRole // nil for a session of Holder
	Holder         *iam.Principal
	Name           string // of the session
	Duration       time.Duration
	Policy         string   // inline session policy, "" for none
	PolicyARNs     []string // of managed session policies
	Tags           map[string]string
	TransitiveTags []string
	SourceIdentity string
	Federated      string
	Keys           iam.Keys // who the caller is at its identity provider
	TokenSize      int      // how long the token is at least, in characters
}

// Issued is a new session, shown once.
type Issued struct {
	AccessKey string
	Secret    Secret
	Token     Secret
	Expires   time.Time
}

// sealedSession is what a token holds.
type sealedSession struct {
	Made, Expires  int64  // Unix seconds
	Secret         string // of the session's access key
	Issuer         string
	IssuerID       string
	Name           string            `json:",omitempty"`
	Policy         string            `json:",omitempty"`
	PolicyARNs     []string          `json:",omitempty"`
	Tags           map[string]string `json:",omitempty"`
	TransitiveTags []string          `json:",omitempty"`
	SourceIdentity string            `json:",omitempty"`
	Federated      string            `json:",omitempty"`
	Keys           iam.Keys          `json:",omitempty"`
}

const (
	// tokenForm is the first byte of a token.
	tokenForm = 1

	// MaxToken is how long a token may be, in characters. (STS service model of
	// September 2026.)
	MaxToken = 4096
	// maxSession is how much may be in a token, in bytes: some 19,000 of tags, and
	// policies and names.
	maxSession = 64 << 10
)

// TokenSizeError is the error of Issue for what has no room in a token. Percent
// is how much of the room it takes.
type TokenSizeError struct{ Percent int }

// Error implements error.
func (e *TokenSizeError) Error() string {
	return fmt.Sprintf("the session takes %d %% of the room in a token", e.Percent)
}

// TokenShare returns which part of a token's room so many characters take, in
// percent, rounded up.
func TokenShare(characters int) (percent int) { return (100*characters + MaxToken - 1) / MaxToken }

// ErrNoKey is the error of Issue where there is no IAM file, or no key.
var ErrNoKey = errors.New("there is no IAM key to seal sessions with")

// Issue makes a session. Whether it may be made, the caller has decided.
func (d *Directory) Issue(g Grant) (*Issued, error) {
	s := d.state.Load()
	if s.keys == nil {
		return nil, ErrNoKey
	}
	now := d.o.Now().Truncate(time.Second)
	out := &Issued{AccessKey: newAccessKey(sessionPrefix), Secret: Secret(newSecret()), Expires: now.Add(g.Duration)}
	in := sealedSession{
		Made: now.Unix(), Expires: out.Expires.Unix(), Secret: string(out.Secret), Name: g.Name,
		Policy: g.Policy, PolicyARNs: g.PolicyARNs, Tags: g.Tags, TransitiveTags: g.TransitiveTags,
		SourceIdentity: g.SourceIdentity, Federated: g.Federated, Keys: g.Keys,
	}
	if g.Role != nil {
		in.Issuer, in.IssuerID = g.Role.ARN, g.Role.ID
	} else {
		in.Issuer, in.IssuerID = g.Holder.ARN, g.Holder.ID
	}
	text, err := json.Marshal(in)
	if err != nil {
		return nil, fmt.Errorf("encode session: %w", err)
	}
	box := s.keys.sessions[0].Seal([]byte{tokenForm}, nil, padded(deflate(text), g.TokenSize), []byte(out.AccessKey))
	out.Token = Secret(base64.StdEncoding.EncodeToString(box))
	if n := len(out.Token); n > MaxToken {
		return nil, &TokenSizeError{TokenShare(n)}
	}
	return out, nil
}

// sealedOverhead is how much longer a token is than what is sealed in it, before
// both are encoded: its form, a nonce and an authentication tag.
const sealedOverhead = 1 + 12 + 16

// padded returns what is to be sealed with zeros behind it, so that the token
// has at least so many characters. Whoever inflates it stops before them.
func padded(text []byte, least int) []byte {
	if n := (least+3)/4*3 - sealedOverhead - len(text); n > 0 {
		text = append(text, make([]byte, n)...)
	}
	return text
}

func deflate(text []byte) []byte {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestCompression)
	if err != nil {
		panic(err) // the level is a constant
	}
	_, _ = w.Write(text) // to a buffer
	_ = w.Close()
	return b.Bytes()
}

// openToken returns what the token of an access key holds.
func (k *keyring) openToken(accessKey, token string) (in sealedSession, err error) {
	// A decoder skips line ends: a token has one text.
	if len(token) > MaxToken || strings.ContainsAny(token, "\r\n") || !strings.HasPrefix(accessKey, sessionPrefix) {
		return in, errors.New("no token")
	}
	box, err := base64.StdEncoding.Strict().DecodeString(token)
	if err != nil || len(box) == 0 || box[0] != tokenForm {
		return in, errors.New("no token of this form")
	}
	text, err := open(k.sessions, box[1:], []byte(accessKey))
	if err != nil {
		return in, err
	}
	text, err = io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(text)), maxSession))
	if err != nil {
		return in, err
	}
	return in, json.Unmarshal(text, &in)
}

// lookupSession is Lookup for a session.
func (d *Directory) lookupSession(s *state, accessKey, token string) (*Credential, error) {
	if s.keys == nil {
		return nil, unrecognized()
	}
	now := d.o.Now()
	hash := hashToken(accessKey, token)
	c := d.sessions.get(s.generation, hash)
	if c == nil {
		in, err := s.keys.openToken(accessKey, token)
		if err != nil {
			return nil, unrecognized()
		}
		if c, err = s.session(strings.Clone(accessKey), in); err != nil {
			return nil, unrecognized()
		}
		if now.Before(c.Session.Expires) {
			d.sessions.put(s.generation, hash, c)
		}
	}
	if !now.Before(c.Session.Expires) {
		return nil, expired()
	}
	return c, nil
}

// session returns the credential of a session, unless its issuer is no more.
func (s *state) session(accessKey string, in sealedSession) (*Credential, error) {
	c := &Credential{AccessKey: accessKey, Secret: Secret(in.Secret)}
	c.Session = &Session{
		Issuer: in.Issuer, IssuerID: in.IssuerID, Name: in.Name,
		Made: time.Unix(in.Made, 0).UTC(), Expires: time.Unix(in.Expires, 0).UTC(),
		Tags: in.Tags, TransitiveTags: in.TransitiveTags, SourceIdentity: in.SourceIdentity, Federated: in.Federated,
	}
	if role := s.roles[in.Issuer]; role != nil && role.ID == in.IssuerID {
		c.Principal, c.Session.IssuerName = role.principal(in.Name, in.Tags), role.Name
	} else if holder := s.people[in.Issuer]; holder != nil && holder.ID == in.IssuerID {
		copied := *holder
		copied.Keys = maps.Clone(holder.Keys)
		c.Principal, c.Session.IssuerName = &copied, holder.Name
	} else {
		return nil, errors.New("its issuer is no more")
	}
	keys := c.Principal.Keys
	if keys == nil {
		keys = iam.Keys{}
		c.Principal.Keys = keys
	}
	maps.Copy(keys, in.Keys)
	keys.Set("aws:TokenIssueTime", c.Session.Made.Format(time.RFC3339))
	keys.Set("aws:MultiFactorAuthPresent", "false")
	if in.SourceIdentity != "" {
		keys.Set("aws:SourceIdentity", in.SourceIdentity)
	}
	if in.Federated != "" {
		keys.Set("aws:FederatedProvider", in.Federated)
	}
	var err error
	c.Principal.Session, err = s.sessionPolicies(in.Policy, in.PolicyARNs)
	return c, err
}

func (s *state) sessionPolicies(inline string, arns []string) (all []*iam.Policy, err error) {
	if inline != "" {
		p, err := iam.Parse([]byte(inline), iam.Identity)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	for _, arn := range arns {
		p := s.managed[arn]
		if p == nil {
			return nil, fmt.Errorf("the session policy %s is no more", arn)
		}
		all = append(all, p)
	}
	return all, nil
}

// principal returns who uses r in a session with a name and tags, which win over
// those of the role.
func (r *CompiledRole) principal(session string, tags map[string]string) *iam.Principal {
	p := &iam.Principal{
		ARN:     fmt.Sprintf("arn:aws:sts::%s:assumed-role/%s/%s", r.Account, r.Name, session),
		Account: r.Account, Role: r.ARN, Type: iam.AssumedRole, ID: r.ID + ":" + session,
		Keys: tagKeys(r.tags), Identity: r.policies, Boundary: r.boundary,
	}
	maps.Copy(p.Keys, tagKeys(tags))
	return p
}
