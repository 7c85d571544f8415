package api

import (
	"strings"

	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/model"
	"github.com/statordb/stator/internal/table"
)

// tagged returns the table that a ResourceArn names. Tables have tags,
// indexes have not.
func (a *API) tagged(arn string) (*table.Table, error) {
	name, ok := model.TableOfARN(arn)
	if !ok || name == "" || strings.Contains(name, "/") {
		return nil, ddberr.ARNInvalid.Fault(arn)
	}
	if t := a.Engine.Catalog.Get(name); t != nil {
		return t, nil
	}
	if arn != a.tableARN(name) { // of another account or region
		return nil, ddberr.New("AccessDeniedException", "User is not authorized to perform this operation on resource: "+arn)
	}
	return nil, ddberr.ResourceNotFound("Requested resource not found: ResourcArn: " + arn + " not found")
}
