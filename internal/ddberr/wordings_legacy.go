package ddberr

// The wordings of the parameters from before expressions.
var (
	ExpectedNoValue         = Text{Older: invalid + "Value must be provided when Exists is %s for Attribute: %s"}
	ExpectedValueAbsent     = Text{Older: invalid + "Value cannot be used when Exists is false for Attribute: %s"}
	ExpectedValueAndList    = Text{Older: invalid + "Value and AttributeValueList cannot be used together for Attribute: %s"}
	ExpectedExistsAndOp     = Text{Older: invalid + "Exists and ComparisonOperator cannot be used together for Attribute: %s"}
	ExpectedListWithoutOp   = Text{Older: invalid + "AttributeValueList can only be used with a ComparisonOperator for Attribute: %s"}
	ExpectedOpWithoutValues = Text{Older: invalid + "Value or AttributeValueList must be used with ComparisonOperator: %s for Attribute: %s"}
	OperatorArguments       = Text{Older: invalid + "Invalid number of argument(s) for the %s ComparisonOperator"}
	OperatorType            = Text{Older: invalid + "ComparisonOperator %s is not valid for %s AttributeValue type"}
	OperatorTypesDiffer     = Text{Older: invalid + "AttributeValues inside AttributeValueList must be of same type"}
	OperatorBounds          = Text{Older: "The BETWEEN condition was provided a range where the lower bound is greater than the upper bound"}
	OperatorsTooMany        = Text{Older: invalid + "Too many conditions: %d, the limit is %d"}
	OperatorWithoutFilter   = Text{Older: invalid + "ConditionalOperator cannot be used without Filter or Expected"}
	KeyOperatorNotIndexable = Text{Older: "Attempted conditional constraint is not an indexable operation"}
	AttributesRepeated      = Text{Older: invalid + "Duplicate value in attribute name: %s"}
	ActionWithoutValue      = Text{Older: invalid + "Only DELETE action is allowed when no attribute value is specified"}
	ActionDeleteType        = Text{Older: invalid + "DELETE action with value is not supported for the type %s"}
	ActionAddType           = Text{Older: invalid + "ADD action is not supported for the type %s"}
)
