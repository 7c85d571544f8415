package api

import (
	"context"
	"time"

	"github.com/statordb/stator/internal/backup"
	"github.com/statordb/stator/internal/model"
	"github.com/statordb/stator/internal/table"
)

// ListBackups returns backups in the order of time, up to 100 at a time, those
// that users made unless another BackupType is asked for.
func (a *API) ListBackups(ctx context.Context, in *model.ListBackupsInput) (*model.ListBackupsOutput, error) {
	kind := in.BackupType.Or("USER")
	f := backup.Filter{
		Owner: a.owner,
		From:  timeOf(in.TimeRangeLowerBound), To: timeOf(in.TimeRangeUpperBound),
		User: kind == "USER" || kind == "ALL", System: kind == "SYSTEM" || kind == "ALL",
		Limit: int(in.Limit.Or(100)),
	}
	if in.TableName.Set {
		f.Table = a.tableName(in.TableName.V)
		f.Owner = table.OwnerOf(f.Table)
	}
	if in.ExclusiveStartBackupArn.Set {
		var err error
		if f.After, err = a.parseBackupARN(in.ExclusiveStartBackupArn.V); err != nil {
			return nil, err
		}
	}
	list, more, err := a.Backups.List(ctx, f)
	if err != nil {
		return nil, err
	}
	out := &model.ListBackupsOutput{BackupSummaries: []model.BackupSummary{}}
	for _, b := range list {
		out.BackupSummaries = append(out.BackupSummaries, a.backupSummary(b))
	}
	if more {
		out.LastEvaluatedBackupArn = model.Some(a.backupARN(list[len(list)-1].Key()))
	}
	return out, nil
}

// timeOf returns the time of a member, zero if it is absent.
func timeOf(t model.Opt[model.Timestamp]) time.Time {
	if !t.Set {
		return time.Time{}
	}
	return t.V.Time()
}
