package api

import (
	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/model"
	"github.com/statordb/stator/internal/table"
)

// tableARN returns the ARN of the table called name.
func (a *API) tableARN(name string) string {
	return "arn:aws:dynamodb:" + a.Region + ":" + a.Account + ":table/" + name
}

// tableName returns the name in a TableName, which may be the table's ARN in
// any account and region.
func tableName(nameOrARN string) string {
	if name, ok := model.TableOfARN(nameOrARN); ok {
		return name
	}
	return nameOrARN
}

// readable returns the table that a data operation reads.
func (a *API) readable(nameOrARN string) (*table.Table, error) {
	if t := a.Engine.Catalog.Get(tableName(nameOrARN)); t != nil {
		return t, nil
	}
	return nil, ddberr.TableNotFound()
}

// writable returns the table that a data operation writes. The caller calls
// Release when the write is over.
func (a *API) writable(nameOrARN string) (*table.Table, error) {
	if t := a.Engine.Catalog.Lease(tableName(nameOrARN)); t != nil {
		return t, nil
	}
	return nil, ddberr.TableNotFound()
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

// described returns the table that a table operation is about.
func (a *API) described(nameOrARN string) (*table.Table, error) {
	name := tableName(nameOrARN)
	if t := a.Engine.Catalog.Get(name); t != nil {
		return t, nil
	}
	return nil, ddberr.TableNamedNotFound(name)
}
