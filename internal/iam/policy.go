package iam

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Kind is what a policy is attached to, which decides what it may contain.
type Kind uint8

// The kinds of policies.
const (
	Identity Kind = iota // to a user, a group or a role; also a boundary and a session policy
	Resource             // to a table or a stream
	Trust                // to a role: who may assume it
)

// Policy is a parsed policy document.
type Policy struct {
	kind       Kind
	statements []statement
}

// statement is one of a policy's.
type statement struct {
	name         string // Sid, or the place in the policy
	deny         bool
	principals   principals // of Resource and Trust policies
	actions      []pattern  // in lower case
	notActions   bool
	resources    []arnPattern
	notResources bool
	conditions   []condition
}

// How long policies may be: in characters without white space, the longest that
// a principal of each kind may have. That of a resource is in bytes, and white
// space counts. (IAM user guide, "IAM and AWS STS quotas"; Developer guide,
// "Resource-based policy considerations".)
var maxLength = map[Kind]int{Identity: 10_240, Trust: 2048, Resource: 20 << 10}

// maxBytes is how long a document may be with white space. (IAM API reference,
// PutRolePolicy.)
const maxBytes = 128 << 10

// checkLength checks how long a policy document is.
func checkLength(text []byte, kind Kind) error {
	n := len(text)
	if kind != Resource && n <= maxBytes {
		n = 0
		for _, r := range string(text) {
			if !strings.ContainsRune(" \t\r\n", r) {
				n++
			}
		}
	}
	if n > maxLength[kind] {
		return fmt.Errorf("the policy is %d characters long, more than %d", n, maxLength[kind])
	}
	return nil
}

// The versions of the language. Only the later one has variables.
const (
	version2008 = "2008-10-17"
	version2012 = "2012-10-17"
)

// Parse parses a policy document of a kind. Its errors are single sentences
// that say what is wrong with it. (IAM user guide, "Grammar of the IAM JSON
// policy language".)
func Parse(text []byte, kind Kind) (*Policy, error) {
	if err := checkLength(text, kind); err != nil {
		return nil, err
	}
	if err := checkText(text); err != nil {
		return nil, err
	}
	d, err := membersOf(text, "Version", "Id", "Statement")
	if err != nil {
		return nil, err
	}
	version, id := version2008, ""
	var raw oneOrMore[json.RawMessage]
	if err := cmp.Or(d.read("Version", &version), d.read("Id", &id), d.read("Statement", &raw)); err != nil {
		return nil, err
	}
	switch {
	case version != version2008 && version != version2012:
		return nil, fmt.Errorf("the Version %q is not known, it is %s", version, version2012)
	case d["Id"] != nil && kind == Identity:
		return nil, errors.New("a policy of a user or role has no Id")
	case len(raw) == 0:
		return nil, errors.New("the policy has no Statement")
	}
	p := &Policy{kind: kind}
	for i, text := range raw {
		s, err := parseStatement(text, kind, version == version2012)
		if err != nil {
			return nil, fmt.Errorf("statement %d: %w", i+1, err)
		}
		if s.name == "" {
			s.name = "statement " + strconv.Itoa(i+1)
		}
		if slices.ContainsFunc(p.statements, func(o statement) bool { return o.name == s.name }) {
			return nil, fmt.Errorf("statement %d: the Sid %q has been used", i+1, s.name)
		}
		p.statements = append(p.statements, s)
	}
	return p, nil
}

// elements are those of a statement.
var elements = []string{"Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"}

func parseStatement(text json.RawMessage, kind Kind, variables bool) (s statement, err error) {
	d, err := membersOf(text, elements...)
	if err != nil {
		return s, err
	}
	var effect string
	if err := cmp.Or(d.read("Sid", &s.name), d.read("Effect", &effect)); err != nil {
		return s, err
	}
	if s.deny = effect == "Deny"; !s.deny && effect != "Allow" {
		return s, fmt.Errorf("the Effect %q is neither Allow nor Deny", effect)
	}
	if err := checkSid(s.name, kind); err != nil {
		return s, err
	}
	if s.principals, err = parsePrincipals(d["Principal"], d["NotPrincipal"], kind, s.deny); err != nil {
		return s, err
	}
	if err := s.setActions(d); err != nil {
		return s, err
	}
	if err := s.setResources(d, kind, variables); err != nil {
		return s, err
	}
	return s, s.setConditions(d, variables)
}

