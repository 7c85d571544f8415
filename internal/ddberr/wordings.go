package ddberr

const invalid = "One or more parameter values were invalid: "

// The wordings of faults in attribute values.
var (
	ValueEmpty      = Text{Older: "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"}
	ValueManyTypes  = Text{Older: "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes"}
	NumberSyntax    = Text{Older: "The parameter cannot be converted to a numeric value: %s"}
	NumberEmpty     = Text{Older: "The parameter cannot be converted to a numeric value", Current: "The parameter cannot be converted to a numeric value: "}
	NumberOverflow  = Text{Older: numberOverflow}
	NumberUnderflow = Text{Older: numberUnderflow}
	NumberDigits    = Text{Older: "Attempting to store more than 38 significant digits in a Number"}
	// An exponent close to 2^31 wrapped around in the older layer, and one
	// past it was not a number. The argument is the text as sent.
	NumberWrappedOverflow  = Text{Older: numberUnderflow, Current: numberOverflow}
	NumberWrappedUnderflow = Text{Older: numberOverflow, Current: numberUnderflow}
	NumberWideOverflow     = Text{Older: "The parameter cannot be converted to a numeric value: %s", Current: numberOverflow + "%.0s"}
	NumberWideUnderflow    = Text{Older: "The parameter cannot be converted to a numeric value: %s", Current: numberUnderflow + "%.0s"}
	NullFalse              = Text{Older: invalid + "Null attribute value types must have the value of true"}
	StringSetEmpty         = Text{Older: invalid + "An string set  may not be empty"}
	NumberSetEmpty         = Text{Older: invalid + "An number set  may not be empty"}
	BinarySetEmpty         = Text{Older: invalid + "Binary sets should not be empty"}
	// Arguments: the members as sent, and quoted with those up to the first
	// repeat sorted.
	StringSetDuplicate = Text{Older: invalid + "Input collection [%[1]s] contains duplicates.", Current: invalid + "Input collection [%[2]s] contains duplicates."}
	BinarySetDuplicate = Text{Older: invalid + "Input collection [%[1]s]of type BS contains duplicates.", Current: invalid + "Input collection [%[2]s]of type BS contains duplicates."}
	NumberSetDuplicate = Text{Older: "Input collection contains duplicates", Current: invalid + "Input collection contains duplicates."}
	NestingTooDeep     = Text{Older: "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond supported limit"}
	AttributeNameEmpty = Text{Older: "Empty attribute name"}
	AttributeNameLong  = Text{Older: invalid + "Attribute name is too large, must be less than 65535 bytes"}
)

const (
	numberOverflow  = "Number overflow. Attempting to store a number with magnitude larger than supported range"
	numberUnderflow = "Number underflow. Attempting to store a number with magnitude smaller than supported range"
)

const inExpr = "%s"

// The wordings of faults in expressions. Where a text begins with inExpr, the
// first argument is what it begins with: "Invalid UpdateExpression: ", or nothing
// where no parameter is at fault but a statement.
var (
	NamesWithoutExpression  = Text{Older: "ExpressionAttributeNames can only be specified when using expressions"}
	ValuesWithoutExpression = Text{Older: "ExpressionAttributeValues can only be specified when using expressions%s", Current: "ExpressionAttributeValues can only be specified when using expressions%.0s"}
	NamesEmpty              = Text{Older: "ExpressionAttributeNames must not be empty"}
	ValuesEmpty             = Text{Older: "ExpressionAttributeValues must not be empty"}
	// Argument 1 is ExpressionAttributeNames or ExpressionAttributeValues.
	PlaceholderSyntax = Text{Older: `%s contains invalid key: Syntax error; key: "%s"`}
	PlaceholderLong   = Text{Older: "%s contains invalid key: Key is too long; size: %d"}
	PlaceholdersLarge = Text{Older: "%s exceeds the maximum size of %d bytes"}
	NameOfPlaceholder = Text{Older: "ExpressionAttributeNames contains invalid value: %s for key %s"}
	NamesUnused       = Text{Older: "Value provided in ExpressionAttributeNames unused in expressions: keys: {%s}"}
	ValuesUnused      = Text{Older: "Value provided in ExpressionAttributeValues unused in expressions: keys: {%s}"}

	ExpressionEmpty     = Text{Older: inExpr + "The expression can not be empty;"}
	ExpressionLong      = Text{Older: inExpr + "Expression size has exceeded the maximum allowed size; expression size: %s"}
	UpdateLong          = Text{Older: inExpr + "Expression size has exceeded the maximum allowed size; expression size: %s", Current: inExpr + "Expression size has exceeded the maximum allowed size;%.0s"}
	ExpressionSyntax    = Text{Older: inExpr + `Syntax error; token: "%s", near: "%s"`}
	ExpressionParens    = Text{Older: inExpr + "The expression has redundant parentheses;"}
	ExpressionOperators = Text{Older: inExpr + "The expression contains too many operators; operator count: %d"}
	ReservedWord        = Text{Older: inExpr + "Attribute name is a reserved keyword; reserved keyword: %s"}
	ListIndexRange      = Text{Older: inExpr + "List index is not within the allowable range; index: [%s]"}
	PathTooDeep         = Text{Older: inExpr + "The document path has too many nesting levels; nesting levels: %d"}
	NameUndefined       = Text{Older: inExpr + "An expression attribute name used in the document path is not defined; attribute name: %s"}
	ValueUndefined      = Text{Older: inExpr + "An expression attribute value used in expression is not defined; attribute value: %s"}
	PathsOverlap        = Text{Older: inExpr + "Two document paths overlap with each other; must remove or rewrite one of these paths; path one: %s, path two: %s"}
	PathsConflict       = Text{Older: inExpr + "Two document paths conflict with each other; must remove or rewrite one of these paths; path one: %s, path two: %s"}

	FunctionUnknown   = Text{Older: inExpr + "Invalid function name; function: %s"}
	FunctionMisused   = Text{Older: inExpr + "The function is not allowed to be used this way in an expression; function: %s"}
	FunctionOperands  = Text{Older: inExpr + "Incorrect number of operands for operator or function; operator or function: %s, number of operands: %d"}
	FunctionNeedsPath = Text{Older: inExpr + "Operator or function requires a document path; operator or function: %s"}
	OperandType       = Text{Older: inExpr + "Incorrect operand type for operator or function; operator or function: %s, operand type: %s"}
	ActionOperandType = Text{Older: inExpr + "Incorrect operand type for operator or function; operator: %[2]s, operand type: %[3]s, typeSet: ALLOWED_FOR_%[2]s_OPERAND"}
	OperandRepeated   = Text{Older: inExpr + "The first operand must be distinct from the remaining operands for this operator or function; operator: %s, first operand: %s"}
	TypeNameUnknown   = Text{Older: inExpr + "Invalid attribute type name found; type: %s, valid types: {B,NULL,SS,BOOL,L,BS,N,NS,S,M}"}
	InOperands        = Text{Older: inExpr + "The IN operator is provided with too many operands; number of operands: %d"}
	BetweenTypes      = Text{Older: inExpr + "The BETWEEN operator requires same data type for lower and upper bounds; lower bound operand: AttributeValue: {%s}, upper bound operand: AttributeValue: {%s}"}
	BetweenOrder      = Text{Older: inExpr + "The BETWEEN operator requires upper bound to be greater than or equal to lower bound; lower bound operand: AttributeValue: {%s}, upper bound operand: AttributeValue: {%s}"}
	SectionRepeated   = Text{Older: inExpr + `The "%s" section can only be used once in an update expression;`}
)

