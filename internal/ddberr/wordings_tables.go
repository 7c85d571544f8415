package ddberr

// The wordings of table operations.
var (
	UnknownProjection   = Text{Older: invalid + "Unknown ProjectionType: null"}
	ProjectionNonKeys   = Text{Older: invalid + "ProjectionType is %s, but NonKeyAttributes is specified"}
	ProjectionNoNonKeys = Text{Older: invalid + "ProjectionType is INCLUDE, but NonKeyAttributes is not specified"}
	ProjectionTooMany   = Text{Older: invalid + "Number of NonKeyAttributes exceeds the limit of 100"}

	SchemaUndefined      = Text{Older: "Invalid KeySchema: Some index key attribute have no definition"}
	SchemaFirstNotHash   = Text{Older: "Invalid KeySchema: The first KeySchemaElement is not a HASH key type"}
	SchemaSecondNotRange = Text{Older: "Invalid KeySchema: The second KeySchemaElement is not a RANGE key type"}
	SchemaSameName       = Text{Older: "Both the Hash Key and the Range Key element in the KeySchema have the same name"}
	SchemaTooManyKeys    = Text{Older: invalid + "Index KeySchema has more than %d %s key attributes for index: %s"}
	DefinitionRepeated   = Text{Older: invalid + "Duplicate AttributeName in AttributeDefinitions: %s"}
	DefinitionsUnlike    = Text{Older: invalid + "Number of attributes in KeySchema does not exactly match number of attributes defined in AttributeDefinitions"}
	DefinitionsUnused    = Text{Older: invalid + "Some AttributeDefinitions are not used. AttributeDefinitions: [%s], keys used: [%s]"}
	IndexUndefined       = Text{Older: invalid + "Some index key attributes are not defined in AttributeDefinitions. Keys: [%s], AttributeDefinitions: [%s]"}
	IndexNameRepeated    = Text{Older: invalid + "Duplicate index name: %s"}
	LocalTableNoRange    = Text{Older: invalid + "Table KeySchema does not have a range key, which is required when specifying a LocalSecondaryIndex"}
	LocalNoRange         = Text{Older: invalid + "Index KeySchema does not have a range key for index: %s"}
	LocalOtherHash       = Text{Older: invalid + "Index KeySchema does not have the same leading hash key as table KeySchema for index: %s. index hash key: %s, table hash key: %s"}
	LocalEmpty           = Text{Older: invalid + "List of LocalSecondaryIndexes is empty"}
	GlobalEmpty          = Text{Older: invalid + "List of GlobalSecondaryIndexes is empty"}
	LocalTooMany         = Text{Older: invalid + "Number of LocalSecondaryIndexes exceeds per-table limit of 5"}
	GlobalTooMany        = Text{Older: invalid + "GlobalSecondaryIndex count exceeds the per-table limit of 20"}

	IndexUpdateOneOf  = Text{Older: invalid + "Exactly one of Create, Update, or Delete must be specified in a GlobalSecondaryIndexUpdate"}
	IndexUpdatesEmpty = Text{Older: invalid + "List of GlobalSecondaryIndexUpdates is empty"}
	IndexNotGlobal    = Text{Older: invalid + "Index is not a global secondary index: %s"}

	ThroughputOnDemand      = Text{Older: invalid + "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST"}
	ThroughputMissing       = Text{Older: invalid + "ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED"}
	IndexThroughputOnDemand = Text{Older: invalid + "ProvisionedThroughput should not be specified for index: %s when BillingMode is PAY_PER_REQUEST"}
	IndexUpdateOnDemand     = Text{Older: invalid + "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified for index: %s when BillingMode is PAY_PER_REQUEST"}
	IndexThroughputMissing  = Text{Older: invalid + "ProvisionedThroughput is not specified for index: %s"}
	ThroughputSame          = Text{Older: "The provisioned throughput for the table will not change. The requested value equals the current value. Current ReadCapacityUnits provisioned for the table: %d. Requested ReadCapacityUnits: %d. Current WriteCapacityUnits provisioned for the table: %d. Requested WriteCapacityUnits: %d. Refer to the Amazon DynamoDB Developer Guide for current limits and how to request higher limits."}
	OnDemandNotProvisioned  = Text{Older: invalid + "On-demand throughput can only be specified when BillingMode is PAY_PER_REQUEST"}
	WarmLower               = Text{Older: invalid + "Requested %s for WarmThroughput for %s is lower than current WarmThroughput, decreasing WarmThroughput is not supported"}

	StreamViewMissing  = Text{Older: invalid + "StreamViewType must be specified when StreamEnabled is true"}
	StreamViewDisabled = Text{Older: invalid + "If stream is being disabled, then UpdateViewType must not be specified"}
	// Argument: the attribute.
	TTLOther    = Text{Older: "TimeToLive is active on a different AttributeName: current AttributeName is %s"}
	TTLEnabled  = Text{Older: "TimeToLive is already enabled"}
	TTLDisabled = Text{Older: "TimeToLive is already disabled"}
	TTLTooSoon  = Text{Older: "Time to live has been modified multiple times within a fixed interval"}
	// Argument: the name of the table.
	StreamEnabledAlready = Text{Older: "Table already has an enabled stream: TableName: %s"}
	// Arguments: the ShardIteratorType.
	SequenceNumberMissing = Text{Older: "SequenceNumber must be provided when ShardIteratorType is %s"}
	SequenceNumberUnused  = Text{Older: "SequenceNumber must not be provided when ShardIteratorType is %s"}
	StreamNotEnabled      = Text{Older: "Table has no enabled stream to disable: TableName: %s"}

	UpdateNothing  = Text{Older: "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, GlobalSecondaryIndexUpdates, SSESpecification, ReplicaUpdates, MultiAccountReplicaReady, ReplicaTransitRoleArn, MultiRegionConsistency, DeletionProtectionEnabled, OnDemandThroughput, WarmThroughput or TableClass is required"}
	UpdateManyKind = Text{Older: invalid + "Only one type of change is allowed in one UpdateTable call"}

	DeletionProtected = Text{Plain: true, Older: "Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first."}

	TagTooMany  = Text{Older: invalid + "Too many tags: %d, a resource has at most 50"}
	TagReserved = Text{Older: invalid + "Tag keys must not start with aws:, which is reserved: %s"}
	ARNInvalid  = Text{Older: "Invalid TableArn: Invalid ResourceArn provided as input %s"}
)
