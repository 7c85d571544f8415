package sts_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awssts "github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"

	"github.com/statordb/stator/internal/identity"
)

const toHome = `{"Effect":"Allow","Principal":{"AWS":"` + home + `"},"Action":["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"]}`

func assume(role string) *awssts.AssumeRoleInput {
	return &awssts.AssumeRoleInput{RoleArn: &role, RoleSessionName: aws.String("test")}
}

func TestAssumeRole(t *testing.T) {
	w := newWorld(t)
	role := w.role(t, "app", toHome)
	ctx := context.Background()
	out, err := w.client(w.keys["ana"]).AssumeRole(ctx, assume(role))
	check(t, err)
	if !out.Credentials.Expiration.Equal(w.clock.Now().Add(time.Hour)) {
		t.Errorf("expires %s", out.Credentials.Expiration)
	}
	if *out.AssumedRoleUser.Arn != "arn:aws:sts::123456789012:assumed-role/app/test" || *out.SessionTokenSize != int32(len(*out.Credentials.SessionToken)) || *out.SessionTokenUtilization < 1 {
		t.Errorf("%+v", out)
	}
	session := w.client(of(out.Credentials))
	who, err := session.GetCallerIdentity(ctx, nil)
	check(t, err)
	if *who.Arn != *out.AssumedRoleUser.Arn || *who.UserId != *out.AssumedRoleUser.AssumedRoleId || *who.Account != home {
		t.Errorf("%s %s", *who.Arn, *who.UserId)
	}
	got := w.answers[0]
	recorded := fmt.Sprint(got.Parameters, got.Result)
	for _, want := range []string{role, *out.AssumedRoleUser.Arn, *out.Credentials.AccessKeyId} {
		if !strings.Contains(recorded, want) {
			t.Errorf("%s is not recorded in %s", want, recorded)
		}
	}
	for _, secret := range []string{*out.Credentials.SessionToken, *out.Credentials.SecretAccessKey} {
		if strings.Contains(recorded, secret) {
			t.Errorf("a secret is recorded in %s", recorded)
		}
	}

	w.clock.Move(w.clock.Now().Add(time.Hour))
	_, err = session.GetCallerIdentity(ctx, nil)
	refused(t, err, "ExpiredToken", "The security token included in the request is expired")
}

// TestWhoMayAssume has the decisions of trust policies and identity policies.
// (IAM user guide, "Policy evaluation logic" and "Roles terms and concepts".)
func TestWhoMayAssume(t *testing.T) {
	w := newWorld(t)
	user := func(account, name string) string { return "arn:aws:iam::" + account + ":user/" + name }
	allow := func(principal, condition string) string {
		return `{"Effect":"Allow","Principal":{"AWS":"` + principal + `"},"Action":"sts:AssumeRole","Condition":{` + condition + `}}`
	}
	type input = awssts.AssumeRoleInput
	for i, c := range []struct {
		who, trust string
		allowed    bool
		change     func(*input)
	}{
		{"ana", toHome, true, nil},
		{"bob", toHome, false, nil}, // needs a policy of its own
		{"eve", toHome, false, nil},
		{"bob", allow(user(home, "bob"), ""), true, nil}, // is named itself
		{"ana", allow(user(home, "bob"), ""), false, nil},
		{"eve", allow(foreign, ""), true, nil},
		{"eve", allow(user(foreign, "eve"), ""), true, nil},
		{"ana", allow(user(foreign, "eve"), ""), false, nil},
		{"ana", allow("*", ""), true, nil},
		{"ana", allow(home, `"StringEquals":{"sts:ExternalId":"42"}`), false, nil},
		{"ana", allow(home, `"StringEquals":{"sts:ExternalId":"42"}`), true, func(in *input) { in.ExternalId = aws.String("42") }},
		{"ana", allow(home, `"StringEquals":{"sts:ExternalId":"42"}`), false, func(in *input) { in.ExternalId = aws.String("43") }},
		{"ana", allow(home, `"StringLike":{"sts:RoleSessionName":"${aws:username}"}`), false, nil},
		{"ana", allow(home, `"StringLike":{"sts:RoleSessionName":"${aws:username}"}`), true, func(in *input) { in.RoleSessionName = aws.String("ana") }},
		{"ana", allow(home, `"IpAddress":{"aws:SourceIp":"127.0.0.0/8"}`), true, nil},
		{"ana", allow(home, `"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}`), false, nil},
		{"ana", allow(home, `"NumericLessThan":{"sts:DurationSeconds":"3600"}`), false, nil},
		{"ana", allow(home, `"NumericLessThan":{"sts:DurationSeconds":"3600"}`), true, func(in *input) { in.DurationSeconds = aws.Int32(900) }},
		{"ana", allow(home, ""), false, func(in *input) { in.Tags = []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}} }},
		{"ana", toHome, true, func(in *input) { in.Tags = []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}} }},
		{"ana", allow(home, ""), false, func(in *input) { in.SourceIdentity = aws.String("me") }},
		{"ana", toHome, true, func(in *input) { in.SourceIdentity = aws.String("me") }},
		{"ana", `[` + toHome + `,{"Effect":"Deny","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]`, false, nil},
	} {
		role := w.role(t, fmt.Sprintf("role%d", i), c.trust)
		in := assume(role)
		if c.change != nil {
			c.change(in)
		}
		_, err := w.client(w.keys[c.who]).AssumeRole(context.Background(), in)
		if c.allowed != (err == nil) {
			t.Errorf("%s, %s: %v", c.who, c.trust, err)
		}
		if err != nil && !strings.Contains(err.Error(), "AccessDenied: User: arn:aws:iam::") {
			t.Error(err)
		}
	}
	missing := "arn:aws:iam::" + home + ":role/none"
	_, err := w.client(w.keys["ana"]).AssumeRole(context.Background(), assume(missing))
	refused(t, err, "AccessDenied", "User: arn:aws:iam::123456789012:user/ana is not authorized to perform: sts:AssumeRole on resource: "+missing)
	_, err = w.client(w.keys[home]).AssumeRole(context.Background(), assume(missing))
	refused(t, err, "AccessDenied", "Roles may not be assumed by root accounts.")
}

