package iam

import (
	"encoding/base64"
	"fmt"
	"math/big"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// condition is one key under one operator.
type condition struct {
	key      string // in lower case
	operator operator
	set      setOperator
	ifExists bool
	values   []pattern
}

// setOperator says how several values in a request count.
type setOperator uint8

const (
	noSet setOperator = iota
	forAll
	forAny
)

// operator compares one value of a request with one of a policy.
type operator struct {
	matches func(value string, want pattern) bool
	negated bool // it must hold for every value of the policy, and holds for an absent key
	wild    bool // values of the policy may have wildcards
	isNull  bool // Null, which asks whether the key is there
	check   func(want string) error
}

// operators by name in lower case. (IAM user guide, "Condition operators".)
var operators = func() map[string]operator {
	m := map[string]operator{}
	both := func(positive, negative string, o operator) {
		m[strings.ToLower(positive)] = o
		o.negated = true
		m[strings.ToLower(negative)] = o
	}
	both("StringEquals", "StringNotEquals", operator{matches: func(v string, want pattern) bool { return v == want.text() }})
	both("StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", operator{matches: func(v string, want pattern) bool { return strings.EqualFold(v, want.text()) }})
	both("StringLike", "StringNotLike", operator{wild: true, matches: func(v string, want pattern) bool { return want.match(v) }})
	arn := operator{wild: true, matches: matchesARN}
	both("ArnEquals", "ArnNotEquals", arn)
	both("ArnLike", "ArnNotLike", arn)
	both("IpAddress", "NotIpAddress", operator{matches: matchesIP, check: func(s string) error { _, err := parsePrefix(s); return err }})
	compared := func(prefix string, compare func(a, b string) (int, bool), check func(string) error) {
		add := func(name string, negated bool, holds func(int) bool) {
			m[strings.ToLower(prefix+name)] = operator{negated: negated, check: check, matches: func(v string, want pattern) bool {
				order, ok := compare(v, want.text())
				return ok && holds(order)
			}}
		}
		add("Equals", false, func(o int) bool { return o == 0 })
		add("NotEquals", true, func(o int) bool { return o == 0 })
		add("LessThan", false, func(o int) bool { return o < 0 })
		add("LessThanEquals", false, func(o int) bool { return o <= 0 })
		add("GreaterThan", false, func(o int) bool { return o > 0 })
		add("GreaterThanEquals", false, func(o int) bool { return o >= 0 })
	}
	compared("Numeric", compareNumbers, func(s string) error { _, err := parseNumber(s); return err })
	compared("Date", compareDates, func(s string) error { _, err := parseDate(s); return err })
	m["bool"] = operator{matches: func(v string, want pattern) bool { return strings.EqualFold(v, want.text()) }, check: checkBool}
	m["binaryequals"] = operator{matches: func(v string, want pattern) bool { return v == want.text() }, check: func(s string) error {
		_, err := base64.StdEncoding.DecodeString(s)
		return err
	}}
	m["null"] = operator{isNull: true, check: checkBool}
	return m
}()

func checkBool(s string) error {
	if !strings.EqualFold(s, "true") && !strings.EqualFold(s, "false") {
		return fmt.Errorf("%q is neither true nor false", s)
	}
	return nil
}

// parseCondition compiles one key under an operator with its affixes.
func parseCondition(name, key string, values []string, variables bool) (condition, error) {
	c := condition{key: strings.ToLower(key)}
	lower := strings.ToLower(name)
	switch {
	case strings.HasPrefix(lower, "forallvalues:"):
		c.set, lower = forAll, lower[len("forallvalues:"):]
	case strings.HasPrefix(lower, "foranyvalue:"):
		c.set, lower = forAny, lower[len("foranyvalue:"):]
	}
	lower, c.ifExists = strings.CutSuffix(lower, "ifexists")
	o, known := operators[lower]
	if !known || o.isNull && (c.ifExists || c.set != noSet) {
		return c, fmt.Errorf("the condition operator %q is not known", name)
	}
	c.operator = o
	for _, value := range values {
		p, err := parsePattern(value, variables, o.wild)
		if err != nil {
			return c, err
		}
		if o.check != nil && len(p) <= 1 && (len(p) == 0 || p[0].kind == literal) {
			if err := o.check(value); err != nil {
				return c, fmt.Errorf("the value %q of %s: %w", value, name, err)
			}
		}
		c.values = append(c.values, p)
	}
	return c, nil
}

// holds reports whether c holds in ctx.
func (c condition) holds(ctx Context) bool {
	values, present := ctx.Values(c.key)
	if c.operator.isNull {
		for _, want := range c.values {
			if expanded, ok := want.expand(ctx); ok && strings.EqualFold(expanded.text(), strconv.FormatBool(!present)) {
				return true
			}
		}
		return false
	}
	if !present || len(values) == 0 {
		switch {
		case c.set == forAll, c.ifExists:
			return true
		case c.set == forAny:
			return false
		}
		return c.operator.negated
	}
	wants := make([]pattern, 0, len(c.values))
	for _, want := range c.values {
		expanded, ok := want.expand(ctx)
		if !ok {
			return false
		}
		wants = append(wants, expanded)
	}
	all := c.set == forAll || c.set == noSet && c.operator.negated
	for _, v := range values {
		if c.one(v, wants) != all {
			return !all
		}
	}
	return all
}

// one reports whether one value of the request satisfies the operator.
func (c condition) one(value string, wants []pattern) bool {
	for _, want := range wants {
		if c.operator.matches(value, want) {
			return !c.operator.negated
		}
	}
	return c.operator.negated
}

// matchesARN matches an ARN part by part.
func matchesARN(value string, want pattern) bool {
	parts := strings.SplitN(value, ":", arnParts)
	patterns := splitPattern(want)
	if len(parts) != arnParts || len(patterns) != arnParts {
		return len(want) == 1 && want[0].kind == anyRun
	}
	for i, p := range patterns {
		if !p.match(parts[i]) {
			return false
		}
	}
	return true
}

// splitPattern splits an expanded pattern at the first five colons.
func splitPattern(p pattern) []pattern {
	parts := make([]pattern, 1, arnParts)
	for _, t := range p {
		for t.kind == literal && len(parts) < arnParts {
			before, rest, found := strings.Cut(t.text, ":")
			if !found {
				break
			}
			last := &parts[len(parts)-1]
			if before != "" {
				*last = append(*last, token{kind: literal, text: before})
			}
			parts = append(parts, nil)
			t.text = rest
		}
		if t.kind != literal || t.text != "" {
			last := &parts[len(parts)-1]
			*last = append(*last, t)
		}
	}
	return parts
}

func matchesIP(value string, want pattern) bool {
	prefix, err := parsePrefix(want.text())
	if err != nil {
		return false
	}
	address, err := netip.ParseAddr(value)
	return err == nil && prefix.Contains(address.Unmap())
}

// parsePrefix parses a range of addresses, or one.
func parsePrefix(s string) (netip.Prefix, error) {
	if !strings.Contains(s, "/") {
		address, err := netip.ParseAddr(s)
		if err != nil {
			return netip.Prefix{}, err
		}
		return netip.PrefixFrom(address, address.BitLen()), nil
	}
	return netip.ParsePrefix(s)
}

// maxNumber is how long a number in a policy or a request may be.
const maxNumber = 64

func parseNumber(s string) (*big.Rat, error) {
	if len(s) > maxNumber || strings.ContainsAny(s, "/eExXpP_") {
		return nil, fmt.Errorf("%q is not a number", s)
	}
	n, ok := new(big.Rat).SetString(s)
	if !ok {
		return nil, fmt.Errorf("%q is not a number", s)
	}
	return n, nil
}

func compareNumbers(a, b string) (order int, ok bool) {
	x, errX := parseNumber(a)
	y, errY := parseNumber(b)
	if errX != nil || errY != nil {
		return 0, false
	}
	return x.Cmp(y), true
}

// dateFormats are those of ISO 8601 that policies use.
var dateFormats = []string{time.RFC3339Nano, "2006-01-02T15:04:05Z0700", "2006-01-02T15:04Z07:00", "2006-01-02"}

// parseDate parses a date, or seconds since 1970.
func parseDate(s string) (time.Time, error) {
	if seconds, err := strconv.ParseInt(s, 10, 64); err == nil {
		return time.Unix(seconds, 0), nil
	}
	for _, format := range dateFormats {
		if at, err := time.Parse(format, s); err == nil {
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a date", s)
}

func compareDates(a, b string) (order int, ok bool) {
	x, errX := parseDate(a)
	y, errY := parseDate(b)
	if errX != nil || errY != nil {
		return 0, false
	}
	return x.Compare(y), true
}
