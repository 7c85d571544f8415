package server

import (
	"slices"
	"strings"

	"github.com/valyala/fasthttp"

	"github.com/statordb/stator/internal/sigv4"
	"github.com/statordb/stator/internal/sts"
)

// isForm reports whether a content type is that of requests to STS.
func isForm(kind string) bool {
	kind, _, _ = strings.Cut(kind, ";")
	return strings.EqualFold(strings.TrimSpace(kind), "application/x-www-form-urlencoded")
}

// isSession reports whether c is a request to STS: a form, or parameters behind the
// path, by GET as by POST. (IAM user guide, "Calling the IAM API using HTTP query
// requests".)
func isSession(c *fasthttp.RequestCtx) bool {
	if c.IsPost() && isForm(view(c.Request.Header.ContentType())) {
		return true
	}
	return (c.IsGet() || c.IsPost()) && string(c.Path()) == "/" && c.QueryArgs().Has("Action")
}

// sessionSigner returns who says that he signed a request to STS, if it is signed.
func (s *Server) sessionSigner(c *fasthttp.RequestCtx) (who signer, signed bool, err error) {
	switch {
	case len(c.Request.Header.Peek("Authorization")) > 0:
		who, err = s.signerOf(c, sigv4.Parse, sts.Service)
	case sigv4.IsPresigned(message{c}.Query()):
		who, err = s.signerOf(c, sigv4.ParsePresigned, sts.Service)
	default:
		return who, false, nil
	}
	return who, true, err
}

// sessionForm returns the parameters of a request with a body: those of its query go
// first.
func sessionForm(c *fasthttp.RequestCtx, body []byte) []byte {
	query := c.URI().QueryString()
	switch {
	case len(query) == 0:
		return body
	case len(body) == 0:
		return query
	}
	return slices.Concat(query, []byte("&"), body)
}

// session answers a request to STS: who may ask for a session need not be known
// before.
func (s *Server) session(c *fasthttp.RequestCtx) {
	id := newRequestID()
	who, signed, err := s.sessionSigner(c)
	if err != nil {
		s.answerSession(c, id, s.sessionDone(c, id, who, s.STS.Refuse(id.String(), err)))
		s.dropBody(c)
		return
	}
	in, err := s.bodies.read(c, sts.MaxBody)
	defer in.release()
	if err != nil {
		s.refuse(c, id, err)
		return
	}
	if signed {
		if err := s.verify(who, c, in.bytes); err != nil {
			who.Credential = nil // who else it is, nobody knows
			s.answerSession(c, id, s.sessionDone(c, id, who, s.STS.Refuse(id.String(), err)))
			return
		}
	}
	s.active.Add(1)
	defer s.active.Add(-1)
	region := ""
	if signed {
		region = who.signed.Region
	}
	a := s.STS.Do(&requestContext{s.base, c}, sts.Request{ID: id.String(), Caller: who.Credential, Keys: s.circumstances(c, region), Body: sessionForm(c, in.bytes)})
	s.answerSession(c, id, s.sessionDone(c, id, who, a))
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
