package stator_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/statordb/stator"
)

// speak sends text on a connection of its own and returns the answers, read to the
// end if all is to be read and else the first.
func speak(t *testing.T, srv *stator.Server, all bool, text string) string {
	t.Helper()
	c, err := net.Dial("tcp", srv.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	if all {
		answers, err := io.ReadAll(c)
		if err != nil {
			t.Fatal(err)
		}
		return string(answers)
	}
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.Status + "\n" + string(body)
}

// TestStrangersBodies: what somebody unknown sends is not waited for, however long
// he says it is.
func TestStrangersBodies(t *testing.T) {
	p := newPeople(t, map[string]string{"admin": allow("dynamodb:*", "")})
	srv := p.serve()
	piece := strings.Repeat(" ", 8<<10) // the HTTP library reads it before anybody is asked
	const head = "POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: DynamoDB_20120810.PutItem\r\nX-Amz-Date: 20260601T120000Z\r\n"
	signed := func(key, service string) string {
		return "Authorization: AWS4-HMAC-SHA256 Credential=" + key + "/20260601/us-east-1/" + service + "/aws4_request, SignedHeaders=host;x-amz-date;x-amz-target, Signature=0\r\n"
	}
	const protocol, form = "Content-Type: application/x-amz-json-1.0\r\n", "Content-Type: application/x-www-form-urlencoded\r\n"
	for what, c := range map[string]struct{ who, want string }{
		"nobody":              {protocol, "MissingAuthenticationTokenException"},
		"an unknown key":      {protocol + signed("AKIAIOSFODNN7EXAMPLE", "dynamodb"), "UnrecognizedClientException"},
		"another service":     {protocol + signed(p.keys["admin"].AccessKeyID, "s3"), "InvalidSignatureException"},
		"another algorithm":   {protocol + "Authorization: Basic YTpi\r\n", "IncompleteSignatureException"},
		"an unknown key, STS": {form + signed("AKIAIOSFODNN7EXAMPLE", "sts"), "InvalidClientTokenId"},
	} {
		for _, length := range []string{"Content-Length: 16777216\r\n\r\n" + piece, "Transfer-Encoding: chunked\r\n\r\n"} {
			if got := speak(t, srv, false, head+c.who+length); !strings.Contains(got, c.want) {
				t.Errorf("%s, %.20s: %s", what, length, got)
			}
		}
	}
	// Who needs no key for a request to STS sends little.
	if got := speak(t, srv, false, head+form+"Content-Length: 1000000\r\n\r\n"+piece); !strings.Contains(got, "RequestEntityTooLarge") {
		t.Errorf("a long request without a key: %s", got)
	}
}

// TestTwoLengths: nothing that follows a request with two ends is taken for a
// request, of whatever kind the first is.
func TestTwoLengths(t *testing.T) {
	p := newPeople(t, map[string]string{"admin": allow("dynamodb:*", "")})
	srv := p.serve()
	for _, kind := range []string{"application/x-amz-json-1.0", "application/x-www-form-urlencoded", "text/plain"} {
		got := speak(t, srv, true, "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: "+kind+"\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"+
			"2\r\na=\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		if n := strings.Count(got, "HTTP/1.1 "); n != 1 {
			t.Errorf("%s: %d answers: %s", kind, n, got)
		}
	}
}

// TestMachineEndpoints: what is for programs on this machine is neither for pages
// in a browser nor for what proxies on it pass on; metrics are for those that are
// named too.
func TestMachineEndpoints(t *testing.T) {
	p := newPeople(t, nil)
	loopback := netip.MustParsePrefix("127.0.0.0/8")
	for _, trusted := range []bool{false, true} {
		srv := p.serve(func(c *stator.Config) {
			c.Admin, c.Clock = true, "manual"
			c.MetricsFrom = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
			if trusted {
				c.TrustedProxies = []netip.Prefix{loopback}
			}
		})
		for headers, want := range map[string]struct{ machine, metrics bool }{
			"Host: " + srv.Addr():                                 {true, true},
			"Host: localhost":                                     {true, true},
			"Host: [::1]:8000":                                    {true, true},
			"Host: rebound.example.com":                           {false, false},
			"Host: 127.0.0.1.example.com":                         {false, false},
			"Host: localhost\r\nOrigin: https://example.com":      {false, false},
			"Host: localhost\r\nOrigin: null":                     {false, false},
			"Host: localhost\r\nForwarded: for=127.0.0.1":         {false, false},
			"Host: localhost\r\nVia: 1.1 proxy":                   {false, false},
			"Host: localhost\r\nX-Real-IP: 127.0.0.1":             {false, false},
			"Host: localhost\r\nX-Forwarded-For: 127.0.0.1":       {false, false},
			"Host: localhost\r\nX-Forwarded-For: 198.51.100.1":    {false, false},
			"Host: db.example.com\r\nX-Forwarded-For: 192.0.2.9":  {false, trusted},
			"Host: x\r\nX-Forwarded-For: 192.0.2.9, 198.51.100.1": {false, false},
		} {
			for path, let := range map[string]bool{"/clock": want.machine, "/triggers": want.machine, "/backup": want.machine, "/metrics": want.metrics, "/": true} {
				got := speak(t, srv, false, "GET "+path+" HTTP/1.1\r\n"+headers+"\r\n\r\n")
				if (got[:3] == "200") != let || !let && got[:3] != "404" {
					t.Errorf("%s of %q, loopback trusted %t: %s", path, headers, trusted, fmt.Sprintf("%.60s", got))
				}
			}
		}
	}
}
