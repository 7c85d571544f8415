package api

import (
	"context"
	"slices"

	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/model"
	"github.com/statordb/stator/internal/table"
)

// UntagResource removes tags from a table; absent ones are no error.
func (a *API) UntagResource(ctx context.Context, in *model.UntagResourceInput) (*model.UntagResourceOutput, error) {
	t, err := a.tagged(in.ResourceArn.V)
	if err != nil {
		return nil, err
	}
	if len(in.TagKeys) == 0 {
		return nil, ddberr.TagKeysNone.Fault()
	}
	_, err = a.change(ctx, t.Name, func(d *table.Descriptor) error {
		d.Tags = slices.DeleteFunc(d.Tags, func(tag table.Tag) bool { return slices.Contains(in.TagKeys, tag.Key) })
		return nil
	})
	return &model.UntagResourceOutput{}, err
}
