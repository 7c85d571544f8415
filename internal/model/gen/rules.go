package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// A scalarRule or sizeRule is written as the Go literal of the rule; equal
// literals share one variable.

// scalarRule returns the rule of a string or integer, or "" for none.
func (g *generator) scalarRule(name string, minimum, maximum *int64) string {
	sh := g.Shapes[name]
	switch {
	case sh.Type == "integer" || sh.Type == "long":
		return numberRule(minimum, maximum)
	case sh.Type != "string":
		return ""
	case len(sh.Enum) > 0:
		return "textRule{enum: &enum" + name + "}"
	}
	var parts []string
	if minimum != nil && *minimum > 0 {
		parts = append(parts, fmt.Sprintf("min: %d", *minimum))
	}
	if maximum != nil {
		parts = append(parts, fmt.Sprintf("max: %d", *maximum))
	}
	if sh.Pattern != "" {
		parts = append(parts, "pattern: "+g.pattern(sh.Pattern))
	}
	if parts == nil {
		return ""
	}
	return "textRule{" + strings.Join(parts, ", ") + "}"
}

func (g *generator) pattern(text string) string {
	if text == g.c.TableNames.Pattern {
		return "namePattern"
	}
	expr := text
	if other, ok := g.c.Patterns[text]; ok {
		expr = other
	}
	return fmt.Sprintf("expression(%s, %s)", literal(text), literal(expr))
}

func literal(s string) string {
	if strconv.CanBackquote(s) {
		return "`" + s + "`"
	}
	return strconv.Quote(s)
}

func numberRule(minimum, maximum *int64) string {
	var parts []string
	if minimum != nil {
		parts = append(parts, fmt.Sprintf("min: limit(%d)", *minimum))
	}
	if maximum != nil {
		parts = append(parts, fmt.Sprintf("max: limit(%d)", *maximum))
	}
	if parts == nil {
		return ""
	}
	return "numberRule{" + strings.Join(parts, ", ") + "}"
}

func sizeRule(minimum, maximum *int64) string {
	var parts []string
	if minimum != nil {
		parts = append(parts, fmt.Sprintf("min: %d", *minimum))
	}
	if maximum != nil {
		parts = append(parts, fmt.Sprintf("max: %d", *maximum))
	}
	return "sizeRule{" + strings.Join(parts, ", ") + "}"
}

func (g *generator) tableRule(minimum *int64) string {
	t := g.c.TableNames
	return fmt.Sprintf("textRule{min: %d, max: %d, pattern: namePattern, table: true}", *minimum, t.Max)
}

// ruleVar returns a reference to the variable that holds a rule.
func (g *generator) ruleVar(rule string) string {
	g.uses[rule] = true
	return "&" + ruleName(rule)
}

// ruleName makes a name of what a rule says.
func ruleName(rule string) string {
	if e, ok := strings.CutPrefix(rule, "textRule{enum: &enum"); ok {
		return "rule" + strings.TrimSuffix(e, "}")
	}
	kind, rest, _ := strings.Cut(rule, "Rule{")
	name := kind
	for _, part := range strings.Split(strings.TrimSuffix(rest, "}"), ", ") {
		key, value, _ := strings.Cut(part, ": ")
		switch {
		case key == "min" || key == "max":
			name += upperFirst(key) + strings.Trim(value, "limt()")
		case key == "pattern" && value == "namePattern":
			name += "Name"
		case key == "pattern":
			name += "Like" + hash(value)
		case key == "table":
			name += "Table"
		}
	}
	return name
}

// hash makes a short name of a pattern that does not change with others.
func hash(s string) string {
	h := uint32(2166136261)
	for i := range len(s) {
		h = (h ^ uint32(s[i])) * 16777619
	}
	return fmt.Sprintf("%08x", h)
}

// rules writes the rules that checks use, and the operations' wordings.
func (g *generator) rules() {
	g.printf("// The constraints of members, named by what they say.\nvar (\n")
	for _, rule := range slices.SortedFunc(maps.Keys(g.uses), func(a, b string) int { return strings.Compare(ruleName(a), ruleName(b)) }) {
		g.printf("%s = %s\n", ruleName(rule), rule)
	}
	g.printf(")\n\n// Texts of wordings.\nconst (\n")
	for _, name := range slices.Sorted(maps.Keys(g.c.Texts)) {
		g.printf("text%s = %q\n", upperFirst(name), g.c.Texts[name])
	}
	g.printf(")\n\n// How operations word violations that they do not word in the usual way.\nvar (\n")
	for _, op := range g.names() {
		if g.hasRules(op) {
			g.operationRules(op)
		}
	}
	g.printf(")\n")
}

func (g *generator) hasRules(op string) bool {
	return g.c.NotAlone[op] != "" || slices.ContainsFunc(g.c.Rules, func(r ruleData) bool { return slices.Contains(r.Operations, op) })
}

func (g *generator) operationRules(op string) {
	g.printf("rules%s = []rule{\n", op)
	if key := g.c.NotAlone[op]; key != "" {
		g.printf("{path: %q},\n", key)
	}
	for _, r := range g.c.Rules {
		if !slices.Contains(r.Operations, op) {
			continue
		}
		older, current := r.Older, r.Current
		if r.Both != (wordingData{}) {
			older, current = r.Both, r.Both
		}
		var kinds []string
		for _, k := range r.Kinds {
			kinds = append(kinds, "kind"+upperFirst(k))
		}
		g.printf("{%q, %s, %s, %s},\n", r.Path, strings.Join(kinds, "|"), g.wording(older), g.wording(current))
	}
	g.printf("}\n")
}

func (g *generator) wording(w wordingData) string {
	var parts []string
	if w.Text != "" {
		parts = append(parts, "text: text"+upperFirst(w.Text))
	}
	for _, flag := range []struct {
		set  bool
		name string
	}{{w.Alone, "alone"}, {w.Yields, "yields"}, {w.Unprefixed, "unprefixed"}} {
		if flag.set {
			parts = append(parts, flag.name+": true")
		}
	}
	return "wording{" + strings.Join(parts, ", ") + "}"
}

func upperFirst(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

func lowerFirst(s string) string { return string(unicode.ToLower(rune(s[0]))) + s[1:] }
