package bench

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// answers returns a connection whose peer answers one request with the parts,
// each of which arrives on its own.
func answers(t *testing.T, parts ...string) *Conn {
	client, server := net.Pipe()
	go func() {
		defer server.Close()
		if _, err := io.ReadFull(server, make([]byte, 4)); err != nil {
			return
		}
		for _, p := range parts {
			if _, err := io.WriteString(server, p); err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() { client.Close() })
	return &Conn{Conn: client}
}

func exchange(c *Conn) (int, string, error) {
	status, body, err := c.Exchange([]byte("PING"), time.Now())
	return status, string(body), err
}

func TestExchange(t *testing.T) {
	const head = "HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 5\r\n\r\n"
	long := strings.Repeat("x", 100_000)
	for _, c := range []struct {
		name   string
		parts  []string
		status int
		body   string
	}{
		{"whole", []string{head + "hello"}, 200, "hello"},
		{"body apart", []string{head, "hel", "lo"}, 200, "hello"},
		{"bytewise", strings.Split(head+"hello", ""), 200, "hello"},
		{"lower case", []string{"HTTP/1.1 400 Bad Request\r\ncontent-length:2\r\nx:y\r\n\r\n{}"}, 400, "{}"},
		{"empty", []string{"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"}, 200, ""},
		{"long", []string{"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + long}, 200, long},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, body, err := exchange(answers(t, c.parts...))
			if err != nil || status != c.status || body != c.body {
				t.Errorf("got %d %.20q %v", status, body, err)
			}
		})
	}
}

func TestExchangeRefuses(t *testing.T) {
	for _, c := range []struct{ name, answer, text string }{
		{"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "in chunks"},
		{"no length", "HTTP/1.1 200 OK\r\nServer: x\r\n\r\n", "no Content-Length"},
		{"bad length", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "not a Content-Length"},
		{"old", "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", "not an answer"},
		{"bad status", "HTTP/1.1 abc OK\r\nContent-Length: 0\r\n\r\n", "not an answer"},
		{"too much", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nabc", "more than its answer"},
		{"cut", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", "EOF"},
		{"silent", "", "EOF"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := exchange(answers(t, c.answer))
			if err == nil || !strings.Contains(err.Error(), c.text) {
				t.Errorf("got %v, want %q", err, c.text)
			}
		})
	}
	if _, _, err := exchange(answers(t, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")); !errors.Is(err, errChunked) {
		t.Errorf("got %v", err)
	}
}

func TestAddress(t *testing.T) {
	for endpoint, want := range map[string]string{
		"http://127.0.0.1:8000":  "127.0.0.1:8000",
		"http://localhost:8000/": "localhost:8000",
		"http://localhost":       "localhost:80",
		"https://localhost:8000": "",
		"localhost:8000":         "",
		"http://localhost/x":     "",
	} {
		if got, err := Address(endpoint); got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q %v", endpoint, got, err)
		}
	}
}
