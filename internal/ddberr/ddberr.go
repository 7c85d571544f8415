// Package ddberr holds everything a client may see as an error: codes, HTTP
// statuses and exact texts.
//
// An *Error goes to the client verbatim. A *Fault is a fault in a request
// whose wording depends on the dialect and the operation (see Style); the API
// renders it into an *Error once, in one place. Any other error becomes
// InternalServerError.
package ddberr

import "fmt"

// Namespaces that qualify an error code in the "__type" member of a response.
const (
	nsDynamoDB = "com.amazonaws.dynamodb.v20120810#"
	nsService  = "com.amazon.coral.service#"
	nsValidate = "com.amazon.coral.validate#"
)

// Error is an error as the client sees it.
type Error struct {
	Code    string // "ValidationException"
	Status  int    // HTTP status
	Message string // exact text; empty means the member is left out
	Detail  []byte // further members of the body, JSON without braces: `"Item":{…}`
}

// Error returns code and text, for logs.
func (e *Error) Error() string { return e.Code + ": " + e.Message }

// Type returns the qualified code that stands in "__type".
func (e *Error) Type() string {
	switch e.Code {
	case "ValidationException":
		return nsValidate + e.Code
	case "SerializationException", "UnknownOperationException", "MissingAuthenticationTokenException",
		"IncompleteSignatureException", "InvalidSignatureException", "UnrecognizedClientException", "ExpiredTokenException",
		"AccessDeniedException", "InternalFailure":
		return nsService + e.Code
	}
	return nsDynamoDB + e.Code
}

// MessageMember returns the name of the member that carries the text:
// "message", but for four codes "Message".
func (e *Error) MessageMember() string {
	switch e.Code {
	case "SerializationException", "TransactionCanceledException",
		"TransactionInProgressException", "IdempotentParameterMismatchException":
		return "Message"
	}
	return "message"
}

// New returns an Error with HTTP status 400.
func New(code, message string) *Error {
	return &Error{Code: code, Status: 400, Message: message}
}

// Validation returns a ValidationException with a formatted text.
func Validation(format string, args ...any) *Error {
	return New("ValidationException", fmt.Sprintf(format, args...))
}

// Serialization returns a SerializationException; an empty text is the
// service's answer to a body that is not JSON.
func Serialization(message string) *Error { return New("SerializationException", message) }

// ResourceNotFound returns a ResourceNotFoundException.
func ResourceNotFound(message string) *Error { return New("ResourceNotFoundException", message) }

// TableNotFound is the ResourceNotFoundException of data operations.
func TableNotFound() *Error { return ResourceNotFound("Requested resource not found") }

// TableNamedNotFound is the ResourceNotFoundException of table operations.
func TableNamedNotFound(table string) *Error {
	return ResourceNotFound("Requested resource not found: Table: " + table + " not found")
}

// ResourceInUse returns a ResourceInUseException.
func ResourceInUse(message string) *Error { return New("ResourceInUseException", message) }

// ConditionalCheckFailed returns a ConditionalCheckFailedException; detail is
// the item as `"Item":{…}`, or nil.
func ConditionalCheckFailed(detail []byte) *Error {
	e := New("ConditionalCheckFailedException", "The conditional request failed")
	e.Detail = detail
	return e
}

// Unavailable is the answer to a request that the server cannot serve now.
func Unavailable(message string) *Error {
	return &Error{Code: "ServiceUnavailable", Status: 503, Message: message}
}

// Internal is the answer to a failure that is the server's own.
func Internal() *Error {
	return &Error{Code: "InternalServerError", Status: 500, Message: "The request processing has failed because of an unknown error, exception or failure."}
}