// The wordings of faults in key conditions.
var (
	KeyOperator          = Text{Older: "Invalid operator used in KeyConditionExpression: %s"}
	KeyFirstOperand      = Text{Older: "Invalid condition in KeyConditionExpression: The first operand of %s is not a key attribute"}
	KeyManyNames         = Text{Older: "Invalid condition in KeyConditionExpression: Multiple attribute names used in one condition"}
	KeyNoName            = Text{Older: "Invalid condition in KeyConditionExpression: No key attribute specified"}
	KeyNestedOperation   = Text{Older: "KeyConditionExpressions cannot contain nested operations"}
	KeyNestedPath        = Text{Older: "KeyConditionExpressions cannot have conditions on nested attributes"}
	KeyRepeated          = Text{Older: "KeyConditionExpressions must only contain one condition per key", Current: "Invalid KeyConditionExpression: KeyConditionExpressions must only contain one condition per key"}
	KeyMissing           = Text{Older: "Query condition missed key schema element: %s", Plain: true}
	KeyNotSupported      = Text{Older: "Query key condition not supported", Plain: true}
	KeyConditionType     = Text{Older: invalid + "Condition parameter type does not match schema type", Plain: true}
	KeyCount             = Text{Older: "Conditions can be of length 1 or 2 only%.0s%.0s", Current: keyCount, Plain: true}
	KeyCountHashOnly     = Text{Older: "Query key condition not supported%.0s%.0s", Current: keyCount, Plain: true}
	KeyInequalityEarlier = Text{Older: "RANGE key attributes %s must have equality conditions specified in the query because a condition is present on key attribute %s", Plain: true}
	KeyValueEmpty        = Text{Older: "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty %s value. Key: %s", Plain: true}
)

const keyCount = "The number of query conditions (%s) exceeds the number of key attributes defined in the schema (%s)"

// The wordings of faults that come to light when an expression meets a table
// or an item.
var (
	KeyAttributeUpdated  = Text{Older: invalid + "Cannot update attribute %s. This attribute is part of the key", Plain: true}
	KeyAttributeNested   = Text{Older: "Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: %s: %s", Plain: true}
	FilterKeyAttribute   = Text{Older: "%s can only contain non-primary key attributes: Primary key attribute: %s", Plain: true}
	UpdateOperandType    = Text{Older: "An operand in the update expression has an incorrect data type", Plain: true}
	UpdateOperandMissing = Text{Older: "The provided expression refers to an attribute that does not exist in the item", Plain: true}
	UpdatePathInvalid    = Text{Older: "The document path provided in the update expression is invalid for update", Plain: true}
	UpdateTypeMismatch   = Text{Older: "Type mismatch for attribute to update", Plain: true}
	UpdateNumberOverflow = Text{Older: numberOverflow, Plain: true}
	UpdateNestingTooDeep = Text{Older: "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond supported limit", Plain: true}
)
