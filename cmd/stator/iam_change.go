package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"

	"github.com/statordb/stator/internal/identity"
)

func (f *iamFlags) defineHolder(set *flag.FlagSet) {
	set.StringVar(&f.user, "user", "", "of a user")
	set.StringVar(&f.group, "group", "", "of a group")
	set.StringVar(&f.role, "role", "", "of a role")
}

func (f *iamFlags) defineInline(set *flag.FlagSet) {
	f.defineHolder(set)
	f.defineDocument(set)
}

func (f *iamFlags) defineTags(set *flag.FlagSet) {
	f.defineHolder(set)
	set.Var(&f.tags, "tag", "tag, `KEY=VALUE`; may be given several times")
}

func (f *iamFlags) defineStatus(set *flag.FlagSet) {
	set.StringVar(&f.status, "status", "", "Active or Inactive")
}

// holder is a user, a group or a role; what it does not have is nil.
type holder struct {
	permissions *identity.Permissions
	boundary    *string
	tags        *map[string]string
}

// holder returns whom --user, --group or --role names.
func (f *iamFlags) holder(a *identity.Account) (h holder, err error) {
	given := 0
	for _, name := range []string{f.user, f.group, f.role} {
		if name != "" {
			given++
		}
	}
	if given != 1 {
		return h, misuse{errors.New("give one of --user, --group and --role")}
	}
	switch u, g, r := a.User(f.user), a.Group(f.group), a.Role(f.role); {
	case u != nil:
		return holder{&u.Permissions, &u.PermissionsBoundary, &u.Tags}, nil
	case g != nil:
		return holder{permissions: &g.Permissions}, nil
	case r != nil:
		return holder{&r.Permissions, &r.PermissionsBoundary, &r.Tags}, nil
	case f.user != "":
		return h, noSuch("user", f.user)
	case f.group != "":
		return h, noSuch("group", f.group)
	}
	return h, noSuch("role", f.role)
}

// changeHolder changes whom --user, --group or --role names.
func (f *iamFlags) changeHolder(change func(holder) error) error {
	return f.change(func(_ *identity.Edit, a *identity.Account) error {
		h, err := f.holder(a)
		if err != nil {
			return err
		}
		return change(h)
	})
}

// wantARN returns what is wrong with the name of a managed policy that is no ARN.
func wantARN(name string) error {
	if strings.HasPrefix(name, "arn:") {
		return nil
	}
	return fmt.Errorf("there is no policy %s: give its ARN, like arn:aws:iam::aws:policy/AmazonDynamoDBFullAccess", name)
}

func (f *iamFlags) attachPolicy(args []string) error {
	if err := wantARN(args[0]); err != nil {
		return err
	}
	return f.changeHolder(func(h holder) error {
		if list := &h.permissions.AttachedPolicies; !slices.Contains(*list, args[0]) {
			*list = append(*list, args[0])
		}
		return nil
	})
}

func (f *iamFlags) detachPolicy(args []string) error {
	return f.changeHolder(func(h holder) error {
		return remove(&h.permissions.AttachedPolicies, "attached policy", args[0], itself)
	})
}

func (f *iamFlags) putPolicy(args []string) error {
	document, err := readDocument(f.document)
	if err != nil {
		return err
	}
	return f.changeHolder(func(h holder) error {
		if h.permissions.Policies == nil {
			h.permissions.Policies = map[string]json.RawMessage{}
		}
		h.permissions.Policies[args[0]] = document
		return nil
	})
}

// deletePolicy deletes an inline policy, or a managed one if nobody's is meant.
func (f *iamFlags) deletePolicy(args []string) error {
	if f.user+f.group+f.role == "" {
		return f.change(func(_ *identity.Edit, a *identity.Account) error {
			return remove(&a.Policies, "policy", args[0], func(p *identity.Policy) string { return p.PolicyName })
		})
	}
	return f.changeHolder(func(h holder) error {
		if _, there := h.permissions.Policies[args[0]]; !there {
			return noSuch("inline policy", args[0])
		}
		delete(h.permissions.Policies, args[0])
		return nil
	})
}

func (f *iamFlags) putBoundary(args []string) error {
	if err := wantARN(args[0]); err != nil {
		return err
	}
	return f.setBoundary(args[0])
}

func (f *iamFlags) deleteBoundary([]string) error { return f.setBoundary("") }

func (f *iamFlags) setBoundary(arn string) error {
	return f.changeHolder(func(h holder) error {
		if h.boundary == nil {
			return errors.New("a group has no permissions boundary")
		}
		*h.boundary = arn
		return nil
	})
}

func (f *iamFlags) tag([]string) error {
	return f.changeHolder(func(h holder) error {
		if h.tags == nil {
			return errors.New("a group has no tags")
		}
		if *h.tags == nil {
			*h.tags = map[string]string{}
		}
		for key, value := range f.tags.one() {
			untag(*h.tags, key)
			(*h.tags)[key] = value
		}
		return nil
	})
}

func (f *iamFlags) untag(args []string) error {
	return f.changeHolder(func(h holder) error {
		if h.tags == nil || !untag(*h.tags, args[0]) {
			return noSuch("tag", args[0])
		}
		return nil
	})
}

