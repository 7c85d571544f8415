package server

import (
	"net"
	"net/netip"
	"testing"

	"github.com/valyala/fasthttp"
)

// from returns a request from an address, with headers: names and values.
func from(address string, headers ...string) *fasthttp.RequestCtx {
	var r fasthttp.Request
	r.SetHost("localhost:8000")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	c := new(fasthttp.RequestCtx)
	c.Init(&r, &net.TCPAddr{IP: net.ParseIP(address), Port: 4000}, nil)
	return c
}

// TestOrigin believes proxies that are trusted, and of what came before them nothing.
func TestOrigin(t *testing.T) {
	const header, proto = "X-Forwarded-For", "X-Forwarded-Proto"
	trusted := Proxies{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("192.0.2.1/32")}
	for _, c := range []struct {
		request   *fasthttp.RequestCtx
		from      string
		encrypted bool
	}{
		{from("127.0.0.1"), "127.0.0.1", false},
		{from("127.0.0.1", header, "198.51.100.7", proto, "https"), "198.51.100.7", true},
		{from("198.51.100.7", header, "10.0.0.1", proto, "https"), "198.51.100.7", false},
		{from("127.0.0.1", header, "10.0.0.1, 198.51.100.7"), "198.51.100.7", false},
		{from("127.0.0.1", header, "10.0.0.1", header, "198.51.100.7"), "198.51.100.7", false}, // the proxy's line is its own
		{from("127.0.0.1", header, "198.51.100.7, 192.0.2.1"), "198.51.100.7", false},
		{from("127.0.0.1", header, "198.51.100.7", header, "192.0.2.1"), "198.51.100.7", false},
		{from("127.0.0.1", header, "198.51.100.7:4000"), "198.51.100.7", false},
		{from("127.0.0.1", header, "[2001:db8::7]:4000"), "2001:db8::7", false},
		{from("127.0.0.1", header, "10.0.0.1, unknown"), "invalid IP", false},
		{from("127.0.0.1", proto, "https", proto, "http"), "127.0.0.1", false},
		{from("127.0.0.1", proto, "https, http"), "127.0.0.1", false},
	} {
		address, encrypted := trusted.origin(c.request)
		if address.String() != c.from || encrypted != c.encrypted {
			t.Errorf("%s: from %s, encrypted %v, want %s, %v", c.request.Request.Header.Header(), address, encrypted, c.from, c.encrypted)
		}
	}
}

// TestLocal lets in nobody for whom a proxy on this machine asks.
func TestLocal(t *testing.T) {
	if !local(from("127.0.0.1")) {
		t.Error("a program on this machine is not local")
	}
	for what, c := range map[string]*fasthttp.RequestCtx{
		"another machine": from("198.51.100.7"), "a page": from("127.0.0.1", "Origin", "http://localhost:8000"),
		"a proxy": from("127.0.0.1", "X-Forwarded-For", "198.51.100.7"), "another proxy": from("127.0.0.1", "Via", "1.1 proxy"),
	} {
		if local(c) {
			t.Errorf("%s is local", what)
		}
	}
}
