package stator_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/netip"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"github.com/statordb/stator"
	"github.com/statordb/stator/internal/iam"
	"github.com/statordb/stator/internal/iam/iamtest"
	"github.com/statordb/stator/internal/identity"
)

// decisionsAsked is how many decisions are asked over the wire at least.
const decisionsAsked = 700

// TestDecisionsOverTheWire asks a server each decision of the scripts of package
// iam: with the principal's policies in its IAM file, and a request of the SDK that
// takes the action on the resource under these conditions.
func TestDecisionsOverTheWire(t *testing.T) {
	suite, err := iamtest.Load("internal/iam/testdata")
	if err != nil {
		t.Fatal(err)
	}
	worlds := map[string][]asking{}
	cannot := map[string]int{}
	asked := 0
	for i := range suite.Cases {
		a := asking{Case: &suite.Cases[i]}
		if why := a.plan(); why != "" {
			cannot[why]++
			continue
		}
		asked++
		worlds[a.world()] = append(worlds[a.world()], a)
	}
	if asked < decisionsAsked {
		t.Errorf("%d decisions are asked, fewer than %d", asked, decisionsAsked)
	}
	t.Logf("%d decisions are asked", asked)
	for _, why := range slices.Sorted(maps.Keys(cannot)) {
		t.Logf("%d decisions cannot be asked: %s", cannot[why], why)
	}
	for _, name := range slices.Sorted(maps.Keys(worlds)) {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			askAll(t, worlds[name])
		})
	}
}

// asking is a decision and the request that asks it.
type asking struct {
	*iamtest.Case
	action    string // without the service
	table     string // its name
	index     string
	keys      map[string][]string // of the request, by name in lower case, but those of the service
	attribute []string            // dynamodb:Attributes
	leading   []string            // dynamodb:LeadingKeys
	at        time.Time           // aws:CurrentTime; zero for now
	send      func(ctx context.Context, c *dynamodb.Client) error
}

// world names all that a server must be made of to be asked a.
func (a *asking) world() string {
	return fmt.Sprint(a.Who, a.Identity, a.Boundary, a.Session, a.Resource, a.Owner, a.at)
}

// absent are condition keys that no request to a server has.
var absent = []string{"aws:sourcevpce", "aws:vpcsourceip", "aws:multifactorauthpresent"}

// plan finds the request; why says why there is none.
func (a *asking) plan() (why string) {
	service, action, _ := strings.Cut(a.Action, ":")
	if service != "dynamodb" {
		return "an action of another service"
	}
	if a.Who.Kind == iam.Federated || a.Who.Kind == iam.RootUser && len(a.Session) > 0 {
		return "somebody without a session"
	}
	a.action, a.keys = action, map[string][]string{}
	for key, values := range a.Context {
		key = strings.ToLower(key)
		if len(values) == 0 {
			return "a condition key without values"
		}
		if slices.Contains(absent, key) {
			return "a condition key that requests to a server have not: " + key
		}
		a.keys[key] = values
	}
	a.attribute, a.leading = a.keys["dynamodb:attributes"], a.keys["dynamodb:leadingkeys"]
	if why := a.circumstances(); why != "" {
		return why
	}
	if why := a.resource(); why != "" {
		return why
	}
	if a.send = a.request(); a.send == nil {
		return "no request takes " + a.action + " with these condition keys"
	}
	return a.unsaid()
}

// tagText matches what tags may be of. (IAM API reference, Tag.)
var tagText = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)

// circumstances checks what the request has beside its body.
func (a *asking) circumstances() (why string) {
	for _, key := range []string{"aws:currenttime", "aws:epochtime"} {
		if values := a.keys[key]; values != nil {
			at, err := time.Parse(time.RFC3339, values[0])
			if err != nil {
				return "another time than one"
			}
			a.at = at
		}
	}
	if values := a.keys["aws:sourceip"]; values != nil {
		if _, err := netip.ParseAddr(values[0]); err != nil {
			return "no address"
		}
	}
	for _, key := range []string{"aws:username", "aws:tokenissuetime", "accounts.google.com:aud"} {
		if a.keys[key] != nil {
			return "a key of the principal, given for the request"
		}
	}
	if s := a.selects(); s != "" && !slices.Contains(types.Select("").Values(), types.Select(s)) {
		return "no value of Select"
	}
	for name, value := range a.Who.Tags {
		if !tagText.MatchString(name) || !tagText.MatchString(value) {
			return "no text of a tag"
		}
	}
	if values := a.keys["aws:viaawsservice"]; values != nil && values[0] != "false" {
		return "a service between"
	}
	if values := a.keys["aws:requestedregion"]; values != nil && values[0] != iamtest.Region {
		return "another region"
	}
	return ""
}

