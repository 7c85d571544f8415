package stator_test

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	ststypes "github.com/aws/aws-sdk-go-v2/service/sts/types"

	"github.com/statordb/stator"
)

// TestSTS takes on a role and uses the tables of its account with it.
func TestSTS(t *testing.T) {
	p := newPeople(t, map[string]string{"admin": allow("dynamodb:*", ""), "other": allow("sts:AssumeRole", "")})
	p.addRole("reader", `{"AWS": "`+otherAccount+`"}`, "sts:AssumeRole", allow("dynamodb:GetItem dynamodb:ListTables", ""))
	srv := p.serve()
	createMusic(t, p.client(srv, "admin"))
	ctx := t.Context()
	c := sts.New(sts.Options{BaseEndpoint: aws.String(srv.URL()), Region: "us-east-1", Credentials: p.client(srv, "other").Options().Credentials})
	who, err := c.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "who", *who.Arn, "arn:aws:iam::"+otherAccount+":user/other")

	role := "arn:aws:iam::" + homeAccount + ":role/reader"
	session := stscreds.NewAssumeRoleProvider(c, role, func(o *stscreds.AssumeRoleOptions) { o.RoleSessionName = "visit" })
	reader := dynamodb.New(dynamodb.Options{BaseEndpoint: aws.String(srv.URL()), Region: "us-east-1", Credentials: session, Retryer: aws.NopRetryer{}, HTTPClient: whole})
	out, err := reader.ListTables(ctx, &dynamodb.ListTablesInput{})
	if err != nil {
		t.Fatal(err)
	}
	equalSlices(t, "tables", out.TableNames, []string{"Music"})
	_, err = reader.Scan(ctx, &dynamodb.ScanInput{TableName: aws.String("Music")})
	refused(t, "a scan in a session", err, "AccessDeniedException", "User: arn:aws:sts::"+homeAccount+":assumed-role/reader/visit is not authorized to perform: dynamodb:Scan"+
		" on resource: arn:aws:dynamodb:us-east-1:"+homeAccount+":table/Music because no identity-based policy allows the dynamodb:Scan action")

	key, err := session.Retrieve(ctx)
	if err != nil {
		t.Fatal(err)
	}
	key.SessionToken = key.SessionToken[:len(key.SessionToken)-8] + "AAAAAAAA"
	forged := dynamodb.New(dynamodb.Options{BaseEndpoint: aws.String(srv.URL()), Region: "us-east-1", Retryer: aws.NopRetryer{}, HTTPClient: whole,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return key, nil })})
	_, err = forged.ListTables(ctx, &dynamodb.ListTablesInput{})
	refused(t, "a forged token", err, "UnrecognizedClientException", "The security token included in the request is invalid.")
	_, err = sts.New(sts.Options{BaseEndpoint: aws.String(srv.URL()), Region: "us-east-1", Credentials: p.client(srv, "admin").Options().Credentials}).
		AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: &role, RoleSessionName: aws.String("visit")})
	refused(t, "a role for others", err, "AccessDenied", "User: arn:aws:iam::"+homeAccount+":user/admin is not authorized to perform: sts:AssumeRole on resource: "+role)
}

