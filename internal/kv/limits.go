package kv

import (
	"errors"
	"fmt"
	"strings"
)

// ReservedPrefix is the first byte of the keys that drivers keep for
// themselves. It sorts behind every key a caller can write.
const ReservedPrefix = 0xFF

// StampSize is the number of bytes Append puts behind its prefix.
const StampSize = 8

// Limits are sizes in bytes; zero means no limit. The size of a transaction is
// the sum of the keys and values it writes, a key written twice counted twice.
type Limits struct {
	Key, Value, Transaction int
}

// EmbeddedLimits are those of the drivers that run inside the process. No
// request that DynamoDB accepts reaches them:
//
//   - An item of 400 KB is stored in at most about 1.2 MB, and a change record
//     holds two of them, which fits a value of 4 MiB.
//   - A transaction of 100 items and 4 MB, written to the table and to 25
//     indexes that project everything, with a change record for each item, is
//     at most about 340 MB, which fits a transaction of 512 MiB.
func EmbeddedLimits() Limits {
	return Limits{Key: 64 << 10, Value: 4 << 20, Transaction: 512 << 20}
}

var (
	errEmptyKey    = errors.New("kv: empty key")
	errReservedKey = errors.New("kv: key starts with the reserved byte 0xFF")
)

// Readable reports whether key is one that a caller can have written. A driver
// answers a Get of any other key with nil.
func Readable(key []byte) bool {
	return len(key) > 0 && key[0] != ReservedPrefix
}

// CheckPair returns the error, if any, of writing a pair: one wrapping
// ErrTooLarge, or another when the key is not Readable. The lengths are those
// of the whole key and of the value, in bytes; key is at least its first byte.
func (l Limits) CheckPair(key []byte, keyLen, valueLen int) error {
	switch {
	case len(key) == 0:
		return errEmptyKey
	case key[0] == ReservedPrefix:
		return errReservedKey
	case l.Key > 0 && keyLen > l.Key:
		return tooLarge("key", keyLen, l.Key)
	case l.Value > 0 && valueLen > l.Value:
		return tooLarge("value", valueLen, l.Value)
	}
	return nil
}

// CheckName returns the error, if any, of freezing rows under name.
func CheckName(name string) error {
	if name == "" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return fmt.Errorf("kv: the name %q has something else than a-z, 0-9 and hyphens", name)
	}
	return nil
}

// CheckTransaction returns an error wrapping ErrTooLarge when a transaction
// that writes size bytes exceeds the limit.
func (l Limits) CheckTransaction(size int) error {
	if l.Transaction > 0 && size > l.Transaction {
		return tooLarge("transaction", size, l.Transaction)
	}
	return nil
}

func tooLarge(what string, size, limit int) error {
	return fmt.Errorf("%w: %s of %d bytes, at most %d", ErrTooLarge, what, size, limit)
}
