package iam

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// members are those of a JSON object, by their exact names.
type members map[string]json.RawMessage

// membersOf reads an object that has no members but those named.
func membersOf(text []byte, names ...string) (members, error) {
	var m members
	if err := json.Unmarshal(text, &m); err != nil {
		return nil, fmt.Errorf("the policy is not as policies are: %w", err)
	}
	for name := range m {
		if !slices.Contains(names, name) {
			return nil, fmt.Errorf("the element %q is not known", name)
		}
	}
	return m, nil
}

// read decodes a member, if it is there.
func (m members) read(name string, into any) error {
	text, given := m[name]
	if !given {
		return nil
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("the element %s is not as it should be: %w", name, err)
	}
	return nil
}

// lastCharacter is the last that a policy may have. (Developer guide, "Using IAM
// policy conditions for fine-grained access control".)
const lastCharacter = 'ÿ'

// checkText checks that text is one JSON value of the characters of policies,
// without repeated members, of which a reader might see another than a checker,
// and without null.
func checkText(text []byte) error {
	for _, r := range string(text) {
		if r > lastCharacter || r < ' ' && r != '\t' && r != '\n' && r != '\r' {
			return fmt.Errorf("the character %q is not one of those of policies", r)
		}
	}
	d := json.NewDecoder(bytes.NewReader(text))
	if err := checkValue(d, 0); err != nil {
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

func checkValue(d *json.Decoder, depth int) error {
	t, err := d.Token()
	switch {
	case err != nil:
		return err
	case t == nil:
		return errors.New("null is not a value")
	case depth > maxDepth:
		return errors.New("it is nested too deeply")
	}
	switch t {
	case json.Delim('{'):
		err = checkObject(d, depth)
	case json.Delim('['):
		for err == nil && d.More() {
			err = checkValue(d, depth+1)
		}
	default:
		return nil
	}
	if err == nil {
		_, err = d.Token() // the closing one
	}
	return err
}

func checkObject(d *json.Decoder, depth int) error {
	seen := map[string]bool{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return err
		}
		name, _ := t.(string)
		if seen[name] {
			return fmt.Errorf("the member %q is there twice", name)
		}
		seen[name] = true
		if err := checkValue(d, depth+1); err != nil {
			return err
		}
	}
	return nil
}
