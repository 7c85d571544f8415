package sigv4_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/sigv4"
)

const mismatch = "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."

// refusals are what is changed in a good request, and the error it gets. The
// order of checks is header and parts, scope, signature, time.
var refusals = []struct {
	name       string
	change     func(r *request)
	code, text string
}{
	{"no header", set("authorization"), "MissingAuthenticationTokenException", "Request is missing Authentication Token"},
	{"empty header", set("authorization", ""), "MissingAuthenticationTokenException", "Request is missing Authentication Token"},
	{"two headers", set("authorization", "a", "b"), "IncompleteSignatureException", "Authorization header is there more than once."},
	{"another algorithm", edit("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA512"), "IncompleteSignatureException", "Unsupported AWS 'algorithm': 'AWS4-HMAC-SHA512'."},
	{"basic", set("authorization", "Basic YTpi"), "IncompleteSignatureException", "Unsupported AWS 'algorithm': 'Basic'."},
	{"only the algorithm", set("authorization", "AWS4-HMAC-SHA256"), "IncompleteSignatureException",
		"Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter. Authorization=AWS4-HMAC-SHA256"},
	{"no signature", edit("Signature=", "Signature"), "IncompleteSignatureException", ""},
	{"no signed headers", edit("SignedHeaders=", "SignedHeaders=,X="), "IncompleteSignatureException", ""},
	{"no date", set("x-amz-date"), "IncompleteSignatureException", "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. Authorization=AWS4-HMAC-SHA256"},
	{"a bad date", set("x-amz-date", "yesterday"), "IncompleteSignatureException", "Date must be in ISO-8601 'basic format'. Got 'yesterday'. See http://en.wikipedia.org/wiki/ISO_8601. Authorization=AWS4-HMAC-SHA256"},
	{"short credential", edit("/aws4_request", ""), "IncompleteSignatureException", "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got 'AKIDEXAMPLE/20260601/us-west-2/dynamodb'."},
	{"terminator", edit("aws4_request", "aws5_request"), "InvalidSignatureException", "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5_request'."},
	{"no region", edit("/us-west-2/", "//"), "InvalidSignatureException", "Credential should be scoped to a valid region, not ''."},
	{"a region with an account", edit("/us-west-2/", "/us-west-2:123456789012/"), "InvalidSignatureException", "Credential should be scoped to a valid region, not 'us-west-2:123456789012'."},
	{"service", edit("/dynamodb/", "/s3/"), "InvalidSignatureException", "Credential should be scoped to correct service: 'dynamodb'."},
	{"a region with another ARN", edit("us-west-2", "us:1:table"), "InvalidSignatureException", "Credential should be scoped to a valid region, not 'us:1:table'."},
	{"a long region", edit("us-west-2", strings.Repeat("u", 33)), "InvalidSignatureException", ""},
	{"date of the scope", edit("/20260601/", "/20260531/"), "InvalidSignatureException", "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20260531' != '20260601', from '20260601T120000Z'."},
	{"scope before signature", func(r *request) { edit("/20260601/", "/b/")(r); edit("Signature=", "Signature=0")(r) }, "InvalidSignatureException",
		"Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: 'b' != '20260601', from '20260601T120000Z'."},
	{"region", edit("us-west-2", "us-east-1"), "InvalidSignatureException", mismatch},
	{"signature", edit("Signature=", "Signature=0"), "InvalidSignatureException", mismatch},
	{"signature in capitals", func(r *request) {
		head, signature, _ := strings.Cut(r.headers["authorization"][0], "Signature=")
		r.headers["authorization"][0] = head + "Signature=" + strings.ToUpper(signature)
	}, "InvalidSignatureException", mismatch},
	{"signed headers out of order", edit("content-length;content-type", "content-type;content-length"), "InvalidSignatureException", mismatch},
	{"a signed header twice", edit("host;", "host;host;"), "InvalidSignatureException", mismatch},
	{"unsigned host", edit("host;", ""), "InvalidSignatureException", "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."},
	{"host twice in one name", edit("host;", "hosthost;"), "InvalidSignatureException", "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."},
	{"unsigned target", edit(";x-amz-target", ""), "InvalidSignatureException", "'X-Amz-Target' must be a 'SignedHeader' in the AWS Authorization."},
	{"unsigned token", set("x-amz-security-token", "t"), "InvalidSignatureException", "'X-Amz-Security-Token' must be a 'SignedHeader' in the AWS Authorization."},
	{"body", func(r *request) { r.body = append(r.body, ' ') }, "InvalidSignatureException", mismatch},
	{"method", func(r *request) { r.method = "GET" }, "InvalidSignatureException", mismatch},
}

