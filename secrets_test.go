package stator_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"runtime/pprof"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/go-jose/go-jose/v4"

	"github.com/statordb/stator"
	"github.com/statordb/stator/internal/identity"
)

// secretive is a server that tells all it may, and what it may not tell.
type secretive struct {
	*people
	srv     *stator.Server
	dirs    map[string]string // of what it writes
	log     *lockedBuilder
	jwt     func(audience string) string
	secrets map[string]string // credentials and keys, by what they are
	values  map[string]string // of attributes

	mu      sync.Mutex
	refused bytes.Buffer // answers that are errors
}

// RoundTrip implements http.RoundTripper; it keeps the errors.
func (s *secretive) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := whole.Transport.RoundTrip(r)
	if err != nil || res.StatusCode < 300 {
		return res, err
	}
	body, err := io.ReadAll(res.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = res.Header.Write(&s.refused)
	s.refused.Write(body)
	res.Body = io.NopCloser(bytes.NewReader(body))
	return res, err
}

func newSecretive(t *testing.T) *secretive {
	t.Helper()
	p := newPeople(t, map[string]string{"admin": allow("dynamodb:* sts:AssumeRole", ""), "nobody": ""})
	s := &secretive{people: p, log: &lockedBuilder{}, values: map[string]string{}, secrets: map[string]string{}}
	for name, key := range p.keys {
		s.secrets["the secret of "+name] = key.SecretAccessKey
		s.secrets["the signing key of "+name] = string(signingKey(key.SecretAccessKey, time.Now()))
	}
	s.addRole()
	e := newEncryption(t)
	for what, file := range map[string]string{"the key of the data": e.KeyFile, "the key of secrets": filepath.Join(filepath.Dir(p.file), "iam.key")} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Fields(string(text))
		s.secrets[what] = lines[len(lines)-1]
		if raw, err := base64.StdEncoding.DecodeString(lines[len(lines)-1]); err == nil {
			s.secrets[what+", as bytes"] = string(raw)
		}
	}
	top := t.TempDir()
	s.dirs = map[string]string{"data": filepath.Join(top, "data"), "audit log": filepath.Join(top, "audit")}
	s.srv = p.serve(func(c *stator.Config) {
		c.DataDir, c.AuditDir, c.AuditData, c.Encryption = s.dirs["data"], s.dirs["audit log"], true, e
		c.Log = slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	return s
}

// signingKey returns the key that a secret signs with. (IAM user guide, "Create a
// signed AWS API request".)
func signingKey(secret string, at time.Time) []byte {
	key := []byte("AWS4" + secret)
	for _, part := range []string{at.UTC().Format("20060102"), "us-east-1", "dynamodb", "aws4_request"} {
		h := hmac.New(sha256.New, key)
		h.Write([]byte(part))
		key = h.Sum(nil)
	}
	return key
}

// addRole adds a role for the admin and for users of an identity provider.
func (s *secretive) addRole() {
	s.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		s.Fatal(err)
	}
	public, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{KeyID: "1", Key: key.Public(), Algorithm: "RS256"}}})
	if err != nil {
		s.Fatal(err)
	}
	err = identity.Update(s.file, false, time.Now(), func(e *identity.Edit) error {
		a := e.Account(homeAccount)
		r, err := e.CreateRole(a, "player", "/", json.RawMessage(`{"Version": "2012-10-17", "Statement": [
			{"Effect": "Allow", "Principal": {"Federated": "www.amazon.com"}, "Action": "sts:AssumeRoleWithWebIdentity"},
			{"Effect": "Allow", "Principal": {"AWS": "`+homeAccount+`"}, "Action": "sts:AssumeRole"}]}`))
		if err != nil {
			return err
		}
		r.Policies = map[string]json.RawMessage{"all": json.RawMessage(allow("dynamodb:*", ""))}
		return e.CreateProvider(a, &identity.Provider{URL: "https://login.example.com", Name: "www.amazon.com", ClientIDs: []string{"game"}, Keys: public})
	})
	if err != nil {
		s.Fatal(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{KeyID: "1", Key: key}}, nil)
	if err != nil {
		s.Fatal(err)
	}
	s.jwt = func(audience string) string {
		now := time.Now().Unix()
		claims, _ := json.Marshal(map[string]any{"iss": "https://login.example.com", "sub": "ana", "aud": audience, "iat": now, "exp": now + 600})
		signed, err := signer.Sign(claims)
		if err != nil {
			s.Fatal(err)
		}
		token, err := signed.CompactSerialize()
		if err != nil {
			s.Fatal(err)
		}
		parts := strings.Split(token, ".")
		s.secrets["the claims of a token for "+audience], s.secrets["the signature of a token for "+audience] = parts[1], parts[2]
		return token
	}
}

