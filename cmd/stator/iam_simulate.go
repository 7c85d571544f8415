package main

import (
	"flag"
	"fmt"
	"strconv"
	"strings"
	"time"

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
	r := iam.Request{Principal: who, Action: f.action, Resource: f.resource, Context: f.conditionKeys(time.Now())}
	if parts := strings.SplitN(f.resource, ":", 6); len(parts) == 6 {
		r.Account = parts[4]
	}
	if r.Policy, err = f.policyOf(d); err != nil {
		return err
	}
	decision := iam.Decide(r)
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
func (f *iamFlags) conditionKeys(now time.Time) iam.Keys {
	keys := iam.Keys{}
	keys.Set("aws:CurrentTime", now.UTC().Format(time.RFC3339))
	keys.Set("aws:EpochTime", strconv.FormatInt(now.Unix(), 10))
	for key, values := range f.context {
		keys.Set(key, values...)
	}
	return keys
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
	p, err := iam.Parse(text, iam.Resource)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.resourcePolicy, err)
	}
	return p, nil
}
