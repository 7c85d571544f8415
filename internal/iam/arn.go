package iam

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// arnParts is how many parts an ARN has; colons in the last belong to it.
const arnParts = 6

// The parts of an ARN.
const (
	arnService = 2
	arnAccount = 4
	arnRest    = 5 // "table/Books"
)

// splitARN splits text at its first five colons; ok is false if there are fewer.
func splitARN(text string) (parts [arnParts]string, ok bool) {
	for i := range arnParts - 1 {
		if parts[i], text, ok = strings.Cut(text, ":"); !ok {
			return parts, false
		}
	}
	parts[arnParts-1] = text
	return parts, true
}

// An arnPattern matches ARNs part by part: a wildcard does not reach over a
// colon between parts. (IAM user guide, "IAM JSON policy elements: Resource".)
type arnPattern struct {
	everything bool
	whole      string // what it matches if it has neither wildcards nor variables
	parts      [arnParts]pattern
	variables  bool // in the last part
}

// parseARNPattern parses a resource of a policy. An ARN that ends in * before
// its last part goes on in all that follows; a variable may be in the last part
// alone.
func parseARNPattern(text string, variables bool) (a arnPattern, err error) {
	if text == "*" {
		return arnPattern{everything: true}, nil
	}
	parts, whole := splitARN(text)
	if !whole && strings.HasSuffix(text, "*") {
		parts, whole = splitARN(text + strings.Repeat(":*", arnParts-1-strings.Count(text, ":")))
	}
	switch {
	case !whole || parts[0] != "arn" || parts[1] == "":
		return a, fmt.Errorf("%q is not the ARN of a resource, nor *", text)
	case parts[arnService] == "" || strings.ContainsAny(parts[arnService], "*?"):
		return a, fmt.Errorf("the service of the resource %q is not named", text)
	}
	for i, part := range parts {
		if variables && i < arnRest && strings.Contains(part, "${") {
			return a, fmt.Errorf("the resource %q has a policy variable before its last part", text)
		}
		if a.parts[i], err = parsePattern(part, variables, true); err != nil {
			return a, err
		}
	}
	a.variables = a.parts[arnRest].hasVariables()
	if slices.ContainsFunc(a.parts[:], notLiteral) {
		return a, nil
	}
	for i, p := range a.parts {
		parts[i] = p.plain()
	}
	a.whole = strings.Join(parts[:], ":")
	return a, nil
}

func notLiteral(p pattern) bool {
	return slices.ContainsFunc(p, func(t token) bool { return t.kind != literal })
}

// match reports whether a matches the resource of q. With a variable that has
// no value it matches none.
func (a *arnPattern) match(q *question) bool {
	switch {
	case a.everything:
		return true
	case a.whole != "":
		return a.whole == q.resource
	case !q.isARN:
		return false
	}
	for i := range arnRest {
		if !a.parts[i].match(q.arn[i], &q.steps) {
			return false
		}
	}
	rest := a.parts[arnRest]
	if a.variables {
		var ok bool
		if rest, ok = rest.expand(q); !ok {
			return false
		}
	}
	return rest.match(q.arn[arnRest], &q.steps)
}

// matchesARN matches an ARN part by part, for conditions.
func matchesARN(value string, want pattern, steps *steps) bool {
	parts, ok := splitARN(value)
	patterns := splitPattern(want)
	if !ok || len(patterns) != arnParts {
		return len(want) == 1 && want[0].kind == anyRun
	}
	for i, p := range patterns {
		if !p.match(parts[i], steps) {
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
			before, after, found := strings.Cut(t.text, ":")
			if !found {
				break
			}
			if before != "" {
				last := &parts[len(parts)-1]
				*last = append(*last, token{kind: literal, text: before})
			}
			parts, t.text = append(parts, nil), after
		}
		if t.kind != literal || t.text != "" {
			last := &parts[len(parts)-1]
			*last = append(*last, t)
		}
	}
	return parts
}

// A principalARN is what a policy names as a principal.
type principalARN struct {
	account string // of the account's root, "" for others
	arn     string
}

var errPrincipal = errors.New("it is not the ARN of an account, a user, a role or a session, nor an account or *")

// parsePrincipalARN parses the ARN of a principal. A group is none.
func parsePrincipalARN(text string) (p principalARN, err error) {
	parts, ok := splitARN(text)
	if !ok || parts[0] != "arn" || parts[1] == "" || parts[3] != "" || !isAccount(parts[arnAccount]) {
		return p, errPrincipal
	}
	kind, name, _ := strings.Cut(parts[arnRest], "/")
	switch {
	case parts[arnService] == "iam" && parts[arnRest] == "root":
		p.account = parts[arnAccount]
	case name == "":
		return p, errPrincipal
	case parts[arnService] == "iam" && (kind == "user" || kind == "role"):
	case parts[arnService] == "sts" && (kind == "federated-user" || kind == "assumed-role" && strings.Contains(name, "/")):
	default:
		return p, errPrincipal
	}
	p.arn = text
	return p, nil
}

func isAccount(s string) bool {
	return len(s) == 12 && strings.Trim(s, "0123456789") == ""
}
