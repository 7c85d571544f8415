package api

import (
	"context"
	"slices"

	"github.com/statordb/stator/internal/model"
	"github.com/statordb/stator/internal/stream"
	"github.com/statordb/stator/internal/table"
)

// DescribeStream returns a stream and its shards, up to 100 at a time. With a
// ShardFilter it lists the children of one shard.
func (a *API) DescribeStream(_ context.Context, in *model.DescribeStreamInput) (*model.DescribeStreamOutput, error) {
	limit, err := limitOf(in.Limit, maxStreamsListed)
	if err != nil {
		return nil, err
	}
	s, err := a.Streams.Find(in.StreamArn.V)
	if err != nil {
		return nil, err
	}
	status := "ENABLED"
	if !s.Enabled() {
		status = "DISABLED"
	}
	out := &model.StreamDescription{
		StreamArn: model.Some(s.ARN), StreamLabel: model.Some(s.Label), StreamStatus: model.Some(status),
		StreamViewType: model.Some(s.View), CreationRequestDateTime: timestamp(s.Created),
		TableName: model.Some(s.Table.Title()), KeySchema: describeKey(s.Table.Key), Shards: []model.Shard{},
	}
	shards, err := shardsAsked(s, in)
	if err != nil {
		return nil, err
	}
	for _, shard := range shards {
		if len(out.Shards) == limit {
			out.LastEvaluatedShardId = out.Shards[limit-1].ShardId
			break
		}
		out.Shards = append(out.Shards, describeShard(s, shard))
	}
	return &model.DescribeStreamOutput{StreamDescription: out}, nil
}

// shardsAsked returns the shards that in asks for.
func shardsAsked(s stream.Stream, in *model.DescribeStreamInput) ([]*table.Shard, error) {
	shards := s.Shards()
	if start := in.ExclusiveStartShardId; start.Set {
		shards = stream.After(shards, start.V)
	}
	if in.ShardFilter == nil || !in.ShardFilter.ShardId.Set {
		return shards, nil
	}
	parent, err := s.Shard(in.ShardFilter.ShardId.V)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(shards, func(shard *table.Shard) bool { return shard.Parent != parent.Number }), nil
}

func describeShard(s stream.Stream, shard *table.Shard) model.Shard {
	out := model.Shard{
		ShardId:             model.Some(stream.ShardID(shard)),
		SequenceNumberRange: &model.SequenceNumberRange{StartingSequenceNumber: model.Some(stream.SequenceNumber(shard.First))},
	}
	if !shard.Open() {
		out.SequenceNumberRange.EndingSequenceNumber = model.Some(stream.SequenceNumber(max(shard.First, shard.Last)))
	}
	if parent := s.ParentID(shard); parent != "" {
		out.ParentShardId = model.Some(parent)
	}
	return out
}
