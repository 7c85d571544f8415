package expr

import (
	"testing"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/wire"
)

const fuzzItem = `{"a":{"S":"x"},"b":{"N":"5"},"c":{"L":[{"S":"a"},{"N":"1"},{"M":{"a":{"N":"2"}}}]},"d":{"M":{"a":{"S":"v"},"b":{"L":[{"N":"1"}]},"c":{"SS":["p","q"]}}},"e":{"SS":["p","q"]},"f":{"NS":["1"]},"g":{"B":"AQID"},"h":{"BOOL":true},"i":{"NULL":true}}`

const fuzzValues = `{":s":{"S":"x"},":n":{"N":"3"},":l":{"L":[{"S":"z"}]},":ss":{"SS":["q","r"]},":ns":{"NS":["1","7"]},":b":{"B":"AQ=="},":m":{"M":{"k":{"N":"1"}}},":t":{"BOOL":false},":ts":{"S":"SS"}}`

var fuzzNames = []Name{{"#a", "a"}, {"#d", "d"}, {"#x", "a.b"}, {"#0", "[0]"}}

// fuzzSeeds are expressions of all kinds.
var fuzzSeeds = []string{
	"a = :s AND (b < :n OR NOT contains(e, :s))", "size(c) BETWEEN :n AND b", "a IN (:s, :n, #d.a)",
	"attribute_type(e, :ts) or attribute_not_exists(#d.#x[3])", "begins_with(g, :b)", "((a = :s))", "pk = :s AND sk > :n",
	"a, c[0], c[2].a, #d.b", "d, #x", "SET a = :s, b = b + :n REMOVE c[0], d.a ADD f :ns DELETE e :ss",
	"SET c[9] = :s, c[4] = :n, d.b[0] = if_not_exists(zz, :l)", "SET c = list_append(c, :l) REMOVE a", "ADD b :n, d.zz :n DELETE d.c :ss",
	"SET a = (b - :n)", "REMOVE c[1], c[0], c[7]", "SET #x = :m, c[2].a = c[2].a + :n",
}

func fuzzRequest(t testing.TB, kind Kind, text string) Request {
	r := Request{Names: fuzzNames, NamesGiven: true}
	if err := r.Values.Decode(wire.NewScanner([]byte(fuzzValues))); err != nil {
		t.Fatal(err)
	}
	*[...]**string{&r.Update, &r.Condition, &r.KeyCondition, &r.Filter, &r.Projection}[kind] = &text
	return r
}

// parseLoose parses text as if all placeholders were used.
func parseLoose(r Request) (*Parsed, *ddberr.Fault) {
	b := newBinder(&r, nil, nil)
	out := new(Parsed)
	var f *ddberr.Fault
	switch {
	case r.Update != nil:
		out.Update, f = b.update(*r.Update)
	case r.Projection != nil:
		out.Projection, f = b.projection(*r.Projection)
	default:
		for _, e := range []struct {
			kind Kind
			text *string
		}{{KindCondition, r.Condition}, {KindFilter, r.Filter}, {KindKeyCondition, r.KeyCondition}} {
			if e.text == nil {
				continue
			}
			var root *Node
			if root, f = b.condition(e.kind, *e.text); f != nil {
				return nil, f
			}
			out.Condition = NewCondition(root)
			if e.kind == KindKeyCondition {
				out.KeyCondition, f = newKeyCondition(root)
			}
		}
	}
	return out, f
}