// TestAssumeByTags lets somebody assume the roles of the own team. (IAM user guide, "IAM
// tutorial: Define permissions to access AWS resources based on tags".)
func TestAssumeByTags(t *testing.T) {
	w := newWorld(t)
	for _, key := range []string{"iam:ResourceTag/team", "aws:ResourceTag/team"} {
		w.edit(t, func(_ *identity.Edit, a *identity.Account) {
			u := a.User("bob")
			u.Tags = map[string]string{"team": "red"}
			u.Policies = map[string]json.RawMessage{"own": policy(`{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*",
				"Condition":{"StringEquals":{"` + key + `":"${aws:PrincipalTag/team}","aws:ResourceAccount":"` + home + `"}}}`)}
		})
		for team, allowed := range map[string]bool{"red": true, "green": false, "": false} {
			role := w.role(t, key[:3]+"-"+team, toHome, func(r *identity.Role) {
				if team != "" {
					r.Tags = map[string]string{"Team": team}
				}
			})
			_, err := w.client(w.keys["bob"]).AssumeRole(context.Background(), assume(role))
			if allowed != (err == nil) {
				t.Errorf("%s, a role of team %q: %v", key, team, err)
			}
		}
	}
}

func TestSessionOfRole(t *testing.T) {
	w := newWorld(t)
	role := w.role(t, "app", toHome, func(r *identity.Role) {
		r.Tags, r.MaxSessionDuration = map[string]string{"Team": "red", "Env": "test"}, 7200
	})
	in := assume(role)
	in.Policy = aws.String(string(policy(`{"Effect":"Allow","Action":"dynamodb:GetItem","Resource":"*"}`)))
	in.PolicyArns = []types.PolicyDescriptorType{{Arn: aws.String("arn:aws:iam::aws:policy/AmazonDynamoDBReadOnlyAccess")}}
	in.Tags = []types.Tag{{Key: aws.String("team"), Value: aws.String("green")}, {Key: aws.String("Cost"), Value: aws.String("7")}}
	in.TransitiveTagKeys, in.SourceIdentity, in.DurationSeconds = []string{"Cost"}, aws.String("me"), aws.Int32(7200)
	out, err := w.client(w.keys["ana"]).AssumeRole(context.Background(), in)
	check(t, err)
	if *out.SourceIdentity != "me" || *out.SessionTokenUtilization < 1 || !out.Credentials.Expiration.Equal(w.clock.Now().Add(2*time.Hour)) {
		t.Errorf("%+v", out)
	}
	c, err := w.Lookup(*out.Credentials.AccessKeyId, *out.Credentials.SessionToken)
	check(t, err)
	if c.Principal.Role != role || len(c.Principal.Session) != 2 || c.Session.IssuerName != "app" || c.Session.Name != "test" {
		t.Errorf("%+v", c.Principal)
	}
	for key, want := range map[string]string{
		"aws:principaltag/team": "green", "aws:principaltag/env": "test", "aws:principaltag/cost": "7",
		"aws:sourceidentity": "me", "aws:tokenissuetime": w.clock.Now().UTC().Format(time.RFC3339),
	} {
		if got, _ := c.Principal.Keys.Values(key); len(got) != 1 || got[0] != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}

	// To the next role go the transitive tag and the source identity, for at most
	// an hour.
	next := w.role(t, "next", `{"Effect":"Allow","Principal":{"AWS":"`+role+`"},"Action":["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"]}`,
		func(r *identity.Role) { r.MaxSessionDuration = 43200 })
	// The session policies do not let it: they win over what the role may.
	_, err = w.client(of(out.Credentials)).AssumeRole(context.Background(), assume(next))
	refused(t, err, "AccessDenied", "User: arn:aws:sts::123456789012:assumed-role/app/test is not authorized to perform: sts:AssumeRole on resource: "+next)
	in.Policy, in.PolicyArns = nil, nil
	out, err = w.client(w.keys["ana"]).AssumeRole(context.Background(), in)
	check(t, err)
	chained, long, other := assume(next), assume(next), assume(next)
	long.DurationSeconds = aws.Int32(3601)
	_, err = w.client(of(out.Credentials)).AssumeRole(context.Background(), long)
	refused(t, err, "ValidationError", "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.")
	other.SourceIdentity = aws.String("you")
	_, err = w.client(of(out.Credentials)).AssumeRole(context.Background(), other)
	refused(t, err, "AccessDenied", "The source identity of a session cannot be changed.")
	other = assume(next)
	other.Tags = []types.Tag{{Key: aws.String("cost"), Value: aws.String("8")}}
	_, err = w.client(of(out.Credentials)).AssumeRole(context.Background(), other)
	refused(t, err, "AccessDenied", "The transitive session tag Cost cannot be changed.")
	out, err = w.client(of(out.Credentials)).AssumeRole(context.Background(), chained)
	check(t, err)
	if c, err = w.Lookup(*out.Credentials.AccessKeyId, *out.Credentials.SessionToken); err != nil {
		t.Fatal(err)
	}
	if c.Session.Tags["Cost"] != "7" || len(c.Session.Tags) != 1 || c.Session.SourceIdentity != "me" || *out.SourceIdentity != "me" {
		t.Errorf("%+v", c.Session)
	}
}

