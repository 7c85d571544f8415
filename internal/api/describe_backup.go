package api

import (
	"context"

	"github.com/statordb/stator/internal/model"
)

// DescribeBackup describes a backup and its table as it was.
func (a *API) DescribeBackup(ctx context.Context, in *model.DescribeBackupInput) (*model.DescribeBackupOutput, error) {
	k, err := a.backupKey(in.BackupArn.V)
	if err != nil {
		return nil, err
	}
	b, err := a.Backups.Get(ctx, k)
	if err != nil {
		return nil, backupError(in.BackupArn.V, err)
	}
	return &model.DescribeBackupOutput{BackupDescription: a.describeBackup(b, backupAvailable)}, nil
}
