package model

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// required and optional say whether a member must be present.
const (
	required = true
	optional = false
)

// A textRule constrains a string member.
type textRule struct {
	min, max int // characters; no upper limit when max is 0
	pattern  *pattern
	enum     *enumeration
	// table marks a table name, which may be an ARN: then the name in it is
	// held to the rule, and the whole to arnMax. Only the first fault is reported.
	table bool
}

// arnMax is the length of the longest ARN that may stand for a table name.
const arnMax = 1024

// A numberRule constrains an integer member.
type numberRule struct{ min, max *int64 }

// A sizeRule constrains the length of a list or map.
type sizeRule struct{ min, max int } // no upper limit when max is 0

// limit returns a bound for a numberRule.
func limit(n int64) *int64 { return &n }

// An enumeration is the set of legal values of a string.
type enumeration struct {
	values  []string
	printed string // as in the error text, in the service's order
}

// intern returns text as a string, without allocating for a legal value.
func (e *enumeration) intern(text []byte) string {
	for _, v := range e.values {
		if v == string(text) {
			return v
		}
	}
	return string(text)
}

func (e *enumeration) has(value string) bool {
	for _, v := range e.values {
		if v == value {
			return true
		}
	}
	return false
}

// A pattern is a regular expression that the whole value must match.
type pattern struct {
	text  string // as in the error text
	match func(string) bool
}

// expression returns the pattern printed as text whose meaning, in Go's
// syntax, is expr. It is compiled when first used.
func expression(text, expr string) *pattern {
	compile := sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\A(?:` + expr + `)\z`) })
	return &pattern{text: text, match: func(s string) bool { return compile().MatchString(s) }}
}

// namePattern is the pattern of table and index names.
var namePattern = &pattern{text: "[a-zA-Z0-9_.-]+", match: isName}

func isName(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_', c == '.', c == '-':
		default:
			return false
		}
	}
	return s != ""
}

// TableOfARN returns the name in the ARN of a table,
// arn:partition:dynamodb:region:account:table/name; ok says that arn is one.
// The name may still break the constraints of names.
func TableOfARN(arn string) (name string, ok bool) {
	parts := strings.Split(arn, ":")
	if len(parts) != 6 || parts[0] != "arn" || parts[2] != "dynamodb" || slices.Contains(parts, "") {
		return "", false
	}
	return strings.CutPrefix(parts[5], "table/")
}

// length returns the number of UTF-16 units of s, as the service counts.
func length(s string) int {
	n := 0
	for _, r := range s {
		n++
		if r > 0xFFFF {
			n++
		}
	}
	return n
}

// tooShort reports whether s has fewer than n characters.
func tooShort(s string, n int) bool { return len(s) < n*utf8.UTFMax && length(s) < n }

// tooLong reports whether s has more than n characters; 0 is no limit.
func tooLong(s string, n int) bool { return n > 0 && len(s) > n && length(s) > n }

// The constraints in words.
const notNull = "Member must not be null"

func atLeastLong(n int) string {
	return "Member must have length greater than or equal to " + strconv.Itoa(n)
}

func atMostLong(n int) string {
	return "Member must have length less than or equal to " + strconv.Itoa(n)
}

func atLeast(n int64) string {
	return "Member must have value greater than or equal to " + strconv.FormatInt(n, 10)
}

func atMost(n int64) string {
	return "Member must have value less than or equal to " + strconv.FormatInt(n, 10)
}
