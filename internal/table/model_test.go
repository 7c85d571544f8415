package table_test

import (
	"fmt"
	"maps"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/expr"
	"github.com/statordb/stator/internal/table"
)

// val is a scalar in the model: an S or B by its bytes, an N by its canonical
// text.
type val struct {
	typ  attr.Type
	text string
}

func (v val) String() string { return fmt.Sprintf("%v %q", v.typ, v.text) }

// doc is an item in the model.
type doc map[string]val

func (v val) value() attr.Value {
	switch v.typ {
	case attr.S:
		return attr.String(v.text)
	case attr.B:
		return attr.Binary([]byte(v.text))
	}
	return number(v.text)
}

func (d doc) item() attr.Item {
	var attrs []attr.Attribute
	for name, v := range d {
		attrs = append(attrs, attr.Attribute{Name: name, Value: v.value()})
	}
	return attr.NewItem(attrs...)
}

func docOf(it attr.Item) doc {
	d := doc{}
	for name, v := range it.All() {
		text := ""
		if v.Type() == attr.N {
			text = v.NumberText()
		} else {
			text = string(v.Bytes())
		}
		d[strings.Clone(name)] = val{v.Type(), text}
	}
	return d
}

func (v val) compare(w val) int {
	if v.typ != attr.N {
		return strings.Compare(v.text, w.text)
	}
	a, _ := new(big.Rat).SetString(v.text)
	b, _ := new(big.Rat).SetString(w.text)
	return a.Cmp(b)
}

// fits reports whether v may be a key attribute a of an index.
func (v val) fits(a table.KeyAttr, limit int) bool {
	return v.typ == a.Type && (v.typ == attr.N || len(v.text) > 0 && len(v.text) <= limit)
}

// modelTable is a table as a map.
type modelTable struct {
	d    *table.Descriptor
	docs map[string]doc // by id
}

// id is the key of d as text.
func (m *modelTable) id(d doc) string {
	var parts []string
	for _, a := range m.d.Key.All() {
		parts = append(parts, d[a.Name].text)
	}
	return strings.Join(parts, "\xff|\xff")
}

// projected returns what x holds of d, nil if it is not in it.
func (m *modelTable) projected(x *table.Index, d doc) doc {
	for _, a := range x.Key.Hash {
		if !d[a.Name].fits(a, 2048) {
			return nil
		}
	}
	for _, a := range x.Key.Sort {
		if !d[a.Name].fits(a, 1024) {
			return nil
		}
	}
	if x.Projection.Type == "ALL" {
		return d
	}
	p := doc{}
	for name, v := range d {
		if m.d.Key.Has(name) || x.Key.Has(name) || slices.Contains(x.Projection.NonKeys, name) {
			p[name] = v
		}
	}
	return p
}

// contents returns what x holds, or the table if x is nil, in no order.
func (m *modelTable) contents(x *table.Index) []doc {
	var all []doc
	for _, d := range m.docs {
		if x != nil {
			if d = m.projected(x, d); d == nil {
				continue
			}
		}
		all = append(all, d)
	}
	return all
}

// query returns what a query finds, in order.
func (m *modelTable) query(x *table.Index, k expr.KeyRange, reverse bool) []doc {
	schema := m.d.Schema(x)
	var found []doc
	for _, d := range m.contents(x) {
		if matches(d, schema, k) {
			found = append(found, d)
		}
	}
	order := slices.Concat(schema.Sort, m.d.Key.Hash, m.d.Key.Sort)
	slices.SortFunc(found, func(a, b doc) int {
		for _, k := range order {
			if c := a[k.Name].compare(b[k.Name]); c != 0 {
				return c
			}
		}
		return 0
	})
	if reverse {
		slices.Reverse(found)
	}
	return found
}

func matches(d doc, schema table.KeySchema, k expr.KeyRange) bool {
	for i, v := range k.Hash {
		if d[schema.Hash[i].Name] != valOf(v) {
			return false
		}
	}
	for i, v := range k.Sort {
		if d[schema.Sort[i].Name] != valOf(v) {
			return false
		}
	}
	if k.Op == expr.None {
		return true
	}
	have, lo := d[schema.Sort[len(k.Sort)].Name], valOf(k.Lo)
	switch k.Op {
	case expr.Less:
		return have.compare(lo) < 0
	case expr.LessOrEqual:
		return have.compare(lo) <= 0
	case expr.Greater:
		return have.compare(lo) > 0
	case expr.GreaterOrEqual:
		return have.compare(lo) >= 0
	case expr.InRange:
		return have.compare(lo) >= 0 && have.compare(valOf(k.Hi)) <= 0
	}
	return strings.HasPrefix(have.text, lo.text)
}

func valOf(v attr.Value) val { return docOf(attr.NewItem(attr.Attribute{Name: "v", Value: v}))["v"] }

// sorted returns docs in some definite order.
func sorted(docs []doc) []doc {
	docs = slices.Clone(docs)
	slices.SortFunc(docs, func(a, b doc) int { return strings.Compare(a.text(), b.text()) })
	return docs
}

func (d doc) text() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(d)) {
		b.WriteString(name + "=" + d[name].typ.String() + ":" + d[name].text + "\x01")
	}
	return b.String()
}

func sameDocs(a, b []doc) bool {
	return slices.EqualFunc(a, b, func(a, b doc) bool { return maps.Equal(a, b) })
}

// Values come from small pools, so that they meet, and from their edges.
var (
	texts = []string{"a", "ab", "abc", "b", "ba", "\x00", "\x00\x00", "\x00\x01", "a\x00", "a\x00b", "a\x00\xc3\xbf", "a\x01", "a\x01\x00", "é", "éa", "\U0010ffff", "z", "A"}
	blobs = []string{"\x00", "\x00\x00", "\x00\x01", "\x00\xff", "\x01", "\xfe", "\xfe\xff", "\xff", "\xff\x00", "\xff\xff", "\xff\xff\x00", "a", "a\x00", "a\x00\x01", "a\x00\xff", "a\xff"}
	nums  = []string{"0", "1", "-1", "2", "-2", "9", "10", "11", "-9", "-10", "-11", "99", "100", "-100", "0.5", "-0.5", "0.05", "0.051", "-0.05", "-0.051", "1.5", "12345678901234567890123456789012345678",
		"-12345678901234567890123456789012345678", "1E-130", "-1E-130", "9.9999999999999999999999999999999999999E125", "-9.9999999999999999999999999999999999999E125", "1E100", "-1E100", "255", "256", "-255", "-256"}
)

// randomVal returns a val of a type; a plain one can be any key.
func randomVal(rng *rand.Rand, typ attr.Type) val {
	switch typ {
	case attr.S:
		return val{typ, pick(rng, texts)}
	case attr.B:
		return val{typ, pick(rng, blobs)}
	}
	return valOf(number(pick(rng, nums)))
}

// oddVal is randomVal, or now and then one that cannot be a key of this type.
func oddVal(rng *rand.Rand, typ attr.Type) val {
	switch rng.IntN(20) {
	case 0:
		return randomVal(rng, pick(rng, []attr.Type{attr.S, attr.N, attr.B}))
	case 1:
		if typ != attr.N {
			return val{typ, ""}
		}
	case 2:
		if typ != attr.N {
			return val{typ, strings.Repeat("x", pick(rng, []int{1023, 1024, 1025, 2048, 2049}))}
		}
	}
	return randomVal(rng, typ)
}

func pick[T any](rng *rand.Rand, from []T) T { return from[rng.IntN(len(from))] }
