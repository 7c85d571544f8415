package modeltest

import (
	"slices"
	"strconv"
	"strings"
)

// statement writes a PartiQL statement and the parameters that it has.
func (g *Generator) statement() {
	g.table = pick(g, designs)
	var parameters []string
	text := g.statementText(&parameters)
	if g.faulty() {
		text = g.brokenExpressionOf(text)
	}
	g.text(text)
	if len(parameters) > 0 && !g.faulty() {
		g.raw(`,"Parameters":[`, strings.Join(parameters, ","), "]")
	}
}

// A literal returns a value in a statement: a parameter, or text.
type literal func(write func()) string

func (g *Generator) statementText(parameters *[]string) string {
	value := func(write func()) string {
		if g.chance(60) {
			*parameters = append(*parameters, g.built(write))
			return "?"
		}
		return g.partiqlLiteral()
	}
	target := `"` + g.table.name + `"`
	switch g.rand.IntN(14) {
	case 0, 1, 2:
		return "INSERT INTO " + target + " VALUE {" + g.partiqlItem(value) + "}"
	case 3, 4, 5:
		return "UPDATE " + target + " " + g.partiqlUpdates(value) + g.keyWhere(value) + g.returning()
	case 6, 7:
		return "DELETE FROM " + target + g.keyWhere(value) + g.returning()
	case 8:
		return "EXISTS(SELECT * FROM " + target + g.keyWhere(value) + ")"
	}
	if g.chance(30) {
		target += `."` + pick(g, indexes).name + `"`
	}
	text := "SELECT " + pick(g, []string{"*", "*", "pk, a", "m.x, l[0]", "n"}) + " FROM " + target
	if g.chance(40) {
		text += g.anyWhere(value)
	} else {
		text += g.keyWhere(value)
	}
	if g.chance(10) {
		text += " ORDER BY " + g.table.key[len(g.table.key)-1] + pick(g, []string{" DESC", " ASC"})
	}
	return text
}

// partiqlLiteral returns a value as PartiQL writes it.
func (g *Generator) partiqlLiteral() string {
	switch g.rand.IntN(8) {
	case 0:
		return pick(g, numbers)
	case 1:
		return pick(g, []string{"TRUE", "false", "NULL", "MISSING"})
	case 2:
		return "<<1, 2>>"
	case 3:
		return "['a', 1]"
	case 4:
		return "{'x': 1, 'l': []}"
	}
	return "'" + strings.ReplaceAll(pick(g, texts), "'", "''") + "'"
}

// keyWhere returns a WHERE clause that names the whole key.
func (g *Generator) keyWhere(value literal) string {
	var terms []string
	for _, attribute := range g.table.key {
		terms = append(terms, attribute+" = "+g.keyText(attribute, value))
	}
	if g.chance(25) {
		terms = append(terms, g.partiqlCondition(value))
	}
	return " WHERE " + strings.Join(terms, " AND ")
}

// keyText returns the value of a key attribute.
func (g *Generator) keyText(attribute string, value literal) string {
	n := strconv.Itoa(g.rand.IntN(4))
	switch {
	case types[attribute] == "N" && g.chance(50):
		return n
	case types[attribute] == "S" && g.chance(50):
		return "'" + n + "'"
	}
	for { // a parameter
		if s := value(func() { g.attribute(attribute) }); s == "?" || g.chance(5) {
			return s
		}
	}
}

// anyWhere returns a WHERE clause, or none.
func (g *Generator) anyWhere(value literal) string {
	if g.chance(20) {
		return ""
	}
	return " WHERE " + g.partiqlCondition(value) + pick(g, []string{"", "", " OR a = 1", " AND NOT n < 1", " AND"})
}

// partiqlCondition returns one condition.
func (g *Generator) partiqlCondition(value literal) string {
	attribute := pick(g, []string{"pk", "sk", "nk", "a", "n", "m.x", "l[0]", "x", `"a-b"`})
	v := func() string { return value(g.attributeValue) }
	switch g.rand.IntN(9) {
	case 0:
		return attribute + " IN [" + v() + ", " + v() + "]"
	case 1:
		return attribute + " BETWEEN " + v() + " AND " + v()
	case 2:
		return "begins_with(" + attribute + ", " + v() + ")"
	case 3:
		return "contains(" + attribute + ", " + v() + ")"
	case 4:
		return attribute + pick(g, []string{" IS MISSING", " IS NOT MISSING", " IS NULL", " IS NOT NULL"})
	case 5:
		return "attribute_type(" + attribute + ", " + v() + ")"
	case 6:
		return "size(" + attribute + ") > " + v()
	}
	return attribute + " " + pick(g, comparators) + " " + v()
}

// partiqlItem returns the members of an item to insert.
func (g *Generator) partiqlItem(value literal) string {
	var members []string
	for _, attribute := range slices.Concat(g.table.key, pickSome(g, attributes[4:], 3)) {
		text := "'" + attribute + "': "
		if slices.Contains(g.table.key, attribute) {
			text += g.keyText(attribute, value)
		} else {
			text += value(func() { g.attribute(attribute) })
		}
		members = append(members, text)
	}
	return strings.Join(members, ", ")
}

// partiqlUpdates returns the clauses of an UPDATE.
func (g *Generator) partiqlUpdates(value literal) string {
	attribute := pick(g, []string{"a", "n", "x", "m.x", "l[0]", "ttl", "pk"})
	v := func() string { return value(g.attributeValue) }
	switch g.rand.IntN(6) {
	case 0:
		return "REMOVE " + attribute
	case 1:
		return "SET " + attribute + " = " + attribute + pick(g, []string{" + ", " - "}) + v()
	case 2:
		return "SET " + attribute + " = list_append(" + attribute + ", " + v() + ")"
	case 3:
		return "SET " + attribute + " = " + pick(g, []string{"set_add(", "set_delete("}) + attribute + ", " + v() + ")"
	case 4:
		return "SET x = " + v() + " SET a = " + v() + " REMOVE m.x"
	}
	return "SET " + attribute + " = " + v()
}

func (g *Generator) returning() string {
	if g.chance(60) {
		return ""
	}
	return " RETURNING " + pick(g, []string{"ALL OLD *", "ALL NEW *", "MODIFIED OLD *", "MODIFIED NEW *", "NONE"})
}
