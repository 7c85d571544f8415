package stator_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"github.com/statordb/stator"
	"github.com/statordb/stator/internal/identity"
)

// The accounts of tests of access. The first is the server's own.
const (
	homeAccount  = "123456789012"
	otherAccount = "111122223333"
)

// people are who may sign requests in a test: they are named "ACCOUNT user".
type people struct {
	*testing.T
	file string
	keys map[string]aws.Credentials
}

// newPeople makes a file of the users of policies: by name, JSON, "" for none.
// Users of the account otherAccount have names that begin with "other".
func newPeople(t *testing.T, policies map[string]string) *people {
	t.Helper()
	p := &people{t, filepath.Join(t.TempDir(), "iam.json"), map[string]aws.Credentials{}}
	err := identity.Update(p.file, true, time.Now(), func(e *identity.Edit) error {
		accounts := map[bool]*identity.Account{}
		for isOther, id := range map[bool]string{false: homeAccount, true: otherAccount} {
			a, err := e.CreateAccount(id, "account")
			if err != nil {
				return err
			}
			accounts[isOther] = a
		}
		for name, policy := range policies {
			u, err := e.CreateUser(accounts[strings.HasPrefix(name, "other")], name, "/")
			if err != nil {
				return err
			}
			if policy != "" {
				u.Policies = map[string]json.RawMessage{"p": json.RawMessage(policy)}
			}
			if err := p.addKey(e, name, &u.AccessKeys); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// addKey makes an access key among keys, which signs as name.
func (p *people) addKey(e *identity.Edit, name string, keys *[]*identity.AccessKey) error {
	k, secret, err := e.CreateAccessKey(keys)
	if err == nil {
		p.keys[name] = aws.Credentials{AccessKeyID: k.AccessKeyID, SecretAccessKey: secret}
	}
	return err
}

// addRole makes a role of the home account, which those of a principal, JSON, may take
// on with actions, and which has a policy.
func (p *people) addRole(name, principal, actions, policy string) {
	p.Helper()
	err := identity.Update(p.file, false, time.Now(), func(e *identity.Edit) error {
		r, err := e.CreateRole(e.Account(homeAccount), name, "/", json.RawMessage(
			`{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": `+principal+`, "Action": "`+actions+`"}]}`))
		if err == nil {
			r.Policies = map[string]json.RawMessage{"p": json.RawMessage(policy)}
		}
		return err
	})
	if err != nil {
		p.Fatal(err)
	}
}

// serve opens a server for p, in memory.
func (p *people) serve(change ...func(*stator.Config)) *stator.Server {
	p.Helper()
	c := stator.Config{Auth: "iam", IAMFile: p.file}
	for _, f := range change {
		f(&c)
	}
	srv, err := stator.Open(c)
	if err != nil {
		p.Fatal(err)
	}
	p.Cleanup(func() {
		if err := srv.Close(); err != nil {
			p.Error(err)
		}
	})
	return srv
}

// client returns a client of srv that signs as the user called name.
func (p *people) client(srv *stator.Server, name string, options ...func(*dynamodb.Options)) *dynamodb.Client {
	key, known := p.keys[name]
	if !known {
		p.Fatalf("there is no user %s", name)
	}
	return dynamodb.New(dynamodb.Options{
		BaseEndpoint: aws.String(srv.URL()), Region: "us-east-1",
		Credentials: credentials.NewStaticCredentialsProvider(key.AccessKeyID, key.SecretAccessKey, key.SessionToken),
		Retryer:     aws.NopRetryer{}, HTTPClient: whole,
	}, options...)
}

// allow returns a policy that allows actions, which are separated by spaces, on
// everything under a condition, JSON, "" for none.
func allow(actions, condition string) string {
	if condition == "" {
		condition = "{}"
	}
	list, _ := json.Marshal(strings.Fields(actions))
	return fmt.Sprintf(`{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": %s, "Resource": "*", "Condition": %s}]}`, list, condition)
}

// refused checks that err has a code, and a text if it is not "".
func refused(t *testing.T, what string, err error, code, text string) {
	t.Helper()
	var e smithy.APIError
	if !errors.As(err, &e) || e.ErrorCode() != code || text != "" && e.ErrorMessage() != text {
		t.Errorf("%s: %v, want %s %s", what, err, code, text)
	}
}

// createMusic creates the table Music, whose partition key is pk.
func createMusic(t *testing.T, c *dynamodb.Client) string {
	t.Helper()
	out, err := c.CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName: aws.String("Music"), BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: stringKeys("pk"), KeySchema: keySchema("pk", "")[:1],
	})
	if err != nil {
		t.Fatal(err)
	}
	return *out.TableDescription.TableArn
}

// TestAccess lets users do what their policies allow.
func TestAccess(t *testing.T) {
	p := newPeople(t, map[string]string{
		"admin":  allow("dynamodb:*", ""),
		"nobody": "",
		"reader": allow("dynamodb:GetItem dynamodb:Query dynamodb:PartiQLSelect", ""),
		"own":    allow("dynamodb:GetItem dynamodb:PutItem dynamodb:BatchGetItem", `{"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["${aws:username}"]}}`),
		"some":   allow("dynamodb:GetItem", `{"ForAllValues:StringEquals": {"dynamodb:Attributes": ["pk", "plays"]}, "StringEquals": {"dynamodb:Select": "SPECIFIC_ATTRIBUTES"}}`),
		"near":   allow("dynamodb:GetItem", `{"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}, "Bool": {"aws:SecureTransport": "false"}}`),
		"far":    allow("dynamodb:GetItem", `{"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}`),
	})
	srv := p.serve()
	ctx := t.Context()
	admin := p.client(srv, "admin")
	arn := createMusic(t, admin)
	for _, pk := range []string{"own", "song"} {
		if _, err := admin.PutItem(ctx, &dynamodb.PutItemInput{TableName: aws.String("Music"), Item: item{"pk": str(pk), "plays": num(7), "secret": str("s")}}); err != nil {
			t.Fatal(err)
		}
	}
	get := func(user, pk string, change ...func(*dynamodb.GetItemInput)) error {
		in := &dynamodb.GetItemInput{TableName: aws.String("Music"), Key: item{"pk": str(pk)}}
		for _, f := range change {
			f(in)
		}
		_, err := p.client(srv, user).GetItem(ctx, in)
		return err
	}
	denied := func(user, action string) string {
		return "User: arn:aws:iam::" + homeAccount + ":user/" + user + " is not authorized to perform: dynamodb:" + action + " on resource: " + arn +
			" because no identity-based policy allows the dynamodb:" + action + " action"
	}
	project := func(names string) func(*dynamodb.GetItemInput) {
		return func(in *dynamodb.GetItemInput) { in.ProjectionExpression = aws.String(names) }
	}
	for what, err := range map[string]error{
		"reader": get("reader", "song"), "own": get("own", "own"), "near": get("near", "song"), "some": get("some", "song", project("pk, plays")),
	} {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	refused(t, "nobody", get("nobody", "song"), "AccessDeniedException", denied("nobody", "GetItem"))
	refused(t, "another's item", get("own", "song"), "AccessDeniedException", denied("own", "GetItem"))
	refused(t, "everything of an item", get("some", "song"), "AccessDeniedException", denied("some", "GetItem"))
	refused(t, "another attribute", get("some", "song", project("pk, secret")), "AccessDeniedException", denied("some", "GetItem"))
	refused(t, "far", get("far", "song"), "AccessDeniedException", denied("far", "GetItem"))
	_, err := p.client(srv, "own").BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{
		"Music": {Keys: []item{{"pk": str("own")}, {"pk": str("song")}}}}})
	refused(t, "a batch with another's item", err, "AccessDeniedException", denied("own", "BatchGetItem"))
	_, err = p.client(srv, "reader").PutItem(ctx, &dynamodb.PutItemInput{TableName: aws.String("Music"), Item: item{"pk": str("x")}})
	refused(t, "a put of a reader", err, "AccessDeniedException", denied("reader", "PutItem"))

	batch, err := p.client(srv, "reader").BatchExecuteStatement(ctx, &dynamodb.BatchExecuteStatementInput{Statements: []types.BatchStatementRequest{
		{Statement: aws.String(`DELETE FROM Music WHERE pk = 'song'`)},
	}})
	if err != nil || batch.Responses[0].Error == nil || batch.Responses[0].Error.Code != types.BatchStatementErrorCodeEnumAccessDenied {
		t.Errorf("a statement that is not allowed: %v, %v", batch, err)
	}
	if err := get("reader", "song"); err != nil {
		t.Error(err)
	}
}

// TestAccounts keeps the tables of accounts apart, until a policy lets others in.
func TestAccounts(t *testing.T) {
	p := newPeople(t, map[string]string{"admin": allow("dynamodb:*", ""), "other": allow("dynamodb:*", "")})
	srv := p.serve()
	ctx := t.Context()
	admin, other := p.client(srv, "admin"), p.client(srv, "other")
	arn, otherARN := createMusic(t, admin), createMusic(t, other)
	equal(t, "ARN", arn, "arn:aws:dynamodb:us-east-1:"+homeAccount+":table/Music")
	equal(t, "the other's ARN", otherARN, "arn:aws:dynamodb:us-east-1:"+otherAccount+":table/Music")
	put := func(c *dynamodb.Client, table, pk string) error {
		_, err := c.PutItem(ctx, &dynamodb.PutItemInput{TableName: &table, Item: item{"pk": str(pk)}})
		return err
	}
	if err := errors.Join(put(admin, "Music", "a"), put(other, "Music", "b"), put(other, otherARN, "c")); err != nil {
		t.Fatal(err)
	}
	count := func(c *dynamodb.Client, table string) int32 {
		out, err := c.Scan(ctx, &dynamodb.ScanInput{TableName: &table})
		if err != nil {
			t.Fatal(err)
		}
		return out.Count
	}
	equal(t, "items", count(admin, "Music"), 1)
	equal(t, "the other's items", count(other, "Music"), 2)
	denied := "User: arn:aws:iam::" + otherAccount + ":user/other is not authorized to perform: dynamodb:PutItem on resource: " + arn +
		" because no resource-based policy allows the dynamodb:PutItem action"
	refused(t, "a put to another account", put(other, arn, "x"), "AccessDeniedException", denied)

	policy := `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::` + otherAccount + `:user/other"},
		"Action": "dynamodb:PutItem", "Resource": "` + arn + `"}]}`
	if _, err := admin.PutResourcePolicy(ctx, &dynamodb.PutResourcePolicyInput{ResourceArn: &arn, Policy: &policy}); err != nil {
		t.Fatal(err)
	}
	if err := put(other, arn, "x"); err != nil {
		t.Error(err)
	}
	equal(t, "items", count(admin, "Music"), 2)
	equal(t, "the other's items", count(other, "Music"), 2)
	for c, token := range map[*dynamodb.Client]string{admin: otherAccount + "/us-east-1/t", other: "t"} { // one text, but two tokens
		_, err := c.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{ClientRequestToken: &token, TransactItems: []types.TransactWriteItem{
			{Put: &types.Put{TableName: aws.String("Music"), Item: item{"pk": str("once")}}}}})
		if err != nil {
			t.Error(err)
		}
	}
	equal(t, "items", count(admin, "Music"), 3)
	equal(t, "the other's items", count(other, "Music"), 3)
	if _, err := other.DeleteTable(ctx, &dynamodb.DeleteTableInput{TableName: aws.String("Music")}); err != nil {
		t.Error(err)
	}
	equal(t, "items", count(admin, "Music"), 3)
}

