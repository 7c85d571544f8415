// Package pebblekv keeps a store in one directory on one machine, in Pebble, a
// log-structured merge tree: the default driver.
//
// # What must stay true
//
//   - Every commit is synced, and nothing serialises commits: the transactions
//     of many clients share one sync of the write-ahead log, and that sharing
//     is the throughput.
//   - Pebble shows a commit to readers before it is durable. The locks on its
//     keys are therefore held until the sync has ended, and a consistent read
//     either takes those locks (ReadOptions.Keys) or waits, after taking its
//     snapshot, for every commit that was in flight then (flights).
//   - Keys are locked by hash, on a fixed table of reader-writer locks
//     (stripes). A transaction waits only for a set of locks in ascending
//     order; a lock it finds out about later it only tries, and if that fails
//     it gives everything back and runs again with the larger set.
//   - The log is written in commit order, so a transaction that survives a
//     power cut is survived by everything it can have read. An Update that read
//     without locking may have seen writes that are not durable yet; its own
//     are never durable before them.
//   - A bit that flips in a file is an error of who reads it, never other rows.
//     Pebble sees to it but for the ends of the files that it appends to, of
//     which SYNCED knows the hashes.
//   - After a write to disk has failed, the store answers every call with that
//     failure: what Pebble holds in memory may be ahead of the disk for ever.
//
// # Frozen rows
//
// What Freeze keeps is a checkpoint of Pebble in frozen/NAME: a store of its own
// whose files are hard links. It appears by a rename when it is whole, and is
// renamed again before it is removed; a start removes what has the other name.
//
// # Order of locks
//
// frozen, then stripes (ascending), then stamps.mu, then Pebble's own; flights.mu is a leaf.
//
// # Keys of its own
//
// Keys that start with kv.ReservedPrefix belong to the driver. There is one,
// stampKey: the stamp, as 8 bytes big-endian, that no Append has reached yet.
// A process takes stamps from there on and moves it up by stampBlock at a time,
// in the transaction whose Append needs it; the unused rest of a block is lost
// when the process ends.
package pebblekv
