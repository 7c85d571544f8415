package modeltest

import (
	"maps"
	"slices"
	"strings"
)

// legacy are the parameters from before expressions, which do not go together
// with those that came after.
var legacy = []string{"Expected", "ConditionalOperator", "AttributeUpdates", "KeyConditions", "QueryFilter", "ScanFilter", "AttributesToGet"}

// absent are parameters that the service, or this one, has no use for.
var absent = []string{
	"ReplicaUpdates", "VectorIndexes", "VectorIndexUpdates", "VectorIndexOverride", "GlobalTableWitnessUpdates", "MultiRegionConsistency",
	"GlobalTableSourceArn", "GlobalTableSettingsReplicationMode",
}

// oneOf are the structures of which one member is given.
var oneOf = []string{
	"TransactWriteItem", "WriteRequest", "GlobalSecondaryIndexUpdate", "ReplicationGroupUpdate",
	"VectorIndexUpdate", "GlobalTableWitnessGroupUpdate",
}

// likely says in how many percent of all cases an optional member is given,
// by structure and member or by member; 15 is for all others.
var likely = map[string]int{
	"UpdateKinesisStreamingConfiguration":          95,
	"ApproximateCreationDateTimePrecision":         90,
	"QueryInput.KeyConditionExpression":            95,
	"UpdateItemInput.UpdateExpression":             90,
	"UpdateItemInput.AttributeUpdates":             80,
	"QueryInput.KeyConditions":                     95,
	"CreateTableInput.KeySchema":                   98,
	"StreamSpecification":                          40,
	"TransactGetItem.Get":                          95,
	"GetShardIteratorInput.SequenceNumber":         0, // see iteratorType
	"BatchStatementRequest.Parameters":             0, // see statement
	"ParameterizedStatement.Parameters":            0,
	"ExecuteStatementInput.Parameters":             0,
	"UpdateTableInput.AttributeDefinitions":        30,
	"ExpressionAttributeNames":                     100,
	"ExpressionAttributeValues":                    100,
	"CreateTableInput.AttributeDefinitions":        98,
	"CreateTableInput.LocalSecondaryIndexes":       25,
	"CreateTableInput.GlobalSecondaryIndexes":      60,
	"UpdateTableInput.GlobalSecondaryIndexUpdates": 50,
	"ExpectedAttributeValue.Exists":                10,
	"DeletionProtectionEnabled":                    5,
	"ExclusiveStartKey":                            20,
	"SourceTableName":                              95,
	"SourceTableArn":                               5,
	"UseLatestRestorableTime":                      60,
	"RestoreDateTime":                              40,
	"ProvisionedThroughputOverride":                5,
	"OutputS3Configuration.S3Bucket":               95,
	"S3SseKmsKeyId":                                3,
	"IncrementalExportSpecification":               5,
	"TotalSegments":                                0, // see segment
}

// updates are the changes of a table.
var updates = []string{
	"BillingMode", "ProvisionedThroughput", "GlobalSecondaryIndexUpdates", "GlobalSecondaryIndexUpdates", "GlobalSecondaryIndexUpdates",
	"StreamSpecification", "SSESpecification", "TableClass", "OnDemandThroughput", "WarmThroughput", "DeletionProtectionEnabled",
}

// first and last are members that others depend on, and that depend on others.
var (
	first = []string{"TableName", "IndexName", "RequestItems"}
	last  = []string{"ExpressionAttributeNames", "ExpressionAttributeValues", "AttributeDefinitions"}
)

// members returns the members to give of a structure, in the order to write
// them in.
func (g *Generator) members(name string, s *shape) []string {
	all := slices.Sorted(maps.Keys(s.Members))
	if slices.Contains(oneOf, name) && !g.faulty() {
		return []string{pick(g, all)}
	}
	if name == "UpdateTableInput" && g.chance(80) { // allows one kind of change
		return []string{"TableName", pick(g, updates), "AttributeDefinitions"}
	}
	old := g.chance(15)
	var given []string
	for _, member := range all {
		if g.chance(g.likelihood(name, member, s, old)) {
			given = append(given, member)
		}
	}
	slices.SortStableFunc(given, func(a, b string) int { return turn(a) - turn(b) })
	return given
}

func turn(member string) int {
	switch {
	case slices.Contains(first, member):
		return 0
	case slices.Contains(last, member):
		return 2
	}
	return 1
}

// likelihood returns in how many percent of all cases a member is given; old
// says whether the structure has legacy parameters.
func (g *Generator) likelihood(structure, member string, s *shape, old bool) int {
	isOld, isNew := slices.Contains(legacy, member), strings.HasSuffix(member, "Expression") || strings.HasPrefix(member, "Expression")
	switch {
	case slices.Contains(s.Required, member):
		return 100
	case slices.Contains(absent, member), isOld && !old, isNew && old && !isOld:
		return 1
	case member == "BillingMode" && structure == "CreateTableInput":
		return 100
	case member == "ProvisionedThroughput" && structure != "UpdateTableInput" && structure != "UpdateGlobalSecondaryIndexAction":
		if g.provisioned {
			return 98
		}
		return 2
	}
	for _, name := range []string{structure + "." + member, member} {
		if percent, found := likely[name]; found {
			return percent
		}
	}
	return 15
}
