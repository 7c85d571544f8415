package api

import (
	"context"
	"errors"
	"slices"
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
	target := a.owner + in.TargetTableName.V
	pasts, unknown, err := a.pastsOf(ctx, in)
	if err != nil {
		return nil, err
	}
	var at time.Time
	i := 0
	if in.RestoreDateTime.Set && !in.UseLatestRestorableTime.V {
		at = in.RestoreDateTime.V.Time()
		i = slices.IndexFunc(pasts, func(s *past) bool { return s != nil && s.window.has(at) })
	}
	found := i >= 0 && pasts[i] != nil
	if !found && pasts[0] == nil {
		return nil, unknown
	}
	if err := a.checkTarget(target); err != nil {
		return nil, err
	}
	if !found {
		return nil, unknown
	}
	s, shown := pasts[i], at
	if at.IsZero() {
		shown = s.window.latest
	}
	d, err := a.restored(s.source, &overrides{
		target: target, billing: in.BillingModeOverride, throughput: in.ProvisionedThroughputOverride, onDemand: in.OnDemandThroughputOverride,
		global: in.GlobalSecondaryIndexOverride, local: in.LocalSecondaryIndexOverride, vectors: in.VectorIndexOverride, sse: in.SSESpecificationOverride,
		past: true,
	})
	if err != nil {
		return nil, err
	}
	if err := a.giveKey(ctx, d); err != nil {
		return nil, err
	}
	d.Restored = &table.Restored{Source: a.tableARN(s.source.Name), At: shown}
	t, err := s.restore(ctx, at, d)
	switch {
	case errors.Is(err, table.ErrNotFound), errors.Is(err, backup.ErrNotFound):
		return nil, ddberr.SourceTableNotFound(s.source.Title())
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

// pastsOf returns the pasts of the table that in names, newest first: its own, if it
// is there, and those of the tables that had the name and were deleted. The first is
// nil if the table is there and has none. unknown is the error for an instant that
// is in none of them.
func (a *API) pastsOf(ctx context.Context, in *model.RestoreTableToPointInTimeInput) (pasts []*past, unknown, err error) {
	name := a.tableName(in.SourceTableName.V)
	if in.SourceTableArn.Set {
		name = a.tableName(in.SourceTableArn.V)
		if strings.HasPrefix(in.SourceTableArn.V, "arn:") && in.SourceTableArn.V != a.tableARN(name) { // of another account or region
			return nil, nil, ddberr.SourceTableNotFound(table.Title(name))
		}
	}
	unknown = ddberr.InvalidRestoreTime()
	switch t := a.Engine.Catalog.Get(name); {
	case t == nil:
	case t.PITR.Enabled:
		pasts = append(pasts, &past{t.Descriptor, recoveryWindow(t.PITR, a.Now()), func(ctx context.Context, at time.Time, d *table.Descriptor) (*table.Table, error) {
			return a.Backups.FromPast(ctx, t, at, d)
		}})
	default:
		pasts, unknown = append(pasts, nil), ddberr.RecoveryUnavailable(table.Title(name))
	}
	deleted, _, err := a.Backups.List(ctx, backup.Filter{Owner: table.OwnerOf(name), Table: name, System: true})
	if err != nil {
		return nil, nil, err
	}
	for _, b := range slices.Backward(deleted) {
		pasts = append(pasts, &past{b.Source, recoveryWindow(b.Source.PITR, b.Created), func(ctx context.Context, at time.Time, d *table.Descriptor) (*table.Table, error) {
			return a.Backups.FromBackup(ctx, b, at, d)
		}})
	}
	if pasts == nil {
		return nil, nil, ddberr.SourceTableNotFound(table.Title(name))
	}
	return pasts, unknown, nil
}
