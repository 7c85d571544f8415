package server

import (
	"net"
	"strings"

	"github.com/valyala/fasthttp"
)

// local reports whether a request comes from a program on this machine that
// means this server: not from a page in a browser, whatever host name that page
// has come by.
func local(c *fasthttp.RequestCtx) bool {
	host, _, err := net.SplitHostPort(string(c.Host()))
	if err != nil {
		host = string(c.Host())
	}
	named := host == "localhost" || net.ParseIP(strings.Trim(host, "[]")).IsLoopback()
	return named && c.RemoteIP().IsLoopback() && len(c.Request.Header.Peek("Origin")) == 0
}