// as returns a client that signs with key.
func (s *secretive) as(key aws.Credentials) *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{BaseEndpoint: aws.String(s.srv.URL()), Region: "us-east-1", Retryer: aws.NopRetryer{},
		HTTPClient: &http.Client{Transport: s}, Credentials: credentials.StaticCredentialsProvider{Value: key}})
}

// sessions takes on the role in both ways, well and badly, and returns the keys of
// a session.
func (s *secretive) sessions() aws.Credentials {
	s.Helper()
	ctx := s.Context()
	options := sts.Options{BaseEndpoint: aws.String(s.srv.URL()), Region: "us-east-1", Retryer: aws.NopRetryer{}, HTTPClient: &http.Client{Transport: s}}
	nobody := sts.New(options)
	options.Credentials = credentials.StaticCredentialsProvider{Value: s.keys["admin"]}
	role, name := aws.String("arn:aws:iam::"+homeAccount+":role/player"), aws.String("visit")
	taken, err := sts.New(options).AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: role, RoleSessionName: name})
	if err != nil {
		s.Fatal(err)
	}
	good, foreign := s.jwt("game"), s.jwt("other")
	web, err := nobody.AssumeRoleWithWebIdentity(ctx, &sts.AssumeRoleWithWebIdentityInput{RoleArn: role, RoleSessionName: name, WebIdentityToken: &good})
	if err != nil {
		s.Fatal(err)
	}
	s.secrets["the secret of a session"], s.secrets["the token of a session"] = *taken.Credentials.SecretAccessKey, *taken.Credentials.SessionToken
	s.secrets["the secret of a user's session"], s.secrets["the token of a user's session"] = *web.Credentials.SecretAccessKey, *web.Credentials.SessionToken
	for _, bad := range []string{foreign, good[:len(good)-20], strings.Replace(good, ".", ".e30", 1)} {
		if _, err := nobody.AssumeRoleWithWebIdentity(ctx, &sts.AssumeRoleWithWebIdentityInput{RoleArn: role, RoleSessionName: name, WebIdentityToken: &bad}); err == nil {
			s.Error("a bad token of an identity provider is taken")
		}
	}
	return aws.Credentials{AccessKeyID: *web.Credentials.AccessKeyId, SecretAccessKey: *web.Credentials.SecretAccessKey, SessionToken: *web.Credentials.SessionToken}
}

// use makes requests, good and bad, with key.
func (s *secretive) use(key aws.Credentials) {
	s.Helper()
	ctx, c, music := s.Context(), s.as(key), aws.String("Music")
	mark := func(what string) string { s.values[what] = marker(); return s.values[what] }
	it := item{"pk": str(mark("a key")), "v": str(mark("a value"))}
	if _, err := c.PutItem(ctx, &dynamodb.PutItemInput{TableName: music, Item: it}); err != nil {
		s.Fatal(err)
	}
	statement := "SELECT * FROM Music WHERE pk = '" + mark("a value in a statement") + "'"
	if _, err := c.ExecuteStatement(ctx, &dynamodb.ExecuteStatementInput{Statement: &statement}); err != nil {
		s.Error(err)
	}
	wrong, other := key, key
	wrong.SecretAccessKey = mark("a wrong secret")
	other.SessionToken = mark("a wrong token")
	swapped := aws.Credentials{AccessKeyID: mark("a secret in place of a key"), SecretAccessKey: key.AccessKeyID}
	slashed := aws.Credentials{AccessKeyID: mark("a secret with a slash in place of a key") + "/x", SecretAccessKey: key.AccessKeyID}
	torn := "SELECT FROM '" + mark("a value in a broken statement") + "'"
	for what, ask := range map[string]func() error{
		"a wrong secret": func() error {
			_, err := s.as(wrong).GetItem(ctx, &dynamodb.GetItemInput{TableName: music, Key: item{"pk": it["pk"]}})
			return err
		},
		"a secret as a key": func() error {
			_, err := s.as(swapped).ListTables(ctx, &dynamodb.ListTablesInput{})
			return err
		},
		"a secret with a slash as a key": func() error {
			_, err := s.as(slashed).ListTables(ctx, &dynamodb.ListTablesInput{})
			return err
		},
		"a wrong token": func() error {
			_, err := s.as(other).PutItem(ctx, &dynamodb.PutItemInput{TableName: music, Item: it})
			return err
		},
		"nobody": func() error {
			_, err := s.as(s.keys["nobody"]).PutItem(ctx, &dynamodb.PutItemInput{TableName: music, Item: it})
			return err
		},
		"a condition that fails": func() error {
			_, err := c.PutItem(ctx, &dynamodb.PutItemInput{TableName: music, Item: it, ConditionExpression: aws.String("attribute_not_exists(pk)")})
			return err
		},
		"an item without a key": func() error {
			_, err := c.PutItem(ctx, &dynamodb.PutItemInput{TableName: music, Item: item{"x": str(mark("a value in a bad item"))}})
			return err
		},
		"a number that is none": func() error {
			_, err := c.PutItem(ctx, &dynamodb.PutItemInput{TableName: music, Item: item{"pk": it["pk"], "n": &types.AttributeValueMemberN{Value: mark("a bad number")}}})
			return err
		},
		"a statement that is torn": func() error {
			_, err := c.ExecuteStatement(ctx, &dynamodb.ExecuteStatementInput{Statement: &torn})
			return err
		},
	} {
		if ask() == nil {
			s.Errorf("%s: no error", what)
		}
	}
}

