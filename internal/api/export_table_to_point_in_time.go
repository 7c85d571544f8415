package api

import (
	"context"
	"errors"
	"time"

	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/model"
	"github.com/statordb/stator/internal/table"
	"github.com/statordb/stator/internal/transfer"
)

// ExportTableToPointInTime begins to write the items that a table had at an
// instant, or what has changed in a window of time, to a bucket.
func (a *API) ExportTableToPointInTime(ctx context.Context, in *model.ExportTableToPointInTimeInput) (*model.ExportTableToPointInTimeOutput, error) {
	if err := checkExport(in); err != nil {
		return nil, err
	}
	e, err := a.Transfers.MadeExport(ctx, a.owner, in)
	if err == nil && e == nil {
		e, err = a.export(ctx, in)
	}
	if err != nil {
		return nil, transferError(err, nil, ddberr.ExportConflict(in.ClientToken.V))
	}
	out, err := describeExport(e)
	return &model.ExportTableToPointInTimeOutput{ExportDescription: out}, err
}

// checkExport checks what needs no table.
func checkExport(in *model.ExportTableToPointInTimeInput) error {
	window := in.IncrementalExportSpecification
	switch incremental := in.ExportType.V == "INCREMENTAL_EXPORT"; {
	case incremental && window == nil:
		return ddberr.ExportNoWindow.Fault()
	case !incremental && window != nil:
		return ddberr.ExportWindowOfAll.Fault()
	case incremental && in.ExportTime.Set:
		return ddberr.ExportTwoTimes.Fault()
	case incremental && !window.ExportFromTime.Set:
		return ddberr.ExportNoFrom.Fault()
	case in.S3SseKmsKeyId.Set && in.S3SseAlgorithm.V != "KMS":
		return ddberr.ExportKMSKey.Fault()
	}
	return nil
}

// export begins an export that was not made before.
func (a *API) export(ctx context.Context, in *model.ExportTableToPointInTimeInput) (*transfer.Export, error) {
	t, err := a.backedUp(in.TableArn.V)
	switch {
	case err != nil:
		return nil, err
	case t.Creating:
		return nil, ddberr.SourceTableNotFound(t.Title())
	case t.PITR.Since.IsZero():
		return nil, ddberr.RecoveryUnavailable(t.Title())
	}
	if in.FilterSpecification != nil {
		if _, _, err := transfer.ParseFilter(in.FilterSpecification, t.Descriptor); err != nil {
			return nil, err
		}
	}
	m, err := moment(recoveryWindow(t.PITR, a.Now()), in)
	if err != nil {
		return nil, err
	}
	e, err := a.Transfers.Export(ctx, t, a.tableARN(t.Name), in, m)
	switch {
	case errors.Is(err, table.ErrNotFound): // deleted meanwhile
		return nil, ddberr.SourceTableNotFound(t.Title())
	case errors.Is(err, table.ErrForgotten):
		return nil, ddberr.InvalidExportTime()
	}
	return e, err
}

// The least and the most time that an incremental export is about. (Developer
// guide, "Requesting a table export".)
const (
	windowMin = 15 * time.Minute
	windowMax = 24 * time.Hour
)

// moment returns what in asks for of the past of a table, of which can is known.
func moment(can window, in *model.ExportTableToPointInTimeInput) (m transfer.Moment, err error) {
	w := in.IncrementalExportSpecification
	if w == nil {
		if m.At = timeOf(in.ExportTime); in.ExportTime.Set && !can.has(m.At) {
			return m, ddberr.InvalidExportTime()
		}
		return m, nil
	}
	m.From, m.To = timeOf(w.ExportFromTime), can.latest
	if w.ExportToTime.Set {
		m.To = timeOf(w.ExportToTime)
	}
	switch length := m.To.Sub(m.From); {
	case length < windowMin || length > windowMax:
		return m, ddberr.ExportWindow.Fault()
	case !can.has(m.From) || !can.has(m.To):
		return m, ddberr.InvalidExportTime()
	}
	return m, nil
}
