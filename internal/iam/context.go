package iam

import "strings"

// Context tells what conditions and variables ask about a request.
type Context interface {
	// Values returns the values of a condition key, whose name is in lower case:
	// a key's own, and that of a tag in it. A key that is present without values
	// is not the same as one that is not present.
	Values(key string) (values []string, present bool)
}

// Keys is a Context of known values, by name in lower case.
type Keys map[string][]string

// Set sets the values of a key.
func (k Keys) Set(key string, values ...string) { k[strings.ToLower(key)] = values }

// Values implements Context.
func (k Keys) Values(key string) (values []string, present bool) {
	values, present = k[key]
	return values, present
}

// values returns the values of a key: what is known of the principal, then of
// the request. They are good until the next call.
func (q *question) values(key string) []string {
	if one, known := q.who.key(key); known {
		q.one[0] = one
		return q.one[:]
	}
	if values, present := q.who.Keys.Values(key); present || q.context == nil {
		return values
	}
	values, _ := q.context.Values(key)
	return values
}

// value returns the first value of a key, and how many it has.
func (q *question) value(key string) (first string, n int) {
	if one, known := q.who.key(key); known {
		return one, 1
	}
	values, present := q.who.Keys.Values(key)
	if !present && q.context != nil {
		values, _ = q.context.Values(key)
	}
	if len(values) == 0 {
		return "", 0
	}
	return values[0], len(values)
}

// key returns the global condition keys of p that every signed request has. (IAM user
// guide, "AWS global condition context keys".)
func (p *Principal) key(name string) (value string, known bool) {
	switch name {
	case "aws:principalarn":
		if value = p.Role; value == "" {
			value = p.ARN
		}
	case "aws:principalaccount":
		value = p.Account
	case "aws:principaltype":
		value = string(p.Type)
	case "aws:userid":
		value = p.ID
	case "aws:username":
		value = p.Name
	case "aws:principalisawsservice": // no service signs requests here
		if p.Federated == "" {
			value = "false"
		}
	}
	return value, value != ""
}
