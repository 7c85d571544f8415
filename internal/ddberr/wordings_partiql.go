package ddberr

// The wordings of PartiQL statements. Those marked (unverified) are known from
// questions that users asked, or not at all; the others were observed. They
// are the same in both dialects. A position is line:column:length, from 1.
var (
	// The argument says what is wrong, or nothing.
	StatementMalformed = Text{Plain: true, Older: "Statement wasn't well formed, can't be processed: %s"}
	StatementAlias     = Text{Plain: true, Older: "Aliasing is not supported"}
	// Of the values of a document: a fault, and where: root.x[1].
	StatementValue       = Text{Plain: true, Older: "%s under %s"}
	StatementValueKind   = Text{Plain: true, Older: "Unsupported data type: %s under key %s at %s"}
	StatementBagEmpty    = Text{Plain: true, Older: "Empty bags are not supported"}
	StatementBagMixed    = Text{Plain: true, Older: "Bags must hold strings, numbers or binaries, all of one type"} // (unverified)
	StatementInsertValue = Text{Plain: true, Older: "The value to insert must be a tuple"}                          // (unverified)
	StatementParameters  = Text{Plain: true, Older: "Number of parameters in request and statement don't match."}   // (unverified)
	StatementFunction    = Text{Plain: true, Older: "Unrecognized function: %s at %s"}
	StatementColumn      = Text{Plain: true, Older: "Unexpected path component at %s"}
	StatementOperator    = Text{Plain: true, Older: "Unsupported operator in where clause: %s at %s"} // (unverified)

	StatementFromLong  = Text{Plain: true, Older: "A path may contain at most 2 components in the FROM clause"}
	StatementFromEmpty = Text{Plain: true, Older: "Path component cannot be an empty string"}
	StatementIntoIndex = Text{Plain: true, Older: "FROM clause may only contain a single table name"}
	StatementOnIndex   = Text{Plain: true, Older: "This operation is not supported on an index"}
	StatementReturning = Text{Plain: true, Older: "Invalid returning clause: RETURNING %s. Only RETURNING ALL OLD * is allowed in DELETE statements."}

	// The first argument is SET_ADD or SET_DELETE.
	SetFunctionCount  = Text{Plain: true, Older: "%s must have exactly two arguments at %s"}
	SetFunctionTarget = Text{Plain: true, Older: "The first argument to %s must equal the assignment value at %s"}
	SetFunctionValue  = Text{Plain: true, Older: "The second argument to %s must be a value with type SET at %s"}

	StatementKey           = Text{Plain: true, Older: "Where clause does not contain a mandatory equality on all key attributes"} // (unverified)
	StatementOverlap       = Text{Plain: true, Older: "Overlapping conditions with range keys are not supported in where clause"}
	StatementOrderNoWhere  = Text{Plain: true, Older: "Must have WHERE clause in the statement when using ORDER BY clause."}                                 // (unverified)
	StatementOrderNoHash   = Text{Plain: true, Older: "Must have at least one non-optional hash key condition in WHERE clause when using ORDER BY clause."}  // (unverified)
	StatementOrderNotKey   = Text{Plain: true, Older: "Variable reference %s in ORDER BY clause must be part of the primary key"}                            // (unverified)
	StatementOrderHash     = Text{Plain: true, Older: "The hash key must come first in the ORDER BY clause when the WHERE clause has several of its values"} // (unverified)
	StatementIndexUnknown  = Text{Plain: true, Older: "The table does not have the specified index"}
	StatementIndexStrong   = Text{Plain: true, Older: "Strongly consistent read is not supported on Global Secondary Indexes"}
	StatementFilterIndex   = Text{Plain: true, Older: invalid + "Secondary index %s does not project one or more filter attributes: [%s]"}
	StatementKeysComposite = Text{Plain: true, Older: "PartiQL statements cannot be executed on tables with multi-attribute HASH keys or multi-attribute RANGE keys."}
	StatementToken         = Text{Plain: true, Older: "The provided NextToken is invalid"} // (unverified)

	StatementInTransaction      = Text{Plain: true, Older: "Validation failed in TransactStatements[%d]: %s"}
	StatementReturningTransact  = Text{Plain: true, Older: "RETURNING clause is not supported in ExecuteTransaction."}
	StatementExistsShape        = Text{Plain: true, Older: "EXISTS() must contain a single item read with additional condition"}
	StatementIndexTransact      = Text{Plain: true, Older: "Reads on indices are not supported within transactions."}
	StatementReadWithoutKey     = Text{Plain: true, Older: "Select statements within %s must specify the primary key in the where clause."}
	StatementsMixedInBatch      = Text{Plain: true, Older: "The entire batch must consist of either read statements or write statements; you cannot mix both in one batch."}             // (unverified)
	StatementsMixedTransactions = Text{Plain: true, Older: "The entire transaction must consist of either read statements or write statements; you cannot mix both in one transaction."} // (unverified)
)

// DuplicateItem is the error of an INSERT of an item that is there.
func DuplicateItem() *Error {
	return New("DuplicateItemException", "Duplicate primary key exists in table")
}