func TestAssumeRoleConstraints(t *testing.T) {
	w := newWorld(t)
	role := w.role(t, "app", toHome)
	tags := func(n int, size int) map[string]string {
		m := map[string]string{}
		for i := 1; i <= n; i++ {
			m[fmt.Sprintf("Tags.member.%d.Key", i)] = fmt.Sprint("key", i)
			var b strings.Builder
			for b.Len() < size {
				fmt.Fprintf(&b, "%x", (i*7919+b.Len())*2654435761%4294967291)
			}
			m[fmt.Sprintf("Tags.member.%d.Value", i)] = b.String()[:size]
		}
		return m
	}
	for _, c := range []struct {
		change     map[string]string
		code, text string
	}{
		{map[string]string{"RoleSessionName": "x"}, "ValidationError", "1 validation error detected: Value 'x' at 'roleSessionName' failed to satisfy constraint: Member must have length greater than or equal to 2"},
		{map[string]string{"RoleSessionName": strings.Repeat("x", 65)}, "ValidationError", "1 validation error detected: Value '" + strings.Repeat("x", 65) + "' at 'roleSessionName' failed to satisfy constraint: Member must have length less than or equal to 64"},
		{map[string]string{"RoleSessionName": "a b"}, "ValidationError", `1 validation error detected: Value 'a b' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]*`},
		{map[string]string{"RoleSessionName": "-"}, "ValidationError", "1 validation error detected: Value null at 'roleSessionName' failed to satisfy constraint: Member must not be null"},
		{map[string]string{"RoleArn": "-", "DurationSeconds": "899"}, "ValidationError", "2 validation errors detected: Value null at 'roleArn' failed to satisfy constraint: Member must not be null; Value '899' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 900"},
		{map[string]string{"RoleArn": "arn:aws:iam::123456789012:user/ana"}, "ValidationError", "arn:aws:iam::123456789012:user/ana is invalid"},
		{map[string]string{"DurationSeconds": "43201"}, "ValidationError", "1 validation error detected: Value '43201' at 'durationSeconds' failed to satisfy constraint: Member must have value less than or equal to 43200"},
		{map[string]string{"DurationSeconds": "3601"}, "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."},
		{map[string]string{"Policy": "{"}, "MalformedPolicyDocument", ""},
		{map[string]string{"Policy": strings.Repeat(" ", 2049)}, "ValidationError", ""},
		{map[string]string{"PolicyArns.member.1.arn": "arn:aws:iam::123456789012:policy/none"}, "MalformedPolicyDocument", ""},
		{tags(51, 1), "ValidationError", "1 validation error detected: Value at 'tags' failed to satisfy constraint: Member must have length less than or equal to 50"},
		{tags(50, 250), "PackedPolicyTooLarge", ""},
		{map[string]string{"MinimumSessionTokenSize": "4097"}, "ValidationError", "1 validation error detected: Value '4097' at 'minimumSessionTokenSize' failed to satisfy constraint: Member must have value less than or equal to 4096"},
		{map[string]string{"Tags.member.1.Key": "aws:x", "Tags.member.1.Value": ""}, "ValidationError", ""},
		{map[string]string{"Tags.member.1.Key": "x", "Tags.member.1.Value": "", "Tags.member.2.Key": "X", "Tags.member.2.Value": ""}, "ValidationError", "1 validation error detected: Duplicate tag keys found. Please note that Tag keys are case insensitive."},
		{map[string]string{"TransitiveTagKeys.member.1": "x"}, "ValidationError", "The transitive tag key x is not a key of the session tags."},
		{map[string]string{"ExternalId": "a b"}, "ValidationError", ""},
	} {
		form := map[string]string{"Action": "AssumeRole", "RoleArn": role, "RoleSessionName": "test"}
		for name, value := range c.change {
			if form[name] = value; value == "-" {
				delete(form, name)
			}
		}
		got := w.call(t, form)
		if got.Status != 400 || got.Err == nil || got.Err.Code != c.code || c.text != "" && got.Err.Message != c.text {
			t.Errorf("%.100v: %d %v", c.change, got.Status, got.Err)
		}
	}
	if got := w.call(t, map[string]string{"Action": "AssumeRole", "RoleArn": role, "RoleSessionName": "test", "Tags": "", "PolicyArns": ""}); got.Err != nil {
		t.Error(got.Err)
	}
}

