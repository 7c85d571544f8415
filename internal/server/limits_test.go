package server

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/statordb/stator/internal/patience"
)

// brief are times that a test can wait for.
var brief = Limits{Read: 20 * time.Millisecond, Write: 20 * time.Millisecond, Idle: 20 * time.Millisecond}

// listen serves on ln, nil for loopback, without anything to serve but health.
func listen(t *testing.T, ln net.Listener, c Config) (s *Server, address string) {
	t.Helper()
	if ln == nil {
		var err error
		if ln, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
	}
	c.Metrics, c.Log, c.Region = NewMetrics(nil, nil, nil, nil), slog.New(slog.DiscardHandler), "us-east-1"
	s = New(c)
	done := make(chan error, 1)
	go func() { done <- s.Serve(ln) }()
	t.Cleanup(func() {
		if err := errors.Join(s.Shutdown(t.Context()), <-done); err != nil && t.Context().Err() == nil {
			t.Error(err)
		}
	})
	return s, ln.Addr().String()
}

func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience.Limit)); err != nil {
		t.Fatal(err)
	}
	return c
}

// healthy asks for the health of the server on c.
func healthy(c net.Conn) error {
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		return err
	}
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, res.Body)
	return errors.Join(err, res.Body.Close())
}

// TestSlowClients: whoever begins something and does not go on loses the
// connection.
func TestSlowClients(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tls")
	cert, key, err := SelfSigned(dir, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	encrypted, err := TLSFiles{Certificate: cert, Key: key}.Config()
	if err != nil {
		t.Fatal(err)
	}
	const head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-amz-json-1.0\r\nX-Amz-Target: DynamoDB_20120810.ListTables\r\n"
	for what, c := range map[string]struct {
		sent string
		tls  bool
	}{
		"nothing":             {},
		"half a head":         {sent: "GET / HTTP/1.1\r\nHo"},
		"half a body":         {sent: head + "Content-Length: 10\r\n\r\n{"},
		"half a chunk":        {sent: head + "Transfer-Encoding: chunked\r\n\r\n5\r\n{"},
		"no last chunk":       {sent: head + "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"},
		"half a trailer":      {sent: head + "Transfer-Encoding: chunked\r\n\r\n0\r\nX-A"},
		"only one request":    {sent: "GET / HTTP/1.1\r\nHost: x\r\n\r\n"},
		"no handshake":        {tls: true},
		"half a handshake":    {sent: "\x16\x03\x01\x02\x00\x01", tls: true},
		"a long promise, TLS": {sent: "\x16\x03\x01\x40\x00\x01\x00\x3f\xfc\x03\x03", tls: true},
	} {
		t.Run(what, func(t *testing.T) {
			config := Config{Limits: brief}
			if c.tls {
				config.TLS = encrypted
			}
			s, address := listen(t, nil, config)
			conn := dial(t, address)
			if _, err := io.WriteString(conn, c.sent); err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, conn); errors.Is(err, syscall.ETIMEDOUT) || isTimeout(err) {
				t.Errorf("the connection stays open: %v", err)
			}
			patience.Until(t, func() bool { return s.open.count() == 0 }, "the connection is forgotten")
		})
	}
}

func isTimeout(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Timeout()
}

// TestUnreadAnswers: who does not take an answer, or asks on and on without
// reading, loses the connection.
func TestUnreadAnswers(t *testing.T) {
	s, address := listen(t, nil, Config{Limits: Limits{Write: 20 * time.Millisecond}})
	large := bytes.Repeat([]byte("x"), 64<<20)
	health := s.http.Handler
	s.http.Handler = func(c *fasthttp.RequestCtx) {
		if health(c); string(c.Path()) == "/large" {
			c.Response.SetBodyRaw(large)
		}
	}
	c := dial(t, address)
	if _, err := io.WriteString(c, "GET /large HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 1)); err != nil { // and no more
		t.Fatal(err)
	}
	patience.Until(t, func() bool { return s.open.count() == 0 }, "the connection is closed")

	c = dial(t, address)
	many := strings.Repeat("GET / HTTP/1.1\r\nHost: x\r\n\r\n", 1000)
	for {
		if _, err := io.WriteString(c, many); isTimeout(err) {
			t.Fatal("requests are taken for ever")
		} else if err != nil {
			break
		}
	}
	patience.Until(t, func() bool { return s.open.count() == 0 }, "the connection of pipelined requests is closed")
}

// farAway makes connections look as if they came from other machines.
type farAway struct {
	net.Listener
	from atomic.Pointer[net.TCPAddr]
	fail atomic.Int32 // how often Accept fails before
}

