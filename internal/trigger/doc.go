// Package trigger delivers the changes of tables to consumers, as event source
// mappings of AWS Lambda do: in batches of Lambda's event format, to an HTTP
// endpoint, to whatever speaks Lambda's Invoke API, or into a file; and, record
// by record, to the tables' Kinesis destinations. One kind of worker reads and
// delivers for all of them.
//
// # Invariants
//
//   - Every change that passes the filter is delivered at least once, or ends
//     in the trigger's dead letters.
//   - The changes of one item are delivered in order: a batch is not begun
//     before the one before it, of the same lane, has been dealt with.
//   - A position is stored only after what is before it has been dealt with.
//   - A consumer that is slow, dead or answers garbage holds back its own
//     trigger and nothing else.
package trigger
