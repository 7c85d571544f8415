package modeltest

import (
	"math/rand/v2"
	"strconv"
	"time"
)

// Generator makes random requests. What it makes depends on its source of
// randomness and on the answers that it was told of. It is for one goroutine.
type Generator struct {
	models  *Models
	rand    *rand.Rand
	now     func() time.Time
	learned map[string][]string // what answers held, by the name of the member, as JSON

	request
}

// request is the state of the request being made.
type request struct {
	shapes      map[string]*shape
	out         []byte
	faults      int  // one of so many values is broken; none if zero
	depth       int  // of the value being written
	provisioned bool // the table being created has throughput
	table       *design
	index       *index // the one being described
	scope       *scope
}

// scope is what the expressions of one structure use.
type scope struct {
	names, values map[string]string // placeholders and what they stand for, as JSON
	defined       map[string]bool   // attributes in key schemas
}

func newScope() *scope {
	return &scope{map[string]string{}, map[string]string{}, map[string]bool{}}
}

// New returns a Generator; now is the time that requests speak of.
func New(m *Models, r *rand.Rand, now func() time.Time) *Generator {
	return &Generator{models: m, rand: r, now: now, learned: map[string][]string{}}
}

// Request returns the body of a request for the operation.
func (g *Generator) Request(operation string) []byte {
	op := g.models.operations[operation]
	g.request = request{shapes: op.shapes, table: pick(g, designs), scope: newScope(), provisioned: g.chance(25)}
	if g.chance(35) {
		g.faults = 5 + g.rand.IntN(40)
	}
	g.value("", "", op.Input.Shape)
	if g.chance(6) {
		g.scramble()
	}
	return g.out
}

// chance is true in percent of all cases.
func (g *Generator) chance(percent int) bool { return g.rand.IntN(100) < percent }

// pick returns one of list.
func pick[T any](g *Generator, list []T) T { return list[g.rand.IntN(len(list))] }

// raw writes JSON.
func (g *Generator) raw(parts ...string) {
	for _, part := range parts {
		g.out = append(g.out, part...)
	}
}

// text writes a string, now and then a broken one.
func (g *Generator) text(s string) {
	if g.faulty() {
		g.brokenText(s)
		return
	}
	g.raw(quote(s))
}

// built returns what write writes instead of writing it.
func (g *Generator) built(write func()) string {
	kept := g.out
	g.out = nil
	write()
	made := string(g.out)
	g.out = kept
	return made
}

// value writes a value of a shape, for the member of the structure.
func (g *Generator) value(structure, member, name string) {
	if g.faulty() {
		g.brokenValue()
		return
	}
	g.depth++
	defer func() { g.depth-- }()
	if write := plausible[structure+"."+member]; write != nil {
		write(g)
		return
	}
	if write := plausible[name]; write != nil {
		write(g)
		return
	}
	g.plain(name)
}

// plain writes a value that is nothing but of its type.
func (g *Generator) plain(name string) {
	switch s := g.shapes[name]; s.Type {
	case "structure":
		g.structure(name, s)
	case "list":
		g.list(g.count(), func() { g.value("", "", s.Member.Shape) })
	case "map":
		g.object(g.count(), func() {
			g.value("", "", s.Key.Shape)
			g.raw(":")
			g.value("", "", s.Value.Shape)
		})
	case "boolean":
		g.raw(strconv.FormatBool(g.chance(50)))
	case "string":
		if len(s.Enum) > 0 {
			g.text(pick(g, s.Enum))
			return
		}
		g.text(pick(g, texts))
	default: // numbers
		g.raw(strconv.Itoa(g.rand.IntN(20)))
	}
}

// count returns how many elements to write.
func (g *Generator) count() int {
	switch {
	case g.depth > 12:
		return 0
	case g.faulty():
		return pick(g, []int{0, 26, 101})
	}
	return 1 + g.rand.IntN(3)
}

// list writes a list of n elements.
func (g *Generator) list(n int, element func()) { g.series("[", "]", n, element) }

// object writes an object of n members.
func (g *Generator) object(n int, member func()) { g.series("{", "}", n, member) }

func (g *Generator) series(begin, end string, n int, element func()) {
	g.raw(begin)
	for i := range n {
		if i > 0 {
			g.raw(",")
		}
		element()
	}
	g.raw(end)
}

// structure writes a structure with its required members and some others.
func (g *Generator) structure(name string, s *shape) {
	scope, index := g.scope, g.index
	defer func() { g.scope, g.index = scope, index }()
	g.index = nil
	if _, found := s.Members["ExpressionAttributeNames"]; found {
		g.scope = newScope()
	}
	g.raw("{")
	first := true
	for _, member := range g.members(name, s) {
		if g.faulty() || g.empty(member) {
			continue
		}
		for range g.repeats() {
			if !first {
				g.raw(",")
			}
			first = false
			g.text(member)
			g.raw(":")
			g.value(name, member, s.Members[member].Shape)
		}
	}
	g.raw("}")
}

// empty reports whether there is nothing to write in a member.
func (g *Generator) empty(member string) bool {
	switch member {
	case "ExpressionAttributeNames":
		return len(g.scope.names) == 0
	case "ExpressionAttributeValues":
		return len(g.scope.values) == 0
	case "AttributeDefinitions":
		return len(g.scope.defined) == 0
	}
	return false
}

// repeats returns how often to write a member.
func (g *Generator) repeats() int {
	if g.faulty() {
		return 2
	}
	return 1
}