// resource reads the ARN.
func (a *asking) resource() (why string) {
	if a.ARN == "*" {
		return ""
	}
	rest, ok := strings.CutPrefix(a.ARN, "arn:aws:dynamodb:"+iamtest.Region+":"+a.Owner+":table/")
	if !ok {
		return "a resource of another kind or region"
	}
	var what string
	a.table, what, _ = strings.Cut(rest, "/")
	if strings.Trim(a.table, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") != "" {
		return "no name of a table"
	}
	kind, name, _ := strings.Cut(what, "/")
	switch {
	case kind == "index":
		a.index = name
		if !slices.Contains([]string{"Query", "Scan", "PartiQLSelect"}, a.action) || strings.Contains(name, "/") {
			return "an action that is not about an index"
		}
	case kind == "stream" && (a.Resource != nil || a.action == "TagResource"):
		return "a stream with a policy or tags, whose ARN tells when it was made"
	case kind != "backup" && a.action == "RestoreTableFromBackup":
		return "a restore from no backup"
	}
	return ""
}

// unsaid refuses a request that has a condition key of the service which the
// decision has not, and about which a policy asks.
func (a *asking) unsaid() (why string) {
	var texts strings.Builder
	for _, p := range slices.Concat(a.Identity, a.Session) {
		texts.WriteString(strings.ToLower(p.Text))
	}
	for _, p := range []*iamtest.Policy{a.Boundary, a.Resource} {
		if p != nil {
			texts.WriteString(strings.ToLower(p.Text))
		}
	}
	for _, key := range a.always() {
		if _, said := a.keys[key]; !said && strings.Contains(texts.String(), key) {
			return "the request has a key that the decision has not: " + key
		}
	}
	return ""
}

// always returns the condition keys that requests of a's action have always.
func (a *asking) always() []string {
	keys := []string{"aws:sourceip", "aws:securetransport", "aws:currenttime", "aws:epochtime", "aws:viaawsservice", "aws:requestedregion", "aws:useragent"}
	switch a.action {
	case "GetItem", "BatchGetItem", "Query", "PartiQLSelect":
		keys = append(keys, "dynamodb:select", "dynamodb:attributes")
	case "Scan":
		keys = append(keys, "dynamodb:select", "dynamodb:returnvalues")
	case "PutItem", "UpdateItem", "DeleteItem", "ConditionCheckItem":
		keys = append(keys, "dynamodb:returnvalues", "dynamodb:attributes")
	}
	switch a.action {
	case "GetItem", "BatchGetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "BatchWriteItem", "ConditionCheckItem", "PartiQLInsert":
		keys = append(keys, "dynamodb:leadingkeys")
	case "PartiQLSelect":
		keys = append(keys, "dynamodb:fulltablescan")
	case "TagResource", "UntagResource":
		keys = append(keys, "aws:tagkeys")
	}
	return keys
}

// transport adds to requests what a client does not: how they came, and when.
type transport struct {
	*asking
	key aws.Credentials
}

// Do implements dynamodb.HTTPClient.
func (r transport) Do(req *http.Request) (*http.Response, error) {
	if values := r.keys["aws:sourceip"]; values != nil {
		req.Header.Set("X-Forwarded-For", values[0])
	}
	if values := r.keys["aws:securetransport"]; values != nil && strings.EqualFold(values[0], "true") {
		req.Header.Set("X-Forwarded-Proto", "https")
	}
	if !r.at.IsZero() {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		req.Body = io.NopCloser(strings.NewReader(string(body)))
		hash := sha256.Sum256(body)
		req.Header.Del("Authorization")
		req.Header.Del("X-Amz-Security-Token")
		if err := v4.NewSigner().SignHTTP(req.Context(), r.key, req, hex.EncodeToString(hash[:]), "dynamodb", iamtest.Region, r.at); err != nil {
			return nil, err
		}
	}
	return hasty.Do(req)
}

