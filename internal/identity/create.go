package identity

import (
	"encoding/json"
	"fmt"
)

// errExists says that a name is taken.
func errExists(kind, name string) error { return fmt.Errorf("the %s %s exists", kind, name) }

// CreateAccount adds an account.
func (e *Edit) CreateAccount(id, name string) (*Account, error) {
	if e.Account(id) != nil {
		return nil, errExists("account", id)
	}
	a := &Account{AccountID: id, Name: name}
	e.Accounts = append(e.Accounts, a)
	return a, nil
}

// CreateUser adds a user to an account.
func (e *Edit) CreateUser(a *Account, name, path string) (*User, error) {
	if a.User(name) != nil {
		return nil, errExists("user", name)
	}
	u := &User{UserName: name, UserID: newID(userPrefix), Path: path, CreateDate: e.now}
	a.Users = append(a.Users, u)
	return u, nil
}

// CreateGroup adds a group to an account.
func (e *Edit) CreateGroup(a *Account, name, path string) (*Group, error) {
	if a.Group(name) != nil {
		return nil, errExists("group", name)
	}
	g := &Group{GroupName: name, GroupID: newID(groupPrefix), Path: path, CreateDate: e.now}
	a.Groups = append(a.Groups, g)
	return g, nil
}

// CreateRole adds a role to an account.
func (e *Edit) CreateRole(a *Account, name, path string, trust json.RawMessage) (*Role, error) {
	if a.Role(name) != nil {
		return nil, errExists("role", name)
	}
	r := &Role{
		RoleName: name, RoleID: newID(rolePrefix), Path: path, CreateDate: e.now,
		MaxSessionDuration: minSessionMaximum, AssumeRolePolicyDocument: trust,
	}
	a.Roles = append(a.Roles, r)
	return r, nil
}

// CreatePolicy adds a managed policy to an account.
func (e *Edit) CreatePolicy(a *Account, name, path string, document json.RawMessage) (*Policy, error) {
	if a.Policy(name) != nil {
		return nil, errExists("policy", name)
	}
	p := &Policy{PolicyName: name, PolicyID: newID(policyPrefix), Path: path, CreateDate: e.now, Document: document}
	a.Policies = append(a.Policies, p)
	return p, nil
}

// CreateProvider adds an identity provider to an account.
func (e *Edit) CreateProvider(a *Account, p *Provider) error {
	if a.Provider(p.ARN(a.AccountID)) != nil {
		return errExists("provider", p.KnownAs())
	}
	p.CreateDate = e.now
	a.Providers = append(a.Providers, p)
	return nil
}

// maxAccessKeys is how many access keys a user has at most, so that one can be
// replaced while it is in use. (IAM user guide, "IAM and AWS STS quotas".)
const maxAccessKeys = 2

// CreateAccessKey adds an access key to those of a user or of an account, and
// returns its secret, which nobody can read again.
func (e *Edit) CreateAccessKey(keys *[]*AccessKey) (k *AccessKey, secret string, err error) {
	if len(*keys) >= maxAccessKeys {
		return nil, "", fmt.Errorf("there are %d access keys already, the most there can be: delete one first", maxAccessKeys)
	}
	k, secret = &AccessKey{AccessKeyID: newAccessKey(keyPrefix), Status: StatusActive, CreateDate: e.now}, newSecret()
	k.SealedSecret = e.keys.sealSecret(k.AccessKeyID, secret)
	*keys = append(*keys, k)
	return k, secret, nil
}
