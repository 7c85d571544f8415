package ddberr

// The wordings of transactions.
var (
	TransactRepeated  = Text{Plain: true, Older: "Transaction request cannot include multiple operations on one item"}
	TransactManyKinds = Text{Older: "TransactItems can only contain one of Check, Put, Update or Delete"}
	TransactNoKind    = Text{Older: "Invalid Request: TransactWriteRequest should contain Delete or Put or Update request"}
	TransactTooLarge  = Text{Older: "Transaction request size exceeded the maximum of 4 MB"}
)

// TransactionConflict is the error of a write to an item for which a
// transaction is under way.
func TransactionConflict() *Error {
	return New("TransactionConflictException", "Transaction is ongoing for the item")
}

// IdempotentParameterMismatch is the error of a token used with another
// request.
func IdempotentParameterMismatch() *Error {
	return New("IdempotentParameterMismatchException", "The request uses the same client token as a previous, but non-identical request. Do not reuse a client token with different requests, unless the requests are identical")
}

// TransactionInProgress is the error of a token whose request is under way.
func TransactionInProgress() *Error {
	return New("TransactionInProgressException", "The transaction with the given request token is already in progress.")
}
