package api

import (
	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/model"
	"github.com/statordb/stator/internal/stream"
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

// describeRecord returns r as GetRecords shows it.
func (a *API) describeRecord(of stream.Stream, r stream.Record) model.Record {
	change := &model.StreamRecord{
		ApproximateCreationDateTime: model.Some(model.Timestamp(r.Time.Unix() * 1000)),
		Keys:                        model.Some(r.Keys),
		SequenceNumber:              model.Some(r.SequenceNumber),
		SizeBytes:                   model.Some(int64(r.Size)),
		StreamViewType:              model.Some(of.View),
	}
	if !r.New.IsEmpty() {
		change.NewImage = model.Some(r.New)
	}
	if !r.Old.IsEmpty() {
		change.OldImage = model.Some(r.Old)
	}
	out := model.Record{
		EventID: model.Some(r.ID), EventName: model.Some(string(r.Event)), EventVersion: model.Some("1.1"),
		EventSource: model.Some("aws:dynamodb"), AwsRegion: model.Some(a.Region), Dynamodb: change,
	}
	if r.Expired {
		out.UserIdentity = &model.Identity{PrincipalId: model.Some("dynamodb.amazonaws.com"), Type: model.Some("Service")}
	}
	return out
}
