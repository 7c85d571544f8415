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

// asked is a Context of what is known of the principal, then of the request.
type asked struct {
	who *Principal
	of  Context // nil for nothing
}

// Values implements Context.
func (a asked) Values(key string) (values []string, present bool) {
	if one, known := a.who.key(key); known {
		return []string{one}, true
	}
	if values, present = a.who.Keys.Values(key); present || a.of == nil {
		return values, present
	}
	return a.of.Values(key)
}

// key returns the global condition keys of p that every request has. (IAM user
// guide, "AWS global condition context keys".)
func (p *Principal) key(name string) (value string, known bool) {
	switch name {
	case "aws:principalarn":
		if p.Role != "" {
			return p.Role, true
		}
		return p.ARN, true
	case "aws:principalaccount":
		value = p.Account
	case "aws:principaltype":
		value = string(p.Type)
	case "aws:userid":
		value = p.ID
	case "aws:username":
		value = p.Name
	}
	return value, value != ""
}
