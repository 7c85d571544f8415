package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/statordb/stator/internal/ddberr"
)

func TestCheck(t *testing.T) {
	for text, ok := range map[string]bool{
		`{}`: true, ` [1, -2.5e+3, "a\u00e9\n", true, false, null, {"a":[]}] `: true, `"\ud83d\ude00"`: true, `"\ud83d"`: true, `0`: true,
		``: false, `{`: false, `{"a"}`: false, `{"a":1,}`: false, `[1,]`: false, `[,1]`: false, `{,"a":1}`: false, `01`: false, `1.`: false, `.5`: false,
		`-`: false, `1e`: false, `"a`: false, `"\x"`: false, `"\u12"`: false, "\"\x01\"": false, "\"\xff\"": false, `tru`: false, `{} x`: false, `[1 2]`: false, `{"a":1 "b":2}`: false,
	} {
		if err := NewScanner([]byte(text)).Check(); (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
	}
	deep := strings.Repeat("[", maxDepth+1) + strings.Repeat("]", maxDepth+1)
	if NewScanner([]byte(deep)).Check() == nil || NewScanner([]byte(deep[1:len(deep)-1])).Check() != nil {
		t.Error("the bound of depth is not where it is said to be")
	}
}

func TestMismatch(t *testing.T) {
	read := map[string]func(*Scanner) error{
		"text": func(s *Scanner) error { _, err := s.Text(); return err },
		"long": func(s *Scanner) error { _, err := s.Int("Long"); return err },
		"bool": func(s *Scanner) error { _, err := s.Bool(); return err },
		"list": (*Scanner).List,
		"map":  func(s *Scanner) error { return s.Map("AttributeValue") },
		"key":  func(s *Scanner) error { return s.Struct("KeySchemaElement") },
	}
	for _, c := range []struct{ what, text, want string }{
		{"text", `1`, "NUMBER_VALUE cannot be converted to String"},
		{"text", `1.5`, "DECIMAL_VALUE cannot be converted to String"},
		{"text", `false`, "FALSE_VALUE cannot be converted to String"},
		{"text", `{}`, "Start of structure or map found where not expected"},
		{"text", `[]`, "Unrecognized collection type class java.lang.String"},
		{"long", `"1"`, "STRING_VALUE cannot be converted to Long"},
		{"bool", `1`, "NUMBER_VALUE cannot be converted to Boolean"},
		{"list", `{}`, "Start of structure or map found where not expected"},
		{"list", `1`, "Unexpected field type"},
		{"map", `[]`, "Unrecognized collection type java.util.Map<java.lang.String, com.amazonaws.dynamodb.v20120810.AttributeValue>"},
		{"key", `[]`, "Unrecognized collection type class com.amazonaws.dynamodb.v20120810.KeySchemaElement"},
		{"key", `"a"`, "Unexpected value type in payload"},
	} {
		var e *ddberr.Error
		if err := read[c.what](NewScanner([]byte(c.text))); !errors.As(err, &e) || e.Message != c.want {
			t.Errorf("%s of %s: %v", c.what, c.text, err)
		}
	}
}

func TestAppendString(t *testing.T) {
	for _, text := range []string{"", "plain", `"quoted" \ back`, "\x00\x1f\n\r\t", "é😀", strings.Repeat("x", 100) + "\n" + strings.Repeat("y", 100)} {
		var got string
		if err := json.Unmarshal(AppendString(nil, text), &got); err != nil || got != text {
			t.Errorf("%q: got %q, %v", text, got, err)
		}
	}
}

// FuzzScanner compares what the scanner takes, and the strings that it reads,
// with encoding/json.
func FuzzScanner(f *testing.F) {
	for _, seed := range []string{`{"a":[1,2.5e-7,"\u00e9\\\n",true,null,{}]}`, `[[[[["deep"]]]]]`, `{"S":"` + strings.Repeat("long ", 40) + `\"end"}`, `{"a":1,}`, "\"\xff\""} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		err := NewScanner(text).Check()
		if bytes.Count(text, []byte("["))+bytes.Count(text, []byte("{")) > maxDepth {
			return
		}
		if valid := json.Valid(text) && utf8.Valid(text); valid != (err == nil) {
			t.Fatalf("%q: valid %v, but %v", text, valid, err)
		}
		var want string
		if err != nil || json.Unmarshal(text, &want) != nil || NewScanner(text).Null() {
			return
		}
		if got, err := NewScanner(text).Text(); err != nil || string(got) != want {
			t.Fatalf("%q: got %q, %v", text, got, err)
		}
	})
}
