package identity

import (
	"fmt"
	"maps"
	"slices"

	"github.com/statordb/stator/internal/iam"
)

// state is a version of the file, compiled. It does not change.
type state struct {
	generation uint64
	keys       *keyring
	access     map[string]*Credential    // by access key, those that are active
	people     map[string]*iam.Principal // users and root users, by ARN
	roles      map[string]*CompiledRole  // by ARN
	managed    map[string]*iam.Policy    // by ARN
	issuers    map[string][]*Issuer      // by account
	names      map[*iam.Policy]string    // of policies, for people
}

// CompiledRole is a role as sessions and those who ask for them see it.
type CompiledRole struct {
	ARN, ID, Name, Account string
	MaxSession             int // seconds
	Trust                  *iam.Policy
	tags                   map[string]string
	policies               []*iam.Policy
	boundary               *iam.Policy
}

// ResourceKeys returns what conditions may ask about r as that which somebody wants to
// assume: its account and its tags, which have two names. (IAM user guide, "IAM and AWS
// STS condition context keys", iam:ResourceTag.)
func (r *CompiledRole) ResourceKeys() iam.Keys {
	keys := iam.Keys{}
	keys.Set("aws:ResourceAccount", r.Account)
	for key, value := range r.tags {
		keys.Set("aws:ResourceTag/"+key, value)
		keys.Set("iam:ResourceTag/"+key, value)
	}
	return keys
}

// compile compiles f. Without keys there are no credentials.
func compile(f *File, keys *keyring, generation uint64) (*state, error) {
	s := &state{
		generation: generation, keys: keys, access: map[string]*Credential{}, people: map[string]*iam.Principal{},
		roles: map[string]*CompiledRole{}, managed: maps.Clone(awsManaged), issuers: map[string][]*Issuer{},
		names: map[*iam.Policy]string{},
	}
	for arn, p := range s.managed {
		s.names[p] = arn
	}
	for _, a := range f.Accounts {
		if err := s.addAccount(a); err != nil {
			return nil, fmt.Errorf("account %s: %w", a.AccountID, err)
		}
	}
	return s, nil
}

func (s *state) addAccount(a *Account) error {
	for _, p := range a.Policies {
		compiled, err := iam.Parse(p.Document, iam.Identity)
		if err != nil {
			return fmt.Errorf("policy %s: %w", p.PolicyName, err)
		}
		arn := p.ARN(a.AccountID)
		s.managed[arn], s.names[compiled] = compiled, arn
	}
	root := &iam.Principal{ARN: a.ARN(), Account: a.AccountID, Type: iam.RootUser, ID: a.AccountID}
	s.people[root.ARN] = root
	if err := s.addKeys(a.AccessKeys, root); err != nil {
		return err
	}
	for _, u := range a.Users {
		if err := s.addUser(a, u); err != nil {
			return fmt.Errorf("user %s: %w", u.UserName, err)
		}
	}
	for _, g := range a.Groups {
		if _, err := s.compilePermissions("group "+g.GroupName, g.Permissions); err != nil { // of one without users too
			return fmt.Errorf("group %s: %w", g.GroupName, err)
		}
	}
	for _, r := range a.Roles {
		if err := s.addRole(a, r); err != nil {
			return fmt.Errorf("role %s: %w", r.RoleName, err)
		}
	}
	for _, p := range a.Providers {
		i, err := p.issuer(a.AccountID)
		if err != nil {
			return err
		}
		s.issuers[a.AccountID] = append(s.issuers[a.AccountID], i)
	}
	return nil
}

func (s *state) addUser(a *Account, u *User) (err error) {
	p := &iam.Principal{
		ARN: u.ARN(a.AccountID), Account: a.AccountID, Type: iam.User, ID: u.UserID, Name: u.UserName, Keys: tagKeys(u.Tags),
	}
	if p.Identity, err = s.compilePermissions("user "+u.UserName, u.Permissions); err != nil {
		return err
	}
	for _, name := range u.Groups {
		of, err := s.compilePermissions("group "+name, a.Group(name).Permissions)
		if err != nil {
			return fmt.Errorf("group %s: %w", name, err)
		}
		p.Identity = append(p.Identity, of...)
	}
	if p.Boundary, err = s.boundary(u.PermissionsBoundary); err != nil {
		return err
	}
	s.people[p.ARN] = p
	return s.addKeys(u.AccessKeys, p)
}

func (s *state) addRole(a *Account, r *Role) (err error) {
	c := &CompiledRole{
		ARN: r.ARN(a.AccountID), ID: r.RoleID, Name: r.RoleName, Account: a.AccountID, MaxSession: r.MaxSessionDuration, tags: r.Tags,
	}
	if c.Trust, err = iam.Parse(r.AssumeRolePolicyDocument, iam.Trust); err != nil {
		return fmt.Errorf("its trust policy: %w", err)
	}
	if c.policies, err = s.compilePermissions("role "+r.RoleName, r.Permissions); err != nil {
		return err
	}
	if c.boundary, err = s.boundary(r.PermissionsBoundary); err != nil {
		return err
	}
	s.roles[c.ARN] = c
	return nil
}

// compilePermissions compiles the policies of a user, a group or a role.
func (s *state) compilePermissions(of string, p Permissions) (compiled []*iam.Policy, err error) {
	for _, arn := range p.AttachedPolicies {
		managed := s.managed[arn]
		if managed == nil {
			return nil, fmt.Errorf("the policy %s is attached, which there is not", arn)
		}
		compiled = append(compiled, managed)
	}
	for _, name := range slices.Sorted(maps.Keys(p.Policies)) {
		inline, err := iam.Parse(p.Policies[name], iam.Identity)
		if err != nil {
			return nil, fmt.Errorf("policy %s: %w", name, err)
		}
		s.names[inline] = name + " of " + of
		compiled = append(compiled, inline)
	}
	return compiled, nil
}

func (s *state) boundary(arn string) (*iam.Policy, error) {
	if arn == "" {
		return nil, nil
	}
	if p := s.managed[arn]; p != nil {
		return p, nil
	}
	return nil, fmt.Errorf("the permissions boundary %s is no policy that there is", arn)
}

// addKeys opens the secrets of access keys.
func (s *state) addKeys(keys []*AccessKey, p *iam.Principal) error {
	if s.keys == nil {
		return nil
	}
	for _, k := range keys {
		secret, err := s.keys.openSecret(k.AccessKeyID, k.SealedSecret)
		if err != nil {
			return err
		}
		if k.Status == StatusActive {
			s.access[k.AccessKeyID] = &Credential{AccessKey: k.AccessKeyID, Secret: secret, Principal: p}
		}
	}
	return nil
}

// tagKeys returns the condition keys of a principal's tags.
func tagKeys(tags map[string]string) iam.Keys {
	keys := iam.Keys{}
	for key, value := range tags {
		keys.Set("aws:PrincipalTag/"+key, value)
	}
	return keys
}