// hasty leaves no connection behind for which a server that is closed waits.
var hasty = &http.Client{Transport: wholeBodies{&http.Transport{DisableKeepAlives: true}}}

// askAll asks the decisions of one world.
func askAll(t *testing.T, list []asking) {
	first := &list[0]
	w := &world{T: t, file: filepath.Join(t.TempDir(), "iam.json"), of: first}
	w.make()
	for i := range list {
		w.prepare(&list[i])
		w.ask(&list[i])
	}
	mustClose(t, w.srv)
}

// world is a server with those whom decisions are about.
type world struct {
	*testing.T
	file  string
	of    *asking
	srv   *stator.Server  // nil before the first
	has   string          // the table that srv has
	key   aws.Credentials // of who asks
	owner aws.Credentials // of the root user of the resource's account
}

func (w *world) now() time.Time {
	if w.of.at.IsZero() {
		return time.Now()
	}
	return w.of.at
}

// make makes the IAM file.
func (w *world) make() {
	a := w.of
	var role string
	err := identity.Update(w.file, true, w.now(), func(e *identity.Edit) error {
		accounts := map[string]*identity.Account{}
		for _, id := range []string{a.Who.Account, a.Owner} {
			if accounts[id] == nil {
				account, err := e.CreateAccount(id, "account")
				if err != nil {
					return err
				}
				accounts[id] = account
			}
		}
		owner, err := newKey(e, &accounts[a.Owner].AccessKeys)
		if err != nil {
			return err
		}
		w.owner = owner
		role, err = w.makeWho(e, accounts[a.Who.Account])
		return err
	})
	if err != nil {
		w.Fatal(err)
	}
	if role != "" || len(a.Session) > 0 {
		w.session(role)
	}
}

func newKey(e *identity.Edit, keys *[]*identity.AccessKey) (aws.Credentials, error) {
	k, secret, err := e.CreateAccessKey(keys)
	if err != nil {
		return aws.Credentials{}, err
	}
	return aws.Credentials{AccessKeyID: k.AccessKeyID, SecretAccessKey: secret}, nil
}

// makeWho makes who asks; of a role it returns the ARN.
func (w *world) makeWho(e *identity.Edit, account *identity.Account) (role string, err error) {
	a := w.of
	var own identity.Permissions
	for i, p := range a.Identity {
		if own.Policies == nil {
			own.Policies = map[string]json.RawMessage{}
		}
		own.Policies[fmt.Sprint("p", i)] = json.RawMessage(p.Text)
	}
	boundary := ""
	if a.Boundary != nil {
		p, err := e.CreatePolicy(account, "boundary", "/", json.RawMessage(a.Boundary.Text))
		if err != nil {
			return "", err
		}
		boundary = p.ARN(account.AccountID)
	}
	for i, p := range a.Session[min(1, len(a.Session)):] {
		if _, err := e.CreatePolicy(account, fmt.Sprint("session", i), "/", json.RawMessage(p.Text)); err != nil {
			return "", err
		}
	}
	switch a.Who.Kind {
	case iam.RootUser:
		w.key, err = newKey(e, &account.AccessKeys)
	case iam.User:
		u, err := e.CreateUser(account, a.Who.Name, "/")
		if err != nil {
			return "", err
		}
		u.Permissions, u.PermissionsBoundary, u.Tags = own, boundary, a.Who.Tags
		w.key, err = newKey(e, &u.AccessKeys)
		return "", err
	case iam.AssumedRole:
		name, _, _ := strings.Cut(a.Who.Name, "/")
		r, err := e.CreateRole(account, name, "/", json.RawMessage(`{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}}`))
		if err != nil {
			return "", err
		}
		r.Permissions, r.PermissionsBoundary, r.Tags = own, boundary, a.Who.Tags
		return r.ARN(account.AccountID), nil
	}
	return "", err
}

