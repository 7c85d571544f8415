package expr

import (
	"strconv"
	"strings"
	"testing"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/ddberr"
)

// TestConstructors builds without text what TestScripts parses.
func TestConstructors(t *testing.T) {
	item := decodeItem(t, `{"a":{"S":"x"},"n":{"N":"5"},"l":{"L":[{"S":"a"}]},"e":{"SS":["p","q"]}}`)
	at := func(name string) *Node { return At(Path{Field(name)}) }
	n, _ := attr.ParseNumber("4")
	str := func(s string) *Node { return Literal(attr.String(s)) }
	holds := NewCondition(And(
		Compare(Equal, at("a"), str("x")),
		Or(Compare(Less, at("n"), Literal(n)), Between(at("n"), Literal(n), at("n"))),
		Not(Call("attribute_exists", at("gone"))),
		In(At(Path{Field("l"), Index(0)}), str("b"), str("a")),
		Call("contains", at("e"), str("q")),
	))
	if !holds.Eval(item) {
		t.Error("the condition does not hold")
	}
	if got := strings.Join(holds.Names(), " "); got != "a e gone l n" {
		t.Errorf("names %s", got)
	}
	u := NewLegacyUpdate(
		Action{Verb: Set, Path: Path{Field("b")}, Value: str("y")},
		Action{Verb: Add, Path: Path{Field("l")}, Value: Literal(attr.List(attr.String("z")))},
		Action{Verb: Remove, Path: Path{Field("a")}},
	)
	next, f := u.Apply(item)
	want := decodeItem(t, `{"b":{"S":"y"},"n":{"N":"5"},"l":{"L":[{"S":"a"},{"S":"z"}]},"e":{"SS":["p","q"]}}`)
	if f != nil || !next.Equal(want) {
		t.Errorf("updated to %s, %v", next.AppendJSON(nil), f)
	}
	clash := NewLegacyUpdate(Action{Verb: Add, Path: Path{Field("a")}, Value: Literal(n)})
	if _, f := clash.Apply(item); f == nil || f.Text != &ddberr.UpdateTypeMismatch {
		t.Errorf("adding a number to a string: %v", f)
	}
	if !NewUpdate().CreatesItem() {
		t.Error("an update without actions creates no item")
	}
	r, f := NewKeyCondition(KeyTest{Name: "pk", Op: Equal, Lo: attr.String("k")}).Bind([]KeyAttr{{"pk", attr.S}}, nil)
	if f != nil || len(r.Hash) != 1 || r.Op != None {
		t.Errorf("bound to %v, %v", r, f)
	}
	if got := ProjectNames([]string{"n", "a", "n"}).Apply(item); got.Len() != 2 {
		t.Errorf("projected to %s", got.AppendJSON(nil))
	}
}

// TestPlaceholderLimits tries names at and beyond their bounds.
func TestPlaceholderLimits(t *testing.T) {
	try := func(key, value string) *ddberr.Fault {
		text := key + " = x"
		_, f := Parse(Request{Names: []Name{{key, value}}, NamesGiven: true, Condition: &text})
		return f
	}
	if f := try("#"+strings.Repeat("a", 254), "y"); f != nil {
		t.Errorf("255 bytes: %v", f)
	}
	if f := try("#"+strings.Repeat("a", 255), "y"); f == nil || f.Text != &ddberr.PlaceholderLong {
		t.Errorf("256 bytes: %v", f)
	}
	if f := try("#a", strings.Repeat("y", 65535)); f != nil {
		t.Errorf("name of 65535 bytes: %v", f)
	}
	if f := try("#a", strings.Repeat("y", 65536)); f == nil || f.Text != &ddberr.NameOfPlaceholder {
		t.Errorf("name of 65536 bytes: %v", f)
	}
	many := Request{NamesGiven: true, Condition: new(string)}
	for i := range 1 + maxPlaceholders/65535 {
		many.Names = append(many.Names, Name{"#" + strconv.Itoa(i), strings.Repeat("y", 65535)})
	}
	if _, f := Parse(many); f == nil || f.Text != &ddberr.PlaceholdersLarge {
		t.Errorf("more than 2 MB: %v", f)
	}
}

// TestManyNames uses more names and values than fit the room for a few.
func TestManyNames(t *testing.T) {
	var r Request
	var parts []string
	var values []attr.Attribute
	for i := range 60 {
		name := "#n" + strings.Repeat("x", i)
		value := ":v" + strings.Repeat("x", i)
		r.Names = append(r.Names, Name{name, strings.Repeat("a", i+1)})
		values = append(values, attr.Attribute{Name: value, Value: attr.Bool(true)})
		parts = append(parts, name+"="+value)
	}
	text := "SET " + strings.Join(parts, ",")
	r.Update, r.NamesGiven = &text, true
	r.Values = attr.InputItem{Item: attr.NewItem(values...), Given: true}
	if len(text) > maxSize {
		t.Fatalf("%d bytes", len(text))
	}
	p, f := Parse(r)
	if f != nil {
		t.Fatal(f)
	}
	if item, f := p.Update.Apply(attr.Item{}); f != nil || item.Len() != 60 {
		t.Errorf("%d attributes, %v", item.Len(), f)
	}
	r.Names = append(r.Names, Name{"#unused", "u"})
	if _, f := Parse(r); f == nil || f.Text != &ddberr.NamesUnused {
		t.Errorf("unused name: %v", f)
	}
}

// TestDeleteFromLargeSet would not end if it took quadratic time.
func TestDeleteFromLargeSet(t *testing.T) {
	set := func(step int) attr.Value {
		var elems []attr.Value
		for i := 0; i < 300_000; i += step {
			elems = append(elems, newInteger(i))
		}
		return attr.Set(attr.NS, elems)
	}
	u := NewUpdate(Action{Verb: Delete, Path: Path{Field("s")}, Value: Literal(set(2))})
	next, f := u.Apply(attr.NewItem(attr.Attribute{Name: "s", Value: set(3)}))
	if f != nil {
		t.Fatal(f)
	}
	count := 0
	for v := range next.Get("s").Elems() {
		if want := 6*count + 3; v.NumberText() != strconv.Itoa(want) {
			t.Fatalf("got %s, want %d", v.NumberText(), want)
		}
		count++
	}
	if count != 50_000 {
		t.Errorf("%d elements", count)
	}
}

// TestReservedWords checks the number of words and that case is ignored.
func TestReservedWords(t *testing.T) {
	if len(reserved) != 573 {
		t.Errorf("%d reserved words", len(reserved))
	}
	longest := 0
	for word := range reserved {
		longest = max(longest, len(word))
		if !isReserved(word) || !isReserved(strings.ToLower(word)) || isReserved(word+"_") {
			t.Errorf("%s", word)
		}
	}
	if longest != maxReserved {
		t.Errorf("longest word has %d letters", longest)
	}
}
