package api

import (
	"context"

	"github.com/statordb/stator/internal/model"
)

// DescribeTimeToLive returns the attribute by which a table's items expire. It
// is ENABLING until the times of all items are known.
func (a *API) DescribeTimeToLive(_ context.Context, in *model.DescribeTimeToLiveInput) (*model.DescribeTimeToLiveOutput, error) {
	t, err := a.described(in.TableName.V)
	if err != nil {
		return nil, err
	}
	out := &model.TimeToLiveDescription{TimeToLiveStatus: model.Some("DISABLED")}
	if t.TTL.Enabled() {
		out.AttributeName = model.Some(t.TTL.Attribute)
		out.TimeToLiveStatus = model.Some("ENABLING")
		if t.TTL.Listed {
			out.TimeToLiveStatus = model.Some("ENABLED")
		}
	}
	return &model.DescribeTimeToLiveOutput{TimeToLiveDescription: out}, nil
}
