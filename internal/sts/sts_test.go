package sts_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awssts "github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/aws/smithy-go"

	"github.com/statordb/stator/internal/clock"
	"github.com/statordb/stator/internal/iam"
	"github.com/statordb/stator/internal/identity"
	"github.com/statordb/stator/internal/sigv4"
	"github.com/statordb/stator/internal/sts"
)

const (
	home    = "123456789012"
	foreign = "210987654321"
)

// world is an STS at an address, over an IAM file.
type world struct {
	*identity.Directory
	path    string
	clock   *clock.Manual
	server  *httptest.Server
	sts     *sts.STS
	keys    map[string]aws.Credentials // of users, by name
	answers []sts.Answer
}

func policy(statement string) json.RawMessage {
	return json.RawMessage(`{"Version":"2012-10-17","Statement":` + statement + `}`)
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// newWorld makes two accounts: in home the users ana, who may assume what trusts
// the account, and bob, who may do nothing; in foreign the user eve, who may
// assume all.
func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{
		path: filepath.Join(t.TempDir(), "iam", "iam.json"), keys: map[string]aws.Credentials{},
		clock: clock.NewManual(time.Now().Truncate(time.Second)),
	}
	assume := policy(`{"Effect":"Allow","Action":["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"],"Resource":"*"}`)
	check(t, identity.Update(w.path, true, w.clock.Now(), func(e *identity.Edit) error {
		for account, names := range map[string][]string{home: {"ana", "bob"}, foreign: {"eve"}} {
			a, err := e.CreateAccount(account, "of "+names[0])
			check(t, err)
			k, secret, err := e.CreateAccessKey(&a.AccessKeys)
			check(t, err)
			w.keys[account] = aws.Credentials{AccessKeyID: k.AccessKeyID, SecretAccessKey: secret}
			for _, name := range names {
				u, err := e.CreateUser(a, name, "/")
				check(t, err)
				if name != "bob" {
					u.Policies = map[string]json.RawMessage{"assume": assume}
				}
				k, secret, err := e.CreateAccessKey(&u.AccessKeys)
				check(t, err)
				w.keys[name] = aws.Credentials{AccessKeyID: k.AccessKeyID, SecretAccessKey: secret}
			}
		}
		return nil
	}))
	d, err := identity.Open(identity.Options{Path: w.path, Now: w.clock.Now})
	check(t, err)
	w.Directory, w.sts = d, sts.New(sts.Options{Directory: d, Now: w.clock.Now})
	w.server = httptest.NewServer(w)
	t.Cleanup(w.server.Close)
	return w
}

// edit changes the account home in the file.
func (w *world) edit(t testing.TB, change func(e *identity.Edit, a *identity.Account)) {
	t.Helper()
	check(t, identity.Update(w.path, false, w.clock.Now(), func(e *identity.Edit) error {
		change(e, e.Account(home))
		return nil
	}))
	check(t, w.Reload())
}

// role makes a role of home that statement trusts, and returns its ARN.
func (w *world) role(t testing.TB, name, statement string, more ...func(*identity.Role)) string {
	t.Helper()
	w.edit(t, func(e *identity.Edit, a *identity.Account) {
		r, err := e.CreateRole(a, name, "/", policy(statement))
		check(t, err)
		r.Policies = map[string]json.RawMessage{"assume": policy(`{"Effect":"Allow","Action":"sts:*","Resource":"*"}`)}
		for _, change := range more {
			change(r)
		}
	})
	return "arn:aws:iam::" + home + ":role/" + name
}

// message is an http.Request as sigv4 sees it.
type message struct{ *http.Request }

func (m message) Method() string { return m.Request.Method }
func (m message) Path() string   { return m.URL.EscapedPath() }
func (m message) Query() string  { return m.URL.RawQuery }
func (m message) Header(name string, place int) (value string, lines int) {
	values := m.Request.Header.Values(name)
	switch name {
	case "host":
		values = []string{m.Host}
	case "content-length":
		values = []string{strconv.FormatInt(m.ContentLength, 10)}
	}
	if place < len(values) {
		return values[place], len(values)
	}
	return "", len(values)
}