// TestNamesOfResources asks about the table that a ResourceArn means although it is
// a name, as the model allows, and about that of another account in a listing.
func TestNamesOfResources(t *testing.T) {
	p := newPeople(t, map[string]string{
		"admin": allow("dynamodb:*", ""), "other": allow("dynamodb:*", ""),
		"barred": `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "dynamodb:*", "Resource": "*"},
			{"Effect": "Deny", "Action": "dynamodb:*", "Resource": "arn:aws:dynamodb:*:*:table/Music"}]}`,
	})
	srv := p.serve()
	ctx := t.Context()
	admin, other := p.client(srv, "admin"), p.client(srv, "other")
	createMusic(t, admin)
	otherARN := createMusic(t, other)
	for user, name := range map[string]string{"barred": "Music", "admin": otherAccount + "/us-east-1/Music"} {
		c := p.client(srv, user)
		code := map[string]string{"barred": "AccessDeniedException", "admin": "ValidationException"}[user]
		_, err := c.PutResourcePolicy(ctx, &dynamodb.PutResourcePolicyInput{ResourceArn: &name, Policy: aws.String(
			`{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "dynamodb:*", "Resource": "*"}]}`)})
		refused(t, "PutResourcePolicy of "+user, err, code, "")
		_, err = c.GetResourcePolicy(ctx, &dynamodb.GetResourcePolicyInput{ResourceArn: &name})
		refused(t, "GetResourcePolicy of "+user, err, code, "")
		_, err = c.DeleteResourcePolicy(ctx, &dynamodb.DeleteResourcePolicyInput{ResourceArn: &name})
		refused(t, "DeleteResourcePolicy of "+user, err, code, "")
	}
	if _, err := admin.DeleteResourcePolicy(ctx, &dynamodb.DeleteResourcePolicyInput{ResourceArn: aws.String("Music")}); err != nil {
		t.Error(err)
	}
	_, err := admin.ListBackups(ctx, &dynamodb.ListBackupsInput{TableName: &otherARN})
	refused(t, "ListBackups of another account's table", err, "AccessDeniedException", "")
	if _, err := other.ListBackups(ctx, &dynamodb.ListBackupsInput{TableName: &otherARN}); err != nil {
		t.Error(err)
	}
}

