package api

import (
	"context"

	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/model"
)

// GetResourcePolicy returns the policy of a table or a stream.
func (a *API) GetResourcePolicy(_ context.Context, in *model.GetResourcePolicyInput) (*model.GetResourcePolicyOutput, error) {
	g, err := a.guarded(in.ResourceArn.V)
	if err != nil {
		return nil, err
	}
	t := a.Engine.Catalog.Get(g.table)
	if t == nil {
		return nil, g.notFound()
	}
	policy := g.policy(t.Descriptor)
	switch {
	case policy == nil:
		return nil, g.notFound()
	case *policy == nil:
		return nil, ddberr.PolicyNotFound(g.arn)
	}
	return &model.GetResourcePolicyOutput{Policy: model.Some((*policy).Text), RevisionId: model.Some((*policy).Revision)}, nil
}
