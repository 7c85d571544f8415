package ddberr

const destinationState = "Table is not in a valid state to enable Kinesis Streaming Destination: "

// The wordings of table operations. Most are from the findings that
// internal/api/testdata/table_findings.txt names.
var (
	UnknownProjection   = Text{Older: invalid + "Unknown ProjectionType: null"}
	ProjectionNonKeys   = Text{Older: invalid + "ProjectionType is %s, but NonKeyAttributes is specified"}
	ProjectionNoNonKeys = Text{Older: invalid + "ProjectionType is INCLUDE, but NonKeyAttributes is not specified"}
	// Argument: the attribute.
	ProjectionRepeated = Text{Older: invalid + "Duplicate element in NonKeyAttributes: %s"}
	ProjectionTooMany  = Text{Older: invalid + "Number of NonKeyAttributes exceeds the limit of 100"}

	SchemaUndefined      = Text{Older: "Invalid KeySchema: Some index key attribute have no definition"}
	SchemaFirstNotHash   = Text{Older: "Invalid KeySchema: The first KeySchemaElement is not a HASH key type"}
	SchemaSecondNotRange = Text{Older: "Invalid KeySchema: The second KeySchemaElement is not a RANGE key type"}
	SchemaSameName       = Text{Older: "Both the Hash Key and the Range Key element in the KeySchema have the same name"}
	// Of the key of a GSI, which may have several attributes of a kind. The
	// argument is HASH or RANGE.
	SchemaSameNames      = Text{Older: "The KeySchema contains multiple key attributes with the same name"}
	SchemaHashAfterRange = Text{Older: invalid + "All HASH key attributes must precede RANGE key attributes in the KeySchema"}
	SchemaTooManyKeys    = Text{Older: invalid + "The KeySchema exceeds the maximum allowed number of %s key attributes"}
	DefinitionRepeated   = Text{Older: "Attribute Name is duplicated: %s"}
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

	// Arguments: the index.
	IndexUpdateNone   = Text{Older: invalid + "One of GlobalSecondaryIndexUpdate.Update, GlobalSecondaryIndexUpdate.Create, GlobalSecondaryIndexUpdate.Delete must not be null"}
	IndexUpdateMany   = Text{Older: invalid + "Only one global secondary index action is allowed per GlobalSecondaryIndexUpdate object"}
	IndexUpdateTwice  = Text{Older: invalid + "Only one global secondary index update per index is allowed simultaneously. Index: %s"}
	IndexUpdatesEmpty = Text{Older: invalid + "List of GlobalSecondaryIndexUpdates is empty"}
	IndexNotDefined   = Text{Older: invalid + "AttributeDefinitions is not specified for index: %s"}
	IndexExists       = Text{Older: "Attempting to create an index which already exists"}
	IndexDeletedLocal = Text{Older: "Cannot delete an index that is not a GlobalSecondaryIndex: %s"}
	IndexUpdatedLocal = Text{Older: "Cannot update an index that is not a GlobalSecondaryIndex: %s"}

	// CreateTable and UpdateTable word most faults in throughput apart.
	ThroughputOnDemand       = Text{Older: invalid + "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST"}
	ThroughputMissing        = Text{Older: invalid + "ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED"}
	ThroughputToOnDemand     = Text{Older: invalid + "ProvisionedThroughput cannot be specified when BillingMode is PAY_PER_REQUEST"}
	ThroughputToProvisioned  = Text{Older: invalid + "ProvisionedThroughput must be specified when BillingMode is PROVISIONED"}
	IndexThroughputOnDemand  = Text{Older: invalid + "ProvisionedThroughput should not be specified for index: %s when BillingMode is PAY_PER_REQUEST"}
	IndexThroughputMissing   = Text{Older: invalid + "ProvisionedThroughput is not specified for index: %s"}
	IndexCreatedOnDemand     = Text{Older: invalid + "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified for index: %s when BillingMode is PAY_PER_REQUEST"}
	IndexCreatedWithoutUnits = Text{Older: invalid + "Both ReadCapacityUnits and WriteCapacityUnits must be specified for index: %s"}
	IndexUpdatedOnDemand     = Text{Older: invalid + "The only Updates for index: %s when TableThroughputMode is PAY_PER_REQUEST can be to OnDemandThroughput, WarmThroughput"}
	IndexNotSwitched         = Text{Older: invalid + "ProvisionedThroughput must be specified for index: %s"}
	// Arguments: the units that the table has and that are requested, of reads
	// and of writes; of an index first its name.
	ThroughputSame      = Text{Older: "The provisioned throughput for the table will not change. The requested value equals the current value. Current ReadCapacityUnits provisioned for the table: %d. Requested ReadCapacityUnits: %d. Current WriteCapacityUnits provisioned for the table: %d. Requested WriteCapacityUnits: %d. " + moreUnits}
	IndexThroughputSame = Text{Older: "The provisioned throughput for the index %[1]s will not change. The requested value equals the current value. Current ReadCapacityUnits provisioned for index %[1]s: %[2]d. Requested ReadCapacityUnits: %[3]d. Current WriteCapacityUnits provisioned for index %[1]s: %[4]d. Requested WriteCapacityUnits: %[5]d. " + moreUnits}
	// Arguments: the member, and what has it: an index, or the table.
	OnDemandRange               = Text{Older: invalid + "Requested %s for OnDemandThroughput for %s is outside of valid range"}
	OnDemandNotProvisioned      = Text{Older: invalid + "%s for OnDemandThroughput cannot be specified when table BillingMode is PROVISIONED.%.0s"}
	IndexOnDemandNotProvisioned = Text{Older: invalid + "%s for OnDemandThroughput for index: %s cannot be specified when table BillingMode is PROVISIONED."}
	UpdateNotProvisioned        = Text{Older: invalid + "%s for OnDemandThroughput cannot be specified when the table BillingMode is PROVISIONED%.0s"}
	IndexUpdateNotProvisioned   = Text{Older: invalid + "%s for OnDemandThroughput for index : %s cannot be specified when the table BillingMode is PROVISIONED"}
	// Arguments: the member, what has it, and the member of ProvisionedThroughput.
	WarmLower            = Text{Older: invalid + "Requested %s for WarmThroughput for %s is lower than current WarmThroughput, decreasing WarmThroughput is not supported%.0s"}
	WarmBelowInitial     = Text{Older: invalid + "Requested %s for WarmThroughput for %s is lower than initial throughput for OnDemand. See: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html#on-demand-capacity-mode-initial%.0s"}
	WarmBelowProvisioned = Text{Older: invalid + "Requested %s for WarmThroughput for %s is lower than %s of ProvisionedThroughput"}

	StreamViewMissing         = Text{Older: invalid + "If stream is being enabled then UpdateViewType is required"}
	StreamViewDisabled        = Text{Older: invalid + "If stream is being disabled, then UpdateViewType must not be specified"}
	StreamCreatedViewMissing  = Text{Older: invalid + "Table is being created with a stream enabled, UpdateViewType is required"}
	StreamCreatedViewDisabled = Text{Older: invalid + "Table is being created with a stream disabled, UpdateViewType should not be specified"}

	EncryptionTypeDisabled = Text{Older: invalid + "SSEType can not be specified if Enabled is false"}
	EncryptionKeyDisabled  = Text{Older: invalid + "KMSMasterKeyId can not be specified if Enabled is false"}
	EncryptionTypeMissing  = Text{Older: invalid + "SSEType KMS is required if KMSMasterKeyId is specified"}
	EncryptionTypeUnknown  = Text{Older: invalid + "SSEType %s is not supported"}
	EncryptedByDefault     = Text{Older: invalid + "Table is already encrypted by default"}
	EncryptedWithKey       = Text{Older: invalid + "Table is already encrypted with given KMSMasterKeyId. Use KMSMasterKeyId parameter if you want to change Master Key"}

	// Argument: the attribute.
	TTLOther    = Text{Older: "TimeToLive is active on a different AttributeName: current AttributeName is %s"}
	TTLEnabled  = Text{Older: "TimeToLive is already enabled"}
	TTLDisabled = Text{Older: "TimeToLive is already disabled"}
	TTLTooSoon  = Text{Older: "Time to live has been modified multiple times within a fixed interval"}
	// As users of CloudFormation quote the service, "enable" for disabling too; for
	// UPDATE by analogy.
	DestinationEnabled = Text{Older: destinationState + "EnableKinesisStreamingDestination must be DISABLED or ENABLE_FAILED to perform ENABLE operation."}
	// Argument: the operation.
	DestinationNotActive = Text{Older: destinationState + "KinesisStreamingDestination must be ACTIVE to perform %s operation."}
	// Argument: the name of the table.
	StreamEnabledAlready = Text{Older: "Table already has an enabled stream: TableName: %s"}
	// Arguments: the ShardIteratorType.
	SequenceNumberMissing = Text{Older: "SequenceNumber must be provided when ShardIteratorType is %s"}
	SequenceNumberUnused  = Text{Older: "SequenceNumber must not be provided when ShardIteratorType is %s"}
	StreamNotEnabled      = Text{Older: "Table has no stream to disable: TableName: %s"}

	UpdateNothing = Text{Older: "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, GlobalSecondaryIndexUpdates, SSESpecification, ReplicaUpdates, MultiAccountReplicaReady, ReplicaTransitRoleArn, MultiRegionConsistency, DeletionProtectionEnabled, OnDemandThroughput, WarmThroughput or TableClass is required"}
	// What goes with no other change, or not with one.
	EncryptionAlone = Text{Older: invalid + "Server-Side Encryption modification must be the only operation in the request"}
	ClassAlone      = Text{Older: invalid + "TableClass modification must be the only operation in the request"}
	ProtectionAlone = Text{Older: invalid + "DeletionProtection modification must be the only operation in the request"}
	WarmAlone       = Text{Older: invalid + "WarmThroughput must be the only operation in the request"}
	WarmWithIndex   = Text{Older: invalid + "Create global secondary index cannot be specified when updating WarmThroughput"}
	OnDemandAlone   = Text{Older: invalid + "OnDemandThroughput can only be combined with BillingMode in an UpdateTable request"}
	StreamWithUnits = Text{Older: invalid + "You cannot modify stream status while updating table IOPS"}
	IndexWithUnits  = Text{Older: invalid + "You cannot create or delete index while updating table IOPS"}
	IndexWithStream = Text{Older: invalid + "You cannot create or delete index while changing stream status"}

	DeletionProtected = Text{Plain: true, Older: "Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first."}

	TagTooMany  = Text{Older: "Number of Tags exceed the current limit for the provided ResourceArn"}
	TagReserved = Text{Older: "Tag Key cannot be prefixed with aws:, Key: %s"}
	TagRepeated = Text{Older: "Duplicate Tag Keys provided as input: Duplicate Tag Key found %s"}
	TagsNone    = Text{Older: "Atleast one Tag needs to be provided as Input."}
	TagKeysNone = Text{Older: "Atleast one Tag Key needs to be provided as Input."}
	// Argument: the ARN.
	ARNInvalid = Text{Older: "Invalid TableArn: Invalid ResourceArn provided as input %s"}
	ARNPrefix  = Text{Older: invalid + "ARNs must start with 'arn:': %s"}
	ARNForeign = Text{Older: invalid + "Provided Arn is not a DynamoDB resource arn: %s"}
	ARNNoTable = Text{Older: invalid + "Invalid resource arn provided, only table or stream is accepted. Provided resource arn: %s"}
)

const moreUnits = "Refer to the Amazon DynamoDB Developer Guide for current limits and how to request higher limits."
