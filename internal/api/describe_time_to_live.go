package api

import (
	"context"

	"github.com/statordb/stator/internal/model"
	"github.com/statordb/stator/internal/table"
)

// DescribeTimeToLive returns the attribute by which a table's items expire. It
// is ENABLING until the times of all items are known.
func (a *API) DescribeTimeToLive(_ context.Context, in *model.DescribeTimeToLiveInput) (*model.DescribeTimeToLiveOutput, error) {
	t, err := a.described(in.TableName.V)
	if err != nil {
		return nil, err
	}
	return &model.DescribeTimeToLiveOutput{TimeToLiveDescription: describeTTL(t.Descriptor)}, nil
}

func describeTTL(d *table.Descriptor) *model.TimeToLiveDescription {
	out := &model.TimeToLiveDescription{TimeToLiveStatus: model.Some("DISABLED")}
	if d.TTL.Enabled() {
		out.AttributeName = model.Some(d.TTL.Attribute)
		out.TimeToLiveStatus = model.Some("ENABLING")
		if d.TTL.Listed {
			out.TimeToLiveStatus = model.Some("ENABLED")
		}
	}
	return out
}
