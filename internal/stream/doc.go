// Package stream shows the change logs of tables as DynamoDB Streams: ARNs,
// shards, iterators and records. It stores nothing itself.
//
// # Invariants
//
//   - The changes of one item are read in the order in which they were made: in
//     one shard, or in shards of which one descends from the other. A child is
//     shown only when its parent is closed.
//   - A change is read only when it is durable, and never before an earlier one
//     of its shard.
//   - An iterator carries all of its state. It survives a restart.
package stream
