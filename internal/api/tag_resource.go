package api

import (
	"context"

	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/model"
	"github.com/statordb/stator/internal/table"
)

// TagResource adds tags to a table.
func (a *API) TagResource(ctx context.Context, in *model.TagResourceInput) (*model.TagResourceOutput, error) {
	t, err := a.tagged(in.ResourceArn.V)
	if err != nil {
		return nil, err
	}
	if len(in.Tags) == 0 {
		return nil, ddberr.TagsNone.Fault()
	}
	_, err = a.change(ctx, t.Name, func(d *table.Descriptor) error { return setTags(d, in.Tags) })
	return &model.TagResourceOutput{}, err
}