func (l *farAway) Accept() (net.Conn, error) {
	if l.fail.Add(-1) >= 0 {
		return nil, &net.OpError{Op: "accept", Err: syscall.EMFILE}
	}
	c, err := l.Listener.Accept()
	return farConn{c, l.from.Load()}, err
}

type farConn struct {
	net.Conn
	from *net.TCPAddr
}

func (c farConn) RemoteAddr() net.Addr { return c.from }

func (l *farAway) come(address string) {
	l.from.Store(net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(address), 4000)))
}

// TestConnections: there are so many connections, and so many from one address,
// but for those that others come through; who goes makes room.
func TestConnections(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln := &farAway{Listener: inner}
	ln.come("127.0.0.1")
	proxies := Proxies{netip.MustParsePrefix("10.0.0.0/8")}
	s, address := listen(t, ln, Config{Proxies: proxies, Limits: Limits{Connections: 8, ConnectionsPerAddress: 2}})
	last := map[string]net.Conn{}
	for i, c := range []struct {
		from string
		let  bool
	}{
		{"192.0.2.1", true}, {"192.0.2.1", true}, {"192.0.2.1", false}, {"192.0.2.2", true},
		{"2001:db8::1", true}, {"2001:db8::ffff:2", true}, {"2001:db8::3", false}, {"::ffff:192.0.2.1", false},
		{"10.0.0.1", true}, {"10.0.0.1", true}, {"10.0.0.1", true}, // three are more than two
		{"127.0.0.1", false}, // there are eight
	} {
		ln.come(c.from)
		conn := dial(t, address)
		if err := healthy(conn); (err == nil) != c.let {
			t.Errorf("connection %d, from %s: %v", i, c.from, err)
		}
		if c.let {
			last[c.from] = conn
		}
	}
	last["192.0.2.1"].Close()
	patience.Until(t, func() bool { return s.open.count() == 7 }, "the connection is forgotten")
	ln.come("192.0.2.1")
	if err := healthy(dial(t, address)); err != nil {
		t.Errorf("after one has gone: %v", err)
	}
}

// TestSilentBeyondLimit: a connection for which there is no room and which says
// nothing, not even hello, does not keep others from being accepted.
func TestSilentBeyondLimit(t *testing.T) {
	cert, key, err := SelfSigned(filepath.Join(t.TempDir(), "tls"), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	encrypted, err := TLSFiles{Certificate: cert, Key: key}.Config()
	if err != nil {
		t.Fatal(err)
	}
	s, address := listen(t, nil, Config{TLS: encrypted, Limits: Limits{Connections: 1}})
	first := dial(t, address)
	patience.Until(t, func() bool { return s.open.count() == 1 }, "the first is there")
	for range 3 {
		if n, err := dial(t, address).Read(make([]byte, 1)); n > 0 || isTimeout(err) {
			t.Errorf("one too many: %d bytes, %v", n, err)
		}
	}
	first.Close()
	patience.Until(t, func() bool { return s.open.count() == 0 }, "the first has gone")
	second := dial(t, address)
	defer second.Close()
	patience.Until(t, func() bool { return s.open.count() == 1 }, "another is accepted")
}

// TestAcceptFails: that there are no files left for a moment does not end the
// listening.
func TestAcceptFails(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln := &farAway{Listener: inner}
	ln.come("127.0.0.1")
	ln.fail.Store(3)
	_, address := listen(t, ln, Config{})
	if err := healthy(dial(t, address)); err != nil {
		t.Error(err)
	}
}

// TestLimitsOfFiles: by default connections leave files for the data.
func TestLimitsOfFiles(t *testing.T) {
	if l := (Limits{}).withDefaults(); l.Connections < 1 || l.Connections > max(openFiles()/2, 1) || l.ConnectionsPerAddress > l.Connections {
		t.Errorf("%+v with %d files", l, openFiles())
	}
	if l := (Limits{Connections: 3}).withDefaults(); l.Connections != 3 || l.ConnectionsPerAddress != 1 {
		t.Errorf("%+v", l)
	}
}

// TestManyHeaders: what is bounded is how long they are together.
func TestManyHeaders(t *testing.T) {
	_, address := listen(t, nil, Config{})
	for n, want := range map[int]int{3000: http.StatusOK, 5000: http.StatusBadRequest, 1_000_000: http.StatusBadRequest} {
		c := dial(t, address)
		go func() { _, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n"+strings.Repeat("A:\r\n", n)+"\r\n") }()
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil && want != http.StatusOK {
			continue // closed before all was sent, which may take the answer with it
		}
		if err != nil {
			t.Fatalf("%d headers: %v", n, err)
		}
		res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("%d headers: %s", n, res.Status)
		}
	}
}
