package api

import (
	"context"
	"time"

	"github.com/statordb/stator/internal/model"
	"github.com/statordb/stator/internal/table"
)

// RestoreTableFromBackup makes a table of a backup. It is CREATING until it has
// all items.
func (a *API) RestoreTableFromBackup(ctx context.Context, in *model.RestoreTableFromBackupInput) (*model.RestoreTableFromBackupOutput, error) {
	arn, target := in.BackupArn.V, a.owner+in.TargetTableName.V
	k, err := a.backupKey(arn)
	if err != nil {
		return nil, err
	}
	b, err := a.Backups.Get(ctx, k)
	if err != nil {
		return nil, backupError(arn, err)
	}
	if err := a.checkTarget(target); err != nil {
		return nil, err
	}
	d, err := a.restored(b.Source, &overrides{
		target: target, billing: in.BillingModeOverride, throughput: in.ProvisionedThroughputOverride, onDemand: in.OnDemandThroughputOverride,
		global: in.GlobalSecondaryIndexOverride, local: in.LocalSecondaryIndexOverride, vectors: in.VectorIndexOverride, sse: in.SSESpecificationOverride,
	})
	if err != nil {
		return nil, err
	}
	if err := a.giveKey(ctx, d); err != nil {
		return nil, err
	}
	d.Restored = &table.Restored{Backup: a.backupARN(k), Source: a.tableARN(b.Source.Name), At: b.Created}
	t, err := a.Backups.FromBackup(ctx, b, time.Time{}, d)
	if err != nil {
		return nil, restoreError(target, backupError(arn, err))
	}
	return &model.RestoreTableFromBackupOutput{TableDescription: a.describeNew(t, false)}, nil
}