// untag removes the tag with a key, whose case does not matter.
func untag(tags map[string]string, key string) (found bool) {
	for have := range tags {
		if strings.EqualFold(have, key) {
			delete(tags, have)
			found = true
		}
	}
	return found
}

func (f *iamFlags) addToGroup(args []string) error {
	return f.changeUser(args[0], func(u *identity.User) error {
		if !slices.Contains(u.Groups, args[1]) {
			u.Groups = append(u.Groups, args[1])
		}
		return nil
	})
}

func (f *iamFlags) removeFromGroup(args []string) error {
	return f.changeUser(args[0], func(u *identity.User) error { return remove(&u.Groups, "group of the user", args[1], itself) })
}

func (f *iamFlags) changeUser(name string, change func(*identity.User) error) error {
	return f.change(func(_ *identity.Edit, a *identity.Account) error {
		u := a.User(name)
		if u == nil {
			return noSuch("user", name)
		}
		return change(u)
	})
}

func (f *iamFlags) updateRole(args []string) error {
	return f.change(func(_ *identity.Edit, a *identity.Account) (err error) {
		r := a.Role(args[0])
		if r == nil {
			return noSuch("role", args[0])
		}
		if given(f.set, "max-session-duration") {
			r.MaxSessionDuration = f.duration
		}
		if f.trust != "" {
			r.AssumeRolePolicyDocument, err = readDocument(f.trust)
		}
		return err
	})
}

func (f *iamFlags) updatePolicy(args []string) error {
	return f.change(func(_ *identity.Edit, a *identity.Account) (err error) {
		p := a.Policy(args[0])
		if p == nil {
			return noSuch("policy", args[0])
		}
		p.Document, err = readDocument(f.document)
		return err
	})
}

// accessKeys returns the list that an access key is in, of any account.
func accessKeys(file *identity.File, id string) (*[]*identity.AccessKey, error) {
	in := func(keys []*identity.AccessKey) bool {
		return slices.ContainsFunc(keys, func(k *identity.AccessKey) bool { return k.AccessKeyID == id })
	}
	for _, a := range file.Accounts {
		if in(a.AccessKeys) {
			return &a.AccessKeys, nil
		}
		for _, u := range a.Users {
			if in(u.AccessKeys) {
				return &u.AccessKeys, nil
			}
		}
	}
	return nil, noSuch("access key", id)
}

func (f *iamFlags) updateAccessKey(args []string) error {
	return f.edit(func(e *identity.Edit) error {
		keys, err := accessKeys(e.File, args[0])
		if err != nil {
			return err
		}
		for _, k := range *keys {
			if k.AccessKeyID == args[0] {
				k.Status = f.status
			}
		}
		return nil
	})
}

func (f *iamFlags) defineForget(set *flag.FlagSet) {
	set.BoolVar(&f.forget, "forget", false, "keep no key but the new one, which ends the sessions that there are")
}

// rotateKey changes the key that secrets and sessions are sealed with.
func (f *iamFlags) rotateKey([]string) error { return identity.RotateKey(f.path, f.forget) }

func (f *iamFlags) deleteAccessKey(args []string) error {
	return f.edit(func(e *identity.Edit) error {
		keys, err := accessKeys(e.File, args[0])
		if err != nil {
			return err
		}
		return remove(keys, "access key", args[0], func(k *identity.AccessKey) string { return k.AccessKeyID })
	})
}

func (f *iamFlags) deleteAccount(args []string) error {
	return f.edit(func(e *identity.Edit) error {
		return remove(&e.Accounts, "account", args[0], func(a *identity.Account) string { return a.AccountID })
	})
}

func (f *iamFlags) deleteUser(args []string) error {
	return f.change(func(_ *identity.Edit, a *identity.Account) error {
		return remove(&a.Users, "user", args[0], func(u *identity.User) string { return u.UserName })
	})
}

func (f *iamFlags) deleteGroup(args []string) error {
	return f.change(func(_ *identity.Edit, a *identity.Account) error {
		return remove(&a.Groups, "group", args[0], func(g *identity.Group) string { return g.GroupName })
	})
}

func (f *iamFlags) deleteRole(args []string) error {
	return f.change(func(_ *identity.Edit, a *identity.Account) error {
		return remove(&a.Roles, "role", args[0], func(r *identity.Role) string { return r.RoleName })
	})
}

func (f *iamFlags) deleteProvider(args []string) error {
	return f.change(func(_ *identity.Edit, a *identity.Account) error {
		return remove(&a.Providers, "provider", args[0], func(p *identity.Provider) string { return p.URL })
	})
}

func itself(name string) string { return name }

// remove takes what has a name out of a list. What still needs it, the check of
// the file finds.
func remove[T any](list *[]T, kind, name string, of func(T) string) error {
	n := len(*list)
	*list = slices.DeleteFunc(*list, func(one T) bool { return strings.EqualFold(of(one), name) })
	if len(*list) == n {
		return fmt.Errorf("there is no %s %s", kind, name)
	}
	return nil
}
