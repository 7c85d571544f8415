package iamtest

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/statordb/stator/internal/iam"
)

// decide reads the lines of a decide block.
func (s *script) decide(options map[string]string, lines []string) error {
	common := Case{
		Who:    Who{Kind: iam.User, Name: "alice", Account: cmp.Or(options["account"], Account)},
		Owner:  cmp.Or(options["owner"], Account),
		Source: s.source, File: s.file,
	}
	for name, value := range options {
		if err := s.option(&common, name, value); err != nil {
			return err
		}
	}
	for i, line := range lines {
		c := common
		c.LineNumber = s.line - len(lines) + i + 1
		if err := c.request(line); err != nil {
			return fmt.Errorf("%q: %w", line, err)
		}
		s.suite.Cases = append(s.suite.Cases, c)
	}
	return nil
}

func (s *script) option(c *Case, name, value string) error {
	switch name {
	case "account", "owner":
	case "user":
		c.Who.Name = value
	case "role":
		c.Who.Kind, c.Who.Name = iam.AssumedRole, value
	case "root":
		c.Who.Kind, c.Who.Name = iam.RootUser, "root"
	case "federated":
		c.Who.Kind, c.Who.Name = iam.Federated, value
	case "identity", "session", "boundary", "resource", "trust":
		return s.attach(c, name, value)
	default:
		return fmt.Errorf("there is no option %s", name)
	}
	return nil
}

// attach gives c policies that have been read.
func (s *script) attach(c *Case, as, names string) error {
	for name := range strings.SplitSeq(names, ",") {
		p, known := s.policies[name]
		if !known {
			return fmt.Errorf("there is no policy %s", name)
		}
		switch as {
		case "identity":
			c.Identity = append(slices.Clip(c.Identity), p)
		case "session":
			c.Session = append(slices.Clip(c.Session), p)
		case "boundary":
			c.Boundary = &p
		default:
			c.Resource = &p
		}
	}
	return nil
}

var sources = map[string]iam.Source{
	"identity": iam.ByIdentity, "resource": iam.ByResource, "trust": iam.ByTrust,
	"boundary": iam.ByBoundary, "session": iam.BySession, "root": iam.ByRoot,
}

// request reads a line: what is asked, and what is wanted.
func (c *Case) request(line string) error {
	c.Line = line
	fields := strings.Fields(line)
	if len(fields) < 4 {
		return errors.New("it is not WANT ACTION RESOURCE")
	}
	by, known := sources[fields[1]]
	if !known || !slices.Contains([]string{"allow", "deny", "no"}, fields[0]) {
		return errors.New("it does not start with what is wanted")
	}
	c.Want = Want{Allowed: fields[0] == "allow", Explicit: fields[0] == "deny", By: by}
	c.Action, c.ARN = fields[2], fields[3]
	if !strings.Contains(c.Action, ":") {
		c.Action = "dynamodb:" + c.Action
	}
	if c.ARN != "*" && !strings.HasPrefix(c.ARN, "arn:") {
		c.ARN = "arn:aws:dynamodb:" + Region + ":" + c.Owner + ":" + c.ARN
	}
	c.Context, c.Who.Tags, c.Who.Keys = map[string][]string{}, map[string]string{}, map[string]string{}
	for _, field := range fields[4:] {
		c.key(field)
	}
	return nil
}

// key reads KEY=VALUE|VALUE.
func (c *Case) key(field string) {
	plain := strings.NewReplacer("%20", " ", "%7C", "|").Replace
	key, text, given := strings.Cut(field, "=")
	if tag, is := strings.CutPrefix(key, "tag:"); is {
		c.Who.Tags[plain(tag)] = plain(text)
		return
	}
	if own, is := strings.CutPrefix(key, "who:"); is {
		c.Who.Keys[own] = plain(text)
		return
	}
	if !strings.Contains(key, ":") {
		key = "dynamodb:" + key
	}
	c.Context[plain(key)] = nil
	if given {
		for value := range strings.SplitSeq(text, "|") {
			c.Context[plain(key)] = append(c.Context[plain(key)], plain(value))
		}
	}
}

// Request returns c as package iam is asked it.
func (c *Case) Request() (r iam.Request, err error) {
	keys := iam.Keys{}
	for key, values := range c.Context {
		keys.Set(key, values...)
	}
	r = iam.Request{Principal: c.Who.principal(), Action: c.Action, Resource: c.ARN, Account: c.Owner, Context: keys}
	parse := func(policies ...Policy) (parsed []*iam.Policy) {
		for _, p := range policies {
			one, wrong := iam.Parse([]byte(p.Text), p.Kind)
			if wrong != nil {
				err = cmp.Or(err, fmt.Errorf("policy %s: %w", p.Name, wrong))
			}
			parsed = append(parsed, one)
		}
		return parsed
	}
	r.Principal.Identity, r.Principal.Session = parse(c.Identity...), parse(c.Session...)
	if c.Boundary != nil {
		r.Principal.Boundary = parse(*c.Boundary)[0]
	}
	if c.Resource != nil {
		r.Policy = parse(*c.Resource)[0]
	}
	if c.Who.Kind == iam.Federated {
		r.Account = ""
	}
	return r, err
}

// principal returns who w is, without policies.
func (w *Who) principal() *iam.Principal {
	p := &iam.Principal{Account: w.Account, Type: w.Kind, Keys: iam.Keys{}}
	switch w.Kind {
	case iam.User:
		p.ARN, p.Name, p.ID = "arn:aws:iam::"+w.Account+":user/"+w.Name, w.Name, "AIDA"+uniqueID(w.Name)
	case iam.RootUser:
		p.ARN, p.ID = "arn:aws:iam::"+w.Account+":root", w.Account
	case iam.AssumedRole:
		role, session, _ := strings.Cut(w.Name, "/")
		p.ARN = "arn:aws:sts::" + w.Account + ":assumed-role/" + w.Name
		p.Role, p.ID = "arn:aws:iam::"+w.Account+":role/"+role, "AROA"+uniqueID(role)+":"+session
	case iam.Federated:
		p.Federated, p.Account = w.Name, ""
	}
	for name, value := range w.Tags {
		p.Keys.Set("aws:PrincipalTag/"+name, value)
	}
	for name, value := range w.Keys {
		p.Keys.Set(name, value)
	}
	return p
}

// uniqueID returns the end of the unique id of somebody in a script.
func uniqueID(name string) string {
	letters := strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' {
			return r
		}
		return -1
	}, strings.ToUpper(name))
	return (letters + "EXAMPLEEXAMPLEEXA")[:17]
}
