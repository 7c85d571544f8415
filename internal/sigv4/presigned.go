package sigv4

import (
	"fmt"
	"strings"
)

// The parameters of a presigned request. How long it is to be good, X-Amz-Expires,
// STS does not look at: it is good for as long as one with an Authorization header is.
// (IAM user guide, "Authentication methods"; aws/aws-sdk-go issue 2167.)
const (
	parameterAlgorithm  = "X-Amz-Algorithm"
	parameterCredential = "X-Amz-Credential"
	parameterDate       = "X-Amz-Date"
	parameterHeaders    = "X-Amz-SignedHeaders"
	parameterSignature  = "X-Amz-Signature"
	parameterToken      = "X-Amz-Security-Token"
)

// IsPresigned reports whether the query of a request says who signed it.
func IsPresigned(query string) bool {
	return strings.Contains(query, parameterAlgorithm+"=") || strings.Contains(query, parameterSignature+"=")
}

// ParsePresigned is Parse for a request whose query says who signed it.
func ParsePresigned(m Message, service string) (*Signed, error) {
	s := &Signed{presigned: true}
	var kind, credential string
	parameters := map[string]*string{
		parameterAlgorithm: &kind, parameterCredential: &credential, parameterDate: &s.stamp,
		parameterHeaders: &s.headers, parameterSignature: &s.signature, parameterToken: &s.Token,
	}
	for part := range strings.SplitSeq(m.Query(), "&") {
		name, value, _ := strings.Cut(part, "=")
		into := parameters[name]
		if into == nil {
			continue
		}
		if *into != "" {
			return nil, incomplete("The query string has '" + name + "' more than once.")
		}
		*into = unescaped(value)
	}
	for _, name := range []string{parameterAlgorithm, parameterCredential, parameterDate, parameterHeaders, parameterSignature} {
		if *parameters[name] == "" {
			return nil, incomplete("The query string requires '" + name + "'.")
		}
	}
	if kind != algorithm {
		return nil, incomplete("Unsupported AWS 'algorithm': '" + printable(kind) + "'.")
	}
	var ok bool
	if s.Time, ok = parseStamp(s.stamp); !ok {
		return nil, incomplete(fmt.Sprintf(badDate, printable(s.stamp)))
	}
	if err := s.setCredential(credential); err != nil {
		return nil, err
	}
	return s, s.checkScope(service)
}