// FuzzParse reads any text as any kind, and evaluates what it is.
func FuzzParse(f *testing.F) {
	for _, s := range fuzzSeeds {
		for k := KindUpdate; k <= KindProjection; k++ {
			f.Add(uint8(k), s)
		}
	}
	item := decodeItem(f, fuzzItem)
	f.Fuzz(func(t *testing.T, kind uint8, text string) {
		r := fuzzRequest(t, Kind(kind%5), text)
		if _, fault := Parse(r); fault != nil {
			fault.Render(ddberr.Older)
		}
		p, fault := parseLoose(r)
		if fault != nil {
			fault.Render(ddberr.Enveloped)
			return
		}
		p.Condition.Eval(item)
		p.Condition.Names()
		if p.Projection != nil {
			if out := p.Projection.Apply(item); attr.Verify(out.Stored()) != nil {
				t.Fatalf("%q: invalid projection", text)
			}
		}
		if p.KeyCondition != nil {
			p.KeyCondition.Bind([]KeyAttr{{"pk", attr.S}}, []KeyAttr{{"sk", attr.N}})
		}
	})
}

func decodeItem(t testing.TB, text string) attr.Item {
	var in attr.InputItem
	if err := in.Decode(wire.NewScanner([]byte(text))); err != nil || in.Fault != nil {
		t.Fatalf("%s: %v, %v", text, err, in.Fault)
	}
	return in.Item
}

// FuzzUpdate checks for any update and item what must hold of its results.
func FuzzUpdate(f *testing.F) {
	for _, s := range fuzzSeeds {
		f.Add(s, fuzzItem)
		f.Add(s, "{}")
	}
	f.Fuzz(func(t *testing.T, text, itemText string) {
		var in attr.InputItem
		if len(itemText) > 2000 || in.Decode(wire.NewScanner([]byte(itemText))) != nil || in.Fault != nil {
			return
		}
		p, fault := parseLoose(fuzzRequest(t, KindUpdate, text))
		if fault != nil {
			return
		}
		if fault := checkUpdate(p.Update, in.Item); fault != "" {
			t.Fatalf("%q on %s: %s", text, itemText, fault)
		}
	})
}

// checkUpdate applies u and says what does not hold of the result: it is
// valid; attributes that u does not name stay; what the update returns is
// part of the items; an assignment stands where its path leads.
func checkUpdate(u *Update, old attr.Item) string {
	next, fault := u.Apply(old)
	if fault != nil {
		return ""
	}
	if err := attr.Verify(next.Stored()); err != nil {
		return "invalid item: " + err.Error()
	}
	names := u.Names()
	var undo []attr.Attribute
	for _, name := range names {
		undo = append(undo, attr.Attribute{Name: name, Value: old.Get(name)})
	}
	if !next.Patch(undo).Equal(old) {
		return "another attribute changed"
	}
	for name := range u.Updated(next).All() {
		if next.Get(name).IsZero() {
			return "returns an attribute that is not there"
		}
	}
	removes := false
	for _, a := range u.actions {
		removes = removes || a.Verb == Remove || a.Verb == Delete
	}
	for _, a := range u.actions {
		last := a.Path[len(a.Path)-1]
		if a.Verb != Set || removes || last.IsIndex() && a.Path.In(old).IsZero() {
			continue
		}
		e := evaluator{old: old, update: u, rank: ranks, current: &a}
		if want := e.value(a.Value); !attr.Equal(a.Path.In(next), want) {
			return "an assignment is not where its path leads"
		}
	}
	if u.Charge() <= 3 {
		return "no charge"
	}
	return ""
}

// TestUpdateProperties runs the checks of FuzzUpdate on pairs of seeds.
func TestUpdateProperties(t *testing.T) {
	item := decodeItem(t, fuzzItem)
	applied := 0
	for _, text := range fuzzSeeds {
		p, fault := parseLoose(fuzzRequest(t, KindUpdate, text))
		if fault != nil {
			continue
		}
		for _, old := range []attr.Item{item, {}} {
			if wrong := checkUpdate(p.Update, old); wrong != "" {
				t.Errorf("%q: %s", text, wrong)
			}
			applied++
		}
		again, _ := p.Update.Apply(item)
		if twice, _ := p.Update.Apply(item); !twice.Equal(again) {
			t.Errorf("%q: two results", text)
		}
	}
	if applied < 10 {
		t.Errorf("only %d updates", applied)
	}
}
