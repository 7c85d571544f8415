package attr

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"testing"

	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/wire"
)

func decode(t testing.TB, text string) InputItem {
	t.Helper()
	var in InputItem
	if err := in.Decode(wire.NewScanner([]byte(text))); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return in
}

func item(t testing.TB, text string) Item {
	t.Helper()
	in := decode(t, text)
	if in.Fault != nil {
		t.Fatalf("%s: %v", text, in.Fault)
	}
	return in.Item
}

func TestRoundTrip(t *testing.T) {
	for text, want := range map[string]string{
		`{}`:                                `{}`,
		`{"b":{"S":"x"},"a":{"N":"01.50"}}`: `{"a":{"N":"1.5"},"b":{"S":"x"}}`,
		`{"a":{"S":"1"},"a":{"S":"2"}}`:     `{"a":{"S":"2"}}`,
		`{"l":{"L":[{"NULL":true},{"BOOL":false},{"M":{}},{"L":[]}]}}`:       `{"l":{"L":[{"NULL":true},{"BOOL":false},{"M":{}},{"L":[]}]}}`,
		`{"s":{"SS":["b","","a"]},"n":{"NS":["10","-1","2"]}}`:               `{"n":{"NS":["-1","2","10"]},"s":{"SS":["","a","b"]}}`,
		`{"b":{"B":"AAH/"},"bs":{"BS":["/w==","AA==",""]}}`:                  `{"b":{"B":"AAH/"},"bs":{"BS":["","AA==","/w=="]}}`,
		`{"\u00e9\n":{"S":"\ud83d\ude00 \"q\" \\ \u0001"}}`:                  `{"é\n":{"S":"😀 \"q\" \\ \u0001"}}`,
		`{"m":{"M":{"z":{"S":""},"y":{"M":{"d":{"S":"1"},"c":{"N":"0"}}}}}}`: `{"m":{"M":{"y":{"M":{"c":{"N":"0"},"d":{"S":"1"}}},"z":{"S":""}}}}`,
		`{"a":{"S":"x","N":null,"Future":[{}]}}`:                             `{"a":{"S":"x"}}`,
	} {
		it := item(t, text)
		if got := string(it.AppendJSON(nil)); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
		if err := Verify(it.Stored()); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestFaults(t *testing.T) {
	wraps := func(n int) string {
		return `{"a":` + strings.Repeat(`{"L":[`, n) + `{"S":"x"}` + strings.Repeat(`]}`, n) + `}`
	}
	if f := decode(t, wraps(31)).Fault; f != nil {
		t.Errorf("31 levels: %v", f)
	}
	for _, c := range []struct{ text, older, current string }{
		{`{"a":{}}`, "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes", ""},
		{`{"a":{"S":"x","N":"1"}}`, "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes", ""},
		{`{"a":{"SS":["b","a","b"]}}`, invalid + "Input collection [b, a, b] contains duplicates.", invalid + `Input collection ["a", "b", "b"] contains duplicates.`},
		{`{"a":{"BS":["/w==","AA==","AA=="]}}`, invalid + "Input collection [/w==, AA==, AA==]of type BS contains duplicates.", invalid + `Input collection ["AA==","/w==","AA=="]of type BS contains duplicates.`},
		{`{"a":{"NS":["1","1.0"]}}`, "Input collection contains duplicates", invalid + "Input collection contains duplicates."},
		{`{"a":{"SS":[]}}`, invalid + "An string set  may not be empty", ""},
		{`{"a":{"NULL":false}}`, invalid + "Null attribute value types must have the value of true", ""},
		{`{"a":{"N":""}}`, "The parameter cannot be converted to a numeric value", "The parameter cannot be converted to a numeric value: "},
		{`{"a":{"N":"1e99999999999"}}`, "The parameter cannot be converted to a numeric value: 1e99999999999", "Number overflow. Attempting to store a number with magnitude larger than supported range"},
		{`{"":{"S":"x"}}`, "Empty attribute name", ""},
		{wraps(32), "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond supported limit", ""},
	} {
		if c.current == "" {
			c.current = c.older
		}
		f := decode(t, c.text).Fault
		if f == nil || f.Render(ddberr.Older) != c.older || f.Render(ddberr.Bare) != c.current {
			t.Errorf("%s: got %v", c.text, f)
		}
	}
}

const invalid = "One or more parameter values were invalid: "

// TestRepeatInLargeSet would not end if finding the repeat took quadratic time.
func TestRepeatInLargeSet(t *testing.T) {
	const n = 500_000
	var text strings.Builder
	text.WriteString(`{"a":{"SS":["z"`)
	for i := range n {
		fmt.Fprintf(&text, `,"%07d"`, n-i)
	}
	text.WriteString(`,"z","last"]}}`)
	var in InputItem
	if err := in.Decode(wire.NewScanner([]byte(text.String()))); err != nil {
		t.Fatal(err)
	}
	got := in.Fault.Render(ddberr.Bare)
	if !strings.HasPrefix(got, invalid+`Input collection ["0000001", "0000002", `) || !strings.HasSuffix(got, `, "0500000", "z", "z", "last"] contains duplicates.`) {
		t.Errorf("got %.100s…", got)
	}
}

func TestSerializationFaults(t *testing.T) {
	for text, want := range map[string]string{
		`{"a":{"N":1}}`:            "NUMBER_VALUE cannot be converted to String",
		`{"a":{"S":1.5}}`:          "DECIMAL_VALUE cannot be converted to String",
		`{"a":{"S":true}}`:         "TRUE_VALUE cannot be converted to String",
		`{"a":{"SS":"x"}}`:         "Unexpected field type",
		`{"a":{"L":{}}}`:           "Start of structure or map found where not expected",
		`{"a":{"B":"abc"}}`:        "Base64 encoded length is expected a multiple of 4 bytes but found: 3",
		`{"a":"x"}`:                "Unexpected value type in payload",
		`{"a":{"S":"x"}`:           "",
		`{"a":{"S":"x"},}`:         "",
		`{"a":{"S":"\ud83d\q"}}`:   "",
		"{\"a\":{\"S\":\"\x01\"}}": "",
	} {
		var in InputItem
		err := in.Decode(wire.NewScanner([]byte(text)))
		var e *ddberr.Error
		if !errors.As(err, &e) || e.Code != "SerializationException" || e.Message != want {
			t.Errorf("%s: got %v", text, err)
		}
	}
}

func TestSizes(t *testing.T) {
	for text, want := range map[string]int{
		`{"ab":{"S":"é"}}`: 4, `{"a":{"B":"AAH/"}}`: 4, `{"a":{"BOOL":true}}`: 2, `{"a":{"SS":["a","bc"]}}`: 4, `{"a":{"NS":["1","-42"]}}`: 6,
		`{"a":{"L":[{"S":"x"},{"NULL":true}]}}`: 8, `{"a":{"L":[]}}`: 4, `{"a":{"M":{"k":{"S":"v"}}}}`: 7, `{"a":{"M":{}}}`: 4,
	} {
		if got := item(t, text).Size(); got != want {
			t.Errorf("%s: got %d, want %d", text, got, want)
		}
	}
}

func TestGetPatchProject(t *testing.T) {
	it := item(t, `{"b":{"S":"2"},"d":{"S":"4"}}`)
	got := it.Patch([]Attribute{{"e", String("5")}, {"d", Value{}}, {"a", String("1")}, {"b", String("two")}, {"zz", Value{}}})
	if want := item(t, `{"a":{"S":"1"},"b":{"S":"two"},"e":{"S":"5"}}`); !got.Equal(want) {
		t.Errorf("patch: got %s", got.AppendJSON(nil))
	}
	if v := it.Get("c"); !v.IsZero() {
		t.Error("absent attribute found")
	}
	if v := got.Get("e"); v.Str() != "5" {
		t.Errorf("get: %s", v.AppendJSON(nil))
	}
	if p := got.Project([]string{"a", "e", "x"}); p.Len() != 2 || p.Get("b").Type() != Absent {
		t.Errorf("project: %s", p.AppendJSON(nil))
	}
}

func TestKeyOrder(t *testing.T) {
	words := []string{"", "\x00", "\x00\x00", "\x00a", "a", "a\x00", "a\x00b", "ab", "b", "é", "\xff"}
	for i, a := range words {
		for j, b := range words {
			got := bytes.Compare(AppendKey(nil, Binary([]byte(a))), AppendKey(nil, Binary([]byte(b))))
			if want := strings.Compare(a, b); got != want {
				t.Errorf("%d, %d: got %d, want %d", i, j, got, want)
			}
			prefixed := bytes.HasPrefix(AppendKey(nil, String(b)), AppendKeyPrefix(nil, String(a)))
			if prefixed != strings.HasPrefix(b, a) {
				t.Errorf("%q prefix of %q: got %v", a, b, prefixed)
			}
		}
	}
}

func TestSet(t *testing.T) {
	got := Set(NS, []Value{num(t, "3"), num(t, "1"), num(t, "3")})
	if want := item(t, `{"a":{"NS":["1","3"]}}`).Get("a"); !Equal(got, want) {
		t.Errorf("got %s", got.AppendJSON(nil))
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(`{"a":{"S":"x"},"b":{"NS":["1","2"]},"c":{"M":{"d":{"L":[{"B":"AAA="}]}}}}`)
	f.Add(`{"a":{"SS":["b","a","b"]},"":{"N":"1e200"}}`)
	f.Fuzz(func(t *testing.T, text string) {
		var in InputItem
		if err := in.Decode(wire.NewScanner([]byte(text))); err != nil {
			var e *ddberr.Error
			if !errors.As(err, &e) {
				t.Fatalf("no DynamoDB error: %v", err)
			}
			return
		}
		if in.Fault != nil {
			_ = in.Fault.Render(ddberr.Older) + in.Fault.Render(ddberr.Enveloped)
			return
		}
		if err := Verify(in.Item.Stored()); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		again := item(t, string(in.Item.AppendJSON(nil)))
		if !again.Equal(in.Item) {
			t.Fatalf("%q: not the same after a round trip", text)
		}
	})
}

func FuzzStored(f *testing.F) {
	f.Add(item(f, `{"a":{"S":"x"},"b":{"NS":["1","-2"]},"c":{"M":{"d":{"L":[{"B":"AAA="}]}}}}`).Stored())
	f.Fuzz(func(t *testing.T, enc []byte) {
		if Verify(enc) != nil {
			return
		}
		it := FromStored(enc)
		in := decode(t, string(it.AppendJSON(nil)))
		if utf8Only(it) && (in.Fault == nil && !in.Item.Equal(it)) {
			t.Fatalf("%x: not the same after a round trip", enc)
		}
		_, _ = it.Size(), it.AsMap().Depth()
	})
}

// utf8Only reports whether every string of it is UTF-8, as all that comes
// from requests is.
func utf8Only(it Item) bool {
	text := it.AppendJSON(nil)
	return bytes.Equal(bytes.ToValidUTF8(text, nil), text)
}

var benchItem = `{"pk":{"S":"user#0001"},"sk":{"S":"order#2026-11-21"},"price":{"N":"19.99"},"count":{"N":"12"},"active":{"BOOL":true},` +
	`"tags":{"SS":["red","green","blue"]},"address":{"M":{"street":{"S":"1 Main Street"},"city":{"S":"Springfield"},"zip":{"N":"12345"}}},` +
	`"history":{"L":[{"S":"created"},{"S":"paid"},{"N":"3"}]},"text":{"S":"` + strings.Repeat("lorem ipsum ", 45) + `"}}`

func BenchmarkDecode(b *testing.B) {
	text := []byte(benchItem)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		var in InputItem
		if err := in.Decode(wire.NewScanner(text)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	it := item(b, benchItem)
	buf := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		buf = it.AppendJSON(buf[:0])
	}
}

func BenchmarkSize(b *testing.B) {
	it := item(b, benchItem)
	for b.Loop() {
		it.Size()
	}
}

// TestPatchAgainstMap compares random patches with a plain map.
func TestPatchAgainstMap(t *testing.T) {
	r := rand.New(rand.NewSource(2))
	it, model := Item{}, map[string]string{}
	for range 2000 {
		var changes []Attribute
		for range r.Intn(4) {
			name, value := string(rune('a'+r.Intn(12))), string(rune('a'+r.Intn(26)))
			if r.Intn(3) == 0 {
				changes = append(changes, Attribute{Name: name})
				delete(model, name)
			} else {
				changes = append(changes, Attribute{name, String(value)})
				model[name] = value
			}
		}
		it = it.Patch(changes)
		var names []string
		for name, v := range it.All() {
			names = append(names, name)
			if model[name] != v.Str() {
				t.Fatalf("%s: got %s, want %s", name, v.Str(), model[name])
			}
		}
		if len(names) != len(model) || !slices.IsSorted(names) {
			t.Fatalf("got %v, want %v", names, model)
		}
	}
}
