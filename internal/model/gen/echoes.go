package main

import "fmt"

// findEchoed finds the structures that an error text may print: those in a
// list or map of a request with a limit on its length.
func (g *generator) findEchoed() {
	for name := range g.inputs {
		if g.Shapes[name].Type != "structure" {
			continue
		}
		for _, f := range g.fields(name) {
			if _, maximum := g.bounds(&f); maximum != nil && (f.kind == listField || f.kind == mapField) {
				g.reach(f.member.Shape, g.echoed)
			}
		}
	}
}

// echo writes the method that prints a structure inside an error text.
func (g *generator) echo(name string, fields []field) {
	g.printf("func (in *%s) echo(dst []byte) []byte {\n", name)
	for i := range fields {
		prefix := name + "("
		if i > 0 {
			prefix = ", "
		}
		f := &fields[i]
		prefix = fmt.Sprintf("append(dst, %q...)", prefix+lowerFirst(f.Name)+"=")
		g.printf("dst = %s\n", echoField(f, prefix))
	}
	g.printf("return append(dst, ')')\n}\n\n")
}

func echoField(f *field, prefix string) string {
	switch f.kind {
	case inputItemField:
		return fmt.Sprintf("echoInputItem(&in.%s, %s)", f.ident(), prefix)
	case pointerField:
		return fmt.Sprintf("echoPointer(in.%s, %s, %s)", f.ident(), prefix, f.echo)
	case listField:
		return fmt.Sprintf("echoList(in.%s, %s, %s)", f.ident(), prefix, f.echo)
	case mapField:
		return fmt.Sprintf("echoEntries(in.%s, %s, %s)", f.ident(), prefix, f.echo)
	}
	return fmt.Sprintf("echoOpt(&in.%s, %s, %s)", f.ident(), prefix, f.echo)
}
