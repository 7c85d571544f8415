package api

import (
	"context"
	"errors"

	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/model"
	"github.com/statordb/stator/internal/table"
)

// CreateBackup makes a backup of a table. The answer says CREATING, as clients
// expect; the backup is there when they have it.
func (a *API) CreateBackup(ctx context.Context, in *model.CreateBackupInput) (*model.CreateBackupOutput, error) {
	t, err := a.backedUp(in.TableName.V)
	if err != nil {
		return nil, err
	}
	if t.Creating {
		return nil, ddberr.BackupsUnavailable(t.Title())
	}
	b, err := a.Backups.Create(ctx, t, in.BackupName.V)
	switch {
	case errors.Is(err, table.ErrNotFound):
		return nil, ddberr.SourceTableNotFound(t.Title())
	case err != nil:
		return nil, err
	}
	return &model.CreateBackupOutput{BackupDetails: a.backupDetails(b, backupCreating)}, nil
}
