package api

import (
	"context"

	"github.com/statordb/stator/internal/model"
	"github.com/statordb/stator/internal/table"
)

// DeleteResourcePolicy takes the policy of a table or a stream away; where there is
// none that is no error.
func (a *API) DeleteResourcePolicy(ctx context.Context, in *model.DeleteResourcePolicyInput) (*model.DeleteResourcePolicyOutput, error) {
	out := &model.DeleteResourcePolicyOutput{}
	err := a.changePolicy(ctx, in.ResourceArn.V, in.ExpectedRevisionId.V, func(policy **table.Policy) error {
		if *policy != nil {
			out.RevisionId = model.Some((*policy).Revision)
		}
		*policy = nil
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}
