package main

import (
	"fmt"
	"slices"
	"strings"
)

// check writes the methods that check a structure of a request.
func (g *generator) check(name string) {
	op, isRequest := g.operationOf(name)
	if isRequest {
		rules := "nil"
		if g.hasRules(op) {
			rules = "rules" + op
		}
		g.printf("// Validate collects the violated constraints of in.\nfunc (in *%s) Validate(v *Violations) {\nv.begin(%s)\n", name, rules)
		if g.isChecked(name) {
			g.printf("in.check(v)\n")
		}
		g.printf("}\n\n")
	}
	if !g.inputs[name] || !g.isChecked(name) {
		return
	}
	g.printf("func (in *%s) check(v *Violations) {\n", name)
	for _, f := range g.reported(name) {
		g.checkField(&f)
	}
	g.printf("}\n\n")
}

// operationOf returns the operation whose request a structure is.
func (g *generator) operationOf(name string) (string, bool) {
	for _, op := range g.names() {
		if r := g.Operations[op].Input; r != nil && r.Shape == name {
			return op, true
		}
	}
	return "", false
}

// reported returns the fields of a structure in the order in which their
// violations are reported.
func (g *generator) reported(name string) []field {
	first := g.c.Order[name]
	rank := func(f field) int {
		if i := slices.Index(first, f.Name); i >= 0 {
			return i
		}
		return len(first)
	}
	fields := g.fields(name)
	slices.SortStableFunc(fields, func(a, b field) int { return rank(a) - rank(b) })
	return fields
}

// isChecked reports whether a shape of a request has constraints in it.
func (g *generator) isChecked(name string) bool {
	if have, ok := g.checked[name]; ok {
		return have
	}
	g.checked[name] = false // for shapes that contain themselves
	g.checked[name] = g.findChecked(name)
	return g.checked[name]
}

func (g *generator) findChecked(name string) bool {
	sh := g.Shapes[name]
	if name == attributeValue || g.isItem(name) {
		return false
	}
	switch sh.Type {
	case "structure":
		for _, f := range g.fields(name) {
			minimum, maximum := g.bounds(&f)
			if f.must || minimum != nil || maximum != nil || g.isChecked(f.member.Shape) {
				return true
			}
		}
		return false
	case "list":
		return sh.Min != nil || sh.Max != nil || g.isChecked(sh.Member.Shape)
	case "map":
		return sh.Min != nil || sh.Max != nil || g.isChecked(sh.Value.Shape) && g.Shapes[sh.Value.Shape].Type != "string"
	}
	return g.scalarRule(name, sh.Min, sh.Max) != ""
}

// bounds returns a member's minimum and maximum.
func (g *generator) bounds(f *field) (minimum, maximum *int64) {
	minimum, maximum = f.Min, f.Max
	o := g.c.Members[f.path]
	if o.Min != nil {
		minimum = o.Min
	}
	if o.Max != nil {
		maximum = o.Max
	}
	return minimum, maximum
}

func (g *generator) checkField(f *field) {
	must := "optional"
	if f.must {
		must = "required"
	}
	switch {
	case f.kind == listField || f.kind == mapField:
		g.checkSize(f, must)
		g.checkElements(f)
	case f.kind == pointerField:
		g.checkPresent(f)
		if g.isChecked(f.member.Shape) {
			g.printf("if in.%s != nil {\nv.member(%q)\nin.%s.check(v)\nv.leave()\n}\n", f.ident(), f.Name, f.ident())
		}
	default:
		g.checkScalar(f, must)
	}
}

func (g *generator) checkScalar(f *field, must string) {
	minimum, maximum := g.bounds(f)
	rule := g.scalarRule(f.member.Shape, minimum, maximum)
	if g.isTableName(f) {
		rule = g.tableRule(minimum)
	}
	if rule == "" {
		g.checkPresent(f)
		return
	}
	method := "number"
	if f.Type == "string" {
		method = "text"
	}
	g.printf("v.%s(%q, in.%s, %s, %s)\n", method, f.Name, f.ident(), g.ruleVar(rule), must)
}

func (g *generator) checkPresent(f *field) {
	if f.must {
		g.printf("v.present(%q, %s)\n", f.Name, f.given())
	}
}

func (g *generator) isTableName(f *field) bool {
	return f.member.Shape == g.c.TableNames.Shape && slices.Contains(g.c.TableNames.Members, f.Name)
}

// checkSize writes the check of the length of a list or map.
func (g *generator) checkSize(f *field, must string) {
	minimum, maximum := g.bounds(f)
	if minimum == nil && maximum == nil {
		g.checkPresent(f)
		return
	}
	empty := "[]"
	if f.kind == mapField {
		empty = "{}"
	}
	call := fmt.Sprintf("v.size(%q, len(in.%s), %s, %q, %s, %s)", f.Name, f.ident(), f.given(), empty, g.ruleVar(sizeRule(minimum, maximum)), must)
	if maximum == nil {
		g.printf("%s\n", call)
		return
	}
	g.checkWhole(f, call)
}

// checkWhole writes a check whose violation prints the whole member.
func (g *generator) checkWhole(f *field, call string) {
	printer := fmt.Sprintf("echoList(in.%s, dst, %s)", f.ident(), f.echo)
	if f.kind == mapField {
		printer = fmt.Sprintf("echoEntries(in.%s, dst, %s)", f.ident(), f.echo)
	}
	if slices.Contains(g.c.EchoJSON, f.path) {
		printer = fmt.Sprintf("appendEntries(in.%s, dst, %s)", f.ident(), f.append)
	}
	g.printf("if f := %s; f != nil {\nf.echo = func(dst []byte) []byte { return %s }\n}\n", call, printer)
}

// checkElements writes the checks of what a list or map contains.
func (g *generator) checkElements(f *field) {
	at := "in." + f.ident()
	if f.kind == listField {
		if g.isChecked(f.Member.Shape) {
			g.loop(f, f.Member.Shape, "elem(i)", at+"[i]")
		}
		return
	}
	value := g.Shapes[f.Value.Shape]
	if f.Key.Shape == g.c.TableNames.Shape {
		g.checkWhole(f, fmt.Sprintf("keys(v, %q, %s, %s)", f.Name, at, g.ruleVar(g.tableRule(&g.c.TableNames.KeyMin))))
	}
	if slices.Contains(g.c.MapValues, f.path) {
		g.checkWhole(f, fmt.Sprintf("values(v, %q, %s, %s)", f.Name, at, g.ruleVar(sizeRule(value.Min, value.Max))))
	}
	if g.isChecked(f.Value.Shape) && value.Type != "string" {
		g.loop(f, f.Value.Shape, "key("+at+"[i].Key)", at+"[i].Value")
	}
}

// loop writes the check of every element of a list or map; step is the call
// that enters element i, value the expression for it, elem its shape.
func (g *generator) loop(f *field, elem, step, value string) {
	g.printf("for i := range in.%s {\nv.member(%q)\nv.%s\n", f.ident(), f.Name, step)
	switch sh := g.Shapes[elem]; sh.Type {
	case "structure":
		g.printf("%s.check(v)\n", value)
	case "list":
		g.printf("for j := range %s {\nv.elem(j)\n%s[j].check(v)\nv.leave()\n}\n", value, value)
	default:
		rule := strings.TrimPrefix(g.ruleVar(g.scalarRule(elem, sh.Min, sh.Max)), "&")
		g.printf("%s.check(v, \"\", %s)\n", rule, value)
	}
	g.printf("v.leave()\nv.leave()\n}\n")
}
