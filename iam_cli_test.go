package stator_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	allowBooks = `{"Version":"2012-10-17","Statement":[{"Sid":"Books","Effect":"Allow","Action":"dynamodb:GetItem",
		"Resource":"arn:aws:dynamodb:*:123456789012:table/Books","Condition":{"ForAllValues:StringEquals":{"dynamodb:LeadingKeys":["${aws:username}","all"]}}}]}`
	allowAll   = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`
	trustsAna  = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:user/ana"},"Action":"sts:AssumeRole"}}`
	trustsBob  = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:user/bob"},"Action":"sts:AssumeRole"}}`
	booksToBob = `{"Version":"2012-10-17","Statement":{"Sid":"ToBob","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:user/bob"},"Action":"dynamodb:*","Resource":"*"}}`
	denyAll    = `{"Version":"2012-10-17","Statement":{"Sid":"No","Effect":"Deny","Action":"dynamodb:*","Resource":"*"}}`
)

// newIAM returns a command line in a directory with policies in files.
func newIAM(t *testing.T) *cli {
	c := &cli{T: t, dir: t.TempDir()}
	for name, text := range map[string]string{
		"books": allowBooks, "all": allowAll, "ana": trustsAna, "bob": trustsBob, "toBob": booksToBob, "none": denyAll, "broken": "{", "text": `{"Version":"2012-10-17"}`,
	} {
		if err := os.WriteFile(filepath.Join(c.dir, name+".json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

const userANA = "arn:aws:iam::123456789012:user/ana"

// TestIAMCommands takes an IAM file through every verb.
func TestIAMCommands(t *testing.T) {
	c := newIAM(t)
	c.fail("iam list", "there is no IAM file stator-iam/iam.json: make one with stator iam init")
	c.fail("serve --in-memory --listen 127.0.0.1:0 --auth iam", "there is no IAM file stator-iam/iam.json: make one with stator iam init")
	c.fail("iam create-user ana", "there is no IAM file stator-iam/iam.json: make one with stator iam init")
	c.want("iam init --name main", "made stator-iam/iam.json, with the account 123456789012\nthe secrets in it are sealed with stator-iam/iam.key: .*\n")
	c.fail("iam init", "stator-iam/iam.json is there already")
	c.want("iam create-group readers", "arn:aws:iam::123456789012:group/readers\n")
	c.want("iam create-user ana --tag team=blue --tag team=red --group readers", userANA+"\n")
	c.fail("iam create-user ANA", "the user ANA exists")
	c.fail("iam create-user b/c", `account 123456789012: "b/c" is no name for a user: use 1 to 64 letters, digits and _+=,.@-`)
	c.fail("iam create-user bob --group writers", `account 123456789012: user bob is in the group "writers", which there is not`)
	c.want("iam create-user bob --path /team/", "arn:aws:iam::123456789012:user/team/bob\n")
	c.want("iam add-user-to-group bob readers", "")
	c.want("iam remove-user-from-group bob readers", "")
	c.fail("iam remove-user-from-group bob readers", "there is no group of the user readers")
	c.want("iam put-policy books --document books.json --group readers", "")
	c.fail("iam put-policy books --document broken.json --user ana", "broken.json is not JSON")
	c.fail("iam put-policy books --document text.json --user ana", "account 123456789012: user ana: policy books: the policy has no Statement")
	c.fail("iam put-policy books --document books.json", "give one of --user, --group and --role")
	c.fail("iam put-policy books --user ana", "--document is missing: give the file of the policy")
	c.want("iam create-policy all --document all.json", "arn:aws:iam::123456789012:policy/all\n")
	for _, verb := range []string{"attach-policy", "put-boundary"} {
		c.fail("iam "+verb+" AmazonDynamoDBFullAccess --user ana",
			"there is no policy AmazonDynamoDBFullAccess: give its ARN, like arn:aws:iam::aws:policy/AmazonDynamoDBFullAccess")
	}
	c.want("iam attach-policy arn:aws:iam::123456789012:policy/all --user ana", "")
	c.fail("iam delete-policy all", "account 123456789012: user ana: the policy arn:aws:iam::123456789012:policy/all is attached, which there is not")
	c.want("iam detach-policy arn:aws:iam::123456789012:policy/all --user ana", "")
	c.want("iam put-boundary arn:aws:iam::123456789012:policy/all --user ana", "")
	c.want("iam delete-boundary --user ana", "")
	c.fail("iam put-boundary arn:aws:iam::123456789012:policy/all --group readers", "a group has no permissions boundary")
	c.want("iam update-policy all --document none.json", "")
	c.want("iam delete-policy all", "")
	c.want("iam create-role app --trust ana.json --max-session-duration 7200", "arn:aws:iam::123456789012:role/app\n")
	c.fail("iam create-role app2 --trust all.json", "account 123456789012: role app2: its trust policy: statement 1: it has neither Principal nor NotPrincipal")
	c.fail("iam update-role app --max-session-duration 60", "account 123456789012: role app: a MaxSessionDuration is 3600 to 43200 seconds")
	c.want("iam update-role app --trust bob.json", "")
	c.want("iam tag --role app --tag Env=test", "")
	c.want("iam untag env --role app", "")
	c.fail("iam untag env --role app", "there is no tag env")
	c.want("iam create-provider https://login.example.com --client-id app", "arn:aws:iam::123456789012:oidc-provider/login.example.com\n")
	c.fail("iam create-provider http://a.example.com --client-id app", `account 123456789012: provider "http://a.example.com": give an https URL; http is for providers on this machine`)
	c.fail("iam create-provider https://b.example.com --client-id app --keys all.json", "account 123456789012: provider https://b.example.com: its set of keys has none that a token can be checked with")
	c.want("iam delete-provider https://login.example.com", "")
	c.want("iam create-account 210987654321", "")
	c.fail("iam create-user eve", "there are 2 accounts in stator-iam/iam.json: say which one with --account")
	c.want("iam create-user eve --account 210987654321", "arn:aws:iam::210987654321:user/eve\n")
	c.fail("iam create-user eve --account 111111111111", "there is no account 111111111111 in stator-iam/iam.json")
	c.want("iam list", `(?s)KIND +ARN +ACCESS KEYS\naccount .*:role/app.*:user/eve *\n`)
	c.want("iam show "+userANA, `(?s).*"UserName": "ana".*"team": "red".*`)
	c.want("iam delete-account 210987654321", "")
	for _, line := range []string{"delete-role app", "delete-user bob", "delete-user ana", "delete-group readers"} {
		c.want("iam "+line, "")
		c.fail("iam "+line, "there is no "+strings.TrimPrefix(line, "delete-"))
	}
	c.fail("iam foo", "there is no verb foo; stator iam --help lists them")
	c.fail("iam", "use stator iam VERB; stator iam --help lists the verbs")
	c.want("iam --help", `(?s)usage: stator iam VERB .*  simulate\n.*`)
}

func TestIAMAccessKeys(t *testing.T) {
	c := newIAM(t)
	c.want("iam init", "(?s).*")
	c.want("iam create-user ana", ".*\n")
	out, _ := c.run("iam create-access-key --user ana --json")
	var made struct{ AccessKeyId, SecretAccessKey string }
	if err := json.Unmarshal([]byte(out), &made); err != nil || len(made.AccessKeyId) != 20 || len(made.SecretAccessKey) != 40 {
		t.Fatalf("%v %s", err, out)
	}
	c.want("iam create-access-key --user ana --env", "export AWS_ACCESS_KEY_ID=AKIA[A-Z2-7]{16} AWS_SECRET_ACCESS_KEY=[A-Za-z0-9+/]{40}\n")
	c.fail("iam create-access-key --user ana", "there are 2 access keys already, the most there can be: delete one first")
	c.want("iam create-access-key", "access key  AKIA[A-Z2-7]{16}\nsecret      [A-Za-z0-9+/]{40}\nThe secret is not shown again.\n")
	c.want("iam update-access-key "+made.AccessKeyId+" --status Inactive", "")
	c.fail("iam update-access-key "+made.AccessKeyId+" --status Off", "account 123456789012: access key "+made.AccessKeyId+`: the status "Off" is neither Active nor Inactive`)
	c.want("iam list", "(?s).*"+made.AccessKeyId+" Inactive.*")
	for _, line := range []string{"list", "list --json", "show " + userANA} {
		if out, status := c.run("iam " + line); status != 0 || strings.Contains(out, made.SecretAccessKey) || strings.Contains(out, "aes256gcm") {
			t.Errorf("%s: %s", line, out)
		}
	}
	c.want("iam rotate-key", "")
	c.want("iam rotate-key --forget", "")
	c.want("iam delete-access-key "+made.AccessKeyId, "")
	c.fail("iam delete-access-key "+made.AccessKeyId, "there is no access key "+made.AccessKeyId)
	if err := os.Remove(filepath.Join(c.dir, "stator-iam", "iam.key")); err != nil {
		t.Fatal(err)
	}
	if out, status := c.run("iam create-access-key --user ana"); status != 1 || !strings.Contains(out, "the IAM key stator-iam/iam.key is missing: put it back, or give it in STATOR_IAM_KEY") {
		t.Errorf("%d %s", status, out)
	}
	c.want("iam list", "(?s).*") // needs no key
}

// TestSimulate has a question for each kind of answer.
func TestSimulate(t *testing.T) {
	c := newIAM(t)
	for _, line := range []string{
		"init", "create-user ana", "create-user bob", "create-group readers", "put-policy books --document books.json --group readers",
		"add-user-to-group ana readers", "create-role app --trust ana.json", "put-policy all --document all.json --role app",
		"create-policy none --document none.json", "create-user carl", "put-policy all --document all.json --user carl",
		"put-boundary arn:aws:iam::aws:policy/AmazonDynamoDBReadOnlyAccess --user carl", "create-user dora",
		"attach-policy arn:aws:iam::123456789012:policy/none --user dora", "attach-policy arn:aws:iam::aws:policy/AdministratorAccess --user dora",
	} {
		c.want("iam "+line, "(?s).*")
	}
	const books = "arn:aws:dynamodb:us-east-1:123456789012:table/Books"
	ask := func(principal, action, resource string) string {
		return "iam simulate --principal " + principal + " --action " + action + " --resource " + resource
	}
	user := func(name string) string { return "arn:aws:iam::123456789012:user/" + name }
	refusal := func(who, action, resource, why string) string {
		return "denied: User: " + who + " is not authorized to perform: " + action + " on resource: " + resource + " " + why
	}
	get, put := "dynamodb:GetItem", "dynamodb:PutItem"
	noIdentity := "because no identity-based policy allows the " + get + " action"
	c.want(ask(user("ana"), get, books)+" --context dynamodb:LeadingKeys=ana --context dynamodb:LeadingKeys=all",
		"allowed by identity-based policy books of group readers, statement Books\n")
	c.fail(ask(user("ana"), get, books)+" --context dynamodb:LeadingKeys=ana --context dynamodb:LeadingKeys=bob", refusal(user("ana"), get, books, noIdentity))
	c.fail(ask(user("bob"), get, books), refusal(user("bob"), get, books, noIdentity))
	c.want(ask(user("bob"), get, books)+" --resource-policy toBob.json", "allowed by resource-based policy, statement ToBob\n")
	c.want(ask(user("carl"), get, books), "allowed by identity-based policy all of user carl, statement 1\n")
	c.fail(ask(user("carl"), put, books), refusal(user("carl"), put, books, "because no permissions boundary allows the "+put+" action"))
	c.fail(ask(user("dora"), put, books),
		refusal(user("dora"), put, books, "with an explicit deny in an identity-based policy: arn:aws:iam::123456789012:policy/none, statement No"))
	c.want(ask("arn:aws:iam::123456789012:root", put, books), "allowed by root user\n")
	session := "arn:aws:sts::123456789012:assumed-role/app/one"
	c.want(ask(session, put, books), "allowed by identity-based policy all of role app, statement 1\n")
	role := "arn:aws:iam::123456789012:role/app"
	c.want(ask(user("ana"), "sts:AssumeRole", role), "allowed by role trust policy, statement 1\n")
	c.fail(ask(user("dora"), "sts:AssumeRole", role),
		refusal(user("dora"), "sts:AssumeRole", role, "because no role trust policy allows the sts:AssumeRole action"))
	c.want(ask(user("bob"), "sts:AssumeRole", role)+" --resource-policy bob.json", "allowed by role trust policy, statement 1\n")
	c.fail(ask(user("ana"), "sts:AssumeRole", role)+" --resource-policy bob.json",
		refusal(user("ana"), "sts:AssumeRole", role, "because no role trust policy allows the sts:AssumeRole action"))
	c.fail(ask(user("bob"), "sts:AssumeRole", role)+" --resource-policy toBob.json", "toBob.json: statement 1: a trust policy has no Resource")
	c.want(ask(user("ana"), get, books), "note: a policy asks about dynamodb:LeadingKeys, which a real request has: give it with --context\n"+
		"allowed by identity-based policy books of group readers, statement Books\n")
	c.fail(ask(user("ana"), get, books)+" --context dynamodb:LeadingKey=ana", "there is no condition key dynamodb:LeadingKey: those of DynamoDB are "+
		"dynamodb:LeadingKeys, dynamodb:FirstPartitionKeyValues, dynamodb:SecondPartitionKeyValues, dynamodb:ThirdPartitionKeyValues, "+
		"dynamodb:FourthPartitionKeyValues, dynamodb:Attributes, dynamodb:Select, dynamodb:ReturnValues, dynamodb:ReturnConsumedCapacity, "+
		"dynamodb:EnclosingOperation, dynamodb:FullTableScan")
	c.fail(ask(user("none"), get, books), "there is no user, role or session "+user("none"))
	c.fail(ask(user("ana"), get, books)+" --resource-policy books.json", "books.json: statement 1: it has neither Principal nor NotPrincipal")
	c.fail("iam simulate --principal "+user("ana")+" --action "+get, "--resource is missing: give the ARN of what it is about, or *")
}
