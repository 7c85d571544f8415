package api

import (
	"context"

	"github.com/statordb/stator/internal/model"
	"github.com/statordb/stator/internal/stream"
)

// GetRecords returns the changes from an iterator on: up to 1,000, or 1 MB.
func (a *API) GetRecords(ctx context.Context, in *model.GetRecordsInput) (*model.GetRecordsOutput, error) {
	limit, err := limitOf(in.Limit, stream.MaxRecords)
	if err != nil {
		return nil, err
	}
	it, err := stream.Parse(in.ShardIterator.V)
	if err != nil {
		return nil, err
	}
	batch, err := a.Streams.Read(ctx, it, limit)
	if err != nil {
		return nil, err
	}
	out := &model.GetRecordsOutput{Records: make([]model.Record, 0, len(batch.Records))}
	for _, r := range batch.Records {
		out.Records = append(out.Records, a.Streams.Describe(batch.Of, r))
	}
	if !batch.End {
		out.NextShardIterator = model.Some(batch.Next.String())
	}
	return out, nil
}
