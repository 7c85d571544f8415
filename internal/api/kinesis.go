package api

import (
	"context"

	"github.com/statordb/stator/internal/model"
	"github.com/statordb/stator/internal/table"
)

// States of a destination that are only in answers, as clients expect them: what
// they announce is done when the client has the answer.
const (
	destinationUpdating  = "UPDATING"
	destinationDisabling = "DISABLING"
)

// changeDestinations makes edit change the Kinesis destinations of a table and
// returns when the deliveries follow.
func (a *API) changeDestinations(ctx context.Context, nameOrARN string, edit func(*table.Descriptor) error) (*table.Table, error) {
	t, err := a.change(ctx, a.tableName(nameOrARN), edit)
	if err != nil || a.Kinesis == nil {
		return t, err
	}
	return t, a.Kinesis.Look(ctx)
}

func destinationAnswer(t *table.Table, in *model.KinesisStreamingDestinationInput, status string) *model.KinesisStreamingDestinationOutput {
	return &model.KinesisStreamingDestinationOutput{
		TableName: model.Some(t.Title()), StreamArn: in.StreamArn, DestinationStatus: model.Some(status),
		EnableKinesisStreamingConfiguration: in.EnableKinesisStreamingConfiguration,
	}
}
