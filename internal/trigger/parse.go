package trigger

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// literals are the members of a Trigger that are no text.
var literals = []string{"batch_size", "parallelism", "retries", "bisect", "partial", "paused"}

// Parse reads triggers: the JSON of one, or of a list, or member=value pairs with
// commas between, like name=ship,table=Orders,target=http://127.0.0.1:9000.
func Parse(text string) ([]Trigger, error) {
	text = strings.TrimSpace(text)
	var list []Trigger
	switch {
	case strings.HasPrefix(text, "["):
		if err := DecodeStrict(text, &list); err != nil {
			return nil, err
		}
	case strings.HasPrefix(text, "{"):
		list = make([]Trigger, 1)
		if err := DecodeStrict(text, &list[0]); err != nil {
			return nil, err
		}
	default:
		members, err := pairs(text)
		if err != nil {
			return nil, err
		}
		return Parse(members)
	}
	for i := range list {
		if err := list[i].check(); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// DecodeStrict reads one JSON value; a member that is not there in v is an error.
func DecodeStrict(text string, v any) error {
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is something behind the JSON")
	}
	return nil
}

// pairs returns member=value pairs as JSON.
func pairs(text string) (string, error) {
	members := map[string]any{}
	for pair := range strings.SplitSeq(text, ",") {
		name, value, ok := strings.Cut(pair, "=")
		switch {
		case !ok:
			return "", fmt.Errorf("%q is no member=value: what has commas is written as JSON", pair)
		case !slices.Contains(literals, name):
			members[name] = value
		case !json.Valid([]byte(value)):
			return "", fmt.Errorf("%s=%s: use a number, true or false", name, value)
		default:
			members[name] = json.RawMessage(value)
		}
	}
	object, err := json.Marshal(members)
	return string(object), err
}