// ServeHTTP authenticates requests as a server does, and answers them.
func (w *world) ServeHTTP(out http.ResponseWriter, in *http.Request) {
	body, _ := io.ReadAll(in.Body)
	answer := w.answer(message{in}, body)
	w.answers = append(w.answers, answer)
	out.Header().Set("Content-Type", sts.ContentType)
	out.Header().Set("X-Amzn-Requestid", requestID)
	out.WriteHeader(answer.Status)
	_, _ = out.Write(answer.Body)
}

const requestID = "c1ddc76c-4d69-4d31-8a3f-1e7b1e5f4e4d"

func (w *world) answer(m message, body []byte) sts.Answer {
	r := sts.Request{ID: requestID, Body: body, Keys: iam.Keys{"aws:sourceip": {"127.0.0.1"}}}
	if _, lines := m.Header("authorization", 0); lines > 0 {
		signed, err := sigv4.Parse(m, sts.Service)
		if err != nil {
			return w.sts.Refuse(requestID, err)
		}
		if r.Caller, err = w.Lookup(signed.AccessKey, signed.Token); err != nil {
			return w.sts.Refuse(requestID, err)
		}
		if err := signed.Verify(m, sha256.Sum256(body), r.Caller.SigningKey(signed), time.Now()); err != nil {
			return w.sts.Refuse(requestID, err)
		}
	}
	return w.sts.Do(context.Background(), r)
}

func (w *world) client(c aws.Credentials) *awssts.Client {
	return awssts.New(awssts.Options{
		BaseEndpoint: aws.String(w.server.URL), Region: "us-east-1", Retryer: aws.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider(c.AccessKeyID, c.SecretAccessKey, c.SessionToken),
	})
}

func of(c *types.Credentials) aws.Credentials {
	return aws.Credentials{AccessKeyID: *c.AccessKeyId, SecretAccessKey: *c.SecretAccessKey, SessionToken: *c.SessionToken}
}

// refused checks that err is the service's, with a code and a text.
func refused(t testing.TB, err error, code, text string) {
	t.Helper()
	var e smithy.APIError
	if !errors.As(err, &e) || e.ErrorCode() != code || e.ErrorMessage() != text {
		t.Fatalf("%v\nwant %s: %s", err, code, text)
	}
}

func TestGetCallerIdentity(t *testing.T) {
	w := newWorld(t)
	for name, want := range map[string][2]string{
		"ana": {home, "arn:aws:iam::" + home + ":user/ana"}, "eve": {foreign, "arn:aws:iam::" + foreign + ":user/eve"},
		home: {home, "arn:aws:iam::" + home + ":root"},
	} {
		out, err := w.client(w.keys[name]).GetCallerIdentity(context.Background(), nil)
		check(t, err)
		if *out.Account != want[0] || *out.Arn != want[1] || *out.UserId == "" {
			t.Errorf("%s is %s %s %s", name, *out.Account, *out.Arn, *out.UserId)
		}
	}
	c, err := w.Lookup(w.keys["ana"].AccessKeyID, "")
	check(t, err)
	got := w.sts.Do(context.Background(), sts.Request{ID: "id", Caller: c, Body: []byte("Action=GetCallerIdentity&Version=2011-06-15")})
	want := `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <GetCallerIdentityResult>
    <Arn>arn:aws:iam::123456789012:user/ana</Arn>
    <UserId>` + c.Principal.ID + `</UserId>
    <Account>123456789012</Account>
  </GetCallerIdentityResult>
  <ResponseMetadata>
    <RequestId>id</RequestId>
  </ResponseMetadata>
</GetCallerIdentityResponse>
`
	if string(got.Body) != want || got.Status != 200 || got.Action != "GetCallerIdentity" {
		t.Errorf("%d %s", got.Status, got.Body)
	}
}

