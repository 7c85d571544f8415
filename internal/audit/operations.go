package audit

import "strings"

// The services that events are about.
const (
	DynamoDB = "dynamodb.amazonaws.com"
	STS      = "sts.amazonaws.com"
)

// dataEvents are the operations on items and on records of streams. All others
// are management events. (Developer guide, "Logging DynamoDB operations by using
// AWS CloudTrail".)
var dataEvents = map[string]bool{
	"BatchExecuteStatement": true, "BatchGetItem": true, "BatchWriteItem": true, "DeleteItem": true, "ExecuteStatement": true,
	"ExecuteTransaction": true, "GetItem": true, "PutItem": true, "Query": true, "Scan": true, "SearchVectors": true,
	"TransactGetItems": true, "TransactWriteItems": true, "UpdateItem": true,
	"GetRecords": true, "GetShardIterator": true,
}

// IsData reports whether an operation is a data event.
func IsData(operation string) bool { return dataEvents[operation] }

// readOnly are how the names of operations start that change nothing. AssumeRole
// is one of them for CloudTrail.
var readOnly = []string{"AssumeRole", "BatchGet", "Describe", "Get", "List", "Query", "Scan", "Search", "TransactGet"}

// IsReadOnly reports whether an operation changes nothing. A PartiQL statement
// may: who knows that it does not says so in its Event.
func IsReadOnly(operation string) bool {
	for _, prefix := range readOnly {
		if strings.HasPrefix(operation, prefix) {
			return true
		}
	}
	return false
}
