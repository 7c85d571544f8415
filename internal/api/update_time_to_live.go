package api

import (
	"context"
	"errors"
	"time"

	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/model"
	"github.com/statordb/stator/internal/table"
)

// ttlInterval is how long a table's time to live stays as it was set. (API
// reference, UpdateTimeToLive.)
const ttlInterval = time.Hour

// UpdateTimeToLive names the attribute by which a table's items expire, or
// ends that.
func (a *API) UpdateTimeToLive(ctx context.Context, in *model.UpdateTimeToLiveInput) (*model.UpdateTimeToLiveOutput, error) {
	name, spec := a.tableName(in.TableName.V), in.TimeToLiveSpecification
	if t := a.Engine.Catalog.Get(name); t != nil {
		if err := checkCreated(t.Descriptor); err != nil {
			return nil, err
		}
	}
	_, err := a.Engine.SetTTL(ctx, name, func(t *table.TTL) error {
		if err := checkTTL(*t, spec, a.Now()); err != nil {
			return err
		}
		*t = table.TTL{Changed: a.Now()}
		if spec.Enabled.V {
			t.Attribute = spec.AttributeName.V
		}
		return nil
	})
	switch {
	case errors.Is(err, table.ErrNotFound):
		return nil, ddberr.TableNamedNotFound(table.Title(name))
	case err != nil:
		return nil, err
	}
	return &model.UpdateTimeToLiveOutput{TimeToLiveSpecification: spec}, nil
}

// checkTTL reports why the setting t cannot become spec at now.
func checkTTL(t table.TTL, spec *model.TimeToLiveSpecification, now time.Time) error {
	switch {
	case t.Enabled() && t.Attribute != spec.AttributeName.V:
		return ddberr.TTLOther.Fault(t.Attribute)
	case t.Enabled() && spec.Enabled.V:
		return ddberr.TTLEnabled.Fault()
	case !t.Enabled() && !spec.Enabled.V:
		return ddberr.TTLDisabled.Fault()
	case !t.Changed.IsZero() && now.Sub(t.Changed) < ttlInterval:
		return ddberr.TTLTooSoon.Fault()
	}
	return nil
}
