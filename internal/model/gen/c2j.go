package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A service is one service model in botocore's C2J form, cut to what is used.
type service struct {
	Operations map[string]operation
	Shapes     map[string]*shape
	Members    map[string]members // of newer.json: members of known shapes
}

type operation struct {
	Name          string
	Input, Output *ref
	Streams       bool `json:"-"`
}

// A ref names a shape.
type ref struct{ Shape string }

// A shape is a type of the model.
type shape struct {
	Type       string
	Members    members  // of a structure
	Required   []string // of a structure
	Member     ref      // of a list
	Key, Value ref      // of a map
	Min, Max   *int64
	Pattern    string
	Enum       []string
	Exception  bool
}

// members are the members of a structure in the order of the model.
type members []member

type member struct{ Name, Shape string }

// UnmarshalJSON reads an object, keeping the order of its members.
func (m *members) UnmarshalJSON(text []byte) error {
	d := json.NewDecoder(bytes.NewReader(text))
	if _, err := d.Token(); err != nil {
		return err
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		var r ref
		if err := d.Decode(&r); err != nil {
			return err
		}
		*m = append(*m, member{name.(string), r.Shape})
	}
	return nil
}

// loadModel reads and merges the models: DynamoDB, Streams, and what is newer
// than both.
func loadModel(data string) (*service, error) {
	m := &service{Operations: map[string]operation{}, Shapes: map[string]*shape{}}
	for _, name := range []string{"dynamodb.json", "dynamodbstreams.json", "newer.json"} {
		var s service
		if err := load(filepath.Join(data, name), &s); err != nil {
			return nil, err
		}
		if err := m.merge(&s, name == "dynamodbstreams.json"); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	m.rename()
	return m, nil
}

func load(path string, into any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// merge adds s to m. A shape that both have keeps m's form: the two services
// share their structures, and differ in constraints on responses only.
func (m *service) merge(s *service, streams bool) error {
	for name, op := range s.Operations {
		op.Streams = streams
		m.Operations[name] = op
	}
	for name, sh := range s.Shapes {
		if have := m.Shapes[name]; have == nil {
			m.Shapes[name] = sh
		} else if !slices.Equal(have.Members, sh.Members) {
			return fmt.Errorf("shape %s differs from the one already known", name)
		}
	}
	for name, more := range s.Members {
		sh := m.Shapes[name]
		if sh == nil {
			return fmt.Errorf("no shape %s to add members to", name)
		}
		sh.Members = append(sh.Members, more...)
	}
	return nil
}

// rename gives requests and responses the names XInput and XOutput where an
// operation has its own shape of another name.
func (m *service) rename() {
	for _, name := range slices.Sorted(maps.Keys(m.Operations)) {
		op := m.Operations[name]
		for _, end := range []struct {
			r      *ref
			suffix string
		}{{op.Input, "Input"}, {op.Output, "Output"}} {
			if end.r == nil || strings.HasSuffix(end.r.Shape, end.suffix) {
				continue
			}
			m.Shapes[name+end.suffix] = m.Shapes[end.r.Shape]
			delete(m.Shapes, end.r.Shape)
			end.r.Shape = name + end.suffix
		}
	}
}