func set(name string, values ...string) func(*request) {
	return func(r *request) { r.headers[name] = values }
}

func edit(from, to string) func(*request) {
	return func(r *request) {
		r.headers["authorization"][0] = strings.Replace(r.headers["authorization"][0], from, to, 1)
	}
}

// plain returns a signed request without extras.
func plain(t testing.TB, at time.Time) *request {
	rng := rand.New(rand.NewPCG(3, 0))
	for {
		if r := sign(t, rng, at); r.path == "/" && r.query == "" && r.headers["x-extra-0"] == nil && r.headers["x-amz-security-token"] == nil && len(r.body) > 0 {
			return r
		}
	}
}

func TestRefusals(t *testing.T) {
	for _, c := range refusals {
		t.Run(c.name, func(t *testing.T) {
			r := plain(t, noon)
			c.change(r)
			refused(t, check(r, noon, "dynamodb"), c.code, c.text)
		})
	}
}

// refused checks an error; any text will do for "".
func refused(t *testing.T, err error, code, text string) {
	t.Helper()
	var coded *ddberr.Error
	if !errors.As(err, &coded) || coded.Code != code || text != "" && coded.Message != text {
		t.Errorf("got %v, not %s: %s", err, code, text)
	}
}

// TestWindow sends a request again and again, before and after it was signed.
func TestWindow(t *testing.T) {
	r := plain(t, noon)
	for _, skew := range []time.Duration{-sigv4.MaxSkew, -time.Second, 0, sigv4.MaxSkew} {
		if err := check(r, noon.Add(skew), "dynamodb"); err != nil {
			t.Errorf("%s later: %v", skew, err)
		}
	}
	refused(t, check(r, noon.Add(sigv4.MaxSkew+time.Second), "dynamodb"), "InvalidSignatureException",
		"Signature expired: 20260601T120000Z is now earlier than 20260601T120001Z (20260601T121501Z - 15 min.)")
	refused(t, check(r, noon.Add(-sigv4.MaxSkew-time.Second), "dynamodb"), "InvalidSignatureException",
		"Signature not yet current: 20260601T120000Z is still later than 20260601T115959Z (20260601T114459Z + 15 min.)")
	edit("Signature=", "Signature=0")(r)
	refused(t, check(r, noon.Add(time.Hour), "dynamodb"), "InvalidSignatureException", mismatch)
}

// TestDate signs with Date instead of X-Amz-Date, which the string to sign has
// in the form of the latter.
func TestDate(t *testing.T) {
	r := plain(t, noon)
	for _, date := range []string{"20260601T120000Z", "Mon, 01 Jun 2026 12:00:00 GMT"} {
		d := r.clone()
		delete(d.headers, "x-amz-date")
		d.headers["date"] = []string{date}
		resign(t, d, "content-length;content-type;date;host;x-amz-target")
		if err := check(d, noon, "dynamodb"); err != nil {
			t.Errorf("%s: %v", date, err)
		}
	}
}

// resign signs r by means of another header list: the SDK signs X-Amz-Date, so
// that the signature is found by the package's own canonical form, which the
// other tests check.
func resign(t testing.TB, r *request, signed string) {
	t.Helper()
	r.headers["authorization"] = []string{fmt.Sprintf("AWS4-HMAC-SHA256 Credential=%s/20260601/us-west-2/dynamodb/aws4_request, SignedHeaders=%s, Signature=%s", accessKey, signed, "0")}
	s, err := sigv4.Parse(r, "dynamodb")
	if err != nil {
		t.Fatal(err)
	}
	signature := s.Sign(r, sha256.Sum256(r.body), s.KeyFor(secret))
	r.headers["authorization"][0] = strings.TrimSuffix(r.headers["authorization"][0], "0") + string(signature[:])
}

