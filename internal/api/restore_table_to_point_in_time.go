package api

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/statordb/stator/internal/backup"
	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/model"
	"github.com/statordb/stator/internal/table"
)

// RestoreTableToPointInTime makes a table of what another was at an instant. Of a
// table that was deleted, the system backup knows that.
func (a *API) RestoreTableToPointInTime(ctx context.Context, in *model.RestoreTableToPointInTimeInput) (*model.RestoreTableToPointInTimeOutput, error) {
	if err := checkRestore(in); err != nil {
		return nil, err
	}
	target := in.TargetTableName.V
	s, err := a.pastOf(ctx, in)
	if err != nil {
		return nil, err
	}
	at, shown := time.Time{}, s.window.latest
	if in.RestoreDateTime.Set && !in.UseLatestRestorableTime.V {
		at = in.RestoreDateTime.V.Time()
		shown = at
	}
	if err := a.checkTarget(target); err != nil {
		return nil, err
	}
	if !s.window.has(shown) {
		return nil, ddberr.InvalidRestoreTime()
	}
	d, err := a.restored(s.source, &overrides{
		target: target, billing: in.BillingModeOverride, throughput: in.ProvisionedThroughputOverride, onDemand: in.OnDemandThroughputOverride,
		global: in.GlobalSecondaryIndexOverride, local: in.LocalSecondaryIndexOverride, vectors: in.VectorIndexOverride, sse: in.SSESpecificationOverride,
		past: true,
	})
	if err != nil {
		return nil, err
	}
	d.Restored = &table.Restored{Source: a.tableARN(s.source.Name), At: shown}
	t, err := s.restore(ctx, at, d)
	switch {
	case errors.Is(err, table.ErrNotFound), errors.Is(err, backup.ErrNotFound):
		return nil, ddberr.SourceTableNotFound(s.source.Name)
	case errors.Is(err, table.ErrForgotten): // since the window was looked at
		return nil, ddberr.InvalidRestoreTime()
	case err != nil:
		return nil, restoreError(target, err)
	}
	return &model.RestoreTableToPointInTimeOutput{TableDescription: a.describeNew(t, false)}, nil
}

// checkRestore reports members that do not go together.
func checkRestore(in *model.RestoreTableToPointInTimeInput) error {
	latest := in.UseLatestRestorableTime.V
	switch {
	case in.SourceTableName.Set && in.SourceTableArn.Set:
		return ddberr.RestoreTwoSources.Fault()
	case !in.SourceTableName.Set && !in.SourceTableArn.Set:
		return ddberr.RestoreNoSource.Fault()
	case latest && in.RestoreDateTime.Set:
		return ddberr.RestoreTwoTimes.Fault()
	case !latest && !in.RestoreDateTime.Set:
		return ddberr.RestoreNoTime.Fault()
	}
	return nil
}

// past is a table that can be restored to the times in a window.
type past struct {
	source  *table.Descriptor
	window  window
	restore func(ctx context.Context, at time.Time, d *table.Descriptor) (*table.Table, error)
}

// pastOf returns the past of the table that in names, there or deleted.
func (a *API) pastOf(ctx context.Context, in *model.RestoreTableToPointInTimeInput) (*past, error) {
	name := in.SourceTableName.V
	if in.SourceTableArn.Set {
		name = tableName(in.SourceTableArn.V)
		if strings.HasPrefix(in.SourceTableArn.V, "arn:") && in.SourceTableArn.V != a.tableARN(name) { // of another account or region
			return nil, ddberr.SourceTableNotFound(name)
		}
	}
	if t := a.Engine.Catalog.Get(name); t != nil {
		if !t.PITR.Enabled {
			return nil, ddberr.RecoveryUnavailable(name)
		}
		return &past{t.Descriptor, recoveryWindow(t.PITR, a.Now()), func(ctx context.Context, at time.Time, d *table.Descriptor) (*table.Table, error) {
			return a.Backups.FromPast(ctx, t, at, d)
		}}, nil
	}
	b, err := a.Backups.OfDeleted(ctx, name)
	switch {
	case errors.Is(err, backup.ErrNotFound):
		return nil, ddberr.SourceTableNotFound(name)
	case err != nil:
		return nil, err
	}
	return &past{b.Source, recoveryWindow(b.Source.PITR, b.Created), func(ctx context.Context, at time.Time, d *table.Descriptor) (*table.Table, error) {
		return a.Backups.FromBackup(ctx, b, at, d)
	}}, nil
}
