package iam

import "strings"

// Context is what conditions and variables ask about a request: the values of
// condition keys. Names are in lower case: a key's own, and that of a tag in it.
// A key that is there without values is not the same as one that is not there.
type Context map[string][]string

// Set sets the values of a key.
func (c Context) Set(key string, values ...string) { c[strings.ToLower(key)] = values }

// values returns those of a key in lower case, nil if it is not there.
func (c Context) values(key string) []string { return c[key] }
