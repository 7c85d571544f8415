package sigv4_test

import (
	"bytes"
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

const (
	accessKey = "AKIDEXAMPLE"
	secret    = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
)

// request is a Message of plain values.
type request struct {
	method, path, query string
	headers             map[string][]string // names in lower case
	body                []byte
}

func (r *request) Method() string { return r.method }
func (r *request) Path() string   { return r.path }
func (r *request) Query() string  { return r.query }
func (r *request) Header(name string, place int) (value string, lines int) {
	if all := r.headers[name]; place < len(all) {
		return all[place], len(all)
	}
	return "", len(r.headers[name])
}

// clone returns a copy of r.
func (r *request) clone() *request {
	c := *r
	c.headers = map[string][]string{}
	for name, values := range r.headers {
		c.headers[name] = append([]string(nil), values...)
	}
	c.body = bytes.Clone(r.body)
	return &c
}

// check does what a server does with r.
func check(r *request, now time.Time, service string) error {
	s, err := sigv4.Parse(r, service)
	if err != nil {
		return err
	}
	if s.AccessKey != accessKey {
		return errors.New("unknown key")
	}
	return s.Verify(r, sha256.Sum256(r.body), s.KeyFor(secret), now)
}

// published are requests with signatures that AWS has published. (IAM user
// guide, "Create a signed AWS API request"; AWS Signature Version 4 test suite.)
var published = []struct {
	name, method, path, query, service string
	headers                            []string
	signed, signature, body            string
}{
	{"iam ListUsers", "GET", "/", "Action=ListUsers&Version=2010-05-08", "iam",
		[]string{"host: iam.amazonaws.com", "content-type: application/x-www-form-urlencoded; charset=utf-8"},
		"content-type;host;x-amz-date", "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7", ""},
	{"get-vanilla", "GET", "/", "", "service", []string{"host: example.amazonaws.com"},
		"host;x-amz-date", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31", ""},
	{"post-vanilla", "POST", "/", "", "service", []string{"host: example.amazonaws.com"},
		"host;x-amz-date", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b", ""},
	{"get-vanilla-query-order-key-case", "GET", "/", "Param2=value2&Param1=value1", "service", []string{"host: example.amazonaws.com"},
		"host;x-amz-date", "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500", ""},
	{"get-header-value-trim", "GET", "/", "", "service",
		[]string{"host: example.amazonaws.com", "my-header1:  value1", "my-header2:  \"a   b   c\" "},
		"host;my-header1;my-header2;x-amz-date", "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736", ""},
}

var published20150830 = time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC)

func TestPublished(t *testing.T) {
	for _, p := range published {
		t.Run(p.name, func(t *testing.T) {
			r := &request{method: p.method, path: p.path, query: p.query, body: []byte(p.body), headers: map[string][]string{"x-amz-date": {"20150830T123600Z"}}}
			for _, h := range p.headers {
				name, value, _ := strings.Cut(h, ":")
				r.headers[name] = append(r.headers[name], value)
			}
			r.headers["authorization"] = []string{fmt.Sprintf("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/%s/aws4_request, SignedHeaders=%s, Signature=%s", p.service, p.signed, p.signature)}
			if err := check(r, published20150830, p.service); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestKey derives the key of the documentation's example.
func TestKey(t *testing.T) {
	s := sigv4.Signed{Date: "20150830", Region: "us-east-1", Service: "iam"}
	key := s.KeyFor(secret)
	bytes := key.Bytes()
	if got, want := hex.EncodeToString(bytes[:]), "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9"; got != want {
		t.Errorf("the key is %s, not %s", got, want)
	}
}

var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// sign makes a random request and signs it with the SDK's signer.
func sign(t testing.TB, rng *rand.Rand, at time.Time) *request {
	t.Helper()
	body := make([]byte, rng.IntN(300))
	for i := range body {
		body[i] = byte(rng.Uint32())
	}
	h, err := http.NewRequest("POST", "https://dynamodb.us-west-2.amazonaws.com"+paths[rng.IntN(len(paths))], bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	h.Header.Set("X-Amz-Target", "DynamoDB_20120810.GetItem")
	h.Header.Set("Content-Type", "application/x-amz-json-1.0")
	for i := range rng.IntN(4) {
		h.Header.Add(fmt.Sprintf("X-Extra-%d", i), values[rng.IntN(len(values))])
		if rng.IntN(2) == 0 {
			h.Header.Add(fmt.Sprintf("X-Extra-%d", i), values[rng.IntN(len(values))])
		}
	}
	credentials := aws.Credentials{AccessKeyID: accessKey, SecretAccessKey: secret}
	if rng.IntN(2) == 0 {
		credentials.SessionToken = "FwoGZXIvYXdzE/+=="
	}
	hash := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(context.Background(), credentials, h, hex.EncodeToString(hash[:]), "dynamodb", "us-west-2", at); err != nil {
		t.Fatal(err)
	}
	r := &request{method: h.Method, path: h.URL.EscapedPath(), query: h.URL.RawQuery, body: body, headers: map[string][]string{"host": {h.Host}, "content-length": {fmt.Sprint(len(body))}}}
	for name, values := range h.Header {
		r.headers[strings.ToLower(name)] = values
	}
	return r
}

var paths = []string{"/", "", "/a/b", "/a%20b/c%2Fd", "/%E1%88%B4", "/?a=1&b=2", "/?b=2&a=1&a=0", "/?q=a%20b%2Bc&empty=&none", "/x//y?z=%7E"}

var values = []string{"a", "  two   spaces  inside ", "tab\tinside", "\"quoted   runs\"", "x, y", ""}

func TestSDK(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 0))
	for range 2000 {
		r := sign(t, rng, noon)
		if err := check(r, noon, "dynamodb"); err != nil {
			t.Fatalf("%+v: %v", r, err)
		}
	}
}

// TestMutations changes one thing at a time in signed requests. None gets in.
func TestMutations(t *testing.T) {
	const mutations = 10_000
	rng := rand.New(rand.NewPCG(2, 0))
	codes := map[string]int{}
	for done := 0; done < mutations; done++ {
		r := sign(t, rng, noon)
		was, what := r.clone(), ""
		if r, what = mutate(rng, r); what == "" {
			done--
			continue
		}
		err := check(r, noon, "dynamodb")
		if err == nil {
			t.Fatalf("let in with %s:\n%+v\n%+v", what, was, r)
		}
		var coded *ddberr.Error
		if errors.As(err, &coded) {
			codes[coded.Code]++
		}
	}
	for _, code := range []string{"InvalidSignatureException", "IncompleteSignatureException", "MissingAuthenticationTokenException"} {
		if codes[code] == 0 {
			t.Errorf("no mutation got an %s: %v", code, codes)
		}
	}
}

// mutate changes one thing that is signed, and says what; "" if it found nothing
// to change.
func mutate(rng *rand.Rand, r *request) (*request, string) {
	signed := strings.Split(between(r.headers["authorization"][0], "SignedHeaders=", ","), ";")
	name := signed[rng.IntN(len(signed))]
	switch rng.IntN(10) {
	case 0:
		if len(r.body) == 0 {
			r.body = []byte("x")
			return r, "a body"
		}
		at := rng.IntN(len(r.body))
		r.body[at] ^= 1 << rng.IntN(8)
		return r, "another body"
	case 1, 2, 3:
		text := r.headers["authorization"][0]
		changed := mutateText(rng, text)
		if strings.Join(strings.Fields(text), "") == strings.Join(strings.Fields(changed), "") {
			return r, ""
		}
		r.headers["authorization"][0] = changed
		return r, "another Authorization"
	case 4, 5:
		values := r.headers[name]
		if len(values) == 0 || strings.TrimSpace(values[0]) == "" {
			return r, ""
		}
		value := strings.TrimSpace(values[0])
		at := rng.IntN(len(value))
		if value[at] == ' ' {
			return r, ""
		}
		values[0] = value[:at] + string(value[at]^1) + value[at+1:]
		return r, "another " + name
	case 6:
		if strings.Join(r.headers[name], "") == "" {
			return r, ""
		}
		delete(r.headers, name)
		return r, "no " + name
	case 7:
		r.path += "/x"
		return r, "another path"
	case 8:
		if r.query += "&new=1"; rng.IntN(2) == 0 {
			r.method = "PUT"
		}
		return r, "another query"
	default:
		delete(r.headers, "authorization")
		return r, "no Authorization"
	}
}

// mutateText changes a character, cuts, or repeats.
func mutateText(rng *rand.Rand, text string) string {
	at := rng.IntN(len(text))
	switch rng.IntN(4) {
	case 0:
		return text[:at] + string(rune(33+rng.IntN(94))) + text[at+1:]
	case 1:
		return text[:at]
	case 2:
		return text[:at] + text[at/2:]
	default:
		end := min(at+1+rng.IntN(30), len(text))
		return text[:at] + strings.ToUpper(text[at:end]) + text[end:]
	}
}

func between(text, from, to string) string {
	_, text, _ = strings.Cut(text, from)
	text, _, _ = strings.Cut(text, to)
	return text
}
