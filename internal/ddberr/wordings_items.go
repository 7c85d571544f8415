package ddberr

// The wordings of faults in items and keys that show only against the schema
// of a table. They are never enveloped.
var (
	MissingKey        = Text{Plain: true, Older: invalid + "Missing the key %s in the item"}
	KeyType           = Text{Plain: true, Older: invalid + "Type mismatch for key %s expected: %s actual: %s"}
	KeySchemaMismatch = Text{Plain: true, Older: "The provided key element does not match the schema"}
	EmptyKey          = Text{Plain: true, Older: notValid + "The AttributeValue for a key attribute cannot contain an empty %s value. Key: %s"}
	HashKeyLong       = Text{Plain: true, Older: invalid + "Size of hashkey has exceeded the maximum size limit of2048 bytes"}
	SortKeyLong       = Text{Plain: true, Older: invalid + "Aggregated size of all range keys has exceeded the size limit of 1024 bytes"}
	IndexKeyType      = Text{Plain: true, Older: invalid + "Type mismatch for Index Key %s Expected: %s Actual: %s IndexName: %s"}
	EmptyIndexKey     = Text{Plain: true, Older: notValid + "A value specified for a secondary index key is not supported. The AttributeValue for a key attribute cannot contain an empty %s value. IndexName: %s, IndexKey: %s"}
	IndexHashKeyLong  = Text{Plain: true, Older: invalid + "Size of hashkey has exceeded the maximum size limit of%d bytes"}
	IndexSortKeyLong  = Text{Plain: true, Older: invalid + "Aggregated size of all range keys has exceeded the size limit of %d bytes"}
	ItemTooLarge      = Text{Plain: true, Older: "Item size has exceeded the maximum allowed size"}
	UpdatedTooLarge   = Text{Plain: true, Older: "Item size to update has exceeded the maximum allowed size"}
	// Index keys that an update computes from the item are worded apart.
	// (API reference, TransactWriteItems: CancellationReasons.)
	UpdatedIndexKeyType = Text{Plain: true, Older: "The update expression attempted to update the secondary index key to unsupported type"}
	UpdatedIndexKeyLong = Text{Plain: true, Older: "The update expression attempted to update the secondary index key beyond allowed size limits"}

	BatchDuplicates = Text{Plain: true, Older: "Provided list of item keys contains duplicates"}
)

const selectSpecific = "Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES"

const notValid = "One or more parameter values are not valid. "

// The wordings of requests whose members do not go together.
var (
	ReturnValuesOld    = Text{Older: "ReturnValues can only be ALL_OLD or NONE"}
	MixedParameters    = Text{Older: "Can not use both expression and non-expression parameters in the same request: Non-expression parameters: {%s} Expression parameters: {%s}"}
	KeyConditionAbsent = Text{Older: "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request."}
)

// The wordings of reads.
var (
	IndexUnknown         = Text{Plain: true, Older: "The table does not have the specified index: %s"}
	IndexBackfilling     = Text{Plain: true, Older: "Cannot read from backfilling global secondary index: %s"}
	ConsistentGlobal     = Text{Plain: true, Older: "Consistent reads are not supported on global secondary indexes"}
	SelectAllGlobal      = Text{Plain: true, Older: invalid + "Select type ALL_ATTRIBUTES is not supported for global secondary index %s because its projection type is not ALL"}
	SelectProjectedTable = Text{Older: "ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName"}
	// Query, which words the rest of its faults bare, has this one enveloped.
	SelectSpecific       = Text{Older: selectSpecific, Current: "1 validation error detected: " + selectSpecific}
	SelectWithProjection = Text{Older: "Cannot specify the %s when choosing to get %s"}
	ProjectionGlobal     = Text{Plain: true, Older: invalid + "Global secondary index %s does not project [%s]"}
	StartKeyInvalid      = Text{Plain: true, Older: "The provided starting key is invalid"}
	StartKeySchema       = Text{Plain: true, Older: "The provided starting key is invalid: The provided key element does not match the schema"}
	StartKeyOutside      = Text{Plain: true, Older: "The provided starting key is outside query boundaries based on provided conditions"}
	StartKeyPredicate    = Text{Plain: true, Older: "The provided starting key does not match the range key predicate"}
	StartKeySegment      = Text{Plain: true, Older: "The provided starting key is invalid: Invalid ExclusiveStartKey. Please use ExclusiveStartKey with correct Segment. TotalSegments: %d Segment: %d"}
	SegmentWithoutTotal  = Text{Older: "The TotalSegments parameter is required but was not present in the request when Segment parameter is present"}
	TotalWithoutSegment  = Text{Older: "The Segment parameter is required but was not present in the request when parameter TotalSegments is present"}
	SegmentBeyondTotal   = Text{Older: "The Segment parameter is zero-based and must be less than parameter TotalSegments: Segment: %d is not less than TotalSegments: %d"}
	BatchGetEmpty        = Text{Older: "The requestItems parameter is required for BatchGetItem"}
	BatchGetTooMany      = Text{Older: "Too many items requested for the BatchGetItem call"}
	BatchWriteTooMany    = Text{Older: "Too many items requested for the BatchWriteItem call"}
	BatchWriteOneOf      = Text{Older: "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes"}
	BatchWriteNoRequest  = Text{Older: "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"}
)
