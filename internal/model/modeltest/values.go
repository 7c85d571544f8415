package modeltest

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"
)

// A design is a table that requests speak of: its key and its indexes are
// always the same, so that requests fit to each other.
type design struct {
	name string
	key  []string // partition key and sort key attributes
}

var designs = []*design{
	{"hash", []string{"pk"}},
	{"pair", []string{"pk", "sk"}},
	{"numbers", []string{"nk", "sk"}},
	{"binary", []string{"bk", "nk"}},
	{"pair.2", []string{"pk", "nk"}},
}

// An index is one that any table may have; a local one has the partition key
// of the table.
type index struct {
	name  string
	local bool
	hash  []string
	sort  []string
}

var indexes = []*index{
	{"ByA", false, []string{"a"}, nil},
	{"ByNumber", false, []string{"nk"}, []string{"a"}},
	{"Several", false, []string{"a", "n"}, []string{"b", "sk"}},
	{"Local", true, nil, []string{"n"}},
	{"Local2", true, nil, []string{"a"}},
}

// types are the types of the attributes in keys. Others have any.
var types = map[string]string{"pk": "S", "sk": "S", "nk": "N", "bk": "B", "a": "S", "n": "N", "b": "B", "ttl": "N"}

var attributes = []string{"pk", "sk", "nk", "bk", "a", "n", "b", "ttl", "m", "l", "x", "name", "a-b", "ü"}

var (
	texts   = []string{"", "a", "b", "c", "é😀", "AB", "key", "tab", "\x00\x1f\"\\", "2026-11-01", " "}
	numbers = []string{
		"0", "1", "2", "3", "-1", "10", "1.50", "1e2", "-0", "0.001", "99999999999999999999999999999999999999",
		"1e-130", "-9.9999999999999999999999999999999999999E+125",
	}
	badNumbers = []string{"", "x", "1e126", "1e-131", "NaN", "Infinity", "1 ", "0x1", "1e", "--1", strings.Repeat("9", 39), "1e99999999999999999999", strings.Repeat("1", 5000)}
	places     = []string{"S", "N", "B", "SS", "NS", "BS", "M", "L", "NULL", "BOOL"}
)

// quote returns s as JSON.
func quote(s string) string {
	text, _ := json.Marshal(s) // cannot fail
	return string(text)
}

// attributeValue writes a value of a random type.
func (g *Generator) attributeValue() { g.typedValue(pick(g, places)) }

// typedValue writes a value of a type, most often.
func (g *Generator) typedValue(typ string) {
	if g.faulty() {
		g.brokenAttribute(typ)
		return
	}
	if g.depth > 10 {
		typ = "BOOL"
	}
	g.depth++
	defer func() { g.depth-- }()
	g.raw(`{"`, typ, `":`)
	switch typ {
	case "SS", "NS", "BS":
		g.set(typ[:1])
	case "L":
		g.list(g.rand.IntN(3), g.attributeValue)
	case "M":
		g.attributeMap(pickSome(g, attributes, g.rand.IntN(3)))
	case "NULL":
		g.raw("true")
	case "BOOL":
		g.raw(strconv.FormatBool(g.chance(50)))
	default:
		g.text(g.scalar(typ))
	}
	g.raw("}")
}

// scalar returns a value of type S, N or B from a small set.
func (g *Generator) scalar(typ string) string {
	switch typ {
	case "N":
		return pick(g, numbers)
	case "B":
		return base64.StdEncoding.EncodeToString([]byte(pick(g, texts)))
	}
	if g.chance(1) {
		return strings.Repeat("long", g.rand.IntN(1<<g.rand.IntN(15)))
	}
	return pick(g, texts)
}

// set writes the elements of a set, which differ most often.
func (g *Generator) set(typ string) {
	var elements []string
	for range 1 + g.rand.IntN(3) {
		s := g.scalar(typ)
		if typ == "N" && !g.chance(2) {
			s = strconv.Itoa(10*len(elements) + g.rand.IntN(10))
		}
		elements = append(elements, s)
	}
	g.each(unique(elements), g.text)
}

// each writes a list of what write writes for each of the elements.
func (g *Generator) each(elements []string, write func(string)) {
	i := 0
	g.list(len(elements), func() { write(elements[i]); i++ })
}

// pickSome returns up to n different elements of list.
func pickSome(g *Generator, list []string, n int) []string {
	var some []string
	for range n {
		some = append(some, pick(g, list))
	}
	return unique(some)
}

// unique returns list without repetitions.
func unique(list []string) []string {
	seen := map[string]bool{}
	var once []string
	for _, s := range list {
		if !seen[s] {
			once = append(once, s)
		}
		seen[s] = true
	}
	return once
}

// attributeMap writes an object of values for the attributes.
func (g *Generator) attributeMap(names []string) {
	i := 0
	g.object(len(names), func() {
		g.text(names[i])
		g.raw(":")
		g.attribute(names[i])
		i++
	})
}

// attribute writes a value for an attribute.
func (g *Generator) attribute(name string) {
	typ := types[name]
	switch {
	case name == "ttl":
		g.raw(`{"N":`, quote(strconv.FormatInt(g.now().Unix()+g.rand.Int64N(100_000)-50_000, 10)), `}`)
	case typ == "" || g.chance(2):
		g.attributeValue()
	case strings.HasSuffix(name, "k") && !g.chance(3):
		g.keyValue(typ)
	default:
		g.typedValue(typ)
	}
}

// keyValue writes a value of a key: one of a few.
func (g *Generator) keyValue(typ string) {
	if g.faulty() {
		g.brokenAttribute(typ)
		return
	}
	n := strconv.Itoa(g.rand.IntN(4))
	if typ == "B" {
		n = base64.StdEncoding.EncodeToString([]byte(n))
	}
	g.raw(`{"`, typ, `":`)
	g.text(n)
	g.raw("}")
}

// item writes an item of the table.
func (g *Generator) item() {
	g.attributeMap(unique(append(pickSome(g, attributes, g.rand.IntN(6)), g.table.key...)))
}

// key writes a key of the table.
func (g *Generator) key() {
	if kept := g.learned["LastEvaluatedKey"]; len(kept) > 0 && g.chance(3) {
		g.raw(pick(g, kept))
		return
	}
	g.attributeMap(g.table.key)
}
