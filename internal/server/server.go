// Package server is the HTTP front door: it turns requests in DynamoDB's
// JSON protocol into calls of the API, and nothing else knows HTTP.
//
// Everything a client can make grow is bounded: headers, body, all bodies
// together, the time to send a request and to take an answer, idle
// connections, their number.
package server

import (
	"context"
	"crypto/tls"
	"errors"
	"hash/crc32"
	"log/slog"
	"net"
	"net/netip"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/valyala/fasthttp"

	"github.com/statordb/stator/internal/api"
	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/identity"
	"github.com/statordb/stator/internal/model"
	"github.com/statordb/stator/internal/sigv4"
	"github.com/statordb/stator/internal/sts"
	"github.com/statordb/stator/internal/trigger"
	"github.com/statordb/stator/internal/wire"
)

const contentType = "application/x-amz-json-1.0"

// Config is what a Server needs. All members but Identity, STS, Proxies, MetricsFrom,
// TLS, Limits, Audit, Clock, Triggers and Copies are required.
type Config struct {
	API *api.API
	// Identity knows who may sign requests; nil: they are not authenticated.
	Identity *identity.Directory
	STS      *sts.STS // makes sessions; nil without Identity
	Proxies  Proxies  // in front of the server, that it believes
	// MetricsFrom are who may see the metrics beside programs on this machine, under
	// Identity; without it everybody may.
	MetricsFrom []netip.Prefix
	Now         func() time.Time // by which signatures are judged
	TLS         *tls.Config      // nil: connections are not encrypted
	Region      string
	Account     string
	Limits      Limits
	Audit       *Audit // nil: nothing is written down
	Metrics     *Metrics
	Log         *slog.Logger
	Clock       Clock // nil: nobody may move the clock
	// Triggers can be changed by programs on this machine; nil: by nobody.
	Triggers *trigger.Triggers
	// Copies can be made by programs on this machine; nil: by nobody.
	Copies Copier
}

// Server answers requests on any number of listeners.
type Server struct {
	Config
	http   fasthttp.Server
	open   connections
	known  map[string]*operation // by target
	bodies bodies
	active atomic.Int64    // requests being answered
	base   context.Context // of every request; ends when draining runs out of time
	cancel context.CancelFunc
}

// New returns a server.
func New(c Config) *Server {
	c.Limits = c.Limits.withDefaults()
	s := &Server{Config: c, bodies: bodies{limit: c.Limits.Bodies}, known: operations()}
	s.open = connections{limits: c.Limits, proxies: c.Proxies, refused: c.Metrics.turnedAway, log: c.Log}
	s.base, s.cancel = context.WithCancel(context.Background())
	s.http = fasthttp.Server{
		Handler:                      s.handle,
		ErrorHandler:                 s.fault,
		Name:                         "Server",
		NoDefaultServerHeader:        true,
		MaxRequestBodySize:           maxBody,
		StreamRequestBody:            true, // bodies reads them
		ReadBufferSize:               maxHeader,
		WriteBufferSize:              32 << 10,                 // head and body of most answers in one write
		Concurrency:                  2 * c.Limits.Connections, // never met: connections counts, see Limits
		ReadTimeout:                  c.Limits.Read,
		WriteTimeout:                 c.Limits.Write,
		IdleTimeout:                  c.Limits.Idle,
		DisablePreParseMultipartForm: true,
		NoDefaultContentType:         true,
		CloseOnShutdown:              true,
		Logger:                       quiet{},
	}
	return s
}

// quiet drops fasthttp's own log: what clients do wrong is in the metrics.
type quiet struct{}

func (quiet) Printf(string, ...any) {}

// Serve answers requests on ln until Shutdown.
func (s *Server) Serve(ln net.Listener) error {
	ln = listener{ln, &s.open}
	if s.TLS != nil {
		ln = tls.NewListener(ln, s.TLS)
	}
	return s.http.Serve(ln)
}

