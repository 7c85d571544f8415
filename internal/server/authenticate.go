package server

import (
	"crypto/sha256"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/statordb/stator/internal/api"
	"github.com/statordb/stator/internal/identity"
	"github.com/statordb/stator/internal/sigv4"
)

// signer is who signed a request: known by name until the signature is verified.
type signer struct {
	*identity.Credential
	signed *sigv4.Signed
}

// parse reads who says that he signed a request for a service: it is sigv4.Parse or
// sigv4.ParsePresigned.
type parse func(m sigv4.Message, service string) (*sigv4.Signed, error)

// signerOf returns who says that he signed a request for a service. It takes little
// work: strangers are refused before what they send is read.
func (s *Server) signerOf(c *fasthttp.RequestCtx, parse parse, service string) (who signer, err error) {
	if who.signed, err = parse(message{c}, service); err != nil {
		return who, err
	}
	who.Credential, err = s.Identity.Lookup(who.signed.AccessKey, who.signed.Token)
	return who, err
}

// verify checks that who signed the request c with its body, about now.
func (s *Server) verify(who signer, c *fasthttp.RequestCtx, body []byte) error {
	return who.signed.Verify(message{c}, sha256.Sum256(body), who.SigningKey(who.signed), s.Now())
}

// caller returns who as the API knows it.
func (s *Server) caller(who signer, c *fasthttp.RequestCtx) *api.Caller {
	return &api.Caller{Principal: who.Principal, Region: who.signed.Region, Request: s.circumstances(c, who.signed.Region)}
}

// message is a request as signatures see it.
type message struct{ c *fasthttp.RequestCtx }

// Method implements sigv4.Message.
func (m message) Method() string { return view(m.c.Method()) }

// Path implements sigv4.Message.
func (m message) Path() string { return view(m.c.URI().PathOriginal()) }

// Query implements sigv4.Message.
func (m message) Query() string { return view(m.c.URI().QueryString()) }

// Header implements sigv4.Message.
func (m message) Header(name string, place int) (value string, lines int) {
	all := m.c.Request.Header.PeekAll(name)
	if place < len(all) {
		value = view(all[place])
	}
	return value, len(all)
}

func (s *Server) circumstances(c *fasthttp.RequestCtx, region string) circumstances {
	return circumstances{c, s.Proxies, s.Now(), region}
}

// circumstances are what conditions may ask about how a request came. (IAM user
// guide, "AWS global condition context keys".)
type circumstances struct {
	c       *fasthttp.RequestCtx
	proxies Proxies
	now     time.Time
	region  string
}

// Values implements iam.Context.
func (r circumstances) Values(key string) ([]string, bool) {
	header := func(name string) ([]string, bool) {
		value := r.c.Request.Header.Peek(name)
		return []string{string(value)}, len(value) > 0
	}
	switch key {
	case "aws:sourceip":
		from, _ := r.proxies.origin(r.c)
		return []string{from.String()}, from.IsValid()
	case "aws:securetransport":
		_, encrypted := r.proxies.origin(r.c)
		return []string{strconv.FormatBool(encrypted)}, true
	case "aws:currenttime":
		return []string{r.now.UTC().Format(time.RFC3339)}, true
	case "aws:epochtime":
		return []string{strconv.FormatInt(r.now.Unix(), 10)}, true
	case "aws:requestedregion":
		return []string{r.region}, true
	case "aws:viaawsservice":
		return []string{"false"}, true
	case "aws:useragent":
		return header("User-Agent")
	case "aws:referer":
		return header("Referer")
	}
	return nil, false
}
