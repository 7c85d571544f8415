package server

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"github.com/valyala/fasthttp"

	"github.com/statordb/stator/internal/api"
	"github.com/statordb/stator/internal/audit"
	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/identity"
	"github.com/statordb/stator/internal/sts"
)

// Audit is where what is done is written down.
type Audit struct {
	*audit.Writer
	Data bool // what is done to items too
}

// wants reports whether a is to be told of an operation.
func (a *Audit) wants(operation string) bool {
	return a != nil && (a.Data || !audit.IsData(operation))
}

// event begins the event that the request c is.
func (s *Server) event(c *fasthttp.RequestCtx, id requestID, source, name string) audit.Event {
	sourceIP := "unknown"
	if from, _ := s.Proxies.origin(c); from.IsValid() {
		sourceIP = from.String()
	}
	return audit.Event{
		Time: s.Now(), Identity: audit.Unknown(""), Source: source, Name: name, Region: s.Region, SourceIP: sourceIP,
		UserAgent: string(c.UserAgent()), RequestID: id.String(), ReadOnly: audit.IsReadOnly(name), Data: audit.IsData(name), Account: s.Account,
	}
}

// identityOf returns who a credential belongs to, as records say it.
func identityOf(c *identity.Credential) audit.Identity {
	if c.Session == nil {
		return audit.Of(c.Principal, c.AccessKey, nil)
	}
	session := &audit.Session{Created: c.Session.Made, SourceIdentity: c.Session.SourceIdentity, Provider: c.Session.Federated}
	for key, values := range c.Principal.Keys {
		if !strings.HasPrefix(key, "aws:") && len(values) > 0 {
			if session.Attributes == nil {
				session.Attributes = map[string]string{}
			}
			session.Attributes[key] = values[0]
		}
	}
	return audit.Of(c.Principal, c.AccessKey, session)
}

// done writes down an operation that was answered with res. Where that cannot be
// done, the answer is an error: what nobody can account for nobody is told.
func (s *Server) done(c *fasthttp.RequestCtx, id requestID, who signer, name string, body []byte, res api.Result) api.Result {
	e := s.event(c, id, audit.DynamoDB, name)
	if who.Credential != nil {
		e.Identity, e.Account, e.Region = identityOf(who.Credential), who.Principal.Account, who.signed.Region
	}
	e.Request, e.ErrorCode, e.ErrorMessage = body, res.Code, res.Message
	selects := len(res.Asked) > 0
	for _, asked := range res.Asked {
		selects = selects && asked.Action == "PartiQLSelect"
		if !strings.HasPrefix(asked.ARN, "arn:aws:dynamodb:") { // nothing, or of another service
			continue
		}
		kind := "AWS::DynamoDB::Table"
		if strings.Contains(asked.ARN, "/stream/") {
			kind = "AWS::DynamoDB::Stream"
		}
		if !slices.ContainsFunc(e.Resources, func(r audit.Resource) bool { return r.ARN == asked.ARN }) {
			r := audit.Resource{AccountID: asked.Account, Type: kind, ARN: asked.ARN, Key: asked.Key}
			e.Resources, e.Account = append(e.Resources, r), asked.Account
		}
	}
	e.ReadOnly = e.ReadOnly || selects
	if res.Code == "" && !e.Data && !e.ReadOnly {
		e.Response = res.Body
	}
	if err := s.Audit.Record(s.base, e); err != nil {
		s.Log.Error("a request is not in the audit log: its answer is an error", "operation", name, "request_id", id, "error", err)
		return api.Failed(ddberr.Internal())
	}
	return res
}

// turnedAway writes down a request of somebody who is not known to be who he says.
func (s *Server) turnedAway(c *fasthttp.RequestCtx, id requestID, who signer, name string, e *ddberr.Error) {
	if !s.Audit.wants(name) {
		return
	}
	event := s.event(c, id, audit.DynamoDB, cmp.Or(name, "Unknown"))
	event.Stranger = true
	if who.signed != nil {
		event.Identity, event.Region = audit.Unknown(who.signed.AccessKey), who.signed.Region
	}
	event.ErrorCode, event.ErrorMessage = e.Code, e.Message
	if err := s.Audit.Record(s.base, event); err != nil {
		s.Log.Error("a request that was refused is not in the audit log", "request_id", id, "error", err)
	}
}

// sessionDone writes down a request to STS, like done.
func (s *Server) sessionDone(c *fasthttp.RequestCtx, id requestID, who signer, a sts.Answer) sts.Answer {
	if s.Audit == nil {
		return a
	}
	e := s.event(c, id, audit.STS, cmp.Or(a.Action, "Unknown"))
	if who.signed != nil {
		e.Identity, e.Region = audit.Unknown(who.signed.AccessKey), who.signed.Region
	}
	if a.Role != nil {
		e.Account = a.Role.Account
		e.Resources = []audit.Resource{{AccountID: a.Role.Account, Type: "AWS::IAM::Role", ARN: a.Role.ARN}}
	}
	if who.Credential != nil {
		e.Identity, e.Account = identityOf(who.Credential), who.Principal.Account
	} else if a.Result != nil {
		text := func(name string) string { s, _ := a.Result[name].(string); return s }
		e.Identity = audit.WebIdentity(text("provider"), text("audience"), text("subjectFromWebIdentityToken"))
	}
	if len(a.Parameters) > 0 {
		e.Request, _ = json.Marshal(a.Parameters)
	}
	if a.Err != nil {
		e.ErrorCode, e.ErrorMessage, e.Stranger = a.Err.Code, a.Err.Message, who.Credential == nil
	} else {
		e.Response, _ = json.Marshal(a.Result)
	}
	if err := s.Audit.Record(s.base, e); err != nil {
		s.Log.Error("a request is not in the audit log: its answer is an error", "operation", a.Action, "request_id", id, "error", err)
		return s.STS.Refuse(id.String(), err)
	}
	return a
}
