package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/statordb/stator/internal/api"
	"github.com/statordb/stator/internal/iam"
	"github.com/statordb/stator/internal/identity"
)

func (f *iamFlags) defineSimulate(set *flag.FlagSet) {
	set.StringVar(&f.principal, "principal", "", "ARN of who asks: a user, a role, a session of a role, or a root user")
	set.StringVar(&f.action, "action", "", "action, like dynamodb:GetItem")
	set.StringVar(&f.resource, "resource", "", "ARN of what it is about, or *")
	set.StringVar(&f.resourcePolicy, "resource-policy", "", "`file` of the policy of the resource")
	set.Var(&f.context, "context", "condition key, `KEY=VALUE`, like dynamodb:LeadingKeys=ana; may be given several times, and with one key for several values")
}

// simulate says whether somebody may do something, and what says so.
func (f *iamFlags) simulate([]string) error {
	d, err := identity.Open(identity.Options{Path: f.path, WithoutSecrets: true})
	if err != nil {
		return err
	}
	if _, err := identity.Read(f.path); err != nil {
		return err
	}
	who := d.Principal(f.principal)
	if who == nil {
		return noSuch("user, role or session", f.principal)
	}
	keys, err := f.conditionKeys(time.Now())
	if err != nil {
		return err
	}
	asked := &askedKeys{keys: keys}
	r := iam.Request{Principal: who, Action: f.action, Resource: f.resource, Context: asked}
	if parts := strings.SplitN(f.resource, ":", 6); len(parts) == 6 {
		r.Account = parts[4]
	}
	if r.Policy, err = f.policyOf(d); err != nil {
		return err
	}
	decision := iam.Decide(r)
	asked.noteMissing(f.action)
	from := ""
	if name := d.Deciding(r, decision); name != "" {
		from = " " + name
	}
	if decision.Statement != "" {
		from += ", " + statementName(decision.Statement)
	}
	if !decision.Allowed {
		if from != "" {
			from = ":" + strings.TrimPrefix(from, ",")
		}
		return fmt.Errorf("denied: User: %s is not authorized to perform: %s on resource: %s %s%s", who.ARN, f.action, f.resource, decision.Reason(f.action), from)
	}
	fmt.Printf("allowed by %s%s\n", decision.By, from)
	return nil
}

func statementName(name string) string {
	if strings.HasPrefix(name, "statement ") {
		return name
	}
	return "statement " + name
}

// conditionKeys returns the condition keys that were given, and the time, which
// every request has.
func (f *iamFlags) conditionKeys(now time.Time) (iam.Keys, error) {
	keys := iam.Keys{}
	keys.Set("aws:CurrentTime", now.UTC().Format(time.RFC3339))
	keys.Set("aws:EpochTime", strconv.FormatInt(now.Unix(), 10))
	for key, values := range f.context {
		known := func(other string) bool { return strings.EqualFold(key, other) }
		if strings.HasPrefix(strings.ToLower(key), "dynamodb:") && !slices.ContainsFunc(api.ConditionKeys, known) {
			return nil, misuse{fmt.Errorf("there is no condition key %s: those of DynamoDB are %s", key, strings.Join(api.ConditionKeys, ", "))}
		}
		keys.Set(key, values...)
	}
	return keys, nil
}

// askedKeys are condition keys, and which of those that are missing a policy has
// asked about.
type askedKeys struct {
	keys    iam.Keys
	missing []string
}

// Values implements iam.Context.
func (a *askedKeys) Values(key string) (values []string, present bool) {
	if values, present = a.keys.Values(key); !present && !slices.Contains(a.missing, key) {
		a.missing = append(a.missing, key)
	}
	return values, present
}

// itemActions are the actions whose requests name items, and so have
// dynamodb:LeadingKeys and dynamodb:Attributes.
var itemActions = []string{
	"GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "BatchGetItem", "BatchWriteItem", "ConditionCheckItem",
	"PartiQLSelect", "PartiQLInsert", "PartiQLUpdate", "PartiQLDelete",
}

// noteMissing says which keys were asked about that a request for an action has,
// and were not given.
func (a *askedKeys) noteMissing(action string) {
	named := func(name string) bool { return strings.EqualFold(action, "dynamodb:"+name) }
	item := slices.ContainsFunc(itemActions, named)
	for _, key := range []struct {
		name string
		has  bool
	}{{"dynamodb:LeadingKeys", item}, {"dynamodb:Attributes", item || named("Scan")}} {
		if key.has && slices.Contains(a.missing, strings.ToLower(key.name)) {
			fmt.Fprintf(os.Stderr, "note: a policy asks about %s, which a real request has: give it with --context\n", key.name)
		}
	}
}

// policyOf returns the policy of the resource: the one that was given, or the
// trust policy of a role.
func (f *iamFlags) policyOf(d *identity.Directory) (*iam.Policy, error) {
	if f.resourcePolicy == "" {
		if role := d.Role(f.resource); role != nil {
			return role.Trust, nil
		}
		return nil, nil
	}
	text, err := readDocument(f.resourcePolicy)
	if err != nil {
		return nil, err
	}
	kind := iam.Resource
	if isRole(f.resource) {
		kind = iam.Trust
	}
	p, err := iam.Parse(text, kind)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.resourcePolicy, err)
	}
	return p, nil
}

func isRole(arn string) bool {
	parts := strings.SplitN(arn, ":", 6)
	return len(parts) == 6 && parts[2] == "iam" && strings.HasPrefix(parts[5], "role/")
}