// TestPresignedIdentity sends GetCallerIdentity by GET: presigned, as those do who show
// somebody else who they are, and with parameters behind the path of a POST.
func TestPresignedIdentity(t *testing.T) {
	p := newPeople(t, map[string]string{"ana": ""})
	srv := p.serve()
	c := sts.New(sts.Options{BaseEndpoint: aws.String(srv.URL()), Region: "us-east-1", Credentials: p.client(srv, "ana").Options().Credentials})
	signed, err := sts.NewPresignClient(c).PresignGetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	if err != nil {
		t.Fatal(err)
	}
	unsigned := srv.URL() + "/?Action=GetCallerIdentity&Version=2011-06-15"
	for _, one := range []struct {
		method, url string
		status      int
		has         string
	}{
		{signed.Method, signed.URL, 200, "<Arn>arn:aws:iam::" + homeAccount + ":user/ana</Arn>"},
		{signed.Method, signed.URL + "&DurationSeconds=900", 403, "<Code>SignatureDoesNotMatch</Code>"},
		{"POST", signed.URL, 403, "<Code>SignatureDoesNotMatch</Code>"},
		{"GET", unsigned, 403, "<Code>MissingAuthenticationToken</Code>"},
		{"POST", unsigned, 403, "<Code>MissingAuthenticationToken</Code>"},
		{"GET", unsigned + "&X-Amz-Algorithm=AWS4-HMAC-SHA256", 400, "<Code>IncompleteSignature</Code>"},
		{"GET", srv.URL() + "/?Version=2011-06-15", 200, "healthy"},
	} {
		r, err := http.NewRequestWithContext(t.Context(), one.method, one.url, nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		if answer.Body.Close(); err != nil || answer.StatusCode != one.status || !strings.Contains(string(body), one.has) {
			t.Errorf("%s %s: %d %s %v, want %d and %s", one.method, one.url, answer.StatusCode, body, err, one.status, one.has)
		}
	}
}

// TestAssumeRoleRecord checks what the audit log says of sessions. (IAM user guide,
// "Logging IAM and AWS STS API calls with AWS CloudTrail".)
func TestAssumeRoleRecord(t *testing.T) {
	p := newPeople(t, map[string]string{"ana": allow("sts:*", "")})
	p.addRole("app", `{"AWS": "`+homeAccount+`"}`, "sts:*", allow("sts:*", ""))
	dir := t.TempDir()
	srv := p.serve(func(c *stator.Config) { c.AuditDir = dir })
	role, ctx := "arn:aws:iam::"+homeAccount+":role/app", t.Context()
	client := func(key aws.Credentials) *sts.Client {
		return sts.New(sts.Options{BaseEndpoint: aws.String(srv.URL()), Region: "eu-west-1", Retryer: aws.NopRetryer{},
			Credentials: credentials.NewStaticCredentialsProvider(key.AccessKeyID, key.SecretAccessKey, key.SessionToken)})
	}
	out, err := client(p.keys["ana"]).AssumeRole(ctx, &sts.AssumeRoleInput{
		RoleArn: &role, RoleSessionName: aws.String("one"), DurationSeconds: aws.Int32(900), SourceIdentity: aws.String("ana"),
		Tags: []ststypes.Tag{{Key: aws.String("Email"), Value: aws.String("ana@example.com")}}, TransitiveTagKeys: []string{"Email"},
	})
	if err != nil {
		t.Fatal(err)
	}
	session := client(aws.Credentials{AccessKeyID: *out.Credentials.AccessKeyId, SecretAccessKey: *out.Credentials.SecretAccessKey, SessionToken: *out.Credentials.SessionToken})
	if _, err := session.AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: &role, RoleSessionName: aws.String("two")}); err != nil {
		t.Fatal(err)
	}
	if _, err := session.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{}); err != nil {
		t.Fatal(err)
	}
	guess := p.keys["ana"]
	guess.SecretAccessKey = "guess"
	if _, err := client(guess).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{}); err == nil {
		t.Fatal("a guess is good")
	}
	text, err := os.ReadFile(filepath.Join(dir, "cloudtrail.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	records := strings.Split(strings.TrimSpace(string(text)), "\n")
	resources := `"resources":[{"accountId":"` + homeAccount + `","type":"AWS::IAM::Role","ARN":"` + role + `"}]`
	for i, wants := range [][]string{
		{resources, `"awsRegion":"eu-west-1"`, `"expiration":"` + out.Credentials.Expiration.UTC().Format("Jan 2, 2006, 3:04:05 PM") + `"},"sourceIdentity":"ana"}`,
			`"requestParameters":{"durationSeconds":900,"roleArn":"` + role + `","roleSessionName":"one","sourceIdentity":"ana",` +
				`"tags":[{"key":"Email","value":"ana@example.com"}],"transitiveTagKeys":["Email"]}`},
		{resources, `"requestParameters":{"incomingTransitiveTags":{"Email":"ana@example.com"},"roleArn":"` + role + `","roleSessionName":"two"}`},
		{`"eventName":"GetCallerIdentity"`, `"requestParameters":null`},
		{`"userIdentity":{"type":"Unknown","accessKeyId":"` + guess.AccessKeyID + `"}`, `"awsRegion":"eu-west-1"`, `"errorCode":"SignatureDoesNotMatch"`},
	} {
		for _, want := range wants {
			if i >= len(records) || !strings.Contains(records[i], want) {
				t.Errorf("record %d has no %s: %s", i, want, records)
			}
		}
	}
}