// TestBackupsHaveNoPolicy lets nobody at the backups of a table by the policy that the
// table has.
func TestBackupsHaveNoPolicy(t *testing.T) {
	p := newPeople(t, map[string]string{"admin": allow("dynamodb:*", ""), "other": allow("dynamodb:*", "")})
	srv := p.serve()
	ctx := t.Context()
	admin, other := p.client(srv, "admin"), p.client(srv, "other")
	arn := createMusic(t, admin)
	made, err := admin.CreateBackup(ctx, &dynamodb.CreateBackupInput{TableName: &arn, BackupName: aws.String("music")})
	if err != nil {
		t.Fatal(err)
	}
	policy := `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "` + otherAccount + `"}, "Action": "dynamodb:*", "Resource": "*"}]}`
	if _, err := admin.PutResourcePolicy(ctx, &dynamodb.PutResourcePolicyInput{ResourceArn: &arn, Policy: &policy}); err != nil {
		t.Fatal(err)
	}
	if _, err := other.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &arn}); err != nil {
		t.Error(err)
	}
	backup := made.BackupDetails.BackupArn
	_, err = other.DescribeBackup(ctx, &dynamodb.DescribeBackupInput{BackupArn: backup})
	refused(t, "DescribeBackup", err, "AccessDeniedException", "")
	_, err = other.RestoreTableFromBackup(ctx, &dynamodb.RestoreTableFromBackupInput{BackupArn: backup, TargetTableName: aws.String("Mine")})
	refused(t, "RestoreTableFromBackup", err, "AccessDeniedException", "")
	_, err = other.DeleteBackup(ctx, &dynamodb.DeleteBackupInput{BackupArn: backup})
	refused(t, "DeleteBackup", err, "AccessDeniedException", "")
	if _, err := admin.DeleteBackup(ctx, &dynamodb.DeleteBackupInput{BackupArn: backup}); err != nil {
		t.Error(err)
	}
}

