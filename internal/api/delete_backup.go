package api

import (
	"context"

	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/model"
)

// DeleteBackup removes a backup that a user made.
func (a *API) DeleteBackup(ctx context.Context, in *model.DeleteBackupInput) (*model.DeleteBackupOutput, error) {
	arn := in.BackupArn.V
	k, err := a.backupKey(arn)
	if err != nil {
		return nil, err
	}
	b, err := a.Backups.Get(ctx, k)
	if err == nil && b.System {
		return nil, ddberr.BackupOfSystem.Fault(arn)
	}
	if err == nil {
		b, err = a.Backups.Delete(ctx, k)
	}
	if err != nil {
		return nil, backupError(arn, err)
	}
	return &model.DeleteBackupOutput{BackupDescription: a.describeBackup(b, backupDeleted)}, nil
}
