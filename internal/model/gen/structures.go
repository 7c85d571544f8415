package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// structures writes the types of one file with their methods, and the
// functions for lists that are values of maps.
func (g *generator) structures(file string) {
	for _, name := range slices.Sorted(maps.Keys(g.file)) {
		if g.file[name] != file {
			continue
		}
		switch g.Shapes[name].Type {
		case "structure":
			g.structure(name)
		case "list":
			if g.isMapValue(name) {
				g.listFunctions(name)
			}
		}
	}
	g.absentOutputs(file)
}

// isMapValue reports whether some map has lists of the given shape.
func (g *generator) isMapValue(name string) bool {
	for m, sh := range g.Shapes {
		if sh.Type == "map" && sh.Value.Shape == name && g.file[m] != "" {
			return true
		}
	}
	return false
}

func (g *generator) structure(name string) {
	fields := g.fields(name)
	g.printf("// %s\ntype %s struct {\n", g.describe(name), name)
	for i := range fields {
		g.printf("%s %s\n", fields[i].ident(), fields[i].declared())
	}
	g.printf("}\n\n")
	g.decode(name, fields)
	g.append(name, fields)
	if g.echoed[name] {
		g.echo(name, fields)
	}
	g.check(name)
}

// describe returns the doc comment of a structure.
func (g *generator) describe(name string) string {
	var in, out []string
	for _, op := range g.names() {
		if r := g.Operations[op].Input; r != nil && r.Shape == name {
			in = append(in, op)
		}
		if r := g.Operations[op].Output; r != nil && r.Shape == name {
			out = append(out, op)
		}
	}
	switch {
	case in != nil:
		return name + " is the request of " + strings.Join(in, " and ") + "."
	case out != nil:
		return name + " is the response of " + strings.Join(out, " and ") + "."
	case g.inputs[name] && g.outputs[name]:
		return name + " is part of requests and responses."
	case g.inputs[name]:
		return name + " is part of requests."
	}
	return name + " is part of responses."
}

func (g *generator) decode(name string, fields []field) {
	g.printf("// Decode reads a JSON object into in.\nfunc (in *%s) Decode(s *wire.Scanner) error {\n", name)
	g.printf("if err := s.Struct(%q); err != nil {\nreturn err\n}\n", name)
	g.printf("for {\nkey, ok, err := s.NextKey()\nif err != nil || !ok {\nreturn err\n}\nif s.Null() {\ncontinue\n}\n")
	if len(fields) == 0 {
		g.printf("_ = key\nif err := s.Skip(); err != nil {\nreturn err\n}\n}\n}\n\n")
		return
	}
	g.printf("switch string(key) {\n")
	for i := range fields {
		g.printf("case %q:\nerr = %s\n", fields[i].Name, g.decodeField(&fields[i]))
	}
	g.printf("default:\nerr = s.Skip()\n}\nif err != nil {\nreturn err\n}\n}\n}\n\n")
}

func (g *generator) decodeField(f *field) string {
	switch f.kind {
	case inputItemField:
		return fmt.Sprintf("in.%s.Decode(s)", f.ident())
	case pointerField:
		return fmt.Sprintf("structure(s, &in.%s, %s)", f.ident(), f.decode)
	case listField:
		return fmt.Sprintf("list(s, &in.%s, %s)", f.ident(), f.decode)
	case mapField:
		return fmt.Sprintf("entries(s, %q, &in.%s, %s)", g.class(f.Value.Shape), f.ident(), f.decode)
	}
	if len(f.Enum) > 0 {
		return fmt.Sprintf("decodeEnum(s, &in.%s, &enum%s)", f.ident(), f.member.Shape)
	}
	return fmt.Sprintf("opt(s, &in.%s, %s)", f.ident(), f.decode)
}

func (g *generator) append(name string, fields []field) {
	g.printf("// AppendJSON appends in as a JSON object.\nfunc (in *%s) AppendJSON(dst []byte) []byte {\n", name)
	if len(fields) == 0 {
		g.printf("return append(dst, '{', '}')\n}\n\n")
		return
	}
	g.printf("start := len(dst)\n")
	for i := range fields {
		f := &fields[i]
		prefix := fmt.Sprintf("append(dst, `,%q:`...)", f.Name)
		g.printf("if %s {\ndst = %s\n}\n", f.given(), appendField(f, prefix))
	}
	g.printf("return closeObject(dst, start)\n}\n\n")
}

func appendField(f *field, prefix string) string {
	switch f.kind {
	case inputItemField:
		return fmt.Sprintf("in.%s.Item.AppendJSON(%s)", f.ident(), prefix)
	case pointerField:
		return fmt.Sprintf("in.%s.AppendJSON(%s)", f.ident(), prefix)
	case listField:
		return fmt.Sprintf("appendList(in.%s, %s, %s)", f.ident(), prefix, f.append)
	case mapField:
		return fmt.Sprintf("appendEntries(in.%s, %s, %s)", f.ident(), prefix, f.append)
	}
	if f.form == outputItem {
		return fmt.Sprintf("in.%s.V.AppendJSON(%s)", f.ident(), prefix)
	}
	return fmt.Sprintf("%s(&in.%s.V, %s)", f.append, f.ident(), prefix)
}

// listFunctions writes the functions for a list that is a value of a map.
func (g *generator) listFunctions(name string) {
	in := g.inputs[name]
	f, elem := g.form(name, in), g.form(g.Shapes[name].Member.Shape, in)
	g.printf("func %s(p *%s, s *wire.Scanner) error { return list(s, p, %s) }\n\n", f.decode, f.goType, elem.decode)
	g.printf("func %s(p *%s, dst []byte) []byte { return appendList(*p, dst, %s) }\n\n", f.append, f.goType, elem.append)
	if g.echoed[name] {
		g.printf("func %s(p *%s, dst []byte) []byte { return echoList(*p, dst, %s) }\n\n", f.echo, f.goType, elem.echo)
	}
}

// absentOutputs writes empty responses for operations that have none, and
// names for requests that operations share.
func (g *generator) absentOutputs(file string) {
	for _, name := range slices.Sorted(slices.Values(g.c.Files[file])) {
		op := g.Operations[name]
		if op.Output == nil {
			g.Shapes[name+"Output"] = &shape{Type: "structure"}
			g.printf("// %sOutput is the response of %s: the service sends no body.\ntype %sOutput struct{}\n\n", name, name, name)
			g.append(name+"Output", nil)
		}
		for _, end := range []struct {
			r    *ref
			want string
		}{{op.Input, name + "Input"}, {op.Output, name + "Output"}} {
			if end.r != nil && end.r.Shape != end.want {
				g.printf("// %s is %s.\ntype %s = %s\n\n", end.want, end.r.Shape, end.want, end.r.Shape)
			}
		}
	}
}
