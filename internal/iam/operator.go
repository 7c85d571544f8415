package iam

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// operator compares one value of a request with one of a policy.
type operator struct {
	kind    operatorKind
	orders  order // of numeric and date operators
	negated bool  // it must hold for every value of the policy, and holds for an absent key
}

type operatorKind uint8

const (
	equal     operatorKind = iota // text
	equalFold                     // text in any case
	like                          // text with wildcards
	likeARN                       // the same, part by part
	inPrefix                      // addresses
	boolean
	binary
	numeric
	date
	null // whether the key is there
)

// order is a set of outcomes of a comparison.
type order uint8

const (
	less order = 1 << iota
	same
	greater
)

// compared is what an operator compares values with, where it can be made when
// the policy is parsed.
type compared struct {
	text   string
	prefix netip.Prefix
	truth  bool
	number *big.Rat
	date   time.Time
}

// operators by name in lower case. (IAM user guide, "Condition operators".)
var operators = func() map[string]operator {
	m := map[string]operator{
		"bool":         {kind: boolean},
		"binaryequals": {kind: binary},
		"null":         {kind: null},
	}
	both := func(positive, negative string, kind operatorKind) {
		m[positive], m[negative] = operator{kind: kind}, operator{kind: kind, negated: true}
	}
	both("stringequals", "stringnotequals", equal)
	both("stringequalsignorecase", "stringnotequalsignorecase", equalFold)
	both("stringlike", "stringnotlike", like)
	both("arnequals", "arnnotequals", likeARN)
	both("arnlike", "arnnotlike", likeARN)
	both("ipaddress", "notipaddress", inPrefix)
	for prefix, kind := range map[string]operatorKind{"numeric": numeric, "date": date} {
		m[prefix+"equals"] = operator{kind: kind, orders: same}
		m[prefix+"notequals"] = operator{kind: kind, orders: same, negated: true}
		m[prefix+"lessthan"] = operator{kind: kind, orders: less}
		m[prefix+"lessthanequals"] = operator{kind: kind, orders: less | same}
		m[prefix+"greaterthan"] = operator{kind: kind, orders: greater}
		m[prefix+"greaterthanequals"] = operator{kind: kind, orders: greater | same}
	}
	return m
}()

// hasVariables reports whether values of a policy may have variables: those of
// other operators are text. (IAM user guide, "Condition operators".)
func (o operator) hasVariables() bool { return o.kind <= likeARN || o.kind == boolean }

func (o operator) hasWildcards() bool { return o.kind == like || o.kind == likeARN }

// cost returns how many steps it takes at least to compare a value.
func (o operator) cost() int {
	if o.kind == inPrefix || o.kind == numeric || o.kind == date {
		return 32 // the value is parsed
	}
	return 1
}

// parse makes text, a value of a policy, ready.
func (o operator) parse(text string, variables bool) (w want, err error) {
	if w.pattern, err = parsePattern(text, variables && o.hasVariables(), o.hasWildcards()); err != nil {
		return w, err
	}
	if w.variables = w.pattern.hasVariables(); w.variables {
		return w, nil
	}
	w.compared.text = w.pattern.plain()
	switch o.kind {
	case inPrefix:
		w.compared.prefix, err = parsePrefix(text)
	case boolean, null:
		w.compared.truth, err = parseBool(text)
	case binary:
		_, err = base64.StdEncoding.DecodeString(text)
	case numeric:
		w.compared.number, err = parseNumber(text)
	case date:
		w.compared.date, err = parseDate(text)
	}
	return w, err
}

// matches reports whether value, of a request, is as w has it. A variable
// without a value matches nothing. (IAM user guide, "Policy variables with no
// value".)
func (o operator) matches(value string, w *want, q *question) bool {
	if !q.steps.spend(o.cost()) {
		return false
	}
	if o.hasWildcards() {
		p, ok := w.pattern, true
		if w.variables {
			p, ok = p.expand(q)
		}
		return ok && (o.kind == like && p.match(value, &q.steps) || o.kind == likeARN && matchesARN(value, p, &q.steps))
	}
	text, ok := w.compared.text, true
	if w.variables {
		text, ok = w.pattern.text(q)
	}
	if !ok {
		return false
	}
	switch o.kind {
	case equal, binary:
		return value == text
	case equalFold, boolean:
		return strings.EqualFold(value, text)
	case inPrefix:
		address, err := netip.ParseAddr(value)
		return err == nil && w.compared.prefix.Contains(address.Unmap())
	case numeric:
		n, err := parseNumber(value)
		return err == nil && o.orders.has(n.Cmp(w.compared.number))
	case date:
		at, err := parseDate(value)
		return err == nil && o.orders.has(at.Compare(w.compared.date))
	}
	return false
}

// has reports whether o has the outcome of a comparison.
func (o order) has(outcome int) bool { return o&(less<<(outcome+1)) != 0 }

func parseBool(s string) (bool, error) {
	truth := strings.EqualFold(s, "true")
	if !truth && !strings.EqualFold(s, "false") {
		return false, errors.New("it is neither true nor false")
	}
	return truth, nil
}

// parsePrefix parses a range of addresses, or one.
func parsePrefix(s string) (netip.Prefix, error) {
	if strings.Contains(s, "/") {
		return netip.ParsePrefix(s)
	}
	address, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Prefix{}, err
	}
	return netip.PrefixFrom(address, address.BitLen()), nil
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

// dateFormats are those of ISO 8601 that policies use: the W3C's, and offsets
// without a colon.
var dateFormats = []string{time.RFC3339Nano, "2006-01-02T15:04:05Z0700", "2006-01-02T15:04Z07:00", "2006-01-02", "2006-01", "2006"}

// parseDate parses a date, or seconds since 1970. Four digits are a year.
func parseDate(s string) (time.Time, error) {
	if seconds, err := strconv.ParseInt(s, 10, 64); err == nil && len(s) != 4 {
		return time.Unix(seconds, 0), nil
	}
	for _, format := range dateFormats {
		if at, err := time.Parse(format, s); err == nil {
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a date", s)
}
