package stream

import "github.com/statordb/stator/internal/model"

// Describe returns r, of the stream of, as GetRecords shows it.
func (s *Streams) Describe(of Stream, r Record) model.Record {
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
		EventSource: model.Some("aws:dynamodb"), AwsRegion: model.Some(s.Region(of)), Dynamodb: change,
	}
	if r.Expired {
		out.UserIdentity = &model.Identity{PrincipalId: model.Some("dynamodb.amazonaws.com"), Type: model.Some("Service")}
	}
	return out
}
