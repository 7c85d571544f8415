package ddberr

// The wordings of resource-based policies. They have no source and are our own; the
// code PolicyNotFoundException is the API reference's.
var (
	// Arguments: what is wrong.
	PolicyMalformed = Text{Older: invalid + "Invalid policy document: %s"}
	PolicyLocksOut  = Text{Older: invalid + "The policy would not allow the caller to change it again: confirm that with ConfirmRemoveSelfResourceAccess"}
)

// PolicyNotFound is the error of a resource without a policy, or with another one
// than is expected.
func PolicyNotFound(arn string) *Error {
	return New("PolicyNotFoundException", "Resource-based policy not found for the provided ResourceArn: "+arn)
}

// AccessDenied is the answer to who may not take an action on a resource; reason
// begins with "because" or "with".
func AccessDenied(user, action, resource, reason string) *Error {
	return New("AccessDeniedException", "User: "+user+" is not authorized to perform: "+action+" on resource: "+resource+" "+reason)
}
