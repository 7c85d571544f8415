package api

import (
	"context"
	"slices"

	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/model"
	"github.com/statordb/stator/internal/table"
	"github.com/statordb/stator/internal/trigger"
)

// EnableKinesisStreamingDestination makes a table's changes, from now on, go to
// a Kinesis data stream. It is ENABLING until the data stream has been found.
// A table has one such destination at a time.
func (a *API) EnableKinesisStreamingDestination(ctx context.Context, in *model.EnableKinesisStreamingDestinationInput) (*model.EnableKinesisStreamingDestinationOutput, error) {
	precision := model.Opt[string]{}
	if c := in.EnableKinesisStreamingConfiguration; c != nil {
		precision = c.ApproximateCreationDateTimePrecision
	}
	t, err := a.changeDestinations(ctx, in.TableName.V, func(d *table.Descriptor) error {
		switch {
		case slices.ContainsFunc(d.Kinesis, table.Destination.Reads):
			return ddberr.DestinationEnabled.Fault()
		case !trigger.IsStreamARN(in.StreamArn.V):
			return ddberr.Validation("Invalid StreamArn: %s is not the ARN of a Kinesis data stream", in.StreamArn.V)
		case a.Kinesis == nil:
			return ddberr.Validation("This server has no Kinesis endpoint: start it with --kinesis-endpoint URL")
		}
		d.EnableDestination(in.StreamArn.V, precision.Or("MILLISECOND"), a.Now())
		return nil
	})
	if err != nil {
		return nil, err
	}
	return destinationAnswer(t, in, string(table.DestinationEnabling)), nil
}
