package identity

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strings"
)

// The forms of names and ids. (IAM API reference, the patterns of CreateUser,
// CreateRole, CreatePolicy, CreateAccessKey and TagUser.)
var (
	accountForm   = regexp.MustCompile(`^[0-9]{12}$`)
	nameForm      = regexp.MustCompile(`^[\w+=,.@-]{1,128}$`)
	pathForm      = regexp.MustCompile(`^/([!-~]{1,510}/)?$`)
	accessKeyForm = regexp.MustCompile(`^AKIA[A-Z2-7]{16}$`)
	idForm        = regexp.MustCompile(`^A[A-Z]{3}[A-Z2-7]{17}$`)
	providerForm  = regexp.MustCompile(`^[\w.:/~%-]{1,255}$`)
	claimForm     = regexp.MustCompile(`^[\w.-]{1,64}$`)
	tagForm       = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)
)

const (
	maxName     = 128
	maxUserName = 64
	maxRoleName = 64
	maxTags     = 50

	// How long the sessions of a role may be at most, in seconds.
	minSessionMaximum = 3600
	maxSessionMaximum = 43200
)

// check returns what is wrong with f. What policies say, and whether secrets
// open, is seen when it is compiled.
func (f *File) check() error {
	if err := unique("account", f.Accounts, func(a *Account) string { return a.AccountID }); err != nil {
		return err
	}
	keys := map[string]bool{}
	for _, a := range f.Accounts {
		if !accountForm.MatchString(a.AccountID) {
			return fmt.Errorf("%q is no account: its id has 12 digits", a.AccountID)
		}
		if err := a.check(keys); err != nil {
			return fmt.Errorf("account %s: %w", a.AccountID, err)
		}
	}
	return nil
}

// unique checks that no entity of a list is null and no two have the same name.
func unique[T any](kind string, list []*T, name func(*T) string) error {
	seen := map[string]bool{}
	for _, one := range list {
		if one == nil {
			return fmt.Errorf("the file has a null in place of a %s", kind)
		}
		if folded := strings.ToLower(name(one)); seen[folded] {
			return fmt.Errorf("the %s %s is there twice", kind, name(one))
		} else {
			seen[folded] = true
		}
	}
	return nil
}

// check checks an account; keys are the access keys seen so far.
func (a *Account) check(keys map[string]bool) error {
	if err := errors.Join(
		unique("user", a.Users, func(u *User) string { return u.UserName }),
		unique("group", a.Groups, func(g *Group) string { return g.GroupName }),
		unique("role", a.Roles, func(r *Role) string { return r.RoleName }),
		unique("policy", a.Policies, func(p *Policy) string { return p.PolicyName }),
		unique("provider", a.Providers, func(p *Provider) string { return p.KnownAs() }),
		unique("provider", a.Providers, func(p *Provider) string { return p.URL }),
		checkKeys(a.AccessKeys, keys)); err != nil {
		return err
	}
	for _, u := range a.Users {
		if err := errors.Join(a.checkUser(u), checkKeys(u.AccessKeys, keys)); err != nil {
			return err
		}
	}
	for _, g := range a.Groups {
		if err := checkEntity("group", g.GroupName, maxName, g.GroupID, g.Path, nil); err != nil {
			return err
		}
	}
	for _, r := range a.Roles {
		if r.MaxSessionDuration < minSessionMaximum || r.MaxSessionDuration > maxSessionMaximum {
			return fmt.Errorf("role %s: a MaxSessionDuration is %d to %d seconds", r.RoleName, minSessionMaximum, maxSessionMaximum)
		}
		if err := checkEntity("role", r.RoleName, maxRoleName, r.RoleID, r.Path, r.Tags); err != nil {
			return err
		}
	}
	for _, p := range a.Policies {
		if err := checkEntity("policy", p.PolicyName, maxName, p.PolicyID, p.Path, nil); err != nil {
			return err
		}
	}
	for _, p := range a.Providers {
		if err := p.check(); err != nil {
			return err
		}
	}
	return nil
}

