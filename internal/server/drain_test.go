package server_test

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/statordb/stator"
)

// TestCloseWithUnusedConnections: connections on which nothing was sent, or
// half a request, do not keep a server from closing.
func TestCloseWithUnusedConnections(t *testing.T) {
	srv, err := stator.Open(stator.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for _, sent := range []string{"", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{"} {
		c, err := net.Dial("tcp", srv.Addr())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := c.Write([]byte(sent)); err != nil {
			t.Fatal(err)
		}
	}
	res, err := http.Get(srv.URL()) // the server has seen the other two
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if err := srv.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

// TestRefusedConnections counts connections for which there is no room.
func TestRefusedConnections(t *testing.T) {
	srv, err := stator.Open(stator.Config{MaxConnections: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	defer http.DefaultClient.CloseIdleConnections()
	metrics := func() string {
		res, err := http.Get(srv.URL() + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	metrics() // its connection stays
	c, err := net.Dial("tcp", srv.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if n, err := c.Read(make([]byte, 1)); err == nil {
		t.Errorf("%d bytes on a connection too many", n)
	}
	if want := `stator_refused_connections_total{limit="connections"} 1`; !strings.Contains(metrics(), want) {
		t.Errorf("the metrics do not have %s", want)
	}
}
