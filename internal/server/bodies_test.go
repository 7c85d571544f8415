package server

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"
	"github.com/valyala/fasthttp/fasthttputil"
)

// TestBodies: buffers are counted while they are in use, refused beyond the
// limit, and kept only if they are small.
func TestBodies(t *testing.T) {
	b := &bodies{limit: 100 << 10}
	fill := func(n int) (*body, error) {
		in := &body{of: b}
		return in, in.fill(bytes.NewReader(bytes.Repeat([]byte("x"), n)), maxBody)
	}
	first, err := fill(50 << 10)
	if err != nil || len(first.bytes) != 50<<10 || b.inUse.Load() != int64(cap(first.bytes)) {
		t.Fatalf("%d bytes in use for %d, %v", b.inUse.Load(), len(first.bytes), err)
	}
	second, err := fill(50 << 10)
	if !errors.Is(err, errBodies) || b.inUse.Load() > b.limit {
		t.Errorf("%d bytes in use, %v", b.inUse.Load(), err)
	}
	second.release()
	first.release()
	if b.inUse.Load() != 0 {
		t.Errorf("%d bytes in use after all", b.inUse.Load())
	}
	b.limit = 1 << 30
	for n, want := range map[int]error{maxBody: nil, maxBody + 1: fasthttp.ErrBodyTooLarge} {
		in, err := fill(n)
		if err != want {
			t.Errorf("%d bytes: %v", n, err)
		}
		in.release()
	}
	for range 100 {
		if in, _ := b.spare.Get().(*body); in != nil && cap(in.bytes) > keptBuffer {
			t.Errorf("a buffer of %d bytes is kept", cap(in.bytes))
		}
	}
}

// serveBodies answers requests with the length of their body, or the error.
func serveBodies(t *testing.T, b *bodies) *http.Client {
	t.Helper()
	ln := fasthttputil.NewInmemoryListener()
	srv := &fasthttp.Server{StreamRequestBody: true, MaxRequestBodySize: maxBody, Handler: func(c *fasthttp.RequestCtx) {
		in, err := b.read(c, maxBody)
		defer in.release()
		if err != nil {
			c.SetConnectionClose()
			c.SetStatusCode(http.StatusServiceUnavailable)
			return
		}
		_, _ = c.Write(in.bytes)
	}}
	go func() { _ = srv.Serve(ln) }()
	t.Cleanup(func() { _ = srv.Shutdown() })
	return &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return ln.Dial() }}}
}

// TestReadBodies sends bodies of known and of unknown length, one after the
// other on one connection.
func TestReadBodies(t *testing.T) {
	b := &bodies{limit: 1 << 20}
	client := serveBodies(t, b)
	for _, n := range []int{0, 1, 4095, 4096, 4097, 8192, 8193, 100_000} {
		text := strings.Repeat("x", n)
		for _, in := range []io.Reader{strings.NewReader(text), bufio.NewReader(strings.NewReader(text))} { // the second is sent in chunks
			res, err := client.Post("http://server/", "text/plain", in)
			if err != nil {
				t.Fatal(err)
			}
			out, err := io.ReadAll(res.Body)
			res.Body.Close()
			if err != nil || string(out) != text || res.StatusCode != http.StatusOK {
				t.Errorf("%d bytes: status %d, %d bytes, %v", n, res.StatusCode, len(out), err)
			}
		}
	}
	if b.inUse.Load() != 0 {
		t.Errorf("%d bytes in use", b.inUse.Load())
	}
}
