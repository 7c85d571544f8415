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
