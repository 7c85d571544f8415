package modeltest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// codes are the errors that any operation may answer, beside those of its
// model, with their namespaces.
var codes = map[string]string{
	"ValidationException":    "com.amazon.coral.validate#",
	"SerializationException": "com.amazon.coral.service#",
	"AccessDeniedException":  "com.amazon.coral.service#", // an ARN of another account
	"ThrottlingException":    modelled,                    // table operations that follow too soon
}

const modelled = "com.amazonaws.dynamodb.v20120810#"

// Check judges the answer to a request for the operation: it is an answer as
// the model has it, or an error that the operation may have, and never the
// server's own fault. Of an answer it remembers what later requests may use.
func (g *Generator) Check(operation string, status int, body []byte) error {
	op := g.models.operations[operation]
	if !utf8.Valid(body) {
		return errors.New("the answer is not UTF-8")
	}
	if bytes.Contains(body, []byte("InternalServerError")) {
		return errors.New("an internal error")
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var answer any
	if err := d.Decode(&answer); err != nil || d.More() {
		return fmt.Errorf("not JSON: %w", err)
	}
	switch status {
	case 200:
		return g.conforms("", answer, op.Output.Shape, op.shapes)
	case 400:
		return op.checkError(answer)
	}
	return fmt.Errorf("status %d", status)
}

// checkError judges the body of an error.
func (op *operation) checkError(answer any) error {
	members, _ := answer.(map[string]any)
	kind, _ := members["__type"].(string)
	message, _ := members["message"].(string)
	if message == "" {
		message, _ = members["Message"].(string)
	}
	namespace, code, _ := strings.Cut(kind, "#")
	want, found := codes[code]
	if !found && slices.Contains(op.Errors, ref{code}) {
		want, found = modelled, true
	}
	switch {
	case !found:
		return fmt.Errorf("the operation has no error %q", kind)
	case namespace+"#" != want:
		return fmt.Errorf("the namespace of %q is not %s", kind, want)
	case message == "" && code != "SerializationException":
		return errors.New("an error without text")
	}
	for _, ours := range []string{"%!", "(MISSING)", "runtime error", "goroutine", "unexpected EOF", "<nil>", "internal/", "&{"} {
		if strings.Contains(message, ours) {
			return fmt.Errorf("the text has %q in it", ours)
		}
	}
	return nil
}

// conforms checks that v is of a shape, and remembers what is worth it.
func (g *Generator) conforms(name string, v any, shapeName string, shapes map[string]*shape) error {
	s := shapes[shapeName]
	if s == nil { // an operation without an answer
		s = &shape{Type: "structure"}
	}
	ok := true
	var errs []error
	switch s.Type {
	case "structure":
		members, is := v.(map[string]any)
		ok = is
		for member, value := range members {
			of, found := s.Members[member]
			if !found {
				return fmt.Errorf("%s has no member %q", shapeName, member)
			}
			errs = append(errs, g.conforms(member, value, of.Shape, shapes))
		}
	case "list":
		elements, is := v.([]any)
		ok = is
		for _, value := range elements {
			errs = append(errs, g.conforms(name, value, s.Member.Shape, shapes))
		}
	case "map":
		members, is := v.(map[string]any)
		ok = is
		for key, value := range members {
			errs = append(errs, g.conforms(key, value, s.Value.Shape, shapes))
		}
	case "string", "blob":
		var text string
		text, ok = v.(string)
		if ok && len(s.Enum) > 0 && !slices.Contains(s.Enum, text) {
			return fmt.Errorf("%s has no value %q", shapeName, text)
		}
	case "boolean":
		_, ok = v.(bool)
	default: // numbers and timestamps
		_, ok = v.(json.Number)
	}
	if !ok {
		return fmt.Errorf("%s is of the wrong type: %v", shapeName, v)
	}
	g.remember(name, v)
	return errors.Join(errs...)
}

// sources are members of answers and what requests call them.
var sources = map[string]string{
	"NextToken": "NextToken", "LastEvaluatedKey": "LastEvaluatedKey", "ShardId": "ShardId",
	"ShardIterator": "ShardIterator", "NextShardIterator": "ShardIterator", "SequenceNumber": "SequenceNumber",
	"StartingSequenceNumber": "SequenceNumber", "EndingSequenceNumber": "SequenceNumber",
	"StreamArn": "StreamArn", "LatestStreamArn": "StreamArn", "BackupArn": "BackupArn",
	"ExportArn": "ExportArn", "ImportArn": "ImportArn", "BulkOperationArn": "BulkOperationArn",
	"RevisionId": "RevisionId",
}

// remember keeps the last values of a member.
func (g *Generator) remember(member string, v any) {
	const enough = 16
	name, found := sources[member]
	if !found {
		return
	}
	text, err := json.Marshal(v)
	if err != nil {
		return
	}
	kept := append(g.learned[name], string(text))
	g.learned[name] = kept[max(0, len(kept)-enough):]
}
