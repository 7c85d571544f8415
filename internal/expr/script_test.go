package expr

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/wire"
)

var rewrite = flag.Bool("rewrite", false, "write the results into the scripts in testdata")

// TestScripts runs the cases in testdata/*.txt. A case is "key: value" lines,
// "----", what is expected, and an empty line. Lines with # are comments.
//
//	update, condition, key, filter, projection   expressions
//	names    #a=name #b=other          values   JSON
//	takes    the kinds that the operation has
//	item     JSON; several items are tried one after another
//	keys     key attributes, for the checks against a table
//	schema   hash attributes, ";", sort attributes, as name:type
//
// A line "x" as the value of an expression is repeated by "x*3".
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) { runScript(t, file) })
	}
}

func runScript(t *testing.T, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	line := 1
	for block := range strings.SplitSeq(strings.TrimRight(string(text), "\n"), "\n\n") {
		input, want, isCase := strings.Cut(block+"\n", "----\n")
		if !isCase {
			fmt.Fprintf(&out, "%s\n\n", block)
		} else {
			got := runCase(t, input)
			if got != want && !*rewrite {
				t.Errorf("%s:%d:\n%sgot:\n%swant:\n%s", file, line, input, got, want)
			}
			fmt.Fprintf(&out, "%s----\n%s\n", input, got)
		}
		line += strings.Count(block, "\n") + 2
	}
	if *rewrite {
		if err := os.WriteFile(file, append(bytes.TrimRight(out.Bytes(), "\n"), '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// scriptCase is the input of a case.
type scriptCase struct {
	request    Request
	items      []attr.Item
	keys       []string
	hash, sort []KeyAttr
	hasSchema  bool
}

func runCase(t *testing.T, input string) string {
	c := readCase(t, input)
	var out strings.Builder
	parsed, f := Parse(c.request)
	if f != nil {
		return fault(f)
	}
	c.tables(&out, parsed)
	for _, item := range c.items {
		apply(&out, parsed, item)
	}
	if parsed.Update != nil && len(c.items) == 0 {
		fmt.Fprintf(&out, "names %v, charge %d, creates %v\n", parsed.Update.Names(), parsed.Update.Charge(), parsed.Update.CreatesItem())
	}
	if out.Len() == 0 {
		out.WriteString("ok\n")
	}
	return out.String()
}

func readCase(t *testing.T, input string) *scriptCase {
	c := new(scriptCase)
	for line := range strings.SplitSeq(strings.TrimSpace(input), "\n") {
		if strings.HasPrefix(line, "#") {
			continue
		}
		key, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		r := &c.request
		switch key {
		case "update":
			r.Update = expression(value)
		case "condition":
			r.Condition = expression(value)
		case "key":
			r.KeyCondition = expression(value)
		case "filter":
			r.Filter = expression(value)
		case "projection":
			r.Projection = expression(value)
		case "names":
			r.NamesGiven = true
			for field := range strings.FieldsSeq(value) {
				k, v, _ := strings.Cut(field, "=")
				r.Names = append(r.Names, Name{k, v})
			}
		case "values":
			r.Values = decode(t, value)
		case "takes":
			for field := range strings.FieldsSeq(value) {
				for k := KindUpdate; k <= KindProjection; k++ {
					if k.String() == field {
						r.Takes = append(r.Takes, k)
					}
				}
			}
		case "item":
			c.items = append(c.items, decode(t, value).Item)
		case "keys":
			c.keys = strings.Fields(value)
		case "schema":
			hash, sort, _ := strings.Cut(value, ";")
			c.hash, c.sort, c.hasSchema = schema(hash), schema(sort), true
		default:
			t.Fatalf("unknown key %q", key)
		}
	}
	return c
}

// expression expands the parts x*3 of text.
func expression(text string) *string {
	if text == "empty" {
		text = ""
	}
	for {
		before, rest, found := strings.Cut(text, "{{")
		if !found {
			return &text
		}
		part, after, _ := strings.Cut(rest, "}}")
		var n int
		star := strings.LastIndexByte(part, '*')
		fmt.Sscan(part[star+1:], &n)
		text = before + strings.Repeat(part[:star], n) + after
	}
}

func decode(t *testing.T, text string) (in attr.InputItem) {
	t.Helper()
	if err := in.Decode(wire.NewScanner([]byte(text))); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return in
}

func schema(text string) (attrs []KeyAttr) {
	for field := range strings.FieldsSeq(text) {
		name, typ, _ := strings.Cut(field, ":")
		attrs = append(attrs, KeyAttr{name, attr.ParseType(typ)})
	}
	return attrs
}

// fault prints f in its wordings.
func fault(f *ddberr.Fault) string {
	older, bare, enveloped := f.Render(ddberr.Older), f.Render(ddberr.Bare), f.Render(ddberr.Enveloped)
	var out strings.Builder
	if older != bare {
		fmt.Fprintln(&out, "older:", older)
	}
	fmt.Fprintln(&out, "fault:", bare)
	if bare == enveloped {
		fmt.Fprintln(&out, "(plain)")
	}
	return out.String()
}

// tables prints the checks against a table.
func (c *scriptCase) tables(out *strings.Builder, parsed *Parsed) {
	if c.keys != nil {
		for _, f := range []*ddberr.Fault{
			parsed.Condition.CheckKeys("Key", c.keys),
			FilterKeyFault("Filter Expression", parsed.Filter, c.keys),
		} {
			if f != nil {
				out.WriteString(fault(f))
			}
		}
		if parsed.Update != nil {
			if f := parsed.Update.CheckKeys(c.keys); f != nil {
				out.WriteString(fault(f))
			}
		}
	}
	if c.hasSchema {
		r, f := parsed.KeyCondition.Bind(c.hash, c.sort)
		if f != nil {
			out.WriteString(fault(f))
			return
		}
		fmt.Fprintf(out, "hash %s", jsonList(r.Hash))
		if len(r.Sort) > 0 {
			fmt.Fprintf(out, ", sort %s", jsonList(r.Sort))
		}
		if r.Op != None {
			fmt.Fprintf(out, ", %s %s", r.Op, jsonList([]attr.Value{r.Lo, r.Hi}))
		}
		out.WriteString("\n")
	}
}

func jsonList(values []attr.Value) string {
	var all []string
	for _, v := range values {
		if v.IsZero() {
			continue
		}
		all = append(all, string(v.AppendJSON(nil)))
	}
	return "[" + strings.Join(all, " ") + "]"
}

// apply prints what the expressions make of item.
func apply(out *strings.Builder, parsed *Parsed, item attr.Item) {
	if parsed.Condition != nil {
		fmt.Fprintln(out, parsed.Condition.Eval(item))
	}
	if parsed.Filter != nil {
		fmt.Fprintln(out, parsed.Filter.Eval(item))
	}
	if parsed.Projection != nil {
		fmt.Fprintf(out, "%s\n", parsed.Projection.Apply(item).AppendJSON(nil))
	}
	if u := parsed.Update; u != nil {
		next, f := u.Apply(item)
		if f != nil {
			out.WriteString(fault(f))
			return
		}
		fmt.Fprintf(out, "%s\n", next.AppendJSON(nil))
		fmt.Fprintf(out, "old %s new %s\n", u.Updated(item).AppendJSON(nil), u.Updated(next).AppendJSON(nil))
	}
}