// handle answers one request.
func (s *Server) handle(c *fasthttp.RequestCtx) {
	defer func() {
		if r := recover(); r != nil {
			s.Log.Error("request panicked", "panic", r, "stack", string(debug.Stack()))
			s.refuse(c, newRequestID(), ddberr.Internal())
			c.SetConnectionClose()
		}
	}()
	if len(c.Request.Header.Peek("Origin")) > 0 {
		allowOrigin(c)
	}
	if c.IsPost() && isJSON(view(c.Request.Header.ContentType())) {
		s.operation(c)
		return
	}
	if s.STS != nil && isSession(c) {
		s.session(c)
		return
	}
	if c.RequestBodyStream() != nil {
		c.SetConnectionClose() // what follows on it is the body, which nobody reads
	}
	switch {
	case c.IsOptions():
		preflight(c)
	case (c.IsGet() || c.IsPut()) && string(c.Path()) == "/clock":
		s.clock(c)
	case !c.IsPost() && (string(c.Path()) == triggersPath || strings.HasPrefix(view(c.Path()), triggersPath+"/")):
		s.triggers(c)
	case !c.IsPost() && string(c.Path()) == copyPath:
		s.copies(c)
	case c.IsGet() && string(c.Path()) == "/metrics":
		s.metrics(c)
	case (c.IsGet() || c.IsHead()) && string(c.Path()) == "/":
		c.SetContentType("text/plain")
		c.SetBodyString("healthy: dynamodb." + s.Region + ".amazonaws.com ")
	default:
		s.notFound(c)
	}
}

// notFound answers what is not a request of the protocol.
func (s *Server) notFound(c *fasthttp.RequestCtx) {
	s.Metrics.refused("UnknownOperationException")
	c.SetStatusCode(fasthttp.StatusNotFound)
	c.SetBodyString("<UnknownOperationException/>\n")
}

// isJSON reports whether a content type, without its parameters, is one of the
// protocol's.
func isJSON(kind string) bool {
	kind, _, _ = strings.Cut(kind, ";")
	kind = strings.TrimSpace(kind)
	return strings.EqualFold(kind, contentType) || strings.EqualFold(kind, "application/x-amz-json-1.1") ||
		strings.EqualFold(kind, "application/json")
}

// operation answers a request of the protocol.
func (s *Server) operation(c *fasthttp.RequestCtx) {
	id := newRequestID()
	name := s.operationName(view(c.Request.Header.Peek("X-Amz-Target")))
	var who signer
	if s.Identity != nil {
		var err error
		if who, err = s.signerOf(c, sigv4.Parse, "dynamodb"); err != nil {
			s.turnedAway(c, id, who, name, s.refuse(c, id, err))
			s.dropBody(c)
			return
		}
	}
	in, err := s.bodies.read(c, maxBody)
	defer in.release()
	if err != nil {
		s.refuse(c, id, err)
		return
	}
	var caller *api.Caller
	if s.Identity != nil {
		if err := s.verify(who, c, in.bytes); err != nil {
			s.turnedAway(c, id, who, name, s.refuse(c, id, err))
			return
		}
		caller = s.caller(who, c)
		caller.Record = s.Audit.wants(name)
	}
	s.active.Add(1)
	defer s.active.Add(-1)
	start := time.Now()
	ctx := &requestContext{s.base, c}
	out := c.Response.SwapBody(nil)[:0] // its memory is kept from the request before
	res := s.API.Do(ctx, caller, name, in.bytes, out)
	if s.Audit.wants(name) {
		res = s.done(c, id, who, name, in.bytes, res)
	}
	c.Response.Header.SetContentType(contentType)
	s.answer(c, id, res)
	took := time.Since(start)
	s.Metrics.observe(name, res, took)
	if s.Log.Enabled(ctx, slog.LevelDebug) {
		s.Log.Debug("request", "operation", name, "table", tableName(in.bytes), "status", res.Status, "code", res.Code, "took", took, "request_id", id)
	}
}

