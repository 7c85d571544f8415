package model

import (
	"slices"
	"strconv"
	"strings"

	"github.com/statordb/stator/internal/ddberr"
)

const (
	maxReported = 10 // violations in one text
	maxKept     = 64 // violations collected, of which some may hide others
	maxSteps    = 12 // length of a path; the longest in the models has 8
)

// Violations collects the violated constraints of one request, in the order
// in which the service reports them. The zero Violations is ready for use.
type Violations struct {
	rules []rule // of the operation
	path  [maxSteps]step
	depth int // steps of path in use
	found []violation
}

// A step is one element of the path to the member being checked: a member, a
// key of a map, or an element of a list.
type step struct {
	name string // of a member, or the key
	elem int    // the index of the element from 1, or one of:
}

const (
	stepMember = 0
	stepKey    = -1
)

// A kind is a set of kinds of constraint, for matching rules.
type kind uint8

const (
	kindNull kind = 1 << iota
	kindMin
	kindMax
	kindPattern
	kindEnum
	kindKeys   // of the keys of a map
	kindValues // of the values of a map
)

// A violation is one violated constraint, before its wording is chosen.
type violation struct {
	kind       kind
	path       string // lower camel case: keySchema.1.member.keyType
	wirePath   string // KeySchema.1.member.KeyType
	rulePath   string // with "*" for indexes and keys
	constraint string
	value      string // as in the text, with its quotes
	echo       func(dst []byte) []byte
}

// A rule is how one operation words the violations of one member, where that
// is not the usual way.
type rule struct {
	path           string
	kinds          kind
	older, current wording
}

// A wording says how a violation is reported.
type wording struct {
	text       string // with {value}, {path}, {Path}, {constraint}; empty: the usual text
	alone      bool   // nothing else is reported
	yields     bool   // reported only if there is nothing else
	unprefixed bool   // without "1 validation error detected: "
}

const usualText = "Value {value} at '{path}' failed to satisfy constraint: {constraint}"

// begin starts the request of an operation.
func (v *Violations) begin(rules []rule) { *v = Violations{rules: rules} }

// Any reports whether a constraint is violated.
func (v *Violations) Any() bool { return len(v.found) > 0 }

// OnlyEnums reports whether values outside enumerations are all that is wrong.
func (v *Violations) OnlyEnums() bool {
	return v.Any() && !slices.ContainsFunc(v.found, func(f violation) bool { return f.kind != kindEnum })
}

func (v *Violations) enter(name string, elem int) {
	v.path[v.depth] = step{name, elem}
	v.depth++
}

func (v *Violations) member(name string)  { v.enter(name, stepMember) }
func (v *Violations) key(key string)      { v.enter(key, stepKey) }
func (v *Violations) elem(i int)          { v.enter("", i+1) }
func (v *Violations) leave()              { v.depth-- }
func (v *Violations) full() bool          { return len(v.found) == maxKept }
func (v *Violations) last() *violation    { return &v.found[len(v.found)-1] }
func (v *Violations) missing(name string) { v.add(name, kindNull, notNull, "null") }

// add records a violation at the member name of the current path, or at the
// current path itself when name is empty.
func (v *Violations) add(name string, k kind, constraint, value string) {
	if v.full() {
		return
	}
	if name != "" {
		v.member(name)
		defer v.leave()
	}
	v.found = append(v.found, violation{
		kind: k, constraint: constraint, value: value,
		path: v.render(lowerFirst, false), wirePath: v.render(asIs, false), rulePath: v.render(asIs, true),
	})
}

func asIs(s string) string { return s }

// lowerFirst puts the first letter of a member's name in lower case.
func lowerFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}

// render prints the path, as it stands in a text or in a rule.
func (v *Violations) render(name func(string) string, forRule bool) string {
	var out strings.Builder
	for i, s := range v.path[:v.depth] {
		if i > 0 {
			out.WriteByte('.')
		}
		switch {
		case s.elem == stepMember:
			out.WriteString(name(s.name))
		case forRule:
			out.WriteByte('*')
		case s.elem == stepKey:
			out.WriteString(s.name + ".member")
		default:
			out.WriteString(strconv.Itoa(s.elem) + ".member")
		}
	}
	return out.String()
}

// text checks a string member.
func (v *Violations) text(name string, o Opt[string], r *textRule, must bool) {
	if o.Set {
		r.check(v, name, o.V)
	} else if must {
		v.missing(name)
	}
}

// check checks a string against r; name is empty for an element of a list.
func (r *textRule) check(v *Violations, name, s string) {
	switch {
	case r.enum != nil:
		if !r.enum.has(s) {
			v.add(name, kindEnum, "Member must satisfy enum value set: "+r.enum.printed, quote(s))
		}
	case r.table:
		r.checkTable(v, name, s)
	default:
		if r.pattern != nil && !r.pattern.match(s) {
			v.add(name, kindPattern, r.pattern.words(), quote(s))
		}
		if tooShort(s, r.min) {
			v.add(name, kindMin, atLeastLong(r.min), quote(s))
		}
		if tooLong(s, r.max) {
			v.add(name, kindMax, atMostLong(r.max), quote(s))
		}
	}
}

func (r *textRule) checkTable(v *Violations, name, s string) {
	if k, constraint := r.tableFault(s); k != 0 {
		v.add(name, k, constraint, quote(s))
	}
}

