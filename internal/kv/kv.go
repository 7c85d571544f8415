// Package kv is the storage contract: an ordered, transactional map of bytes
// to bytes. Everything Stator remembers goes through it.
//
// # Invariants every driver keeps (kvtest.Run checks them)
//
//   - Update is serializable with respect to the keys in TxOptions.Keys and
//     those read with GetLocked: no other Update that names one of them runs
//     between its start and its durable commit.
//   - When Update returns nil, its writes survive a power cut, all or none.
//   - A View with ReadOptions.Consistent returns only writes that survive a
//     power cut, and every write whose Update had returned before it started.
//     Without it, a View may be a few writes ahead of the disk.
//   - A transaction function has no effect outside its transaction: it may be
//     run again, and its writes are dropped when it returns an error. It does
//     not use the store besides: that could wait for its own locks.
//   - A key has at least one byte, and the first is never ReservedPrefix: those
//     belong to the drivers. Writing one is an error, reading one finds nothing.
package kv

import (
	"context"
	"errors"
	"iter"
)

// Store is an ordered, transactional map. Keys compare as bytes.Compare.
// Its methods are safe for concurrent use.
type Store interface {
	// View runs fn on one snapshot. Slices handed to fn are valid until fn returns.
	View(ctx context.Context, o ReadOptions, fn func(Reader) error) error

	// Update runs fn in a transaction and commits what it wrote; it is durable
	// when it returns. An error from fn is returned unchanged and nothing is
	// written. It returns ErrTooLarge when a key, a value or the transaction
	// exceeds Limits (even if fn ignored that error), ErrConflict when the
	// driver gave up retrying, ErrUnknown when the commit may or may not have
	// happened, ErrClosed after Close.
	Update(ctx context.Context, o TxOptions, fn func(Tx) error) error

	// Clear removes every key in [start, end), durably; a nil end has no bound.
	// It is not transactional: nothing may write the range meanwhile.
	Clear(ctx context.Context, start, end []byte) error

	// Load writes pairs, which come in ascending order of their keys, into a part
	// of the store that nobody else uses. They are durable when it returns; after
	// an error or a crash some of them may be there. A key has at most one pair,
	// and Limits hold for each.
	Load(ctx context.Context, pairs iter.Seq2[Pair, error]) error

	// Freeze keeps the rows of ranges as they are at one instant between its call
	// and its return, under a name of a-z, 0-9 and hyphens, until Thaw. Writers do
	// not wait. An embedded driver shares the space with the rows in use. It
	// returns ErrFrozen if the name is taken.
	Freeze(ctx context.Context, name string, ranges []Range) error

	// Frozen opens what Freeze kept. It returns ErrNotFrozen if there is nothing.
	Frozen(ctx context.Context, name string) (Frozen, error)

	// Thaw forgets what Freeze kept. It returns ErrFrozen while that is open, nil
	// if there is nothing.
	Thaw(ctx context.Context, name string) error

	// FrozenNames returns the names that are taken, sorted.
	FrozenNames(ctx context.Context) ([]string, error)

	// LastStamp returns a stamp that no finished Update's Append exceeds and
	// that every later Append does.
	LastStamp() uint64

	// Limits returns the largest key, value and transaction in bytes.
	Limits() Limits

	// Stats returns figures for monitoring.
	Stats() Stats

	// Close waits for running transactions, then releases the store.
	Close() error
}

// Frozen is what Freeze kept. What it returns is valid until the next call or
// pair. It is safe for concurrent use. Rows outside the frozen ranges are not
// defined.
type Frozen interface {
	Reader
	Bytes() uint64 // of storage
	Close() error
}

// ReadOptions says what a View needs.
type ReadOptions struct {
	// Keys, when not nil, are the only keys fn will Get; it will not Scan. A
	// driver can then answer without a snapshot of the whole store. A Consistent
	// View names here only keys whose writers name them too, in TxOptions.Keys
	// or with GetLocked: those are the writers it waits for.
	Keys [][]byte
	// Consistent asks for strong consistency (see the package invariants).
	Consistent bool
}

// TxOptions says what an Update decides on.
type TxOptions struct {
	// Keys are the keys the transaction reads to decide, or writes, as far as
	// they are known before it starts. Order and duplicates do not matter.
	Keys [][]byte
}

// Reader reads from one snapshot, which in a Tx includes the Tx's own writes.
type Reader interface {
	// Get returns the value of key, or nil if it is absent; an empty value is
	// not nil. The value is valid until the function that was given this Reader
	// returns; it must not be modified.
	Get(ctx context.Context, key []byte) ([]byte, error)

	// Scan yields the pairs of r in order. A Pair is valid until the next one
	// is asked for. After an error nothing more is yielded. In a Tx it shows
	// the writes made before it was started.
	Scan(ctx context.Context, r Range) iter.Seq2[Pair, error]
}

// Tx is a Reader that also writes.
type Tx interface {
	Reader

	// GetLocked is Get for a key that the transaction decides on but could not
	// name in TxOptions.Keys. The driver may run the whole function again.
	GetLocked(ctx context.Context, key []byte) ([]byte, error)

	// Put and Delete take copies of their arguments. The keys they name need
	// not be in TxOptions.Keys when they can be written only by transactions
	// that hold one of those Keys (an index entry of an item, for example).
	Put(key, value []byte) error
	Delete(key []byte) error

	// Append writes value under prefix followed by an 8-byte big-endian stamp.
	// Stamps grow in commit order, over restarts too: a reader that sees one
	// sees every earlier one. The transaction itself cannot read what it
	// appended: the stamp is not known before the commit.
	Append(prefix, value []byte) error
}

// Range is the half-open key interval [Start, End); a nil End has no bound.
type Range struct {
	Start, End []byte
	Reverse    bool // from the end towards the start
}

// Pair is a key and its value.
type Pair struct{ Key, Value []byte }

// Stats are a driver's figures for monitoring, in bytes and counts.
type Stats struct {
	DiskBytes   uint64 // space used on disk
	CacheBytes  uint64 // block cache in use
	CacheHits   uint64
	CacheMisses uint64
	Commits     uint64 // committed transactions
	Syncs       uint64 // WAL syncs, where the driver counts them
}

// Errors a caller acts on. Drivers wrap them with detail.
var (
	ErrConflict = errors.New("kv: transaction conflict")
	ErrTooLarge = errors.New("kv: key, value or transaction too large")
	ErrClosed   = errors.New("kv: store is closed")
	ErrUnknown  = errors.New("kv: commit outcome unknown")

	ErrFrozen    = errors.New("kv: frozen rows of that name are there or in use")
	ErrNotFrozen = errors.New("kv: no frozen rows of that name")
)
