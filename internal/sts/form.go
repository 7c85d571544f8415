package sts

import (
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/statordb/stator/internal/identity"
)

// form is the parameters of a request, and what is wrong with them so far.
type form struct {
	values   url.Values
	wrong    []string
	incoming map[string]string // tags that the session of the caller hands on
}

// maxParameters is how many parameters a request may have: 50 tags have 100.
const maxParameters = 200

func parseForm(body []byte) (*form, error) {
	if len(body) > MaxBody {
		return nil, &Error{"RequestEntityTooLarge", 413, "The request is too large."}
	}
	text := string(body)
	values, err := url.ParseQuery(text)
	if err != nil || strings.Count(text, "&") >= maxParameters || !utf8.ValidString(text) {
		return nil, sender("MalformedQueryString", "The query string contains a syntax error.")
	}
	return &form{values: values}, nil
}

func (f *form) get(name string) string { return f.values.Get(name) }

// recorded returns the parameters that may be recorded, as CloudTrail has them:
// neither tokens, which let somebody in, nor policies, which are long. (IAM user guide,
// "Logging IAM and AWS STS API calls with AWS CloudTrail".)
func (f *form) recorded() map[string]any {
	if f == nil {
		return nil
	}
	out := map[string]any{}
	for _, name := range []string{"RoleArn", "RoleSessionName", "DurationSeconds", "ExternalId", "SourceIdentity", "ProviderId", "SerialNumber"} {
		if f.values.Has(name) {
			out[member(name)] = printable(f.get(name))
		}
	}
	if seconds, err := strconv.Atoi(f.get("DurationSeconds")); err == nil {
		out["durationSeconds"] = seconds
	}
	if arns := f.objects("PolicyArns", "arn"); arns != nil {
		out["policyArns"] = arns
	}
	if tags := f.objects("Tags", "Key", "Value"); tags != nil {
		out["tags"] = tags
	}
	var transitive []string
	for i := 1; f.values.Has(element("TransitiveTagKeys", i)); i++ {
		transitive = append(transitive, printable(f.get(element("TransitiveTagKeys", i))))
	}
	if transitive != nil {
		out["transitiveTagKeys"] = transitive
	}
	if len(f.incoming) > 0 {
		out["incomingTransitiveTags"] = f.incoming
	}
	return out
}

// objects returns the elements of a list that have members, for a record.
func (f *form) objects(list string, names ...string) (all []map[string]string) {
	for i := 1; f.values.Has(element(list, i) + "." + names[0]); i++ {
		one := map[string]string{}
		for _, name := range names {
			one[member(name)] = printable(f.get(element(list, i) + "." + name))
		}
		all = append(all, one)
	}
	return all
}

// constraint is what a text must be.
type constraint struct {
	least, most int // characters
	pattern     *regexp.Regexp
	shown       string // the pattern, as errors show it
	secret      bool   // errors do not show the value
}

func matching(least, most int, pattern string) constraint {
	return constraint{least: least, most: most, pattern: regexp.MustCompile(`^(?:` + pattern + `)$`), shown: pattern}
}

// The constraints of parameters. (STS service model.)
var (
	arnText        = matching(20, 2048, `[\x{0009}\x{000A}\x{000D}\x{0020}-\x{007E}\x{0085}\x{00A0}-\x{D7FF}\x{E000}-\x{FFFD}\x{10000}-\x{10FFFF}]+`)
	sessionName    = matching(2, 64, `[\w+=,.@-]*`)
	policyText     = matching(1, 2048, `[\x{0009}\x{000A}\x{000D}\x{0020}-\x{00FF}]+`)
	externalID     = matching(2, 1224, `[\w+=,.@:\/-]*`)
	sourceIdentity = matching(2, 64, `[\w+=,.@-]*`)
	tagKey         = matching(1, 128, `[\p{L}\p{Z}\p{N}_.:/=+\-@]+`)
	tagValue       = matching(0, 256, `[\p{L}\p{Z}\p{N}_.:/=+\-@]*`)
	serialNumber   = matching(9, 256, `[\w+=/:,.@-]*`)
	tokenCode      = constraint{least: 6, most: 6, pattern: regexp.MustCompile(`^[\d]*$`), shown: `[\d]*`, secret: true}
	webToken       = constraint{least: 4, most: 20000, secret: true}
	providerID     = constraint{least: 4, most: 2048}
)

