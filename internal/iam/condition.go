package iam

import (
	"fmt"
	"strings"
)

// condition is one key under one operator.
type condition struct {
	key      string // in lower case
	operator operator
	set      setOperator
	ifExists bool
	wants    []want
}

// setOperator says how several values in a request count.
type setOperator uint8

const (
	noSet setOperator = iota
	forAll
	forAny
)

// want is a value of a policy, as its operator compares it.
type want struct {
	pattern   pattern
	variables bool
	compared  compared // what the operator has made of it when it was parsed
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
	if !known || o.kind == null && (c.ifExists || c.set != noSet) {
		return c, fmt.Errorf("the condition operator %q is not known", name)
	}
	if key == "" {
		return c, fmt.Errorf("the condition operator %s has no key", name)
	}
	c.operator = o
	for _, value := range values {
		w, err := o.parse(value, variables)
		if err != nil {
			return c, fmt.Errorf("the value %q of %s: %w", value, name, err)
		}
		c.wants = append(c.wants, w)
	}
	return c, nil
}

// holds reports whether c holds for q.
//
// An absent key matches nothing: it fails an operator and satisfies a negated
// one. A set operator, and Null, take a key whose values are all empty for
// absent. (IAM user guide, "Condition operators", "Multivalued context keys".)
func (c *condition) holds(q *question) bool {
	values := q.values(c.key)
	absent := len(values) == 0
	switch {
	case c.operator.kind == null:
		return c.wantsNull(isNull(values))
	case absent && c.ifExists:
		return true
	case c.set == forAll && isNull(values):
		return true
	case c.set == forAny && isNull(values):
		return false
	case absent:
		return c.operator.negated
	}
	all := c.set == forAll || c.set == noSet && c.operator.negated
	for _, v := range values {
		if q.steps.spent() {
			return false
		}
		if c.one(v, q) != all {
			return !all
		}
	}
	return all
}

// isNull reports whether values are a null data set.
func isNull(values []string) bool {
	for _, v := range values {
		if v != "" {
			return false
		}
	}
	return true
}

func (c *condition) wantsNull(null bool) bool {
	for i := range c.wants {
		if c.wants[i].compared.truth == null {
			return true
		}
	}
	return false
}

// one reports whether one value of the request satisfies the operator: it
// matches one of the policy's values, or none if the operator is negated.
func (c *condition) one(value string, q *question) bool {
	for i := range c.wants {
		if c.operator.matches(value, &c.wants[i], q) {
			return !c.operator.negated
		}
	}
	return c.operator.negated
}
