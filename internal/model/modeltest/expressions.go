package modeltest

import (
	"slices"
	"strconv"
	"strings"
)

var (
	comparators = []string{"=", "<>", "<", "<=", ">", ">="}
	typeNames   = append([]string{"X", "s"}, places...)
)

// name returns a placeholder for an attribute, or its name.
func (g *Generator) name(attribute string) string {
	if !strings.ContainsAny(attribute, "-ü") && attribute != "name" && attribute != "ttl" && g.chance(60) {
		return attribute
	}
	placeholder := "#n" + strconv.Itoa(slices.Index(attributes, attribute))
	g.scope.names[placeholder] = quote(attribute)
	return placeholder
}

// path returns a document path.
func (g *Generator) path() string {
	p := g.name(pick(g, attributes))
	for g.chance(15) {
		if g.chance(50) {
			p += "[" + strconv.Itoa(g.rand.IntN(3)) + "]"
		} else {
			p += "." + g.name(pick(g, attributes))
		}
	}
	return p
}

// placeholder returns a placeholder for the value that write writes.
func (g *Generator) placeholder(write func()) string {
	p := ":v" + strconv.Itoa(len(g.scope.values))
	g.scope.values[p] = g.built(write)
	return p
}

func (g *Generator) anyValue() string { return g.placeholder(g.attributeValue) }

func (g *Generator) valueOf(typ string) string {
	return g.placeholder(func() { g.typedValue(typ) })
}

// operand returns an operand of a condition.
func (g *Generator) operand() string {
	switch g.rand.IntN(8) {
	case 0, 1, 2:
		return g.anyValue()
	case 3:
		return "size(" + g.path() + ")"
	}
	return g.path()
}

// conditions returns a condition of up to some levels.
func (g *Generator) conditions(levels int) string {
	if g.faulty() {
		return g.brokenExpression()
	}
	if levels > 0 && g.chance(30) {
		left, right := g.conditions(levels-1), g.conditions(levels-1)
		return pick(g, []string{left + " AND " + right, left + " OR " + right, "NOT " + left, "(" + left + ")"})
	}
	path := g.path()
	switch g.rand.IntN(8) {
	case 0:
		return "attribute_exists(" + path + ")"
	case 1:
		return "attribute_not_exists(" + path + ")"
	case 2:
		return "attribute_type(" + path + ", " + g.placeholder(func() { g.raw(`{"S":`, quote(pick(g, typeNames)), "}") }) + ")"
	case 3:
		return "begins_with(" + path + ", " + g.valueOf(pick(g, []string{"S", "B"})) + ")"
	case 4:
		return "contains(" + path + ", " + g.operand() + ")"
	case 5:
		return path + " IN (" + g.operand() + ", " + g.operand() + ")"
	case 6:
		typ := pick(g, places[:3])
		return path + " BETWEEN " + g.valueOf(typ) + " AND " + g.valueOf(typ)
	}
	return g.operand() + " " + pick(g, comparators) + " " + g.operand()
}

// keyExpression returns a key condition for the table or the index.
func (g *Generator) keyExpression() string {
	if g.faulty() {
		return g.brokenExpression()
	}
	hash, sort := g.table.key[:1], g.table.key[1:]
	if x := g.index; x != nil {
		sort = x.sort
		if !x.local {
			hash = x.hash
		}
	}
	var terms []string
	for _, attribute := range hash {
		terms = append(terms, g.keyEquals(attribute))
	}
	for _, attribute := range sort {
		if g.chance(40) {
			break
		}
		if len(terms) < len(hash)+len(sort)-1 {
			terms = append(terms, g.keyEquals(attribute))
			continue
		}
		terms = append(terms, g.keyRange(attribute))
	}
	return strings.Join(terms, " AND ")
}

func (g *Generator) keyEquals(attribute string) string {
	return g.name(attribute) + " = " + g.keyOf(attribute)
}

func (g *Generator) keyOf(attribute string) string {
	return g.placeholder(func() { g.attribute(attribute) })
}

// keyRange returns a condition on the last sort key attribute.
func (g *Generator) keyRange(attribute string) string {
	name := g.name(attribute)
	switch g.rand.IntN(4) {
	case 0:
		return name + " BETWEEN " + g.keyOf(attribute) + " AND " + g.keyOf(attribute)
	case 1:
		return "begins_with(" + name + ", " + g.keyOf(attribute) + ")"
	}
	return name + " " + pick(g, comparators) + " " + g.keyOf(attribute)
}

// updates returns an update expression.
func (g *Generator) updates() string {
	if g.faulty() {
		return g.brokenExpression()
	}
	var clauses []string
	for _, i := range g.rand.Perm(4)[:1+g.rand.IntN(2)] {
		switch i {
		case 0:
			clauses = append(clauses, "SET "+g.changed()+" = "+g.setTo())
		case 1:
			clauses = append(clauses, "REMOVE "+g.changed())
		case 2:
			clauses = append(clauses, "ADD "+g.changed()+" "+g.valueOf(pick(g, []string{"N", "SS", "NS", "BS"})))
		case 3:
			clauses = append(clauses, "DELETE "+g.changed()+" "+g.valueOf(pick(g, []string{"SS", "NS", "BS"})))
		}
	}
	return strings.Join(clauses, " ")
}

// changed returns a path to change: not of the key, most often.
func (g *Generator) changed() string {
	for range 10 {
		if p := g.path(); !slices.Contains(g.table.key, p) && !strings.Contains(p, "k") {
			return p
		}
	}
	return "x"
}

// setTo returns what a path is set to.
func (g *Generator) setTo() string {
	switch g.rand.IntN(6) {
	case 0:
		return g.path()
	case 1:
		return "if_not_exists(" + g.path() + ", " + g.anyValue() + ")"
	case 2:
		return "list_append(" + g.valueOf("L") + ", " + g.valueOf("L") + ")"
	case 3:
		return pick(g, []string{"n", "x", g.valueOf("N")}) + pick(g, []string{" + ", " - "}) + g.valueOf("N")
	}
	return g.anyValue()
}

// paths returns a projection.
func (g *Generator) paths() string {
	if g.faulty() {
		return g.brokenExpression()
	}
	some := []string{g.path()}
	for g.chance(50) {
		some = append(some, g.path())
	}
	return strings.Join(unique(some), ", ")
}
