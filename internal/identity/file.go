package identity

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// fileVersion is the format of files.
const fileVersion = 1

// File is what the file says. The names of its members are those of the IAM
// API.
type File struct {
	Version  int
	Accounts []*Account
}

// Account is an account and everybody in it.
type Account struct {
	AccountID  string       `json:"AccountId"`  // 12 digits
	Name       string       `json:",omitempty"` // for people
	AccessKeys []*AccessKey `json:",omitempty"` // of the root user
	Users      []*User      `json:",omitempty"`
	Groups     []*Group     `json:",omitempty"`
	Roles      []*Role      `json:",omitempty"`
	Policies   []*Policy    `json:",omitempty"` // customer managed
	Providers  []*Provider  `json:",omitempty"`
}

// User is somebody with access keys.
type User struct {
	UserName   string
	UserID     string `json:"UserId"` // AIDA…
	Path       string
	CreateDate time.Time
	Tags       map[string]string `json:",omitempty"`
	Groups     []string          `json:",omitempty"`
	Permissions
	PermissionsBoundary string       `json:",omitempty"` // ARN of a managed policy
	AccessKeys          []*AccessKey `json:",omitempty"`
}

// Group gives its permissions to users.
type Group struct {
	GroupName  string
	GroupID    string `json:"GroupId"` // AGPA…
	Path       string
	CreateDate time.Time
	Permissions
}

// Role is taken on for a while by those whom its trust policy names.
type Role struct {
	RoleName                 string
	RoleID                   string `json:"RoleId"` // AROA…
	Path                     string
	CreateDate               time.Time
	MaxSessionDuration       int               // seconds
	Tags                     map[string]string `json:",omitempty"`
	AssumeRolePolicyDocument json.RawMessage
	Permissions
	PermissionsBoundary string `json:",omitempty"` // ARN of a managed policy
}

// Permissions are the policies of a user, a group or a role.
type Permissions struct {
	AttachedPolicies []string                   `json:",omitempty"` // ARNs of managed policies
	Policies         map[string]json.RawMessage `json:",omitempty"` // inline, by name
}

// Policy is a managed policy.
type Policy struct {
	PolicyName string
	PolicyID   string `json:"PolicyId"` // ANPA…
	Path       string
	CreateDate time.Time
	Document   json.RawMessage
}

// AccessKey is a long-term access key.
type AccessKey struct {
	AccessKeyID  string `json:"AccessKeyId"` // AKIA…
	Status       string // StatusActive or StatusInactive
	CreateDate   time.Time
	SealedSecret string `json:",omitempty"` // see keyring
}

// What an access key may be.
const (
	StatusActive   = "Active"
	StatusInactive = "Inactive"
)

// Provider is an OpenID Connect identity provider, whose tokens are taken for
// sessions.
type Provider struct {
	URL        string   `json:"Url"` // of the issuer, the iss of its tokens
	ClientIDs  []string `json:"ClientIds"`
	CreateDate time.Time
	// Name is how policies know it: as principal, and before the colon of
	// condition keys. "" is the URL without its scheme.
	Name string `json:",omitempty"`
	// SubjectClaim is the claim that says who somebody is, and SubjectKey the
	// condition key for it, behind the colon; "" is sub for both.
	SubjectClaim string `json:",omitempty"`
	SubjectKey   string `json:",omitempty"`
	// Keys is a set of public keys (RFC 7517) to check tokens with. Without it
	// the provider is asked for its keys.
	Keys json.RawMessage `json:",omitempty"`
}

// Parse reads a file. Its errors are single lines.
func Parse(text []byte) (*File, error) {
	f := new(File)
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(f); err != nil {
		return nil, fmt.Errorf("it is not as IAM files are: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is more behind its end")
	}
	if f.Version != fileVersion {
		return nil, fmt.Errorf("its Version is %d, this program knows %d", f.Version, fileVersion)
	}
	return f, f.check()
}

// Encode returns f as it is written: sorted, so that equal files are equal
// texts.
func (f *File) Encode() ([]byte, error) {
	f.sort()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(f)
	return b.Bytes(), err
}

func (f *File) sort() {
	by(f.Accounts, func(a *Account) string { return a.AccountID })
	for _, a := range f.Accounts {
		by(a.AccessKeys, func(k *AccessKey) string { return k.AccessKeyID })
		by(a.Users, func(u *User) string { return u.UserName })
		by(a.Groups, func(g *Group) string { return g.GroupName })
		by(a.Roles, func(r *Role) string { return r.RoleName })
		by(a.Policies, func(p *Policy) string { return p.PolicyName })
		by(a.Providers, func(p *Provider) string { return p.URL })
		for _, u := range a.Users {
			by(u.AccessKeys, func(k *AccessKey) string { return k.AccessKeyID })
			slices.Sort(u.Groups)
		}
	}
}

func by[T any](list []T, name func(T) string) {
	slices.SortFunc(list, func(a, b T) int { return cmp.Compare(name(a), name(b)) })
}

// find returns the entity of a list with a name, nil if there is none. Names
// are told apart without regard to case. (IAM user guide, "IAM and AWS STS
// quotas".)
func find[T any](list []*T, name string, of func(*T) string) *T {
	for _, one := range list {
		if strings.EqualFold(of(one), name) {
			return one
		}
	}
	return nil
}

// Account returns the account with an id, nil if there is none.
func (f *File) Account(id string) *Account {
	return find(f.Accounts, id, func(a *Account) string { return a.AccountID })
}

// User returns the user with a name, nil if there is none.
func (a *Account) User(name string) *User {
	return find(a.Users, name, func(u *User) string { return u.UserName })
}

// Group returns the group with a name, nil if there is none.
func (a *Account) Group(name string) *Group {
	return find(a.Groups, name, func(g *Group) string { return g.GroupName })
}

// Role returns the role with a name, nil if there is none.
func (a *Account) Role(name string) *Role {
	return find(a.Roles, name, func(r *Role) string { return r.RoleName })
}

// Policy returns the managed policy with a name, nil if there is none.
func (a *Account) Policy(name string) *Policy {
	return find(a.Policies, name, func(p *Policy) string { return p.PolicyName })
}

// Provider returns the identity provider with an ARN, nil if there is none.
func (a *Account) Provider(arn string) *Provider {
	return find(a.Providers, arn, func(p *Provider) string { return p.ARN(a.AccountID) })
}

// ARN returns the ARN of the account's root user.
func (a *Account) ARN() string { return iamARN(a.AccountID, "root") }

// ARN returns the ARN of u in an account.
func (u *User) ARN(account string) string { return iamARN(account, "user"+u.Path+u.UserName) }

// ARN returns the ARN of g in an account.
func (g *Group) ARN(account string) string { return iamARN(account, "group"+g.Path+g.GroupName) }

// ARN returns the ARN of r in an account.
func (r *Role) ARN(account string) string { return iamARN(account, "role"+r.Path+r.RoleName) }

// ARN returns the ARN of p in an account.
func (p *Policy) ARN(account string) string { return iamARN(account, "policy"+p.Path+p.PolicyName) }

// ARN returns the ARN of p in an account.
func (p *Provider) ARN(account string) string { return iamARN(account, "oidc-provider/"+p.KnownAs()) }

func iamARN(account, resource string) string { return "arn:aws:iam::" + account + ":" + resource }

// KnownAs returns how policies know p.
func (p *Provider) KnownAs() string {
	if p.Name != "" {
		return p.Name
	}
	_, name, _ := strings.Cut(p.URL, "://")
	return name
}
