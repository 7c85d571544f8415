package iam

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
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
	statements []statement
	trust      bool // of a role, which nobody assumes whom it does not name
}

// statement is one of a policy's.
type statement struct {
	id         string // Sid
	place      int    // in the policy, from 1
	deny       bool
	principals principals // of Resource and Trust policies
	actions    []pattern
	notActions bool
	resources  []arnPattern
	notRes     bool
	conditions []condition
}

// maxPolicy is how long a policy document may be, in bytes. Those of principals
// are at most 10,240 characters, those of resources 20 KB. (IAM user guide,
// "IAM and AWS STS quotas"; Developer guide, "Resource-based policy
// considerations".)
const maxPolicy = 20 << 10

// The versions of the language. Only the later one has variables.
const (
	version2008 = "2008-10-17"
	version2012 = "2012-10-17"
)

// Parse parses a policy document of a kind. Its errors are single sentences
// that say what is wrong with it.
func Parse(text []byte, kind Kind) (*Policy, error) {
	if len(text) > maxPolicy {
		return nil, fmt.Errorf("the policy has %d bytes, more than %d", len(text), maxPolicy)
	}
	var doc struct {
		Version   *string
		ID        *string `json:"Id"`
		Statement oneOrMore[json.RawMessage]
	}
	if err := decode(text, &doc); err != nil {
		return nil, err
	}
	version := version2008
	if doc.Version != nil {
		version = *doc.Version
	}
	if version != version2008 && version != version2012 {
		return nil, fmt.Errorf("the Version %q is not known, it is %s", version, version2012)
	}
	if len(doc.Statement) == 0 {
		return nil, errors.New("the policy has no Statement")
	}
	p := &Policy{trust: kind == Trust}
	for i, raw := range doc.Statement {
		s, err := parseStatement(raw, kind, version == version2012)
		if err != nil {
			return nil, fmt.Errorf("statement %d: %w", i+1, err)
		}
		if s.id != "" && slices.ContainsFunc(p.statements, func(o statement) bool { return o.id == s.id }) {
			return nil, fmt.Errorf("statement %d: the Sid %q has been used", i+1, s.id)
		}
		s.place = i + 1
		p.statements = append(p.statements, s)
	}
	return p, nil
}

// rawStatement is a statement as it is written.
type rawStatement struct {
	Sid          string
	Effect       string
	Principal    json.RawMessage
	NotPrincipal json.RawMessage
	Action       oneOrMore[string]
	NotAction    oneOrMore[string]
	Resource     oneOrMore[string]
	NotResource  oneOrMore[string]
	Condition    map[string]map[string]oneOrMore[scalar]
}

func parseStatement(raw json.RawMessage, kind Kind, variables bool) (s statement, err error) {
	var in rawStatement
	if err := decode(raw, &in); err != nil {
		return s, err
	}
	s.id = in.Sid
	switch in.Effect {
	case "Allow":
	case "Deny":
		s.deny = true
	default:
		return s, fmt.Errorf("the Effect %q is neither Allow nor Deny", in.Effect)
	}
	if s.principals, err = parsePrincipals(in.Principal, in.NotPrincipal, kind); err != nil {
		return s, err
	}
	if s.notActions, err = oneOf("Action", in.Action, in.NotAction); err != nil {
		return s, err
	}
	for _, action := range append(in.Action, in.NotAction...) {
		if err := s.addAction(action); err != nil {
			return s, err
		}
	}
	if kind == Trust {
		if len(in.Resource)+len(in.NotResource) > 0 {
			return s, errors.New("a trust policy has no Resource")
		}
	} else if s.notRes, err = oneOf("Resource", in.Resource, in.NotResource); err != nil {
		return s, err
	}
	for _, resource := range append(in.Resource, in.NotResource...) {
		a, err := parseARNPattern(resource, variables)
		if err != nil {
			return s, err
		}
		s.resources = append(s.resources, a)
	}
	return s, s.addConditions(in.Condition, variables)
}

// oneOf checks that a statement has either an element or its opposite, and
// reports whether it is the opposite.
func oneOf(name string, element, opposite oneOrMore[string]) (not bool, err error) {
	switch {
	case len(element) > 0 && len(opposite) > 0:
		return false, fmt.Errorf("it has both %s and Not%s", name, name)
	case len(element) == 0 && len(opposite) == 0:
		return false, fmt.Errorf("it has neither %s nor Not%s", name, name)
	}
	return len(opposite) > 0, nil
}

func (s *statement) addAction(action string) error {
	service, name, ok := strings.Cut(action, ":")
	if action != "*" && (!ok || service == "" || name == "" || strings.ContainsAny(service, "*?")) {
		return fmt.Errorf("the action %q is not a service and a name, like dynamodb:GetItem", action)
	}
	p, err := parsePattern(strings.ToLower(action), false, true)
	s.actions = append(s.actions, p)
	return err
}

func (s *statement) addConditions(in map[string]map[string]oneOrMore[scalar], variables bool) error {
	for name, keys := range in {
		for key, values := range keys {
			texts := make([]string, len(values))
			for i, v := range values {
				texts[i] = string(v)
			}
			c, err := parseCondition(name, key, texts, variables)
			if err != nil {
				return err
			}
			s.conditions = append(s.conditions, c)
		}
	}
	return nil
}

// decode decodes one JSON value without unknown or repeated members.
func decode(text []byte, into any) error {
	if err := checkMembers(json.NewDecoder(bytes.NewReader(text))); err != nil {
		return fmt.Errorf("the policy is not JSON as policies are: %w", err)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("the policy is not JSON as policies are: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is more behind the policy")
	}
	return nil
}

// maxDepth is how deeply a policy is nested at most: a condition value in a
// list is six deep.
const maxDepth = 8

// checkMembers reads one value and refuses repeated members, of which a reader
// might see another than a checker.
func checkMembers(d *json.Decoder) error { return checkValue(d, 0) }

func checkValue(d *json.Decoder, depth int) error {
	t, err := d.Token()
	if err != nil {
		return err
	}
	if depth > maxDepth {
		return errors.New("it is nested too deeply")
	}
	switch t {
	case json.Delim('{'):
		seen := map[string]bool{}
		for d.More() {
			name, err := d.Token()
			if err != nil {
				return err
			}
			text, _ := name.(string)
			if seen[text] {
				return fmt.Errorf("the member %q is there twice", text)
			}
			seen[text] = true
			if err := checkValue(d, depth+1); err != nil {
				return err
			}
		}
	case json.Delim('['):
		for d.More() {
			if err := checkValue(d, depth+1); err != nil {
				return err
			}
		}
	default:
		return nil
	}
	_, err = d.Token() // the closing one
	return err
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
	var value any
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&value); err != nil {
		return err
	}
	switch v := value.(type) {
	case string:
		*s = scalar(v)
	case json.Number:
		*s = scalar(v.String())
	case bool:
		*s = "false"
		if v {
			*s = "true"
		}
	default:
		return fmt.Errorf("the condition value %s is not a string, a number or a truth value", text)
	}
	return nil
}
