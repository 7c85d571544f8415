package api

import (
	"context"

	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/model"
	"github.com/statordb/stator/internal/stream"
)

// GetShardIterator returns a position in a shard of a stream.
func (a *API) GetShardIterator(ctx context.Context, in *model.GetShardIteratorInput) (*model.GetShardIteratorOutput, error) {
	kind := in.ShardIteratorType.V
	numbered := kind == "AT_SEQUENCE_NUMBER" || kind == "AFTER_SEQUENCE_NUMBER"
	switch {
	case numbered && !in.SequenceNumber.Set:
		return nil, ddberr.SequenceNumberMissing.Fault(kind)
	case !numbered && in.SequenceNumber.Set:
		return nil, ddberr.SequenceNumberUnused.Fault(kind)
	}
	s, err := a.Streams.Find(in.StreamArn.V)
	if err != nil {
		return nil, err
	}
	shard, err := s.Shard(in.ShardId.V)
	if err != nil {
		return nil, err
	}
	var it stream.Iterator
	switch kind {
	case "TRIM_HORIZON":
		it = a.Streams.Oldest(s, shard)
	case "LATEST":
		it = a.Streams.Latest(s, shard)
	default:
		if it, err = a.Streams.At(ctx, s, shard, in.SequenceNumber.V, kind == "AFTER_SEQUENCE_NUMBER"); err != nil {
			return nil, err
		}
	}
	return &model.GetShardIteratorOutput{ShardIterator: model.Some(it.String())}, nil
}
