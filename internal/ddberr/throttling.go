package ddberr

const (
	exceededTable = "The level of configured provisioned throughput for the table was exceeded. Consider increasing your provisioning level with the UpdateTable API."
	exceededIndex = "The level of configured provisioned throughput for one or more global secondary indexes of the table was exceeded. Consider increasing your provisioning level for the under-provisioned global secondary indexes with the UpdateTable API"
	exceededNow   = "Throughput exceeds the current capacity of your table or index. DynamoDB is automatically scaling your table or index so please try again shortly. If exceptions persist, check if you have a hot key: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html."
	exceededMost  = "Throughput exceeds the maximum OnDemandThroughput configured on table or index"
)

// Exceeded is the error of a request for which a table or index in
// provisioned mode has no capacity left; detail holds ThrottlingReasons.
func Exceeded(index bool, detail []byte) *Error {
	e := New("ProvisionedThroughputExceededException", exceededTable)
	if index {
		e.Message = exceededIndex
	}
	e.Detail = detail
	return e
}

// CollectionFull is the error of a write that would make an item collection
// too large.
func CollectionFull() *Error {
	return New("ItemCollectionSizeLimitExceededException", "Collection size exceeded.")
}

// Throttling is the error of a request for which a table or index in
// on-demand mode has no capacity left; most says that its configured maximum
// is reached. detail holds throttlingReasons.
func Throttling(most bool, detail []byte) *Error {
	e := New("ThrottlingException", exceededNow)
	if most {
		e.Message = exceededMost
	}
	e.Detail = detail
	return e
}
