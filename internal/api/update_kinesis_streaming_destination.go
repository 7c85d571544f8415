package api

import (
	"context"

	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/model"
	"github.com/statordb/stator/internal/table"
)

// UpdateKinesisStreamingDestination sets the precision of the times in the
// records that a Kinesis data stream gets.
func (a *API) UpdateKinesisStreamingDestination(ctx context.Context, in *model.UpdateKinesisStreamingDestinationInput) (*model.UpdateKinesisStreamingDestinationOutput, error) {
	c := in.UpdateKinesisStreamingConfiguration
	if c == nil || !c.ApproximateCreationDateTimePrecision.Set {
		return nil, ddberr.Validation("UpdateKinesisStreamingConfiguration must give an ApproximateCreationDateTimePrecision")
	}
	t, err := a.changeDestinations(ctx, in.TableName.V, func(d *table.Descriptor) error {
		one := d.Destination(in.StreamArn.V)
		if one == nil || one.State != table.DestinationActive {
			return ddberr.DestinationNotActive.Fault("UPDATE")
		}
		one.Precision = c.ApproximateCreationDateTimePrecision.V
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &model.UpdateKinesisStreamingDestinationOutput{
		TableName: model.Some(t.Title()), StreamArn: in.StreamArn, DestinationStatus: model.Some(destinationUpdating),
		UpdateKinesisStreamingConfiguration: c,
	}, nil
}
