package api

import (
	"context"
	"errors"

	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/model"
	"github.com/statordb/stator/internal/table"
)

// recoveryDays is how long changes are kept unless a request says otherwise.
// (API reference, PointInTimeRecoverySpecification.)
const recoveryDays = 35

// UpdateContinuousBackups enables or disables point-in-time recovery of a table.
func (a *API) UpdateContinuousBackups(ctx context.Context, in *model.UpdateContinuousBackupsInput) (*model.UpdateContinuousBackupsOutput, error) {
	spec := in.PointInTimeRecoverySpecification
	enabled := spec.PointInTimeRecoveryEnabled.V
	if !enabled && spec.RecoveryPeriodInDays.Set {
		return nil, ddberr.RecoveryPeriodOff.Fault()
	}
	t, err := a.backedUp(in.TableName.V)
	if err != nil {
		return nil, err
	}
	if t.Creating {
		return nil, ddberr.BackupsUnavailable(t.Title())
	}
	days := 0
	if enabled {
		days = int(spec.RecoveryPeriodInDays.Or(recoveryDays))
	}
	changed, err := a.Engine.SetPITR(ctx, t.Name, enabled, days)
	switch {
	case errors.Is(err, table.ErrNotFound): // since it was looked at
		return nil, ddberr.SourceTableNotFound(t.Title())
	case err != nil:
		return nil, err
	}
	return &model.UpdateContinuousBackupsOutput{ContinuousBackupsDescription: describeRecovery(changed.PITR, a.Now())}, nil
}
