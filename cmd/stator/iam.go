package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/statordb/stator/internal/identity"
)

// iamVerb is a verb of stator iam.
type iamVerb struct {
	arguments []string
	define    func(*iamFlags, *flag.FlagSet) // nil for no flags of its own
	required  []string                       // flags
	do        func(*iamFlags, []string) error
}

// iamVerbs by name; the names are those of the AWS CLI where it has one.
var iamVerbs = map[string]iamVerb{
	"init":                   {nil, (*iamFlags).defineInit, nil, (*iamFlags).init},
	"create-account":         {[]string{"ID"}, (*iamFlags).defineName, nil, (*iamFlags).createAccount},
	"create-user":            {[]string{"NAME"}, (*iamFlags).defineUser, nil, (*iamFlags).createUser},
	"create-group":           {[]string{"NAME"}, (*iamFlags).definePath, nil, (*iamFlags).createGroup},
	"create-role":            {[]string{"NAME"}, (*iamFlags).defineRole, []string{"trust"}, (*iamFlags).createRole},
	"create-policy":          {[]string{"NAME"}, (*iamFlags).definePolicy, []string{"document"}, (*iamFlags).createPolicy},
	"create-provider":        {[]string{"URL"}, (*iamFlags).defineProvider, []string{"client-id"}, (*iamFlags).createProvider},
	"create-access-key":      {nil, (*iamFlags).defineKey, nil, (*iamFlags).createAccessKey},
	"update-access-key":      {[]string{"ID"}, (*iamFlags).defineStatus, []string{"status"}, (*iamFlags).updateAccessKey},
	"update-role":            {[]string{"NAME"}, (*iamFlags).defineRole, nil, (*iamFlags).updateRole},
	"update-policy":          {[]string{"NAME"}, (*iamFlags).defineDocument, []string{"document"}, (*iamFlags).updatePolicy},
	"attach-policy":          {[]string{"ARN"}, (*iamFlags).defineHolder, nil, (*iamFlags).attachPolicy},
	"detach-policy":          {[]string{"ARN"}, (*iamFlags).defineHolder, nil, (*iamFlags).detachPolicy},
	"put-policy":             {[]string{"NAME"}, (*iamFlags).defineInline, []string{"document"}, (*iamFlags).putPolicy},
	"put-boundary":           {[]string{"ARN"}, (*iamFlags).defineHolder, nil, (*iamFlags).putBoundary},
	"tag":                    {nil, (*iamFlags).defineTags, []string{"tag"}, (*iamFlags).tag},
	"untag":                  {[]string{"KEY"}, (*iamFlags).defineHolder, nil, (*iamFlags).untag},
	"add-user-to-group":      {[]string{"USER", "GROUP"}, nil, nil, (*iamFlags).addToGroup},
	"remove-user-from-group": {[]string{"USER", "GROUP"}, nil, nil, (*iamFlags).removeFromGroup},
	"delete-account":         {[]string{"ID"}, nil, nil, (*iamFlags).deleteAccount},
	"delete-user":            {[]string{"NAME"}, nil, nil, (*iamFlags).deleteUser},
	"delete-group":           {[]string{"NAME"}, nil, nil, (*iamFlags).deleteGroup},
	"delete-role":            {[]string{"NAME"}, nil, nil, (*iamFlags).deleteRole},
	"delete-policy":          {[]string{"NAME"}, (*iamFlags).defineHolder, nil, (*iamFlags).deletePolicy},
	"delete-provider":        {[]string{"URL"}, nil, nil, (*iamFlags).deleteProvider},
	"delete-access-key":      {[]string{"ID"}, nil, nil, (*iamFlags).deleteAccessKey},
	"delete-boundary":        {nil, (*iamFlags).defineHolder, nil, (*iamFlags).deleteBoundary},
	"rotate-key":             {nil, (*iamFlags).defineForget, nil, (*iamFlags).rotateKey},
	"list":                   {nil, (*iamFlags).defineList, nil, (*iamFlags).list},
	"show":                   {[]string{"ARN"}, nil, nil, (*iamFlags).show},
}

func init() { // it lists the verbs itself
	iamVerbs["simulate"] = iamVerb{nil, (*iamFlags).defineSimulate, []string{"principal", "action", "resource"}, (*iamFlags).simulate}
}

