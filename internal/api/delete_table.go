package api

import (
	"context"
	"errors"

	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/model"
	"github.com/statordb/stator/internal/table"
)

// DeleteTable deletes a table with its items. The answer says DELETING, as
// clients expect; the table is gone when they have it.
func (a *API) DeleteTable(ctx context.Context, in *model.DeleteTableInput) (*model.DeleteTableOutput, error) {
	name := a.tableName(in.TableName.V)
	t, err := a.Engine.Delete(ctx, name, func(d *table.Descriptor) error {
		if err := checkCreated(d); err != nil {
			return err
		}
		if d.DeletionProtection {
			return ddberr.DeletionProtected.Fault()
		}
		if d.Building() != nil {
			return ddberr.ResourceInUse("Attempt to change a resource which is still in use: Cannot delete table while indexes are being created, updated, or deleted.")
		}
		return nil
	})
	switch {
	case errors.Is(err, table.ErrNotFound):
		return nil, ddberr.TableNamedNotFound(table.Title(name))
	case err != nil:
		return nil, err
	}
	return &model.DeleteTableOutput{TableDescription: a.describe(t, statusDeleting)}, nil
}
