// Package iamtest reads the policy decisions in internal/iam/testdata, so that
// the package that decides and the server that asks it are tested with the same
// ones.
//
// # Scripts
//
// A script is made of blocks between blank lines. The comment above a block
// says where in the documentation its decisions are from; it is the source of
// all blocks up to the next comment. A block starts with a command:
//
//	policy NAME [kind=identity|resource|trust]
//	the policy, JSON
//
//	condition NAME [effect=Deny] [version=2008-10-17]
//	the Condition element of an identity policy on dynamodb:* and every resource
//
//	refuse [kind=…]
//	a policy that is not one
//	! part of the error
//
//	decide [WHO] [account=ID] [identity=NAME,…] [boundary=NAME] [session=NAME,…] [resource=NAME] [trust=NAME] [owner=ID]
//	WANT ACTION RESOURCE [KEY[=VALUE[|VALUE]…]]…
//
// WHO is user=NAME, role=ROLE/SESSION, federated=PROVIDER or root=yes; without
// it the user alice. Its account is 123456789012 if none is given, and so is the
// owner of the resource, whose policies are resource and trust.
//
// WANT is one of
//
//	allow identity   allowed, by that kind of policy
//	allow resource
//	allow trust
//	allow root
//	deny identity    denied by a Deny in that kind of policy
//	deny resource    (and so on: boundary, session, trust)
//	no identity      denied, as no policy of that kind allows it
//	no resource      (and so on)
//
// ACTION has the prefix dynamodb: if it has none, RESOURCE the one of the
// owner's ARNs in us-west-2. A KEY without a colon is one of dynamodb:, tag:NAME
// is a tag of the principal, and one that starts with "who:" is another of its
// keys: who:www.amazon.com:user_id. A KEY without "=" is there without values,
// "%20" is a space, "%7C" a bar. Policies are of the principal's name and
// resources are of the owner.
package iamtest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/statordb/stator/internal/iam"
)

// Where everything is that a script does not place.
const (
	Account = "123456789012"
	Region  = "us-west-2"
)

// Case is a decision.
type Case struct {
	Who        Who
	Identity   []Policy
	Boundary   *Policy
	Session    []Policy
	Resource   *Policy // of the resource; a trust policy if the resource is a role
	Owner      string  // account of the resource
	Action     string
	ARN        string              // of the resource, or "*"
	Context    map[string][]string // condition keys of the request as they are written; nil for one without values
	Want       Want
	Line       string // as it is in the script
	Source     string // in the documentation
	File       string
	LineNumber int
}

// Who makes the request.
type Who struct {
	Kind    iam.PrincipalType // Federated for somebody who has no session yet
	Name    string            // of the user, ROLE/SESSION, or the identity provider
	Account string
	Tags    map[string]string // by name as it is written
	Keys    map[string]string // other keys, by name
}

// Policy is a policy of a Case.
type Policy struct {
	Name string
	Kind iam.Kind
	Text string
}

// Want is what is decided.
type Want struct {
	Allowed  bool
	Explicit bool
	By       iam.Source
}

// Refusal is a text that is no policy.
type Refusal struct {
	Policy
	Error string // part of the error
	File  string
	Line  int
}

// Suite is what all scripts of a directory say.
type Suite struct {
	Cases    []Case
	Policies []Policy
	Refusals []Refusal
}

// Load reads the scripts (*.txt) in a directory.
func Load(dir string) (*Suite, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("no scripts in %s", dir)
	}
	all := new(Suite)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		s := script{suite: all, file: filepath.Base(file), policies: map[string]Policy{}}
		if err := s.read(string(text)); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", file, s.line, err)
		}
	}
	return all, nil
}

// script is a script that is being read.
type script struct {
	suite    *Suite
	file     string
	source   string
	policies map[string]Policy
	line     int
}

func (s *script) read(text string) error {
	var comment, block []string
	flush := func() error {
		if len(comment) > 0 {
			s.source = strings.Join(comment, " ")
		}
		lines := block
		comment, block = nil, nil
		if len(lines) == 0 {
			return nil
		}
		return s.block(lines)
	}
	for line := range strings.SplitSeq(text, "\n") {
		var err error
		switch {
		case strings.TrimSpace(line) == "":
			err = flush()
		case strings.HasPrefix(line, "#"):
			comment = append(comment, strings.TrimSpace(line[1:]))
		default:
			block = append(block, line)
		}
		s.line++
		if err != nil {
			return err
		}
	}
	return flush()
}

// block reads a block, of which s.line is the end.
func (s *script) block(lines []string) error {
	fields := strings.Fields(lines[0])
	options := map[string]string{}
	for _, f := range fields[1:] {
		name, value, _ := strings.Cut(f, "=")
		options[name] = value
	}
	body := lines[1:]
	if s.source == "" {
		return errors.New("a block without a source")
	}
	switch fields[0] {
	case "policy":
		kind, err := kindOf(options["kind"])
		s.policy(Policy{Name: fields[1], Kind: kind, Text: strings.Join(body, "\n")})
		return err
	case "condition":
		s.policy(Policy{Name: fields[1], Text: condition(options, strings.Join(body, "\n"))})
		return nil
	case "refuse":
		return s.refuse(options, body)
	case "decide":
		return s.decide(options, body)
	}
	return fmt.Errorf("there is no command %s", fields[0])
}

func (s *script) policy(p Policy) {
	s.policies[p.Name] = p
	s.suite.Policies = append(s.suite.Policies, p)
}

func kindOf(name string) (iam.Kind, error) {
	switch name {
	case "", "identity":
		return iam.Identity, nil
	case "resource":
		return iam.Resource, nil
	case "trust":
		return iam.Trust, nil
	}
	return 0, fmt.Errorf("there is no kind %s", name)
}

func condition(options map[string]string, element string) string {
	version, effect := "2012-10-17", "Allow"
	if v := options["version"]; v != "" {
		version = v
	}
	if e := options["effect"]; e != "" {
		effect = e
	}
	return fmt.Sprintf(`{"Version": %q, "Statement": {"Effect": %q, "Action": "dynamodb:*", "Resource": "*", "Condition": %s}}`, version, effect, element)
}

func (s *script) refuse(options map[string]string, body []string) error {
	kind, err := kindOf(options["kind"])
	last := len(body) - 1
	if last < 0 || !strings.HasPrefix(body[last], "! ") {
		return errors.New("a refusal without its error")
	}
	s.suite.Refusals = append(s.suite.Refusals, Refusal{
		Policy: Policy{Kind: kind, Text: strings.Join(body[:last], "\n")},
		Error:  body[last][2:], File: s.file, Line: s.line,
	})
	return err
}
