package api

import (
	"cmp"
	"strings"

	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/iam"
	"github.com/statordb/stator/internal/model"
)

// Caller is who makes a request. It is known to be who it says.
type Caller struct {
	Principal *iam.Principal
	Region    string // that the request is for
	// Request is what conditions may ask about how the request came:
	// aws:SourceIp, aws:SecureTransport and others of that kind.
	Request iam.Context
	// Record says that the Result tells what was asked.
	Record bool
}

// Asked is an action on a resource for which the caller needed permission.
type Asked struct {
	Action, ARN, Account string
	Key                  []string // attributes of the primary key of the table, if it is there
}

// as returns a as who sees it: names without an account mean the caller's tables,
// and what the caller may not do is refused. Nobody, nil, is at home and may do
// everything.
func (a *API) as(who *Caller) *API {
	if who == nil {
		return a
	}
	seen := *a
	if who.Record {
		seen.asked = new([]Asked)
	}
	seen.caller, seen.Account = who, who.Principal.Account
	if a.Home.Regions {
		seen.Region = who.Region
	}
	seen.owner = a.Home.Owner(seen.Account, seen.Region)
	return &seen
}

// may returns an AccessDeniedException unless the caller may take the action on
// what.
func (a *API) may(action string, what subject) error {
	return a.mayOf("dynamodb", action, what)
}

// mayOf is may for an action of a service.
func (a *API) mayOf(service, action string, what subject) error {
	r := iam.Request{
		Principal: a.caller.Principal, Action: service + ":" + action, Resource: what.arn, Account: what.account, Policy: what.policy,
		Context: asked{a.caller, &what},
	}
	switch {
	case what.account != a.Account && !acrossAccounts[action]:
		r.Policy = nil // it is for the account's own
	case action == "DeleteResourcePolicy" && what.account == a.Account && r.Principal.IsRoot():
		r.Policy = nil // nobody locks the root user out (API reference, DeleteResourcePolicy)
	}
	if a.asked != nil {
		asked := Asked{Action: action, ARN: what.arn, Account: what.account}
		if what.table != nil {
			asked.Key = what.table.Key.Names()
		}
		*a.asked = append(*a.asked, asked)
	}
	d := iam.Decide(r)
	if d.Allowed {
		return nil
	}
	return ddberr.AccessDenied(r.Principal.ARN, r.Action, cmp.Or(what.shown, r.Resource), d.Reason(r.Action))
}

// acrossAccounts are the actions that a resource policy can allow to somebody of
// another account. (Developer guide, "DynamoDB API operations supported by
// resource-based policies".)
var acrossAccounts = map[string]bool{
	"GetItem": true, "PutItem": true, "UpdateItem": true, "DeleteItem": true, "Query": true, "Scan": true, "BatchGetItem": true, "BatchWriteItem": true,
	"ConditionCheckItem": true, "DescribeTable": true, "UpdateTable": true, "DeleteTable": true,
	"ListTagsOfResource": true, "TagResource": true, "UntagResource": true,
	"DescribeStream": true, "GetShardIterator": true, "GetRecords": true,
}

// mayBucket returns an error unless the caller may take actions of S3 on the objects
// in a bucket whose keys begin with prefix; list is whether they are looked for.
// DynamoDB uses the caller's own permissions there. (Developer guide, "Requesting a
// table export", "Requesting a table import".)
func (a *API) mayBucket(bucket, prefix, action string, list bool) error {
	arn := "arn:aws:s3:::" + bucket
	if list {
		if err := a.mayOf("s3", "ListBucket", subject{arn: arn, account: a.Account}); err != nil {
			return err
		}
	}
	return a.mayOf("s3", action, subject{arn: arn + "/" + prefix + "*", account: a.Account})
}

// mayUseKey returns an error unless the caller may have DynamoDB use the key that sse
// names. (Developer guide, "DynamoDB encryption at rest usage notes": the caller
// needs kms:CreateGrant.) Keys that are named without their ARN are the server's.
func (a *API) mayUseKey(sse *model.SSESpecification) error {
	if sse == nil || !sse.KMSMasterKeyId.Set {
		return nil
	}
	arn := sse.KMSMasterKeyId.V
	if !strings.HasPrefix(arn, "arn:") {
		kind := "key/"
		if strings.HasPrefix(arn, "alias/") {
			kind = ""
		}
		arn = "arn:aws:kms:" + a.Home.Region + ":" + a.Home.Account + ":" + kind + arn
	}
	return a.mayOf("kms", "CreateGrant", subject{arn: arn, account: a.accountOf(arn)})
}

// mayStream returns an error unless the caller may have DynamoDB put records to a
// data stream. (Developer guide, "Using IAM with Kinesis Data Streams and DynamoDB".)
func (a *API) mayStream(arn string) error {
	return a.mayOf("kinesis", "PutRecords", subject{arn: arn, account: a.accountOf(arn)})
}

// accountOf returns the account in an ARN, the caller's if there is none.
func (a *API) accountOf(arn string) string {
	if parts := strings.Split(arn, ":"); len(parts) > 4 && parts[4] != "" {
		return parts[4]
	}
	return a.Account
}

// asked is what conditions may ask about a request and its subject.
type asked struct {
	caller *Caller
	what   *subject
}

// Values implements iam.Context.
func (c asked) Values(key string) ([]string, bool) {
	if values, present := c.what.values(key); present {
		return values, true
	}
	if c.caller.Request == nil {
		return nil, false
	}
	return c.caller.Request.Values(key)
}
