package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/statordb/stator/internal/identity"
)

func (f *iamFlags) defineList(set *flag.FlagSet) { defineJSON(set, &f.json) }

// listed is something in the file.
type listed struct {
	ARN  string `json:"Arn"`
	Kind string
	Keys string `json:",omitempty"` // access keys and their status
	one  any
}

// everything returns what is in the accounts that are meant.
func (f *iamFlags) everything() (all []listed, err error) {
	file, err := identity.Read(f.path)
	if err != nil {
		return nil, err
	}
	for _, a := range file.Accounts {
		if f.account != "" && a.AccountID != f.account {
			continue
		}
		all = append(all, listed{a.ARN(), "account", keysOf(a.AccessKeys), struct{ AccountID, Name string }{a.AccountID, a.Name}})
		for _, u := range a.Users {
			all = append(all, listed{u.ARN(a.AccountID), "user", keysOf(u.AccessKeys), u})
		}
		for _, g := range a.Groups {
			all = append(all, listed{g.ARN(a.AccountID), "group", "", g})
		}
		for _, r := range a.Roles {
			all = append(all, listed{r.ARN(a.AccountID), "role", "", r})
		}
		for _, p := range a.Policies {
			all = append(all, listed{p.ARN(a.AccountID), "policy", "", p})
		}
		for _, p := range a.Providers {
			all = append(all, listed{p.ARN(a.AccountID), "provider", "", p})
		}
	}
	return all, nil
}

// keysOf returns access keys, without what is secret about them.
func keysOf(keys []*identity.AccessKey) string {
	var list []string
	for _, k := range keys {
		k.SealedSecret = ""
		list = append(list, k.AccessKeyID+" "+k.Status)
	}
	return strings.Join(list, ", ")
}

func (f *iamFlags) list([]string) error {
	all, err := f.everything()
	if err != nil {
		return err
	}
	if f.json {
		return printJSON(append([]listed{}, all...))
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "KIND\tARN\tACCESS KEYS")
	for _, one := range all {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\n", one.Kind, one.ARN, one.Keys)
	}
	return w.Flush()
}

// show prints what the file says of one.
func (f *iamFlags) show(args []string) error {
	all, err := f.everything()
	if err != nil {
		return err
	}
	for _, one := range all {
		if one.ARN == args[0] {
			return printJSON(one.one)
		}
	}
	return fmt.Errorf("there is nobody and nothing called %s in %s: stator iam list shows all", args[0], f.path)
}
