package api

import (
	"context"
	"errors"

	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/table"
)

// tableARN returns the ARN of the table that is kept under name.
func (a *API) tableARN(name string) string { return a.Home.ARN(name) }

// tableName returns the name under which the table is kept that a TableName
// means, which may be its ARN.
func (a *API) tableName(nameOrARN string) string { return a.Home.Name(a.owner, nameOrARN) }

// readable returns the table that a data operation reads. For those one that is
// being created is not there yet.
func (a *API) readable(nameOrARN string) (*table.Table, error) {
	t := a.Engine.Catalog.Get(a.tableName(nameOrARN))
	if t == nil || t.Creating {
		return nil, ddberr.TableNotFound()
	}
	if why := a.Engine.Access(t.Descriptor); why != nil {
		return nil, why
	}
	return t, nil
}

// writable returns the table that a data operation writes. The caller calls
// Release when the write is over.
func (a *API) writable(nameOrARN string) (*table.Table, error) {
	t := a.Engine.Catalog.Lease(a.tableName(nameOrARN))
	if t == nil {
		return nil, ddberr.TableNotFound()
	}
	if t.Creating {
		t.Release()
		return nil, ddberr.TableNotFound()
	}
	if why := a.Engine.Access(t.Descriptor); why != nil {
		t.Release()
		return nil, why
	}
	return t, nil
}

// leases are the tables that a request with several writes leased. release is
// deferred before the first lease, so that a panic leaves none behind.
type leases []*table.Table

// writable is API.writable for a table that release gives back.
func (l *leases) writable(a *API, nameOrARN string) (*table.Table, error) {
	t, err := a.writable(nameOrARN)
	if err == nil {
		*l = append(*l, t)
	}
	return t, err
}

func (l *leases) release() {
	for _, t := range *l {
		t.Release()
	}
}

// change makes edit change the table called name, which is not being created.
func (a *API) change(ctx context.Context, name string, edit func(*table.Descriptor) error) (*table.Table, error) {
	t, err := a.Engine.Change(ctx, name, func(d *table.Descriptor) error {
		if err := checkCreated(d); err != nil {
			return err
		}
		return edit(d)
	})
	if errors.Is(err, table.ErrNotFound) {
		return nil, ddberr.TableNamedNotFound(table.Title(name))
	}
	return t, err
}

// checkCreated returns the error of changing d if it is being created.
func checkCreated(d *table.Descriptor) error {
	if d.Creating {
		return ddberr.ResourceInUse("Attempt to change a resource which is still in use: Table is being created: " + d.Title())
	}
	return nil
}

// described returns the table that a table operation is about.
func (a *API) described(nameOrARN string) (*table.Table, error) {
	name := a.tableName(nameOrARN)
	if t := a.Engine.Catalog.Get(name); t != nil {
		return t, nil
	}
	return nil, ddberr.TableNamedNotFound(table.Title(name))
}
