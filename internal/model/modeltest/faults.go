package modeltest

import (
	"bytes"
	"strconv"
	"strings"
)

// faulty reports whether to break the next thing.
func (g *Generator) faulty() bool { return g.faults > 0 && g.rand.IntN(g.faults) == 0 }

// oddities are values that are seldom of the right type.
var oddities = []string{
	"null", "true", "false", "0", "-1", "1.5", "1e400", "-0.0", "99999999999999999999", "2147483648", "1E-7", "9223372036854775808",
	`""`, `"x"`, "{}", "[]", "[null]", "[[]]", `{"a":1}`, `{"":null}`, `{"S":"a"}`, `[{"S":"a"}]`, "nul", "'a'", "01", "+1", "NaN", "\x00", "",
}

// brokenValue writes something else than a value of the shape.
func (g *Generator) brokenValue() {
	switch g.rand.IntN(12) {
	case 0:
		g.nested()
	case 1:
		g.brokenText("a")
	case 2:
		g.raw(strings.Repeat("1", 1<<g.rand.IntN(14)))
	default:
		g.raw(pick(g, oddities))
	}
}

// nested writes a value that is nested deeply.
func (g *Generator) nested() {
	levels := 25 + g.rand.IntN(20)
	if g.chance(30) {
		levels = 1 << g.rand.IntN(16)
	}
	with := pick(g, [][2]string{{`{"L":[`, `]}`}, {`{"M":{"a":`, `}}`}, {"[", "]"}, {`{"a":`, "}"}})
	g.raw(strings.Repeat(with[0], levels))
	if with[0] != "[" {
		g.raw(`{"S":"a"}`)
	}
	g.raw(strings.Repeat(with[1], levels))
}

// brokenText writes a string that is too long, or not what a string may be.
func (g *Generator) brokenText(s string) {
	switch g.rand.IntN(8) {
	case 0:
		g.raw(quote(strings.Repeat("x", 1<<g.rand.IntN(17))))
	case 1:
		g.raw(`"`, s, "\xff\xc3\"")
	case 2:
		g.raw(`"\ud800`, pick(g, []string{"", "x", `\ud800`, `\u0041`}), `"`)
	case 3:
		g.raw(`"`, "\x01\n", `"`)
	case 4:
		g.raw(`"\x`, s, `"`)
	case 5:
		g.raw(`""`)
	case 6:
		g.raw(quote(s + "\u2028￾\U0010ffff%s%d%v<&>"))
	default:
		g.raw(quote("no such " + s))
	}
}

// brokenAttribute writes an attribute value that is none.
func (g *Generator) brokenAttribute(typ string) {
	switch g.rand.IntN(10) {
	case 0:
		g.raw(`{"N":`, quote(pick(g, badNumbers)), `}`)
	case 1:
		g.raw(`{"B":"`, pick(g, []string{"a", "ab=", "a===", "!!!!", "YQ=", "YR=="}), `"}`)
	case 2:
		g.raw(`{"S":"a","N":"1"}`)
	case 3:
		g.raw("{}")
	case 4:
		g.raw(`{"`, typ, `":`, pick(g, oddities), "}")
	case 5:
		g.raw(`{"`, pick(g, []string{"SS", "NS", "BS"}), `":`, pick(g, []string{"[]", `["",""]`, `["1","1.0"]`, `["a",null]`, `["YQ==","YQ=="]`}), "}")
	case 6:
		g.raw(`{"NULL":false}`)
	case 7:
		g.raw(`{"`, pick(g, []string{"s", "X", ""}), `":"a"}`)
	case 8:
		g.raw(`{"S":`, quote(strings.Repeat("x", 1<<g.rand.IntN(20))), "}")
	default:
		g.nested()
	}
}

// brokenExpression returns an expression with a fault.
func (g *Generator) brokenExpression() string {
	return pick(g, []string{
		"", " ", "(", ")", "a =", "= :v0", "a = :missing", "#missing = a", "a.b.c[", "a[99999999999999999999] = a", "a[-1] = a", "SET", "SET a = :x, ",
		"SET a = a + ", "REMOVE a, a", "SET a.b = n, a.b.c = n", "ADD a a", "size(a)", "unknown(a)", "begins_with(a)", "attribute_exists(:v)", "attribute_exists(size(a))",
		"a IN ()", "a BETWEEN a", "NOT NOT NOT", "a and b", "a = b AND AND", "select = a", "\x00", "é = a", "a\t=\na", "'a' = a", "a = 1", "a <> > b", ":v0", "#n", "##", "::", "a..b",
		"contains(a, a)", "contains(a)", "a = a OR", "SET a = list_append(a)", "SET a = if_not_exists(a.b[0], a)", "SET pk = a", "DELETE a a SET", "SET a = a SET b = b",
		strings.Repeat("(", 1<<g.rand.IntN(13)) + "a = a", strings.Repeat("NOT ", g.rand.IntN(1000)) + "a = a", "a" + strings.Repeat(".a", g.rand.IntN(60)) + " = a",
		"a = a" + strings.Repeat(" OR a = a", g.rand.IntN(400)), "a IN (" + strings.Repeat("a,", g.rand.IntN(120)) + "a)",
	})
}

// brokenExpressionOf returns text with a fault.
func (g *Generator) brokenExpressionOf(text string) string {
	at := g.rand.IntN(len(text) + 1)
	switch g.rand.IntN(5) {
	case 0:
		return text[:at]
	case 1:
		return text[at:]
	case 2:
		return text[:at] + pick(g, []string{"'", `"`, "(", ")", "[", "]", "{", "}", "<<", ">>", "?", ";", ",", ".", "--", "/*", "\\", "\x00", " AND ", " NOT ", " WHERE ", "1e", "`"}) + text[at:]
	case 3:
		return text + strings.Repeat(" AND a = 1", g.rand.IntN(900))
	}
	return strings.Repeat(pick(g, []string{"(", "[", "{'a':", "<<", "NOT "}), g.rand.IntN(3000)) + text
}

// scramble breaks the JSON of the request.
func (g *Generator) scramble() {
	at := g.rand.IntN(len(g.out) + 1)
	switch g.rand.IntN(6) {
	case 0:
		g.out = g.out[:at]
	case 1:
		g.out = append(g.out, pick(g, []string{"x", "{}", ",", "\x00", "]", "}", "\ufeff"})...)
	case 2:
		g.out = bytes.Clone(append([]byte(pick(g, []string{"\ufeff", "\xff\xfe", "x", "[", "null", "\n \t\r"})), g.out...))
	case 3:
		if at < len(g.out) {
			g.out[at] = byte(g.rand.IntN(256))
		}
	case 4:
		g.out = append(g.out[:at:at], append([]byte(strconv.Quote(pick(g, texts))), g.out[at:]...)...)
	default:
		g.out = append(g.out[:at:at], g.out[min(at+1, len(g.out)):]...)
	}
}