// told returns all that the server tells to others than who asks, and errors.
func (s *secretive) told() map[string][]byte {
	s.Helper()
	out := map[string][]byte{"the log": []byte(s.log.String()), "an error": s.refused.Bytes()}
	res, err := http.Get(s.srv.URL() + "/metrics")
	if err != nil {
		s.Fatal(err)
	}
	defer res.Body.Close()
	if out["the metrics"], err = io.ReadAll(res.Body); err != nil || res.StatusCode != http.StatusOK {
		s.Fatalf("the metrics: %s, %v", res.Status, err)
	}
	for _, name := range []string{"goroutine", "heap"} {
		var text bytes.Buffer
		if err := pprof.Lookup(name).WriteTo(&text, 1); err != nil {
			s.Fatal(err)
		}
		out["the profile "+name] = text.Bytes()
	}
	if out["the IAM file"], err = os.ReadFile(s.file); err != nil {
		s.Fatal(err)
	}
	for what, dir := range s.dirs {
		err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			text, err := os.ReadFile(path)
			out["the "+what] = append(append(out["the "+what], path...), text...)
			return err
		})
		if err != nil {
			s.Fatal(err)
		}
	}
	return out
}

// TestNoSecretIsTold: of credentials, keys and values nothing is in logs, the audit
// log, metrics, profiles, errors or files.
func TestNoSecretIsTold(t *testing.T) {
	t.Parallel()
	s := newSecretive(t)
	createMusic(t, s.as(s.keys["admin"]))
	s.use(s.keys["admin"])
	s.use(s.sessions())
	told := s.told()
	for where, has := range map[string]string{ // what is searched is there
		"the log": "PutItem", "the audit log": "AssumeRoleWithWebIdentity", "the metrics": "operation=\"PutItem\"", "an error": "InvalidSignatureException",
		"the IAM file": s.keys["admin"].AccessKeyID, "the data": "MANIFEST",
	} {
		if !bytes.Contains(told[where], []byte(has)) {
			t.Errorf("%s has no %s", where, has)
		}
	}
	for where, text := range told {
		for what, secret := range s.secrets {
			for form, is := range map[string]string{"": secret, " in hexadecimal": hex.EncodeToString([]byte(secret)), " in base64": base64.StdEncoding.EncodeToString([]byte(secret))} {
				if bytes.Contains(text, []byte(is)) {
					t.Errorf("%s has %s%s", where, what, form)
				}
			}
		}
		for what, value := range s.values {
			if where != "an error" && bytes.Contains(text, []byte(value)) { // who sent it may be told
				t.Errorf("%s has %s", where, what)
			}
		}
	}
	for _, path := range []string{"/debug/pprof/", "/debug/pprof/heap", "/debug/vars"} {
		res, err := http.Get(s.srv.URL() + path)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		equal(t, path, res.StatusCode, http.StatusNotFound)
	}
}

// TestModes: others on the machine cannot read what a server writes, also in
// directories that were there before.
func TestModes(t *testing.T) {
	top := t.TempDir()
	dirs := []string{"data", "audit", "tls"}
	for _, name := range dirs {
		if err := os.Mkdir(filepath.Join(top, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	p := newPeople(t, map[string]string{"admin": allow("dynamodb:*", "")})
	srv := p.serve(func(c *stator.Config) {
		c.DataDir, c.AuditDir, c.TLSSelfSigned, c.Encryption = filepath.Join(top, "data"), filepath.Join(top, "audit"), filepath.Join(top, "tls"), newEncryption(t)
	})
	trust := &http.Client{Transport: &http.Transport{TLSClientConfig: trustingIn(t, filepath.Join(top, "tls"))}}
	defer trust.CloseIdleConnections()
	createMusic(t, p.client(srv, "admin", func(o *dynamodb.Options) { o.HTTPClient = trust }))
	seen := 0
	for _, root := range []string{filepath.Join(top, "data"), filepath.Join(top, "audit"), filepath.Join(top, "tls"), filepath.Dir(p.file)} {
		err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
			if err != nil || path == root {
				return err
			}
			info, err := e.Info()
			if err != nil {
				return err
			}
			if seen++; info.Mode()&0o077 != 0 {
				t.Errorf("%s is %s", path, info.Mode())
			}
			if e.IsDir() {
				return fs.SkipDir // nobody comes further
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if seen < 8 {
		t.Errorf("%d files seen", seen)
	}
}