// text returns a parameter, "" if it is not there, and notes what is wrong with
// it.
func (f *form) text(name string, c constraint, required bool) string {
	if !f.values.Has(name) {
		if required {
			f.note("Value null at '%s' failed to satisfy constraint: Member must not be null", member(name))
		}
		return ""
	}
	return f.checked(f.get(name), member(name), c)
}

func (f *form) checked(value, at string, c constraint) string {
	shown := printable(value)
	if c.secret {
		shown = "***"
	}
	failed := func(format string, args ...any) {
		f.note("Value '%s' at '%s' failed to satisfy constraint: "+format, append([]any{shown, at}, args...)...)
	}
	if c.pattern != nil && !c.pattern.MatchString(value) {
		failed("Member must satisfy regular expression pattern: %s", strings.NewReplacer(`\x{`, `\u`, `}`, ``).Replace(c.shown))
	}
	switch n := utf8.RuneCountInString(value); {
	case n < c.least:
		failed("Member must have length greater than or equal to %d", c.least)
	case n > c.most:
		failed("Member must have length less than or equal to %d", c.most)
	}
	return value
}

// number returns a parameter, or what it is if it is not there.
func (f *form) number(name string, absent, least, most int) int {
	text := f.get(name)
	if text == "" {
		return absent
	}
	n, err := strconv.Atoi(text)
	switch at := member(name); {
	case err != nil:
		f.note("Value '%s' at '%s' failed to satisfy constraint: Member must be an integer", printable(text), at)
	case n < least:
		f.note("Value '%d' at '%s' failed to satisfy constraint: Member must have value greater than or equal to %d", n, at, least)
	case n > most:
		f.note("Value '%d' at '%s' failed to satisfy constraint: Member must have value less than or equal to %d", n, at, most)
	}
	return n
}

// device returns the MFA device and the code of it that the sender says to have, "" for
// none.
func (f *form) device() string {
	return f.text("SerialNumber", serialNumber, false) + f.text("TokenCode", tokenCode, false)
}

// noDevice is the error for somebody who says to have an MFA device: nobody has one
// here. (Seen of the service: aws/aws-cli issue 6325, with the two spaces.)
func noDevice() *Error {
	return denied("MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid and associated with this user.")
}

// tokenSize returns how long a token is to be at least.
func (f *form) tokenSize() int { return f.number("MinimumSessionTokenSize", 0, 0, identity.MaxToken) }

// list returns the elements of a list, which are at LIST.member.1 and so on,
// each with a suffix.
func (f *form) list(name, suffix string, most int, c constraint) (all []string) {
	for i := 1; f.values.Has(element(name, i) + suffix); i++ {
		if i > most {
			f.note("Value at '%s' failed to satisfy constraint: Member must have length less than or equal to %d", member(name), most)
			return all
		}
		at := fmt.Sprintf("%s.%d.member%s", member(name), i, strings.ToLower(suffix))
		all = append(all, f.checked(f.get(element(name, i)+suffix), at, c))
	}
	return all
}

// tags returns the session tags of a request, nil for none.
func (f *form) tags() map[string]string {
	keys := f.list("Tags", ".Key", 50, tagKey)
	if keys == nil {
		return nil
	}
	tags, seen := map[string]string{}, map[string]bool{}
	for i, key := range keys {
		if lower := strings.ToLower(key); seen[lower] {
			f.note("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		} else {
			seen[lower] = true
		}
		at := fmt.Sprintf("tags.%d.member.value", i+1)
		tags[key] = f.checked(f.get(element("Tags", i+1)+".Value"), at, tagValue)
	}
	return tags
}

func element(list string, i int) string { return list + ".member." + strconv.Itoa(i) }

// member returns the name of a parameter as errors show it.
func member(name string) string { return strings.ToLower(name[:1]) + name[1:] }

func (f *form) note(format string, args ...any) {
	f.wrong = append(f.wrong, fmt.Sprintf(format, args...))
}

// err returns the ValidationError of what was noted, nil for nothing.
func (f *form) err() error {
	switch n := len(f.wrong); n {
	case 0:
		return nil
	case 1:
		return sender("ValidationError", "1 validation error detected: %s", f.wrong[0])
	default:
		return sender("ValidationError", "%d validation errors detected: %s", n, strings.Join(f.wrong, "; "))
	}
}