// tableFault returns the first constraint that a table name or ARN violates,
// 0 if it is in order.
func (r *textRule) tableFault(nameOrARN string) (k kind, constraint string) {
	name, isARN := TableOfARN(nameOrARN)
	if !isARN {
		name = nameOrARN
	}
	switch {
	case isARN && tooLong(nameOrARN, arnMax):
		return kindMax, atMostLong(arnMax)
	case tooShort(name, r.min):
		return kindMin, atLeastLong(r.min)
	case tooLong(name, r.max):
		return kindMax, atMostLong(r.max)
	case !r.pattern.match(name):
		return kindPattern, r.pattern.words()
	}
	return 0, ""
}

func (p *pattern) words() string { return "Member must satisfy regular expression pattern: " + p.text }

// number checks an integer member.
func (v *Violations) number(name string, o Opt[int64], r *numberRule, must bool) {
	if !o.Set {
		v.present(name, !must)
		return
	}
	if r.min != nil && o.V < *r.min {
		v.add(name, kindMin, atLeast(*r.min), quote(strconv.FormatInt(o.V, 10)))
	}
	if r.max != nil && o.V > *r.max {
		v.add(name, kindMax, atMost(*r.max), quote(strconv.FormatInt(o.V, 10)))
	}
}

// present checks a required member without other constraints.
func (v *Violations) present(name string, given bool) {
	if !given {
		v.missing(name)
	}
}

// size checks the length of a list or map. It returns the violation whose
// value the caller must still set to a printer of the member, or nil.
func (v *Violations) size(name string, n int, given bool, empty string, r *sizeRule, must bool) *violation {
	switch {
	case !given:
		v.present(name, !must)
	case n < r.min:
		v.add(name, kindMin, atLeastLong(r.min), quote(empty))
	case r.max > 0 && n > r.max && !v.full():
		v.add(name, kindMax, atMostLong(r.max), "")
		return v.last()
	}
	return nil
}

// keys checks the keys of a map as table names, values the lengths of its
// lists. They return what size does.
func keys[V any](v *Violations, name string, m []Entry[V], r *textRule) *violation {
	for i := range m {
		if k, _ := r.tableFault(m[i].Key); k != 0 {
			return v.whole(name, kindKeys, "Map keys must satisfy constraint: ["+atMostLong(r.max)+", "+atLeastLong(r.min)+", "+r.pattern.words()+"]")
		}
	}
	return nil
}

func values[V any](v *Violations, name string, m []Entry[[]V], r *sizeRule) *violation {
	for i := range m {
		if n := len(m[i].Value); n < r.min || n > r.max {
			return v.whole(name, kindValues, "Map value must satisfy constraint: ["+atMostLong(r.max)+", "+atLeastLong(r.min)+"]")
		}
	}
	return nil
}

// whole records a violation that prints a whole map.
func (v *Violations) whole(name string, k kind, constraint string) *violation {
	if v.full() {
		return nil
	}
	v.add(name, k, constraint, "")
	return v.last()
}

// quote quotes a value, or the beginning of a long one.
func quote(s string) string { return "'" + string(appendCut(nil, s, 4*maxEcho)) + "'" }

// Error returns the ValidationException in style, or nil if no constraint is
// violated.
func (v *Violations) Error(style ddberr.Style) *ddberr.Error {
	if len(v.found) == 0 {
		return nil
	}
	chosen, words := v.choose(style)
	var text strings.Builder
	for i := range chosen {
		if i > 0 {
			text.WriteString("; ")
		}
		text.WriteString(chosen[i].words(words[i].text))
	}
	switch {
	case words[0].unprefixed:
	case len(chosen) == 1:
		return ddberr.New("ValidationException", "1 validation error detected: "+text.String())
	default:
		return ddberr.New("ValidationException", strconv.Itoa(len(chosen))+" validation errors detected: "+text.String())
	}
	return ddberr.New("ValidationException", text.String())
}

// choose returns the violations that are reported in style, and how.
func (v *Violations) choose(style ddberr.Style) ([]violation, []wording) {
	chosen := slices.Clone(v.found)
	words := make([]wording, len(chosen))
	for i := range chosen {
		words[i] = v.wording(&chosen[i], style)
	}
	if i := slices.IndexFunc(words, func(w wording) bool { return w.alone }); i >= 0 {
		return chosen[i : i+1], words[i : i+1]
	}
	for i := len(words) - 1; i >= 0 && len(words) > 1; i-- {
		if words[i].yields {
			words, chosen = slices.Delete(words, i, i+1), slices.Delete(chosen, i, i+1)
		}
	}
	n := min(len(chosen), maxReported)
	return chosen[:n], words[:n]
}

// wording returns the first rule's wording for f, or the usual one. A missing
// key makes the service report everything in the usual way.
func (v *Violations) wording(f *violation, style ddberr.Style) wording {
	for i := range v.rules {
		r := &v.rules[i]
		if r.kinds == 0 { // the key of the operation
			if v.lacks(r.path) {
				return wording{}
			}
			continue
		}
		if r.kinds&f.kind == 0 || r.path != f.rulePath {
			continue
		}
		if style == ddberr.Older {
			return r.older
		}
		return r.current
	}
	return wording{}
}

func (v *Violations) lacks(member string) bool {
	return slices.ContainsFunc(v.found, func(f violation) bool { return f.kind == kindNull && f.rulePath == member })
}

// words prints the violation by a wording's text.
func (f *violation) words(text string) string {
	if text == "" {
		text = usualText
	}
	value := f.value
	if f.echo != nil {
		value = quote(string(f.echo(nil)))
	}
	return strings.NewReplacer("{value}", value, "{path}", f.path, "{Path}", f.wirePath, "{constraint}", f.constraint).Replace(text)
}
