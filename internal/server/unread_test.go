package server_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/statordb/stator"
)

// TestUnreadBody: what follows a request whose body nobody reads is not taken
// for the next request.
func TestUnreadBody(t *testing.T) {
	srv, err := stator.Open(stator.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	body := strings.Repeat(" ", 16<<10) + "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
	for _, head := range []string{"GET / HTTP/1.1", "POST / HTTP/1.1\r\nContent-Type: text/html", "PUT /x HTTP/1.1"} {
		c, err := net.Dial("tcp", srv.Addr())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		request := head + "\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
		if _, err := io.WriteString(c, request+body); err != nil {
			t.Fatal(err)
		}
		answers := bufio.NewReader(c)
		res, err := http.ReadResponse(answers, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(res.Body); err != nil {
			t.Error(err)
		}
		if again, err := http.ReadResponse(answers, nil); err == nil {
			again.Body.Close()
			t.Errorf("%s: a second answer, %s", head, again.Status)
		}
	}
}
