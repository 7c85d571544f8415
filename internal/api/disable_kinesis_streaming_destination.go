package api

import (
	"context"

	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/model"
	"github.com/statordb/stator/internal/table"
)

// DisableKinesisStreamingDestination ends that a table's changes go to a Kinesis
// data stream. When the client has the answer, nothing more goes there.
func (a *API) DisableKinesisStreamingDestination(ctx context.Context, in *model.DisableKinesisStreamingDestinationInput) (*model.DisableKinesisStreamingDestinationOutput, error) {
	t, err := a.changeDestinations(ctx, in.TableName.V, func(d *table.Descriptor) error {
		one := d.Destination(in.StreamArn.V)
		if one == nil || one.State != table.DestinationActive {
			return ddberr.DestinationNotActive.Fault("DISABLE")
		}
		d.EndDestination(one, table.DestinationDisabled, "", a.Now())
		return nil
	})
	if err != nil {
		return nil, err
	}
	return destinationAnswer(t, in, destinationDisabling), nil
}