// TestStrangers refuses who is not known.
func TestStrangers(t *testing.T) {
	p := newPeople(t, map[string]string{"admin": allow("dynamodb:*", "")})
	srv := p.serve()
	good := p.keys["admin"]
	p.keys["wrong"] = aws.Credentials{AccessKeyID: good.AccessKeyID, SecretAccessKey: "wrong"}
	p.keys["unknown"] = aws.Credentials{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: good.SecretAccessKey}
	p.keys["token"] = aws.Credentials{AccessKeyID: good.AccessKeyID, SecretAccessKey: good.SecretAccessKey, SessionToken: "none"}
	list := func(user string) error {
		_, err := p.client(srv, user).ListTables(t.Context(), &dynamodb.ListTablesInput{})
		return err
	}
	if err := list("admin"); err != nil {
		t.Error(err)
	}
	refused(t, "a wrong secret", list("wrong"), "InvalidSignatureException", "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.")
	refused(t, "an unknown key", list("unknown"), "UnrecognizedClientException", "The security token included in the request is invalid.")
	refused(t, "a token that is none", list("token"), "UnrecognizedClientException", "The security token included in the request is invalid.")
}

// TestRegions keeps the tables of regions apart if that is asked for, in a data
// directory that a server without authentication can open too.
func TestRegions(t *testing.T) {
	p := newPeople(t, map[string]string{"admin": allow("dynamodb:*", ""), "other": allow("dynamodb:*", "")})
	dir := t.TempDir()
	in := func(region string) func(*dynamodb.Options) { return func(o *dynamodb.Options) { o.Region = region } }
	list := func(c *dynamodb.Client) []string {
		out, err := c.ListTables(t.Context(), &dynamodb.ListTablesInput{})
		if err != nil {
			t.Fatal(err)
		}
		return out.TableNames
	}
	t.Run("apart", func(t *testing.T) {
		q := *p
		q.T = t
		srv := q.serve(func(c *stator.Config) { c.SeparateRegions, c.DataDir = true, dir })
		home, away, other := q.client(srv, "admin"), q.client(srv, "admin", in("eu-west-3")), q.client(srv, "other")
		equal(t, "ARN", createMusic(t, away), "arn:aws:dynamodb:eu-west-3:"+homeAccount+":table/Music")
		equalSlices(t, "tables at home", list(home), []string{})
		equalSlices(t, "tables away", list(away), []string{"Music"})
		createMusic(t, home)
		createMusic(t, other)
		for what, c := range map[string]*dynamodb.Client{"away": away, "home": home, "other": other} {
			if _, err := c.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String("Music"), Item: item{"pk": str(what)}}); err != nil {
				t.Fatal(err)
			}
			if _, err := c.CreateBackup(t.Context(), &dynamodb.CreateBackupInput{TableName: aws.String("Music"), BackupName: &what}); err != nil {
				t.Fatal(err)
			}
		}
		for what, c := range map[string]*dynamodb.Client{"away": away, "home": home, "other": other} {
			items, err := c.Scan(t.Context(), &dynamodb.ScanInput{TableName: aws.String("Music")})
			if err != nil || len(items.Items) != 1 || items.Items[0]["pk"].(*types.AttributeValueMemberS).Value != what {
				t.Errorf("%s: %v, %v", what, items, err)
			}
			backups, err := c.ListBackups(t.Context(), &dynamodb.ListBackupsInput{})
			if err != nil || len(backups.BackupSummaries) != 1 || *backups.BackupSummaries[0].BackupName != what {
				t.Errorf("backups of %s: %v, %v", what, backups, err)
			}
		}
	})
	srv, err := stator.Open(stator.Config{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer mustClose(t, srv)
	equalSlices(t, "tables of who needs no name", list(newClient(srv.URL())), []string{"Music"})
}

// TestLockedOut lets the root user of an account remove a resource policy that denies
// everything to everybody. (API reference, DeleteResourcePolicy.)
func TestLockedOut(t *testing.T) {
	p := newPeople(t, map[string]string{"admin": allow("dynamodb:*", ""), "otheradmin": allow("dynamodb:*", "")})
	err := identity.Update(p.file, false, time.Now(), func(e *identity.Edit) error {
		for name, account := range map[string]string{"root": homeAccount, "otherroot": otherAccount} {
			if err := p.addKey(e, name, &e.Account(account).AccessKeys); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	srv, ctx := p.serve(), t.Context()
	arn := createMusic(t, p.client(srv, "admin"))
	_, err = p.client(srv, "admin").PutResourcePolicy(ctx, &dynamodb.PutResourcePolicyInput{
		ResourceArn: &arn, ConfirmRemoveSelfResourceAccess: true,
		Policy: aws.String(`{"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Principal": "*", "Action": "dynamodb:*", "Resource": "` + arn + `"}}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"admin", "otheradmin", "otherroot"} {
		_, err := p.client(srv, name).DeleteResourcePolicy(ctx, &dynamodb.DeleteResourcePolicyInput{ResourceArn: &arn})
		refused(t, "DeleteResourcePolicy of "+name, err, "AccessDeniedException", "")
	}
	root := p.client(srv, "root")
	_, err = root.GetResourcePolicy(ctx, &dynamodb.GetResourcePolicyInput{ResourceArn: &arn})
	refused(t, "GetResourcePolicy of root", err, "AccessDeniedException", "")
	if _, err := root.DeleteResourcePolicy(ctx, &dynamodb.DeleteResourcePolicyInput{ResourceArn: &arn}); err != nil {
		t.Error(err)
	}
	if _, err := root.GetItem(ctx, &dynamodb.GetItemInput{TableName: &arn, Key: item{"pk": str("a")}}); err != nil {
		t.Error(err)
	}
}

// TestTagsOfCreation creates a table with a tag that conditions ask about as the
// request's and as the resource's. (IAM user guide, "AWS global condition context keys".)
func TestTagsOfCreation(t *testing.T) {
	for _, key := range []string{"aws:ResourceTag/team", "aws:RequestTag/team"} {
		c := newPeople(t, map[string]string{"ana": allow("dynamodb:CreateTable dynamodb:TagResource", `{"StringEquals": {"`+key+`": "red"}}`)})
		ana := c.client(c.serve(), "ana")
		for team, code := range map[string]string{"green": "AccessDeniedException", "red": ""} {
			_, err := ana.CreateTable(t.Context(), &dynamodb.CreateTableInput{
				TableName: aws.String(team), BillingMode: types.BillingModePayPerRequest, AttributeDefinitions: stringKeys("pk"), KeySchema: keySchema("pk", "")[:1],
				Tags: []types.Tag{{Key: aws.String("team"), Value: &team}},
			})
			if code != "" {
				refused(t, key+" of "+team, err, code, "")
			} else if err != nil {
				t.Errorf("%s of %s: %v", key, team, err)
			}
		}
	}
}