func (a *Account) checkUser(u *User) error {
	for _, name := range u.Groups {
		if a.Group(name) == nil {
			return fmt.Errorf("user %s is in the group %q, which there is not", u.UserName, name)
		}
	}
	return checkEntity("user", u.UserName, maxUserName, u.UserID, u.Path, u.Tags)
}

// checkEntity checks what users, groups, roles and policies have in common.
func checkEntity(kind, name string, longest int, id, path string, tags map[string]string) error {
	switch {
	case !nameForm.MatchString(name) || len(name) > longest:
		return fmt.Errorf("%q is no name for a %s: use 1 to %d letters, digits and _+=,.@-", name, kind, longest)
	case !idForm.MatchString(id):
		return fmt.Errorf("%s %s: %q is no unique id", kind, name, id)
	case !pathForm.MatchString(path):
		return fmt.Errorf("%s %s: the path %q does not begin and end with a slash", kind, name, path)
	}
	if err := CheckTags(tags); err != nil {
		return fmt.Errorf("%s %s: %w", kind, name, err)
	}
	return nil
}

// CheckTags returns what is wrong with the tags of a user, a role or a session.
func CheckTags(tags map[string]string) error {
	if len(tags) > maxTags {
		return fmt.Errorf("%d tags are more than %d", len(tags), maxTags)
	}
	seen := map[string]bool{}
	for key, value := range tags {
		switch lower := strings.ToLower(key); {
		case key == "" || len([]rune(key)) > 128 || !tagForm.MatchString(key) || strings.HasPrefix(lower, "aws:"):
			return fmt.Errorf("%q is no key of a tag", key)
		case len([]rune(value)) > 256 || !tagForm.MatchString(value):
			return fmt.Errorf("the tag %q has a value that is too long or has other characters than tags have", key)
		case seen[lower]:
			return fmt.Errorf("the tag %q is there twice", key)
		default:
			seen[lower] = true
		}
	}
	return nil
}

// checkKeys checks access keys, and adds them to those seen.
func checkKeys(list []*AccessKey, seen map[string]bool) error {
	for _, k := range list {
		switch {
		case k == nil || !accessKeyForm.MatchString(k.AccessKeyID):
			return errors.New("an access key is AKIA and 16 letters A to Z or digits 2 to 7")
		case seen[k.AccessKeyID]:
			return fmt.Errorf("access key %s is there twice", k.AccessKeyID)
		case k.Status != StatusActive && k.Status != StatusInactive:
			return fmt.Errorf("access key %s: the status %q is neither %s nor %s", k.AccessKeyID, k.Status, StatusActive, StatusInactive)
		}
		seen[k.AccessKeyID] = true
	}
	return nil
}

func (p *Provider) check() error {
	u, err := url.Parse(p.URL)
	if err == nil {
		err = CheckURL(u)
	}
	switch {
	case err != nil:
		return fmt.Errorf("provider %q: %w", p.URL, err)
	case u.RawQuery != "" || u.Fragment != "":
		return fmt.Errorf("provider %q: the URL of an issuer has no query", p.URL)
	case len(p.ClientIDs) == 0:
		return fmt.Errorf("provider %s has no client id: say whom its tokens are for", p.URL)
	case !providerForm.MatchString(p.KnownAs()):
		return fmt.Errorf("provider %s: the name %q is not a host and a path", p.URL, p.KnownAs())
	case p.SubjectClaim != "" && !claimForm.MatchString(p.SubjectClaim), p.SubjectKey != "" && !claimForm.MatchString(p.SubjectKey):
		return fmt.Errorf("provider %s: a claim or a key has 1 to 64 letters, digits and _.-", p.URL)
	}
	return nil
}

// CheckURL refuses the URL of an identity provider, or of something of it, that
// is read over a network without TLS.
func CheckURL(u *url.URL) error {
	ip := net.ParseIP(u.Hostname())
	loopback := u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
	if u.Hostname() == "" || u.User != nil || u.Scheme != "https" && (u.Scheme != "http" || !loopback) {
		return errors.New("give an https URL; http is for providers on this machine")
	}
	return nil
}
