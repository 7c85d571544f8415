package main

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// enumerations writes the values of enumerations, as constants and as sets.
func (g *generator) enumerations() {
	var names []string
	for name, sh := range g.Shapes {
		if len(sh.Enum) > 0 && (g.inputs[name] || g.outputs[name]) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		g.printf("// Values of %s.\nconst (\n", name)
		for _, value := range g.Shapes[name].Enum {
			g.printf("%s%s = %q\n", name, constantName(value), value)
		}
		g.printf(")\n\n")
	}
	g.printf("var (\n")
	for _, name := range names {
		printed := g.c.Enums[name]
		if printed == nil {
			printed = g.Shapes[name].Enum
		}
		g.printf("enum%s = enumeration{%#v, %q}\n", name, g.Shapes[name].Enum, "["+strings.Join(printed, ", ")+"]")
	}
	g.printf(")\n")
}

// constantName turns PAY_PER_REQUEST into PayPerRequest; what is in mixed
// case already stays.
func constantName(value string) string {
	if strings.ToUpper(value) != value {
		return value
	}
	var out string
	for _, word := range strings.Split(value, "_") {
		out += word[:1] + strings.ToLower(word[1:])
	}
	return out
}

// operations writes the table of operations.
func (g *generator) operations() {
	g.printf("// Operations are the operations of both services, sorted by name.\nvar Operations = []Operation{\n")
	for _, name := range g.names() {
		service := "DynamoDB"
		if g.Operations[name].Streams {
			service = "Streams"
		}
		g.printf("{Name: %q, Service: %s, NoOutput: %t},\n", name, service, g.Operations[name].Output == nil)
	}
	g.printf("}\n")
}

// testTable writes constructors of every request and structure, and a list of
// the rules of strings, for tests.
func (g *generator) testTable() ([]byte, error) {
	g.out = &bytes.Buffer{}
	g.printf("var inputs = map[string]func() request{\n")
	for _, name := range g.names() {
		g.printf("%q: func() request { return new(%sInput) },\n", name, name)
	}
	g.printf("}\n\nvar structures = map[string]func() shape{\n")
	for _, name := range slices.Sorted(maps.Keys(g.file)) {
		if g.Shapes[name].Type == "structure" {
			g.printf("%q: func() shape { return new(%s) },\n", name, name)
		}
	}
	g.printf("}\n\nvar textRules = []*textRule{\n")
	for _, rule := range slices.Sorted(maps.Keys(g.uses)) {
		if strings.HasPrefix(rule, "textRule{") {
			g.printf("&%s,\n", ruleName(rule))
		}
	}
	g.printf("}\n")
	text, err := source(g.out.Bytes(), nil)
	if err != nil {
		err = fmt.Errorf("test table: %w", err)
	}
	return text, err
}
