package sts

import (
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/statordb/stator/internal/ddberr"
)

// Error is an error as the client sees it.
type Error struct {
	Code    string
	Status  int
	Message string
}

// Error returns code and text.
func (e *Error) Error() string { return e.Code + ": " + e.Message }

// sender returns an error that the sender of a request has made.
func sender(code, format string, args ...any) *Error {
	return &Error{code, http.StatusBadRequest, fmt.Sprintf(format, args...)}
}

func denied(format string, args ...any) *Error {
	return &Error{"AccessDenied", http.StatusForbidden, fmt.Sprintf(format, args...)}
}

func missingToken() *Error {
	return &Error{"MissingAuthenticationToken", http.StatusForbidden, "Request is missing Authentication Token"}
}

// authentication are STS's codes for what is wrong with a signature, and their
// statuses. (STS API reference, "Common Errors".)
var authentication = map[string]struct {
	code   string
	status int
}{
	"MissingAuthenticationTokenException": {"MissingAuthenticationToken", http.StatusForbidden},
	"IncompleteSignatureException":        {"IncompleteSignature", http.StatusBadRequest},
	"InvalidSignatureException":           {"SignatureDoesNotMatch", http.StatusForbidden},
	"UnrecognizedClientException":         {"InvalidClientTokenId", http.StatusForbidden},
	"ExpiredTokenException":               {"ExpiredToken", http.StatusForbidden},
}

// Refuse answers a request that was refused before it came here, with an error
// of package sigv4 or of a Directory.
func (s *STS) Refuse(id string, err error) Answer {
	var e *ddberr.Error
	if errors.As(err, &e) {
		if to, ok := authentication[e.Code]; ok {
			err = &Error{to.code, to.status, e.Message}
		}
	}
	return s.refuse(id, "", nil, err)
}

// refuse answers with an error.
func (s *STS) refuse(id, action string, f *form, err error) Answer {
	var e *Error
	if !errors.As(err, &e) {
		s.log.Error("an STS request failed", "request_id", id, "action", action, "error", err)
		e = &Error{"InternalFailure", http.StatusInternalServerError, "The request processing has failed because of an unknown error, exception or failure."}
	}
	var out struct {
		XMLName xml.Name `xml:"ErrorResponse"`
		NS      string   `xml:"xmlns,attr"`
		Error   struct{ Type, Code, Message string }
		ID      string `xml:"RequestId"`
	}
	out.NS, out.ID = namespace, id
	out.Error.Type, out.Error.Code, out.Error.Message = "Sender", e.Code, e.Message
	if e.Status >= http.StatusInternalServerError {
		out.Error.Type = "Receiver"
	}
	return Answer{Status: e.Status, Body: encode(out), Action: action, Parameters: f.recorded(), Err: e}
}

// response is the answer of an operation, whose elements are called after it.
type response struct {
	name   string
	result any
	id     string
}

// MarshalXML implements xml.Marshaler.
func (r response) MarshalXML(e *xml.Encoder, _ xml.StartElement) error {
	start := xml.StartElement{Name: xml.Name{Local: r.name + "Response"}, Attr: []xml.Attr{{Name: xml.Name{Local: "xmlns"}, Value: namespace}}}
	metadata := struct {
		RequestID string `xml:"RequestId"`
	}{r.id}
	return errors.Join(
		e.EncodeToken(start),
		e.EncodeElement(r.result, xml.StartElement{Name: xml.Name{Local: r.name + "Result"}}),
		e.EncodeElement(metadata, xml.StartElement{Name: xml.Name{Local: "ResponseMetadata"}}),
		e.EncodeToken(start.End()))
}

// render returns the answer of an operation.
func render(name string, result any, id string) []byte {
	return encode(response{name, result, id})
}

// encode returns v in the layout of the service.
func encode(v any) []byte {
	text, err := xml.MarshalIndent(v, "", "  ")
	if err != nil {
		panic(err) // of structs that are written here
	}
	return append(text, '\n')
}

// printable returns text as an error may show it.
func printable(text string) string {
	if len(text) > 256 {
		text = text[:256]
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0xfffd {
			return '?'
		}
		return r
	}, text)
}