func TestGetSessionToken(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	for name, length := range map[string]time.Duration{"ana": 12 * time.Hour, home: time.Hour} {
		out, err := w.client(w.keys[name]).GetSessionToken(ctx, &awssts.GetSessionTokenInput{MinimumSessionTokenSize: aws.Int32(2000)})
		check(t, err)
		if *out.SessionTokenSize != 2000 || len(*out.Credentials.SessionToken) != 2000 || *out.SessionTokenUtilization != 49 {
			t.Errorf("%d, %d %%", *out.SessionTokenSize, *out.SessionTokenUtilization)
		}
		if !out.Credentials.Expiration.Equal(w.clock.Now().Add(length)) {
			t.Errorf("%s: %s", name, out.Credentials.Expiration)
		}
		session := w.client(of(out.Credentials))
		same, err := session.GetCallerIdentity(ctx, nil)
		check(t, err)
		own, err := w.client(w.keys[name]).GetCallerIdentity(ctx, nil)
		check(t, err)
		if *same.Arn != *own.Arn || *same.UserId != *own.UserId {
			t.Errorf("%s is %s", *own.Arn, *same.Arn)
		}
		_, err = session.GetSessionToken(ctx, nil)
		refused(t, err, "AccessDenied", "Cannot call GetSessionToken with session credentials")
	}
}

// TestNoDevice asks for sessions with codes of MFA devices, of which there are none.
func TestNoDevice(t *testing.T) {
	w := newWorld(t)
	role := w.role(t, "app", toHome)
	const invalid = "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid and associated with this user."
	for _, action := range []string{"AssumeRole", "GetSessionToken"} {
		for _, c := range []struct{ serial, code, err, text string }{
			{"arn:aws:iam::123456789012:mfa/ana", "123456", "AccessDenied", invalid},
			{"GAHT12345678", "", "AccessDenied", invalid},
			{"arn:aws:iam::123456789012:mfa/ana", "12345", "ValidationError", "1 validation error detected: Value '***' at 'tokenCode' failed to satisfy constraint: Member must have length greater than or equal to 6"},
			{"short", "", "ValidationError", "1 validation error detected: Value 'short' at 'serialNumber' failed to satisfy constraint: Member must have length greater than or equal to 9"},
		} {
			form := map[string]string{"Action": action, "RoleArn": role, "RoleSessionName": "test", "SerialNumber": c.serial}
			if c.code != "" {
				form["TokenCode"] = c.code
			}
			if got := w.call(t, form); got.Err == nil || got.Err.Code != c.err || got.Err.Message != c.text {
				t.Errorf("%s with %s, %s: %v", action, c.serial, c.code, got.Err)
			}
		}
	}
}
