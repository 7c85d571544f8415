package api

import (
	"context"

	"github.com/statordb/stator/internal/model"
)

// ListStreams returns the streams of one table or of all, sorted by ARN, up to
// 100 at a time. Disabled streams, and those of deleted tables, are listed as
// long as they can be read.
func (a *API) ListStreams(_ context.Context, in *model.ListStreamsInput) (*model.ListStreamsOutput, error) {
	limit, err := limitOf(in.Limit, maxStreamsListed)
	if err != nil {
		return nil, err
	}
	out := &model.ListStreamsOutput{Streams: []model.Stream{}}
	streams := a.Streams.Owned(a.owner)
	if in.TableName.Set {
		streams = a.Streams.Of(a.tableName(in.TableName.V))
	}
	for _, s := range streams {
		if in.ExclusiveStartStreamArn.Set && s.ARN <= in.ExclusiveStartStreamArn.V {
			continue
		}
		if len(out.Streams) == limit {
			out.LastEvaluatedStreamArn = out.Streams[limit-1].StreamArn
			break
		}
		out.Streams = append(out.Streams, model.Stream{
			StreamArn: model.Some(s.ARN), TableName: model.Some(s.Table.Title()), StreamLabel: model.Some(s.Label),
		})
	}
	return out, nil
}
