package api

import (
	"context"
	"time"

	"github.com/statordb/stator/internal/model"
	"github.com/statordb/stator/internal/table"
)

// DescribeContinuousBackups says to which times a table can be restored.
func (a *API) DescribeContinuousBackups(_ context.Context, in *model.DescribeContinuousBackupsInput) (*model.DescribeContinuousBackupsOutput, error) {
	t, err := a.backedUp(in.TableName.V)
	if err != nil {
		return nil, err
	}
	return &model.DescribeContinuousBackupsOutput{ContinuousBackupsDescription: describeRecovery(t.PITR, a.Now())}, nil
}

// describeRecovery describes p at now. Continuous backups as such are always
// enabled.
func describeRecovery(p table.PITR, now time.Time) *model.ContinuousBackupsDescription {
	out := &model.PointInTimeRecoveryDescription{PointInTimeRecoveryStatus: model.Some("DISABLED")}
	if p.Enabled {
		w := recoveryWindow(p, now)
		out = &model.PointInTimeRecoveryDescription{
			PointInTimeRecoveryStatus:  model.Some("ENABLED"),
			RecoveryPeriodInDays:       model.Some(int64(p.Days)),
			EarliestRestorableDateTime: timestamp(w.earliest),
			LatestRestorableDateTime:   timestamp(w.latest),
		}
	}
	return &model.ContinuousBackupsDescription{ContinuousBackupsStatus: model.Some("ENABLED"), PointInTimeRecoveryDescription: out}
}

// window is the times to which a table can be restored.
type window struct{ earliest, latest time.Time }

// recoveryWindow returns the window of a table with p, of which now is the last
// instant. It is empty until it has begun. It begins and ends at times that a
// Timestamp can tell, and begins at a full second as soon as there is one: some
// clients cut fractions off.
func recoveryWindow(p table.PITR, now time.Time) window {
	if p.Since.IsZero() {
		return window{}
	}
	latest, earliest := now.Truncate(time.Millisecond), roundUp(p.Earliest(now), time.Second)
	if earliest.After(latest) {
		earliest = roundUp(p.Earliest(now), time.Millisecond)
	}
	if earliest.After(latest) {
		latest = earliest
	}
	return window{earliest, latest}
}

func roundUp(t time.Time, unit time.Duration) time.Time { return t.Add(unit - 1).Truncate(unit) }

// has reports whether at lies in w.
func (w window) has(at time.Time) bool { return !at.Before(w.earliest) && !at.After(w.latest) }
