package server

import (
	"net"
	"slices"
	"strings"

	"github.com/valyala/fasthttp"
)

// passedOn are headers by which proxies say that a request is not their own.
var passedOn = []string{"Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip"}

// local reports whether a request comes from a program on this machine that
// means this server: not from a page in a browser, whatever host name that page
// has come by, and not through a proxy on this machine that says so.
func local(c *fasthttp.RequestCtx) bool {
	host, _, err := net.SplitHostPort(string(c.Host()))
	if err != nil {
		host = string(c.Host())
	}
	named := host == "localhost" || net.ParseIP(strings.Trim(host, "[]")).IsLoopback()
	foreign := slices.ContainsFunc(passedOn, func(name string) bool { return len(c.Request.Header.Peek(name)) > 0 })
	return named && !foreign && c.RemoteIP().IsLoopback() && len(c.Request.Header.Peek("Origin")) == 0
}
