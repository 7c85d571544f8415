package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/statordb/stator/internal/identity"
)

func (f *iamFlags) defineInit(set *flag.FlagSet) {
	f.defineName(set)
	set.Lookup("account").DefValue = "123456789012"
}

func (f *iamFlags) defineName(set *flag.FlagSet) {
	set.StringVar(&f.name, "name", "", "name, for people")
}

func (f *iamFlags) definePath(set *flag.FlagSet) {
	set.StringVar(&f.entityPath, "path", "/", "path in the ARN, which begins and ends with a slash")
}

func (f *iamFlags) defineUser(set *flag.FlagSet) {
	f.definePath(set)
	set.Var(&f.tags, "tag", "tag, `KEY=VALUE`; may be given several times")
	set.Var(&f.groups, "group", "`group` that the user is in; may be given several times")
}

func (f *iamFlags) defineRole(set *flag.FlagSet) {
	f.definePath(set)
	set.Var(&f.tags, "tag", "tag, `KEY=VALUE`; may be given several times")
	set.StringVar(&f.trust, "trust", "", "`file` of the trust policy: who may assume the role")
	set.IntVar(&f.duration, "max-session-duration", 3600, "longest session, in `seconds`")
}

func (f *iamFlags) defineDocument(set *flag.FlagSet) {
	set.StringVar(&f.document, "document", "", "`file` of the policy")
}

func (f *iamFlags) definePolicy(set *flag.FlagSet) {
	f.definePath(set)
	f.defineDocument(set)
}

func (f *iamFlags) defineProvider(set *flag.FlagSet) {
	set.Var(&f.clientIDs, "client-id", "audience of its tokens; may be given several times")
	set.StringVar(&f.name, "name", "", "how policies know it, like www.amazon.com; empty is the URL without https://")
	set.StringVar(&f.subjectClaim, "subject-claim", "", "claim that says who somebody is; empty is sub")
	set.StringVar(&f.subjectKey, "subject-key", "", "condition key for it, behind the name and a colon; empty is sub, or as AWS has it for a name that it knows")
	set.StringVar(&f.keys, "keys", "", "`file` of its public keys (JWKS); empty asks the provider for them")
}

func (f *iamFlags) defineKey(set *flag.FlagSet) {
	set.StringVar(&f.user, "user", "", "whose key; empty is the root user of the account")
	set.BoolVar(&f.json, "json", false, "print JSON")
	set.BoolVar(&f.asVariables, "env", false, "print commands that set the variables of the AWS CLI and SDKs")
}

func (f *iamFlags) init([]string) error {
	if _, err := os.Stat(f.path); err == nil {
		return fmt.Errorf("%s is there already", f.path)
	}
	if f.account == "" {
		f.account = "123456789012"
	}
	err := identity.Update(f.path, true, time.Now(), func(e *identity.Edit) error {
		_, err := e.CreateAccount(f.account, f.name)
		return err
	})
	if err != nil {
		return err
	}
	fmt.Printf("made %s, with the account %s\n", f.path, f.account)
	if key := strings.TrimSuffix(f.path, ".json") + ".key"; os.Getenv(identity.KeyVariable) == "" {
		fmt.Printf("the secrets in it are sealed with %s: keep that file, and never publish it\n", key)
	}
	return nil
}

func (f *iamFlags) createAccount(args []string) error {
	return f.edit(func(e *identity.Edit) error {
		_, err := e.CreateAccount(args[0], f.name)
		return err
	})
}

// create makes something in the account of the flags, and prints its ARN.
func (f *iamFlags) create(make func(e *identity.Edit, a *identity.Account) (arn string, err error)) error {
	var arn string
	err := f.change(func(e *identity.Edit, a *identity.Account) (err error) {
		arn, err = make(e, a)
		return err
	})
	if err == nil {
		fmt.Println(arn)
	}
	return err
}

func (f *iamFlags) createUser(args []string) error {
	return f.create(func(e *identity.Edit, a *identity.Account) (string, error) {
		u, err := e.CreateUser(a, args[0], f.entityPath)
		if err != nil {
			return "", err
		}
		u.Tags, u.Groups = f.tags.one(), f.groups
		return u.ARN(a.AccountID), nil
	})
}

func (f *iamFlags) createGroup(args []string) error {
	return f.create(func(e *identity.Edit, a *identity.Account) (string, error) {
		g, err := e.CreateGroup(a, args[0], f.entityPath)
		if err != nil {
			return "", err
		}
		return g.ARN(a.AccountID), nil
	})
}

func (f *iamFlags) createRole(args []string) error {
	trust, err := readDocument(f.trust)
	if err != nil {
		return err
	}
	return f.create(func(e *identity.Edit, a *identity.Account) (string, error) {
		r, err := e.CreateRole(a, args[0], f.entityPath, trust)
		if err != nil {
			return "", err
		}
		r.Tags, r.MaxSessionDuration = f.tags.one(), f.duration
		return r.ARN(a.AccountID), nil
	})
}

func (f *iamFlags) createPolicy(args []string) error {
	document, err := readDocument(f.document)
	if err != nil {
		return err
	}
	return f.create(func(e *identity.Edit, a *identity.Account) (string, error) {
		p, err := e.CreatePolicy(a, args[0], f.entityPath, document)
		if err != nil {
			return "", err
		}
		return p.ARN(a.AccountID), nil
	})
}

func (f *iamFlags) createProvider(args []string) error {
	p := &identity.Provider{
		URL: args[0], ClientIDs: f.clientIDs, Name: f.name, SubjectClaim: f.subjectClaim, SubjectKey: f.subjectKey,
	}
	if f.keys != "" {
		var err error
		if p.Keys, err = readDocument(f.keys); err != nil {
			return err
		}
	}
	return f.create(func(e *identity.Edit, a *identity.Account) (string, error) {
		return p.ARN(a.AccountID), e.CreateProvider(a, p)
	})
}

// createAccessKey prints the one and only sight of a secret.
func (f *iamFlags) createAccessKey([]string) error {
	var id, secret string
	err := f.change(func(e *identity.Edit, a *identity.Account) error {
		keys := &a.AccessKeys
		if f.user != "" {
			u := a.User(f.user)
			if u == nil {
				return noSuch("user", f.user)
			}
			keys = &u.AccessKeys
		}
		k, made, err := e.CreateAccessKey(keys)
		if err == nil {
			id, secret = k.AccessKeyID, made
		}
		return err
	})
	switch {
	case err != nil:
		return err
	case f.json:
		return printJSON(map[string]string{"AccessKeyId": id, "SecretAccessKey": secret})
	case f.asVariables:
		fmt.Printf("export AWS_ACCESS_KEY_ID=%s AWS_SECRET_ACCESS_KEY=%s\n", id, secret)
	default:
		fmt.Printf("access key  %s\nsecret      %s\nThe secret is not shown again.\n", id, secret)
	}
	return nil
}

func noSuch(kind, name string) error { return fmt.Errorf("there is no %s %s", kind, name) }
