package trigger

import (
	"encoding/json"
	"strings"
	"testing"
)

// Each rule with a record that it lets through and one that it does not.
func TestFilter(t *testing.T) {
	for _, c := range []struct{ filter, passes, stays string }{
		{`{"a": ["x"]}`, `{"a": "x"}`, `{"a": "y"}`},
		{`{"a": ["x", "y"]}`, `{"a": "y"}`, `{}`},
		{`{"a": [1]}`, `{"a": 1.0}`, `{"a": "1"}`},
		{`{"a": [true]}`, `{"a": true}`, `{"a": false}`},
		{`{"a": [null]}`, `{"a": null}`, `{}`},
		{`{"a": [""]}`, `{"a": ""}`, `{"a": null}`},
		{`{"a": ["x"]}`, `{"a": ["y", "x"]}`, `{"a": ["y"]}`},
		{`{"a": ["x"], "b": ["y"]}`, `{"a": "x", "b": "y"}`, `{"a": "x"}`},
		{`{"a": {"b": ["x"]}}`, `{"a": {"b": "x"}}`, `{"a": "x"}`},
		{`{"a": [{"exists": true}]}`, `{"a": null}`, `{}`},
		{`{"a": [{"exists": false}]}`, `{}`, `{"a": 0}`},
		{`{"a": {"b": [{"exists": false}]}}`, `{}`, `{"a": {"b": 1}}`},
		{`{"a": [{"prefix": "x"}]}`, `{"a": "xy"}`, `{"a": "yx"}`},
		{`{"a": [{"suffix": "x"}]}`, `{"a": "yx"}`, `{"a": "xy"}`},
		{`{"a": [{"equals-ignore-case": "X"}]}`, `{"a": "x"}`, `{"a": "xx"}`},
		{`{"a": [{"anything-but": "x"}]}`, `{"a": "y"}`, `{"a": "x"}`},
		{`{"a": [{"anything-but": ["x", 1]}]}`, `{"a": 2}`, `{"a": 1e0}`},
		{`{"a": [{"anything-but": ["x"]}]}`, `{"a": null}`, `{}`},
		{`{"a": [{"numeric": ["=", 1]}]}`, `{"a": "1.00"}`, `{"a": "x"}`},
		{`{"a": [{"numeric": [">", 1, "<=", 3]}]}`, `{"a": 3}`, `{"a": 1}`},
		{`{"a": [{"numeric": ["<", 1e-130]}]}`, `{"a": "1e-200"}`, `{"a": "1e999999999"}`},
		{`{"a": [{"numeric": [">", 12345678901234567890123456789012345678]}]}`, `{"a": "12345678901234567890123456789012345679"}`, `{"a": "12345678901234567890123456789012345678"}`},
		{`{"$or": [{"a": ["x"]}, {"b": ["y"]}]}`, `{"b": "y"}`, `{"a": "y", "b": "x"}`},
		{`{"c": ["z"], "$or": [{"a": ["x"]}, {"b": ["y"]}]}`, `{"a": "x", "c": "z"}`, `{"a": "x"}`},
	} {
		f, err := parseFilters([]json.RawMessage{json.RawMessage(c.filter)})
		if err != nil {
			t.Errorf("%s: %v", c.filter, err)
			continue
		}
		for text, want := range map[string]bool{c.passes: true, c.stays: false} {
			if got, err := f.matches([]byte(text)); err != nil || got != want {
				t.Errorf("%s lets %s through: %t (%v)", c.filter, text, got, err)
			}
		}
	}
}

func TestFilterRefused(t *testing.T) {
	for text, want := range map[string]string{
		`1`:                                   "a pattern is an object",
		`{}`:                                  "a pattern is an object with members",
		`{"a": 1}`:                            "a: a pattern is an object",
		`{"a": []}`:                           "a: a list of rules is empty",
		`{"a": [["x"]]}`:                      "wrong type",
		`{"a": [{}]}`:                         "an operator is an object with one member",
		`{"a": [{"exists": "yes"}]}`:          "wrong type",
		`{"a": [{"prefix": 1}]}`:              "wrong type",
		`{"a": [{"numeric": [">"]}]}`:         "wrong type",
		`{"a": [{"numeric": ["!", 1]}]}`:      "wrong type",
		`{"a": [{"anything-but": {"b": 1}}]}`: "wrong type",
		`{"a": [{"anything-but": []}]}`:       "wrong type",
		`{"$or": []}`:                         "a list of patterns is empty",
		`{"$or": ["x"]}`:                      "a pattern is an object",
	} {
		if _, err := parseFilters([]json.RawMessage{json.RawMessage(text)}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

// Nobody's filter and nobody's record make the matching panic, and no filter that
// is refused matches.
func FuzzFilter(f *testing.F) {
	f.Add(`{"a": [{"numeric": [">", 1]}, {"prefix": "x"}]}`, `{"a": ["1e9", {"b": null}]}`)
	f.Add(`{"$or": [{"a": [{"exists": false}]}, {"b": {"c": [1]}}]}`, `{"b": {"c": 1.0}}`)
	f.Fuzz(func(t *testing.T, pattern, record string) {
		if !json.Valid([]byte(pattern)) || !json.Valid([]byte(record)) {
			return
		}
		parsed, err := parseFilters([]json.RawMessage{json.RawMessage(pattern)})
		if err != nil {
			if parsed != nil {
				t.Errorf("%s is refused and returned", pattern)
			}
			return
		}
		first, err := parsed.matches([]byte(record))
		if err != nil {
			t.Errorf("%s on %s: %v", pattern, record, err)
		}
		if again, _ := parsed.matches([]byte(record)); again != first {
			t.Errorf("%s on %s: %t, then %t", pattern, record, first, again)
		}
	})
}
