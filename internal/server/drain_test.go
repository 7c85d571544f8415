package server_test

import (
	"net"
	"net/http"
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
