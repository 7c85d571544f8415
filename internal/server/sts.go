package server

import (
	"strings"

	"github.com/valyala/fasthttp"

	"github.com/statordb/stator/internal/sts"
)

// isForm reports whether a content type is that of requests to STS.
func isForm(kind string) bool {
	kind, _, _ = strings.Cut(kind, ";")
	return strings.EqualFold(strings.TrimSpace(kind), "application/x-www-form-urlencoded")
}

// session answers a request to STS: who may ask for a session need not be known
// before.
func (s *Server) session(c *fasthttp.RequestCtx) {
	id := newRequestID()
	signed := len(c.Request.Header.Peek("Authorization")) > 0
	var who signer
	if signed {
		var err error
		if who, err = s.signerOf(c, sts.Service); err != nil {
			s.answerSession(c, id, s.sessionDone(c, id, nil, s.STS.Refuse(id.String(), err)))
			s.dropBody(c)
			return
		}
	}
	in, err := s.bodies.read(c, sts.MaxBody)
	defer in.release()
	if err != nil {
		s.refuse(c, id, err)
		return
	}
	if signed {
		if err := s.verify(who, c, in.bytes); err != nil {
			s.answerSession(c, id, s.sessionDone(c, id, nil, s.STS.Refuse(id.String(), err)))
			return
		}
	}
	s.active.Add(1)
	defer s.active.Add(-1)
	region := ""
	if signed {
		region = who.signed.Region
	}
	a := s.STS.Do(&requestContext{s.base, c}, sts.Request{ID: id.String(), Caller: who.Credential, Keys: s.circumstances(c, region), Body: in.bytes})
	s.answerSession(c, id, s.sessionDone(c, id, who.Credential, a))
}

// answerSession sends an answer of STS.
func (s *Server) answerSession(c *fasthttp.RequestCtx, id requestID, a sts.Answer) {
	if a.Err != nil {
		s.Metrics.refused(a.Err.Code)
	}
	c.SetStatusCode(a.Status)
	c.Response.Header.SetContentType(sts.ContentType)
	c.Response.Header.SetBytesV("X-Amzn-Requestid", id[:])
	c.Response.SetBodyRaw(a.Body)
}
