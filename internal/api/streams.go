package api

import (
	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/model"
)

// maxStreamsListed is the most streams or shards that one answer lists.
const maxStreamsListed = 100

// limitOf returns a Limit, at most and by default most.
func limitOf(in model.Opt[int64], most int64) (int, error) {
	if in.Or(most) > most {
		return 0, ddberr.Validation("1 validation error detected: Value '%d' at 'limit' failed to satisfy constraint: Member must have value less than or equal to %d", in.V, most)
	}
	return int(in.Or(most)), nil
}