// TestUnsignedPayload refuses a signature that is not of the body.
func TestUnsignedPayload(t *testing.T) {
	for _, payload := range []string{"UNSIGNED-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", hex.EncodeToString(make([]byte, sha256.Size))} {
		h, err := http.NewRequest("POST", "https://localhost/", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		h.Header.Set("X-Amz-Content-Sha256", payload)
		if err := v4.NewSigner().SignHTTP(context.Background(), aws.Credentials{AccessKeyID: accessKey, SecretAccessKey: secret}, h, payload, "dynamodb", "us-west-2", noon); err != nil {
			t.Fatal(err)
		}
		r := &request{method: "POST", path: "/", body: []byte("{}"), headers: map[string][]string{"host": {"localhost"}, "content-length": {"2"}}}
		for name, values := range h.Header {
			r.headers[strings.ToLower(name)] = values
		}
		refused(t, check(r, noon, "dynamodb"), "InvalidSignatureException", mismatch)
	}
}

// TestHugeHeaders bounds what somebody unknown can ask for: long lists are
// refused before they are used.
func TestHugeHeaders(t *testing.T) {
	for _, authorization := range []string{
		"AWS4-HMAC-SHA256 " + strings.Repeat(",", 1<<20),
		"AWS4-HMAC-SHA256 " + strings.Repeat("a=b,", 1<<18),
		"AWS4-HMAC-SHA256 Credential=" + strings.Repeat("a/", 1<<18),
		"AWS4-HMAC-SHA256 Credential=a/20260601/us-west-2/dynamodb/aws4_request, Signature=0, SignedHeaders=" + strings.Repeat("host;", 1<<18) + "host",
		strings.Repeat("A", 1<<20),
	} {
		r := plain(t, noon)
		r.headers["authorization"] = []string{authorization}
		err := check(r, noon, "dynamodb")
		if err == nil || err.Error() == "unknown key" {
			if s, parsed := sigv4.Parse(r, "dynamodb"); parsed == nil {
				err = s.Verify(r, sha256.Sum256(r.body), s.KeyFor(secret), noon)
			}
		}
		if err == nil || len(err.Error()) > 1024 {
			t.Errorf("%.40s: %.200v", authorization, err)
		}
	}
}

// FuzzParse reads what may be an Authorization header.
func FuzzParse(f *testing.F) {
	good := plain(f, noon)
	f.Add(good.headers["authorization"][0], "20260601T120000Z", "/", "a=b")
	for _, c := range refusals {
		r := plain(f, noon)
		if c.change(r); len(r.headers["authorization"]) > 0 {
			f.Add(r.headers["authorization"][0], "Mon, 01 Jun 2026 12:00:00 GMT", "/%", "a=%zz&&=")
		}
	}
	f.Fuzz(func(t *testing.T, authorization, date, path, query string) {
		r := good.clone()
		r.headers["authorization"], r.headers["x-amz-date"], r.path, r.query = []string{authorization}, []string{date}, path, query
		same := authorization == good.headers["authorization"][0] && date == "20260601T120000Z" && (path == "/" || path == "") && query == ""
		if err := check(r, noon, "dynamodb"); err == nil && !same && strings.Join(strings.Fields(authorization), "") != strings.Join(strings.Fields(good.headers["authorization"][0]), "") {
			t.Errorf("let in %q at %q for %q?%q", authorization, date, path, query)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	r := plain(b, noon)
	r.body = make([]byte, 1024)
	resign(b, r, between(r.headers["authorization"][0], "SignedHeaders=", ","))
	s, err := sigv4.Parse(r, "dynamodb")
	if err != nil {
		b.Fatal(err)
	}
	key := s.KeyFor(secret)
	b.ReportAllocs()
	for b.Loop() {
		s, err := sigv4.Parse(r, "dynamodb")
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Verify(r, sha256.Sum256(r.body), key, noon); err != nil {
			b.Fatal(err)
		}
	}
}
