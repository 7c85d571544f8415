// Package sts is AWS's Security Token Service, as far as it is needed to sign
// in: GetCallerIdentity, AssumeRole, AssumeRoleWithWebIdentity and
// GetSessionToken, over the Query protocol (a form or a query in, XML out), Version
// 2011-06-15, which is the one that SDKs and the AWS CLI speak.
//
// Shapes, constraints and errors are those of the STS API reference and of its
// service model; where a text is from elsewhere the code says so.
package sts

import (
	"context"
	"log/slog"
	"time"

	"github.com/statordb/stator/internal/iam"
	"github.com/statordb/stator/internal/identity"
)

const (
	version   = "2011-06-15"
	namespace = "https://sts.amazonaws.com/doc/2011-06-15/"

	// Service is the service of the scope that requests are signed for.
	Service = "sts"
	// ContentType is that of every answer.
	ContentType = "text/xml"
	// MaxBody is how long a request may be, in bytes: a token has at most 20,000
	// characters, a policy 2,048, tags some 19,000.
	MaxBody = 128 << 10
)

// Options are what an STS is made of.
type Options struct {
	Directory *identity.Directory
	Now       func() time.Time // nil for time.Now
	Log       *slog.Logger     // nil for slog.Default
}

// STS answers requests. It is safe for concurrent use.
type STS struct {
	directory *identity.Directory
	now       func() time.Time
	log       *slog.Logger
	keys      *keyCache
}

// New returns an STS.
func New(o Options) *STS {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return &STS{directory: o.Directory, now: o.Now, log: o.Log, keys: newKeyCache(o.Now)}
}

// Request is a request whose signature has been checked, if it has one.
type Request struct {
	ID     string               // of the request
	Caller *identity.Credential // nil for one without a signature
	Keys   iam.Context          // what conditions may ask about the request, nil for nothing
	Body   []byte               // form
}

// Answer is what a Request is answered with.
type Answer struct {
	Status int
	Body   []byte // XML
	// Action is the operation, "" if there is none with the name that the request
	// has; Parameters and Result are what may be recorded of the request and of its
	// answer, by the names that CloudTrail has for it. No secret is among them.
	Action     string
	Parameters map[string]any
	Result     map[string]any
	Role       *identity.CompiledRole // that was assumed, nil for none
	Err        *Error                 // nil for success
}

// recorder is a result of which something may be recorded.
type recorder interface{ recorded() map[string]any }

// call is a request while it is answered.
type call struct {
	Request
	form *form
	role *identity.CompiledRole // that was assumed, nil for none
}

// operation is one of the service's.
type operation struct {
	unsigned bool // it needs no signature
	do       func(*STS, context.Context, *call) (result any, err error)
}

var operations = map[string]operation{
	"AssumeRole":                {do: (*STS).assumeRole},
	"AssumeRoleWithWebIdentity": {do: (*STS).assumeRoleWithWebIdentity, unsigned: true},
	"GetCallerIdentity":         {do: (*STS).getCallerIdentity},
	"GetSessionToken":           {do: (*STS).getSessionToken},
}

// Do answers r.
func (s *STS) Do(ctx context.Context, r Request) Answer {
	f, err := parseForm(r.Body)
	if err != nil {
		return s.refuse(r.ID, "", nil, err)
	}
	name := f.get("Action")
	o, known := operations[name]
	switch {
	case name == "":
		return s.refuse(r.ID, "", nil, sender("MissingAction", "Could not find operation in the request: it has no Action"))
	case !known || f.get("Version") != version:
		return s.refuse(r.ID, "", nil, sender("InvalidAction", "Could not find operation %s for version %s", printable(name), printable(f.get("Version"))))
	case r.Caller == nil && !o.unsigned:
		return s.refuse(r.ID, name, f, missingToken())
	}
	c := &call{Request: r, form: f}
	result, err := o.do(s, ctx, c)
	if err != nil {
		return s.refuse(r.ID, name, f, err)
	}
	a := Answer{Status: 200, Body: render(name, result, r.ID), Action: name, Parameters: f.recorded(), Role: c.role}
	if of, ok := result.(recorder); ok {
		a.Result = of.recorded()
	}
	return a
}