// manageIAM changes an IAM file and answers questions about it. A server that
// runs with the file follows it.
func manageIAM(args []string) error {
	if len(args) == 0 {
		return misuse{errors.New("use stator iam VERB; stator iam --help lists the verbs")}
	}
	name, args := args[0], args[1:]
	if name == "-h" || name == "--help" {
		iamUsage()
		return nil
	}
	verb, ok := iamVerbs[name]
	if !ok {
		return misuse{fmt.Errorf("there is no verb %s; stator iam --help lists them", name)}
	}
	f := &iamFlags{set: flag.NewFlagSet("stator iam "+name, flag.ContinueOnError)}
	f.set.StringVar(&f.path, "iam-file", identity.DefaultPath, "the IAM file")
	f.set.StringVar(&f.account, "account", "", "account, 12 digits; not needed where there is only one")
	if verb.define != nil {
		verb.define(f, f.set)
	}
	values, err := parseArguments(f.set, args, verb.arguments...)
	if err != nil {
		return err
	}
	if err := missing(f.set, verb.required...); err != nil {
		return err
	}
	return verb.do(f, values)
}

func iamUsage() {
	fmt.Println("usage: stator iam VERB [FLAGS]; stator iam VERB --help lists the flags")
	for _, name := range slices.Sorted(maps.Keys(iamVerbs)) {
		fmt.Println("  " + strings.Join(append([]string{name}, iamVerbs[name].arguments...), " "))
	}
}

// iamFlags are the flags of stator iam.
type iamFlags struct {
	set           *flag.FlagSet
	path, account string

	name, entityPath  string
	tags              pairsFlag
	groups            listFlag
	trust, document   string // file names
	duration          int
	clientIDs         listFlag
	subjectClaim      string
	subjectKey, keys  string
	user, group, role string
	status            string
	json, asVariables bool
	forget            bool

	principal, action, resource, resourcePolicy string
	context                                     pairsFlag
}

// listFlag is a flag that may be given several times.
type listFlag []string

// String implements flag.Value.
func (l *listFlag) String() string { return strings.Join(*l, ",") }

// Set implements flag.Value.
func (l *listFlag) Set(text string) error {
	if text == "" {
		return errors.New("give something")
	}
	*l = append(*l, text)
	return nil
}

// pairsFlag is a flag KEY=VALUE that may be given several times, also with one
// key.
type pairsFlag map[string][]string

// String implements flag.Value.
func (p *pairsFlag) String() string {
	if len(*p) == 0 {
		return ""
	}
	return fmt.Sprint(map[string][]string(*p))
}

// Set implements flag.Value.
func (p *pairsFlag) Set(text string) error {
	key, value, ok := strings.Cut(text, "=")
	if !ok || key == "" {
		return errors.New("give KEY=VALUE")
	}
	if *p == nil {
		*p = pairsFlag{}
	}
	(*p)[key] = append((*p)[key], value)
	return nil
}

// one returns the last value of each key.
func (p pairsFlag) one() map[string]string {
	if len(p) == 0 {
		return nil
	}
	out := map[string]string{}
	for key, values := range p {
		out[key] = values[len(values)-1]
	}
	return out
}

// edit changes the file.
func (f *iamFlags) edit(change func(e *identity.Edit) error) error {
	return identity.Update(f.path, false, time.Now(), change)
}

// change changes the account of the flags.
func (f *iamFlags) change(change func(e *identity.Edit, a *identity.Account) error) error {
	return f.edit(func(e *identity.Edit) error {
		a, err := f.accountOf(e.File)
		if err != nil {
			return err
		}
		return change(e, a)
	})
}

// accountOf returns the account that is meant.
func (f *iamFlags) accountOf(file *identity.File) (*identity.Account, error) {
	switch {
	case f.account != "":
		if a := file.Account(f.account); a != nil {
			return a, nil
		}
		return nil, fmt.Errorf("there is no account %s in %s", f.account, f.path)
	case len(file.Accounts) == 1:
		return file.Accounts[0], nil
	case len(file.Accounts) == 0:
		return nil, fmt.Errorf("there is no account in %s: make one with stator iam create-account", f.path)
	}
	return nil, misuse{fmt.Errorf("there are %d accounts in %s: say which one with --account", len(file.Accounts), f.path)}
}

// readDocument reads a policy, or a set of keys.
func readDocument(name string) (json.RawMessage, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	if !json.Valid(text) {
		return nil, fmt.Errorf("%s is not JSON", name)
	}
	return text, nil
}
