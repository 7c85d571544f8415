package stream

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/statordb/stator/internal/table"
)

// ShardID returns the id of a shard. Ids sort in the order in which the shards
// were opened, unless the clock was set back in between.
func ShardID(s *table.Shard) string {
	return fmt.Sprintf("shardId-%020d-%08x", s.Opened.UnixMilli(), s.Number)
}

// After returns the shards behind the one with an id, which may be past its
// retention.
func After(shards []*table.Shard, id string) []*table.Shard {
	if i := slices.IndexFunc(shards, func(s *table.Shard) bool { return ShardID(s) == id }); i >= 0 {
		return shards[i+1:]
	}
	return slices.DeleteFunc(slices.Clone(shards), func(s *table.Shard) bool { return ShardID(s) <= id })
}

// A sequence number is a stamp in 21 digits, as the service has at least as
// many.
const (
	sequenceLead   = "1"
	sequenceDigits = 20
)

// SequenceNumber returns the sequence number of a stamp.
func SequenceNumber(stamp uint64) string {
	return fmt.Sprintf(sequenceLead+"%0*d", sequenceDigits, stamp)
}

// parseSequenceNumber returns the stamp of a sequence number; ok is false for
// what is none.
func parseSequenceNumber(text string) (stamp uint64, ok bool) {
	if len(text) != len(sequenceLead)+sequenceDigits || text[:len(sequenceLead)] != sequenceLead {
		return 0, false
	}
	stamp, err := strconv.ParseUint(text[len(sequenceLead):], 10, 64)
	return stamp, err == nil
}
