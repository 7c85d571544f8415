// Package table keeps tables on an ordered store: descriptors, key layout,
// the planner, reads, and the write path.
//
// # Keys
//
//	'c' namespace 0x00 name                       descriptor, JSON
//	'd' space hash partition-key sort-key         item of a table
//	'd' space hash index-key base-key             entry of an index
//	'c' 0x01 space                                descriptor of a deleted table that has streams
//	'c' 0x02 space                                descriptor of a deleted table whose rows are kept first
//	'b' …                                         backups, exports, imports: see packages backup, transfer
//	'l' space shard stamp                         record of the change log
//	'x' space seconds hash keys                   entry of an item that expires
//	'm' name                                      bookkeeping
//
// A space is four bytes, a number that one table or index has for its life
// and that is never given to another. The hash is four bytes of XXH64 over
// the encoded partition key: it gives a scan DynamoDB's opaque, stable order,
// lets segments cut a table evenly, and keeps an item collection together.
// Key attributes are in the key encoding of package attr. The base key behind
// an index key tells entries with equal index keys apart, so that pages over
// them neither repeat nor skip.
//
// A row's value is one version byte, the size of the item as DynamoDB counts
// it (uvarint), and the item in stored encoding.
//
// # Invariant
//
// Every index entry has its item and every item its entries: they change in
// the same transaction, only in Engine.Apply. Check verifies it.
package table