// TestRefusals has what is wrong before an operation begins.
func TestRefusals(t *testing.T) {
	w := newWorld(t)
	ana := w.keys["ana"]
	for _, c := range []struct {
		name       string
		key        aws.Credentials
		status     int
		code, text string
	}{
		{"unknown key", aws.Credentials{AccessKeyID: "AKIAAAAAAAAAAAAAAAAA", SecretAccessKey: "x"}, 403, "InvalidClientTokenId", "The security token included in the request is invalid."},
		{"bad token", aws.Credentials{AccessKeyID: ana.AccessKeyID, SecretAccessKey: ana.SecretAccessKey, SessionToken: "x"}, 403, "InvalidClientTokenId", "The security token included in the request is invalid."},
		{"bad secret", aws.Credentials{AccessKeyID: ana.AccessKeyID, SecretAccessKey: "x"}, 403, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."},
	} {
		_, err := w.client(c.key).GetCallerIdentity(context.Background(), nil)
		refused(t, err, c.code, c.text)
		if got := w.answers[len(w.answers)-1].Status; got != c.status {
			t.Errorf("%s: status %d", c.name, got)
		}
	}
	c, err := w.Lookup(ana.AccessKeyID, "")
	check(t, err)
	for _, r := range []struct {
		caller *identity.Credential
		body   string
		status int
		code   string
	}{
		{nil, "Action=GetCallerIdentity&Version=2011-06-15", 403, "MissingAuthenticationToken"},
		{nil, "Action=AssumeRole&Version=2011-06-15", 403, "MissingAuthenticationToken"},
		{c, "Action=GetCallerIdentity", 400, "InvalidAction"},
		{c, "Action=GetFederationToken&Version=2011-06-15", 400, "InvalidAction"},
		{c, "Version=2011-06-15", 400, "MissingAction"},
		{c, "", 400, "MissingAction"},
		{c, "Action=%zz", 400, "MalformedQueryString"},
		{c, "Action=%ff", 400, "InvalidAction"},
		{c, strings.Repeat("&a=b", 200), 400, "MalformedQueryString"},
		{c, strings.Repeat("a", sts.MaxBody+1), 413, "RequestEntityTooLarge"},
	} {
		got := w.sts.Do(context.Background(), sts.Request{ID: "id", Caller: r.caller, Body: []byte(r.body)})
		if got.Status != r.status || got.Err == nil || got.Err.Code != r.code || !strings.Contains(string(got.Body), "<Code>"+r.code+"</Code>") {
			t.Errorf("%.60q: %d %s", r.body, got.Status, got.Body)
		}
	}
}

// call sends a form as ana.
func (w *world) call(t testing.TB, form map[string]string) sts.Answer {
	t.Helper()
	c, err := w.Lookup(w.keys["ana"].AccessKeyID, "")
	check(t, err)
	values := url.Values{"Version": {"2011-06-15"}}
	for name, value := range form {
		values.Set(name, value)
	}
	return w.sts.Do(context.Background(), sts.Request{ID: "id", Caller: c, Body: []byte(values.Encode())})
}

// FuzzDo sends any form, with and without a signature.
func FuzzDo(f *testing.F) {
	w := newWorld(f)
	w.role(f, "app", toHome)
	c, err := w.Lookup(w.keys["ana"].AccessKeyID, "")
	check(f, err)
	for name := range map[string]bool{"GetCallerIdentity": true, "AssumeRole": true, "AssumeRoleWithWebIdentity": true, "GetSessionToken": true} {
		f.Add("Action=" + name + "&Version=2011-06-15&RoleArn=arn:aws:iam::123456789012:role/app&RoleSessionName=test&DurationSeconds=900" +
			"&Tags.member.1.Key=a&Tags.member.1.Value=b&TransitiveTagKeys.member.1=a&PolicyArns.member.1.arn=x&WebIdentityToken=a.b.c")
	}
	f.Fuzz(func(t *testing.T, body string) {
		for _, caller := range []*identity.Credential{nil, c} {
			got := w.sts.Do(context.Background(), sts.Request{ID: "id", Caller: caller, Body: []byte(body)})
			if got.Status >= 500 || got.Status != 200 && got.Err == nil || xml.Unmarshal(got.Body, new(struct{})) != nil {
				t.Errorf("%d %s", got.Status, got.Body)
			}
		}
	})
}