// session makes the session of who asks.
func (w *world) session(role string) {
	a := w.of
	d, err := identity.Open(identity.Options{Path: w.file, Now: w.now})
	if err != nil {
		w.Fatal(err)
	}
	g := identity.Grant{Duration: time.Hour, Keys: iam.Keys{}}
	for name, value := range a.Who.Keys {
		g.Keys.Set(name, value)
	}
	if role != "" {
		g.Role = d.Role(role)
		_, g.Name, _ = strings.Cut(a.Who.Name, "/")
	} else {
		g.Holder = d.Principal("arn:aws:iam::" + a.Who.Account + ":user/" + a.Who.Name)
	}
	for i, p := range a.Session {
		if i == 0 {
			g.Policy = p.Text
		} else {
			g.PolicyARNs = append(g.PolicyARNs, fmt.Sprintf("arn:aws:iam::%s:policy/session%d", a.Who.Account, i-1))
		}
	}
	made, err := d.Issue(g)
	if err != nil {
		w.Fatal(err)
	}
	w.key = aws.Credentials{AccessKeyID: made.AccessKey, SecretAccessKey: string(made.Secret), SessionToken: string(made.Token)}
}

// prepare opens a server with the table that a asks about, unless it has it.
func (w *world) prepare(a *asking) {
	w.Helper()
	if needs := a.needs(); needs != "" && needs == w.has {
		return
	}
	if w.srv != nil {
		mustClose(w.T, w.srv)
	}
	var err error
	w.srv, err = stator.Open(stator.Config{
		Auth: "iam", IAMFile: w.file, Region: iamtest.Region, Now: w.now, KinesisEndpoint: "http://127.0.0.1:1",
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
	})
	if err != nil {
		w.Fatal(err)
	}
	w.has = a.needs()
	if err := a.prepare(w.Context(), w.client(w.owner, &asking{Case: a.Case, at: a.at})); err != nil {
		w.Fatalf("%s:%d: %s: prepare: %v", a.File, a.LineNumber, a.Line, err)
	}
}

func (w *world) client(key aws.Credentials, a *asking) *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{
		BaseEndpoint: aws.String(w.srv.URL()), Region: iamtest.Region, Retryer: aws.NopRetryer{}, HTTPClient: transport{a, key},
		Credentials: credentials.NewStaticCredentialsProvider(key.AccessKeyID, key.SecretAccessKey, key.SessionToken),
	})
}

// ask asks one decision.
func (w *world) ask(a *asking) {
	w.Helper()
	err := a.send(w.Context(), w.client(w.key, a))
	var e smithy.APIError
	if err != nil && !errors.As(err, &e) {
		w.Errorf("%s:%d: %s: %v", a.File, a.LineNumber, a.Line, err)
		return
	}
	shown := a.ARN
	if a.action == "ListTables" {
		shown = "arn:aws:dynamodb:" + iamtest.Region + ":" + a.Owner + ":table/*"
	}
	// An operation may take other actions besides, which are not asked about.
	denied := e != nil && e.ErrorCode() == "AccessDeniedException" && strings.Contains(e.ErrorMessage(), "is not authorized to perform: "+a.Action+" on resource: "+shown+" ")
	switch {
	case e != nil && (e.ErrorCode() == "ValidationException" || strings.Contains(e.ErrorCode(), "Signature") || strings.Contains(e.ErrorCode(), "Token")):
		w.Errorf("%s:%d: %s: the request is faulty: %v", a.File, a.LineNumber, a.Line, err)
	case denied == a.Want.Allowed:
		w.Errorf("%s:%d: %s: %v\n%s", a.File, a.LineNumber, a.Line, err, a.Source)
	case denied:
		reason := iam.Decision{Explicit: a.Want.Explicit, By: a.Want.By}.Reason(a.Action)
		if !strings.HasSuffix(e.ErrorMessage(), " "+shown+" "+reason) {
			w.Errorf("%s:%d: %s: %v, want %s", a.File, a.LineNumber, a.Line, err, reason)
		}
	}
}
