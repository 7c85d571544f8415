package trigger

import (
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strings"
)

// filter decides on a record in the form of Lambda's event. (Lambda developer
// guide, "Filter rule syntax".)
type filter []pattern

// pattern is an object of rules: member by member, either another pattern or a
// list of rules of which the value must match one. The member "$or" is a list
// of patterns of which the object must match one.
type pattern map[string]any // of pattern, []rule or, for "$or", filter

// rule matches one value; present says whether there is one.
type rule func(value any, present bool) bool

func parseFilters(texts []json.RawMessage) (filter, error) {
	var f filter
	for _, text := range texts {
		v, err := decode(text)
		if err == nil {
			var p pattern
			if p, err = parsePattern(v); err == nil {
				f = append(f, p)
			}
		}
		if err != nil {
			return nil, fmt.Errorf("filter %s: %w", text, err)
		}
	}
	return f, nil
}

// decode reads JSON with exact numbers.
func decode(text []byte) (v any, err error) {
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.UseNumber()
	err = d.Decode(&v)
	return v, err
}

func parsePattern(v any) (pattern, error) {
	members, ok := v.(map[string]any)
	if !ok || len(members) == 0 {
		return nil, fmt.Errorf("a pattern is an object with members, not %v", v)
	}
	p := pattern{}
	for name, member := range members {
		var err error
		list, isList := member.([]any)
		switch {
		case isList && name == "$or":
			p[name], err = parsePatterns(list)
		case isList:
			p[name], err = parseRules(list)
		default:
			p[name], err = parsePattern(member)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return p, nil
}

func parsePatterns(list []any) (f filter, err error) {
	for _, v := range list {
		p, err := parsePattern(v)
		if err != nil {
			return nil, err
		}
		f = append(f, p)
	}
	if f == nil {
		return nil, fmt.Errorf("a list of patterns is empty")
	}
	return f, nil
}

func parseRules(list []any) ([]rule, error) {
	var rules []rule
	for _, v := range list {
		r, err := parseRule(v)
		if err != nil {
			return nil, err
		}
		rules = append(rules, r)
	}
	if rules == nil {
		return nil, fmt.Errorf("a list of rules is empty")
	}
	return rules, nil
}

func parseRule(v any) (rule, error) {
	operator, ok := v.(map[string]any)
	if !ok {
		return func(value any, present bool) bool { return present && equal(value, v) }, argumentFault(isScalar(v))
	}
	if len(operator) != 1 {
		return nil, fmt.Errorf("an operator is an object with one member")
	}
	for name, argument := range operator {
		if parse := operators[name]; parse != nil {
			return parse(argument)
		}
		return nil, fmt.Errorf("unknown operator %q", name)
	}
	panic("unreachable")
}

// operators are the rules that are objects, by their member.
var operators = map[string]func(argument any) (rule, error){
	"exists": func(argument any) (rule, error) {
		want, ok := argument.(bool)
		return func(_ any, present bool) bool { return present == want }, argumentFault(ok)
	},
	"prefix":             textRule(strings.HasPrefix),
	"suffix":             textRule(strings.HasSuffix),
	"equals-ignore-case": textRule(strings.EqualFold),
	"anything-but": func(argument any) (rule, error) {
		list, ok := argument.([]any)
		if !ok {
			list = []any{argument}
		}
		scalars := !slices.ContainsFunc(list, func(v any) bool { return !isScalar(v) })
		return func(value any, present bool) bool {
			return present && !slices.ContainsFunc(list, func(v any) bool { return equal(value, v) })
		}, argumentFault(scalars && len(list) > 0)
	},
	"numeric": numericRule,
}

func argumentFault(ok bool) error {
	if ok {
		return nil
	}
	return fmt.Errorf("a rule or the argument of an operator has the wrong type")
}

// isScalar reports whether a value of JSON has no parts.
func isScalar(v any) bool {
	switch v.(type) {
	case map[string]any, []any:
		return false
	}
	return true
}

func textRule(match func(value, argument string) bool) func(any) (rule, error) {
	return func(argument any) (rule, error) {
		want, ok := argument.(string)
		return func(value any, present bool) bool {
			text, isText := value.(string)
			return present && isText && match(text, want)
		}, argumentFault(ok)
	}
}

// numericRule parses [">", 5, "<=", 10].
func numericRule(argument any) (rule, error) {
	list, ok := argument.([]any)
	if !ok || len(list) == 0 || len(list)%2 != 0 {
		return nil, argumentFault(false)
	}
	type bound struct {
		operator string
		number   *big.Rat
	}
	var bounds []bound
	for i := 0; i < len(list); i += 2 {
		operator, isText := list[i].(string)
		number := numberOf(list[i+1])
		if !isText || number == nil || !slices.Contains([]string{"=", "<", "<=", ">", ">="}, operator) {
			return nil, argumentFault(false)
		}
		bounds = append(bounds, bound{operator, number})
	}
	return func(value any, present bool) bool {
		n := numberOf(value)
		if !present || n == nil {
			return false
		}
		for _, b := range bounds {
			c := n.Cmp(b.number)
			if !(c == 0 && strings.Contains(b.operator, "=") || c < 0 && b.operator[0] == '<' || c > 0 && b.operator[0] == '>') {
				return false
			}
		}
		return true
	}, nil
}

// maxNumber is how long the text of a number may be that is compared.
const maxNumber = 64

// numberOf returns a number, or a string that holds one as attribute values
// do; nil for anything else.
func numberOf(v any) *big.Rat {
	text := ""
	switch v := v.(type) {
	case json.Number:
		text = v.String()
	case string:
		text = v
	}
	if text == "" || len(text) > maxNumber || strings.ContainsAny(text, "/xXpP_") {
		return nil
	}
	if _, exponent, found := strings.Cut(strings.ToLower(text), "e"); found && len(strings.TrimLeft(exponent, "+-")) > 3 {
		return nil
	}
	n, ok := new(big.Rat).SetString(text)
	if !ok {
		return nil
	}
	return n
}

func equal(a, b any) bool {
	switch a := a.(type) {
	case json.Number:
		b, ok := b.(json.Number)
		return ok && numberOf(a) != nil && numberOf(b) != nil && numberOf(a).Cmp(numberOf(b)) == 0
	case string, bool, nil:
		return a == b
	}
	return false
}

// matches reports whether a record passes: it matches a pattern, or there is
// none.
func (f filter) matches(record []byte) (bool, error) {
	if len(f) == 0 {
		return true, nil
	}
	v, err := decode(record)
	if err != nil {
		return false, err
	}
	return f.matchesValue(v), nil
}

func (f filter) matchesValue(v any) bool {
	return slices.ContainsFunc(f, func(p pattern) bool { return p.matches(v) })
}

func (p pattern) matches(v any) bool {
	members, _ := v.(map[string]any)
	for name, want := range p {
		value, present := members[name]
		switch want := want.(type) {
		case filter:
			if !want.matchesValue(v) {
				return false
			}
		case pattern:
			if !want.matches(value) {
				return false
			}
		case []rule:
			if !anyMatches(want, value, present) {
				return false
			}
		}
	}
	return true
}

// anyMatches reports whether a rule matches a value, or an element of a list.
func anyMatches(rules []rule, value any, present bool) bool {
	values := []any{value}
	if list, ok := value.([]any); ok {
		values = list
	}
	for _, v := range values {
		if slices.ContainsFunc(rules, func(r rule) bool { return r(v, present) }) {
			return true
		}
	}
	return false
}