// answer sends res.
func (s *Server) answer(c *fasthttp.RequestCtx, id requestID, res api.Result) {
	c.SetStatusCode(res.Status)
	var sum [10]byte
	c.Response.Header.SetBytesV("X-Amz-Crc32", strconv.AppendUint(sum[:0], uint64(crc32.ChecksumIEEE(res.Body)), 10))
	c.Response.Header.SetBytesV("X-Amzn-Requestid", id[:])
	if cap(res.Body) > keptBuffer {
		c.Response.SetBodyRaw(res.Body) // not kept by the connection
	} else {
		c.Response.SwapBody(res.Body)
	}
}

// operationName returns the name of the operation that a target asks for, "" if
// DynamoDB has none such. For one that this version does not have it logs a
// warning the first time.
func (s *Server) operationName(target string) string {
	op := s.known[target]
	if op == nil {
		return ""
	}
	if op.absent {
		op.warned.Do(func() {
			s.Log.Warn("a client uses an operation that this version does not have", "operation", op.name)
		})
	}
	return op.name
}

// operation is an operation that DynamoDB has.
type operation struct {
	name   string
	absent bool // this version does not have it
	warned sync.Once
}

// operations returns them by the X-Amz-Target that asks for them.
func operations() map[string]*operation {
	all := map[string]*operation{}
	for _, op := range model.Operations {
		all[op.Target()] = &operation{name: op.Name, absent: !slices.Contains(api.Names(), op.Name)}
	}
	return all
}

// tableName returns the TableName of a request, "" if it has none.
func tableName(body []byte) string {
	s := wire.NewScanner(body)
	if s.Struct("") != nil {
		return ""
	}
	for {
		key, more, err := s.NextKey()
		if err != nil || !more {
			return ""
		}
		if string(key) == "TableName" {
			name, _ := s.Text()
			return string(name)
		}
		if s.Skip() != nil {
			return ""
		}
	}
}

// requestContext is the context of one request.
type requestContext struct {
	context.Context
	http *fasthttp.RequestCtx
}

// Value knows the Host of the request, see api.Host.
func (c *requestContext) Value(key any) any {
	if key == api.HostKey {
		return string(c.http.Host())
	}
	return c.Context.Value(key)
}

// dropBody reads a body that nobody needs, or says that nothing follows it.
func (s *Server) dropBody(c *fasthttp.RequestCtx) {
	if length := c.Request.Header.ContentLength(); length < 0 || length > strangersBody {
		c.SetConnectionClose()
		return
	}
	in, err := s.bodies.read(c, strangersBody) // so that the connection can be used for more
	if in.release(); err != nil {
		c.SetConnectionClose()
	}
}

// strangersBody is how long a body may be that is read to be dropped.
const strangersBody = 64 << 10

// fault is fasthttp's ErrorHandler.
func (s *Server) fault(c *fasthttp.RequestCtx, err error) { s.refuse(c, newRequestID(), err) }

// refuse answers a request that could not be read, or whose sender is not known. It
// returns the error that it tells.
func (s *Server) refuse(c *fasthttp.RequestCtx, id requestID, err error) *ddberr.Error {
	e := ddberr.Serialization("")
	var small *fasthttp.ErrSmallBuffer
	var known *ddberr.Error
	switch {
	case errors.As(err, &known):
		e = known
	case errors.Is(err, fasthttp.ErrBodyTooLarge):
		e.Status = fasthttp.StatusRequestEntityTooLarge
		e.Code = "RequestEntityTooLarge"
	case errors.As(err, &small):
		e.Message = "Request header is too large"
	case errors.Is(err, errBodies):
		e = ddberr.Unavailable("Too many requests are being sent at once.")
	}
	s.Metrics.refused(e.Code)
	c.Response.Header.SetContentType(contentType)
	s.answer(c, id, api.Failed(e))
	if known == nil {
		c.SetConnectionClose()
	}
	return e
}

// view returns b as a string that shares its memory.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
