package api

import (
	"context"

	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/iam"
	"github.com/statordb/stator/internal/model"
	"github.com/statordb/stator/internal/table"
)

// PutResourcePolicy gives a table or a stream a policy in place of the one that it
// has.
func (a *API) PutResourcePolicy(ctx context.Context, in *model.PutResourcePolicyInput) (*model.PutResourcePolicyOutput, error) {
	var put *table.Policy
	err := a.changePolicy(ctx, in.ResourceArn.V, in.ExpectedRevisionId.V, func(policy **table.Policy) (err error) {
		if put, err = a.newPolicy(*policy, in.Policy.V); err != nil {
			return err
		}
		*policy = put
		return a.checkKeepsAccess(in)
	})
	if err != nil {
		return nil, err
	}
	return &model.PutResourcePolicyOutput{RevisionId: model.Some(put.Revision)}, nil
}

// checkKeepsAccess reports a policy that would keep the caller from changing it
// again, unless that is confirmed.
func (a *API) checkKeepsAccess(in *model.PutResourcePolicyInput) error {
	if a.caller == nil || in.ConfirmRemoveSelfResourceAccess.V {
		return nil
	}
	what := a.aboutARN(a.meantARN(in.ResourceArn.V))
	var err error
	if what.policy, err = iam.Parse([]byte(in.Policy.V), iam.Resource); err != nil {
		return ddberr.PolicyMalformed.Fault(err.Error())
	}
	if a.may("PutResourcePolicy", what) != nil {
		return ddberr.PolicyLocksOut.Fault()
	}
	return nil
}
