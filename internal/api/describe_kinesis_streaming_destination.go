package api

import (
	"context"

	"github.com/statordb/stator/internal/model"
)

// DescribeKinesisStreamingDestination returns the Kinesis data streams that get
// a table's changes, or did.
func (a *API) DescribeKinesisStreamingDestination(_ context.Context, in *model.DescribeKinesisStreamingDestinationInput) (*model.DescribeKinesisStreamingDestinationOutput, error) {
	t, err := a.described(in.TableName.V)
	if err != nil {
		return nil, err
	}
	out := &model.DescribeKinesisStreamingDestinationOutput{
		TableName: model.Some(t.Title()), KinesisDataStreamDestinations: []model.KinesisDataStreamDestination{},
	}
	for _, one := range t.Kinesis {
		described := model.KinesisDataStreamDestination{
			StreamArn: model.Some(one.ARN), DestinationStatus: model.Some(string(one.State)),
			ApproximateCreationDateTimePrecision: model.Some(one.Precision),
		}
		if one.Reason != "" {
			described.DestinationStatusDescription = model.Some(one.Reason)
		}
		out.KinesisDataStreamDestinations = append(out.KinesisDataStreamDestinations, described)
	}
	return out, nil
}
