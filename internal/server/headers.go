package server

import (
	"math/rand/v2"

	"github.com/valyala/fasthttp"
)

// allowOrigin lets browsers hand the answer to scripts of any origin. Access
// is decided by signatures, not by origins.
func allowOrigin(c *fasthttp.RequestCtx) {
	h := &c.Response.Header
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", "x-amzn-requestid,x-amzn-errortype,x-amzn-errormessage,x-amz-crc32,date")
}

// preflight answers a browser's question whether it may send a request.
func preflight(c *fasthttp.RequestCtx) {
	h := &c.Response.Header
	allowOrigin(c)
	h.Set("Access-Control-Allow-Methods", "POST, GET, OPTIONS")
	if asked := c.Request.Header.Peek("Access-Control-Request-Headers"); len(asked) > 0 {
		h.SetBytesV("Access-Control-Allow-Headers", asked)
	}
	h.Set("Access-Control-Max-Age", "172800")
}

const requestIDLen = 52

const requestIDLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"

// requestID identifies one request: random letters and digits.
type requestID [requestIDLen]byte

func newRequestID() (id requestID) {
	for i := 0; i < len(id); {
		r := rand.Uint64()
		for range min(12, len(id)-i) {
			id[i] = requestIDLetters[r&31]
			r >>= 5
			i++
		}
	}
	return id
}

// String returns id as headers show it.
func (id requestID) String() string { return string(id[:]) }
