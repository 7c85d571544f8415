package server_test

import (
	"bufio"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/statordb/stator"
)

// TestWire sends the bytes in testdata/wire.txt over connections of their own
// and compares what comes back: all answers, and whether the connection is
// open after them. An entry is a list of requests behind
//
//	send
//
// separated by lines of "===", or behind
//
//	send eof
//
// if nothing more comes after them. Lines of a head end in CR LF; the body,
// behind an empty line, is as it is, without a last LF. In both, \xff is the
// byte, <length> the length of the body and <x*1000> a thousand x. Shown are
// the headers in shown; that CRC and request id are right is checked always.
// go test ./internal/server -run TestWire -rewrite writes the answers anew.
func TestWire(t *testing.T) {
	srv, err := stator.Open(stator.Config{Now: func() time.Time { return time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
	})
	datadriven.RunTest(t, "testdata/wire.txt", func(t *testing.T, d *datadriven.TestData) string {
		requests := strings.Split(d.Input, "\n===\n")
		for i := range requests {
			requests[i] = onWire(t, requests[i])
		}
		return exchange(t, srv.Addr(), requests, d.HasArg("eof"))
	})
}

var repeatedX = regexp.MustCompile(`<x\*(\d+)>`)

// onWire returns the bytes of a request in wire.txt.
func onWire(t *testing.T, request string) string {
	t.Helper()
	request = repeatedX.ReplaceAllStringFunc(request, func(m string) string {
		n, _ := strconv.Atoi(m[3 : len(m)-1])
		return strings.Repeat("x", n)
	})
	head, body, _ := strings.Cut(request, "\n\n")
	body = unescaped(t, body)
	head = strings.ReplaceAll(head, "<length>", strconv.Itoa(len(body)))
	return unescaped(t, strings.ReplaceAll(head, "\n", `\r\n`)) + "\r\n\r\n" + body
}

// unescaped replaces the escapes of Go in s.
func unescaped(t *testing.T, s string) string {
	t.Helper()
	s = strings.ReplaceAll(strings.ReplaceAll(s, "\n", `\n`), `"`, `\"`)
	out, err := strconv.Unquote(`"` + strings.ReplaceAll(s, `\\"`, `\\\"`) + `"`)
	if err != nil {
		t.Fatalf("%v in %s", err, s)
	}
	return out
}

// probe is a request behind all others: if it is answered, the connection was
// open, and is closed with the answer.
const probe = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

// exchange sends requests on a new connection and describes the answers.
func exchange(t *testing.T, address string, requests []string, eof bool) string {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if !eof {
		requests = append(requests, probe)
	}
	go func() { // the server may answer and close before it has read all
		_, _ = io.WriteString(conn, strings.Join(requests, ""))
		if eof {
			_ = conn.(*net.TCPConn).CloseWrite()
		}
	}()
	var out strings.Builder
	answers := bufio.NewReader(conn)
	for i := 0; ; {
		method, _, _ := strings.Cut(requests[min(i, len(requests)-1)], " ")
		res, err := http.ReadResponse(answers, &http.Request{Method: method})
		if err != nil {
			return out.String() + "closed\n"
		}
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		if i == len(requests)-1 && !eof {
			return out.String() + "open\n"
		}
		out.WriteString(describe(t, res, body))
		if res.StatusCode != http.StatusContinue {
			i++
		}
	}
}

// shown are the headers that wire.txt has, where a server sends them.
var shown = []string{"Content-Type", "Content-Encoding", "Access-Control-Allow-Origin", "Connection"}

func describe(t *testing.T, res *http.Response, body []byte) string {
	t.Helper()
	out := strconv.Itoa(res.StatusCode)
	for _, name := range shown {
		if value := res.Header.Get(name); value != "" {
			out += fmt.Sprintf(" %s: %s;", name, value)
		}
	}
	if sum := res.Header.Get("X-Amz-Crc32"); sum != "" || strings.Contains(out, "x-amz-json") {
		if want := strconv.Itoa(int(crc32.ChecksumIEEE(body))); sum != want {
			t.Errorf("X-Amz-Crc32 %q, want %s", sum, want)
		}
		if id := res.Header.Get("X-Amzn-Requestid"); len(id) != 52 {
			t.Errorf("X-Amzn-Requestid %q", id)
		}
	}
	if text := strings.TrimSuffix(string(body), "\n"); text != "" {
		out += "\n" + text
	}
	return out + "\n"
}