// checkSid checks a statement's id. Those of resources may have more
// characters. (IAM user guide, "Grammar of the IAM JSON policy language".)
func checkSid(id string, kind Kind) error {
	strange := func(r rune) bool {
		return !('0' <= r && r <= '9' || 'A' <= r && r <= 'Z' || 'a' <= r && r <= 'z' || kind == Resource && strings.ContainsRune(" -_", r))
	}
	if strings.ContainsFunc(id, strange) {
		return fmt.Errorf("the Sid %q is not made of letters and digits", id)
	}
	return nil
}

// list reads either of an element and its opposite, and reports which it was.
func (d members) list(name string) (values []string, not bool, err error) {
	element, opposite := d[name], d["Not"+name]
	switch {
	case element != nil && opposite != nil:
		return nil, false, fmt.Errorf("it has both %s and Not%s", name, name)
	case opposite != nil:
		name, not = "Not"+name, true
	}
	var list oneOrMore[string]
	if err := d.read(name, &list); err != nil {
		return nil, false, err
	}
	if len(list) == 0 {
		return nil, false, fmt.Errorf("it has no %s", name)
	}
	return list, not, nil
}

func (s *statement) setActions(d members) error {
	actions, not, err := d.list("Action")
	s.notActions = not
	for _, action := range actions {
		if action != "*" && action != "*:*" {
			service, name, ok := strings.Cut(action, ":")
			if !ok || service == "" || name == "" || strings.ContainsAny(service, "*? ") || strings.ContainsAny(name, ": ") {
				return fmt.Errorf("the action %q is not a service and a name, like dynamodb:GetItem", action)
			}
		}
		p, err := parsePattern(strings.ToLower(action), false, true)
		if err != nil {
			return err
		}
		s.actions = append(s.actions, p)
	}
	return err
}

func (s *statement) setResources(d members, kind Kind, variables bool) error {
	if kind == Trust {
		if d["Resource"] != nil || d["NotResource"] != nil {
			return errors.New("a trust policy has no Resource")
		}
		return nil
	}
	resources, not, err := d.list("Resource")
	s.notResources = not
	for _, resource := range resources {
		a, err := parseARNPattern(resource, variables)
		if err != nil {
			return err
		}
		s.resources = append(s.resources, a)
	}
	return err
}

func (s *statement) setConditions(d members, variables bool) error {
	var byOperator map[string]map[string]oneOrMore[scalar]
	if err := d.read("Condition", &byOperator); err != nil {
		return err
	}
	for _, operator := range slices.Sorted(maps.Keys(byOperator)) {
		byKey := byOperator[operator]
		first := len(s.conditions)
		for _, key := range slices.Sorted(maps.Keys(byKey)) {
			var texts []string
			for _, v := range byKey[key] {
				texts = append(texts, string(v))
			}
			c, err := parseCondition(operator, key, texts, variables)
			if err != nil {
				return err
			}
			if slices.ContainsFunc(s.conditions[first:], func(o condition) bool { return o.key == c.key }) {
				return fmt.Errorf("the condition key %s is there twice under %s", key, operator)
			}
			s.conditions = append(s.conditions, c)
		}
	}
	return nil
}

// oneOrMore is a list that may be written as its only element.
type oneOrMore[T any] []T

// UnmarshalJSON implements json.Unmarshaler.
func (l *oneOrMore[T]) UnmarshalJSON(text []byte) error {
	if len(text) > 0 && text[0] == '[' {
		var list []T
		err := json.Unmarshal(text, &list)
		*l = list
		return err
	}
	var one T
	err := json.Unmarshal(text, &one)
	*l = oneOrMore[T]{one}
	return err
}

// scalar is a string, a number or a truth value, as text.
type scalar string

// UnmarshalJSON implements json.Unmarshaler.
func (s *scalar) UnmarshalJSON(text []byte) error {
	switch c := text[0]; {
	case c == '"':
		return json.Unmarshal(text, (*string)(s))
	case c == '{' || c == '[':
		return errors.New("a condition value is a string, a number or a truth value")
	}
	*s = scalar(bytes.TrimSpace(text))
	return nil
}
