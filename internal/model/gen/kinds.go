package main

import (
	"fmt"
	"slices"
)

const attributeValue = "AttributeValue"

// A form is how values of a shape look in Go: their type, and the functions
// that read, write and print them (see decoder and encoder in package model).
type form struct {
	goType, decode, append, echo string
}

var scalars = map[string]form{
	"string":    {"string", "decodeString", "appendString", "echoString"},
	"integer":   {"int64", "decodeInteger", "appendInt", "appendInt"},
	"long":      {"int64", "decodeLong", "appendInt", "appendInt"},
	"double":    {"float64", "decodeDouble", "appendDouble", "appendDouble"},
	"boolean":   {"bool", "decodeBool", "appendBool", "appendBool"},
	"timestamp": {"Timestamp", "decodeTimestamp", "appendTimestamp", "appendTimestamp"},
}

var (
	inputItem  = form{"attr.InputItem", "(*attr.InputItem).Decode", "appendInputItem", "echoInputItem"}
	inputValue = form{"attr.InputValue", "(*attr.InputValue).Decode", "appendInputValue", "echoInputValue"}
	outputItem = form{"attr.Item", "decodeItem", "(*attr.Item).AppendJSON", ""}
)

// form returns the form of a shape; in says that it is part of a request.
func (g *generator) form(name string, in bool) form {
	sh := g.Shapes[name]
	if f, ok := scalars[sh.Type]; ok {
		return f
	}
	switch {
	case name == attributeValue && in:
		return inputValue
	case g.isItem(name) && in:
		return inputItem
	case g.isItem(name):
		return outputItem
	case sh.Type == "structure":
		return form{name, "(*" + name + ").Decode", "(*" + name + ").AppendJSON", "(*" + name + ").echo"}
	case sh.Type == "list":
		return form{"[]" + g.form(sh.Member.Shape, in).goType, "decode" + name, "append" + name, "echo" + name}
	}
	panic(fmt.Sprintf("no form for shape %s of type %s", name, sh.Type))
}

// isItem reports whether a shape is a map of attribute values.
func (g *generator) isItem(name string) bool {
	sh := g.Shapes[name]
	return sh.Type == "map" && sh.Value.Shape == attributeValue
}

// class returns the type of a map's values as serialization errors name it.
func (g *generator) class(name string) string {
	switch sh := g.Shapes[name]; sh.Type {
	case "string":
		return "String"
	case "list":
		return "List<" + sh.Member.Shape + ">"
	}
	return name
}

// A field is a member of a structure in Go.
type field struct {
	member
	*shape
	form
	kind fieldKind
	path string // "Structure.Member"
	must bool   // required
}

type fieldKind int

const (
	optField fieldKind = iota
	inputItemField
	pointerField
	listField
	mapField
)

// fields returns the fields of a structure in the order of the model.
func (g *generator) fields(name string) []field {
	sh := g.Shapes[name]
	in := g.inputs[name]
	var out []field
	for _, m := range sh.Members {
		f := field{member: m, shape: g.Shapes[m.Shape], path: name + "." + m.Name, must: slices.Contains(sh.Required, m.Name)}
		switch {
		case g.isItem(m.Shape):
			f.form = g.form(m.Shape, in)
			if in {
				f.kind = inputItemField
			}
		case f.Type == "structure" && m.Shape != attributeValue:
			f.form, f.kind = g.form(m.Shape, in), pointerField
		case f.Type == "list":
			f.form, f.kind = g.form(f.Member.Shape, in), listField
		case f.Type == "map":
			f.form, f.kind = g.form(f.Value.Shape, in), mapField
		default:
			f.form = g.form(m.Shape, in)
		}
		out = append(out, f)
	}
	return out
}

// ident returns the name of the field in Go.
func (f *field) ident() string { return upperFirst(f.Name) }

// declared returns the Go type of the field.
func (f *field) declared() string {
	switch f.kind {
	case inputItemField:
		return f.goType
	case pointerField:
		return "*" + f.goType
	case listField:
		return "[]" + f.goType
	case mapField:
		return "[]Entry[" + f.goType + "]"
	}
	return "Opt[" + f.goType + "]"
}

// given returns the expression that tells whether the field is present.
func (f *field) given() string {
	switch f.kind {
	case optField:
		return "in." + f.ident() + ".Set"
	case inputItemField:
		return "in." + f.ident() + ".Given"
	}
	return "in." + f.ident() + " != nil"
}
