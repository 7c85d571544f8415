package ddberr

import "fmt"

// The texts of KMS's refusals in the control plane and in the data plane are those
// that users quote for keys that do not exist and for keys without permission:
// github.com/aws-solutions/generative-ai-application-builder-on-aws issue 29,
// github.com/aws/aws-cdk issue 18616. For disabled keys there is no public source:
// they are worded alike. The service's request ids are left out.

// KeyRefused is the answer to a request that names a KMS key that cannot be used;
// code and message are KMS's.
func KeyRefused(code, message string) *Error {
	return Validation("KMS validation error: %s", ofKMS(code, message))
}

// KeyInaccessible is the answer to a request for the items of a table whose KMS key
// cannot be used.
func KeyInaccessible(code, message string) *Error {
	return New("AccessDeniedException", "KMS key access denied error: "+ofKMS(code, message))
}

func ofKMS(code, message string) string {
	return fmt.Sprintf("com.amazonaws.services.kms.model.%s: %s (Service: AWSKMS; Status Code: 400; Error Code: %[1]s; Proxy: null)", code, message)
}
