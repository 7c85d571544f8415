// Package modeltest makes random requests from the service models, plausible
// ones and broken ones, and judges answers by them. Nothing but tests imports
// it.
package modeltest

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
)

// Models are the service models: what operations there are and the shapes of
// their requests and answers.
type Models struct {
	operations map[string]*operation
}

type operation struct {
	Input, Output ref
	Errors        []ref
	shapes        map[string]*shape // of its service
	protocol      string            // names the service in X-Amz-Target
}

// A ref names a shape.
type ref struct{ Shape string }

// A shape is a type of the model.
type shape struct {
	Type       string
	Members    map[string]ref // of a structure
	Required   []string       // of a structure
	Member     ref            // of a list
	Key, Value ref            // of a map
	Enum       []string
}

// Load reads the models in a directory, which is internal/model/data.
func Load(dir string) (*Models, error) {
	m := &Models{operations: map[string]*operation{}}
	var shapes map[string]*shape
	protocol := ""
	for _, name := range []string{"dynamodbstreams.json", "dynamodb.json", "newer.json"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		var service struct {
			Metadata   struct{ TargetPrefix string }
			Operations map[string]*operation
			Shapes     map[string]*shape
			Members    map[string]map[string]ref // of shapes of the file before
		}
		if err := json.Unmarshal(text, &service); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if service.Members == nil {
			shapes, protocol = service.Shapes, service.Metadata.TargetPrefix
		}
		maps.Copy(shapes, service.Shapes)
		for name, members := range service.Members {
			maps.Copy(shapes[name].Members, members)
		}
		for name, op := range service.Operations {
			op.shapes, op.protocol = shapes, protocol
			m.operations[name] = op
		}
	}
	return m, nil
}

// Target returns the X-Amz-Target of an operation.
func (m *Models) Target(operation string) string {
	return m.operations[operation].protocol + "." + operation
}
