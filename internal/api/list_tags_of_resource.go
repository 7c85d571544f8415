package api

import (
	"context"

	"github.com/statordb/stator/internal/model"
)

// tagsPage is the number of tags in one answer.
const tagsPage = 10

// ListTagsOfResource returns the tags of a table, sorted by key, ten at a
// time; a token is the key of the last tag before it.
func (a *API) ListTagsOfResource(_ context.Context, in *model.ListTagsOfResourceInput) (*model.ListTagsOfResourceOutput, error) {
	t, err := a.tagged(in.ResourceArn.V)
	if err != nil {
		return nil, err
	}
	out := &model.ListTagsOfResourceOutput{Tags: []model.Tag{}}
	for _, tag := range t.Tags {
		if tag.Key <= in.NextToken.V {
			continue
		}
		if len(out.Tags) == tagsPage {
			out.NextToken = out.Tags[tagsPage-1].Key
			break
		}
		out.Tags = append(out.Tags, model.Tag{Key: model.Some(tag.Key), Value: model.Some(tag.Value)})
	}
	return out, nil
}
