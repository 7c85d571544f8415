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
	if !strings.HasPrefix(arn, "arn:") {
		return nil, ddberr.ARNPrefix.Fault(arn)
	}
	name, ok := model.TableOfARN(arn)
	switch parts := strings.SplitN(arn, ":", 6); {
	case len(parts) < 6 || parts[2] != "dynamodb":
		return nil, ddberr.ARNForeign.Fault(arn)
	case !ok || name == "" || parts[3] != a.Region:
		return nil, ddberr.ARNInvalid.Fault(arn)
	case strings.Contains(name, "/"): // an index
		return nil, ddberr.ARNNoTable.Fault(arn)
	}
	name = a.tableName(arn)
	if t := a.Engine.Catalog.Get(name); t != nil {
		return t, nil
	}
	if arn != a.tableARN(name) { // of another account or region
		return nil, ddberr.New("AccessDeniedException", "User is not authorized to perform this operation on resource: "+arn)
	}
	return nil, ddberr.ResourceNotFound("Requested resource not found: ResourcArn: " + arn + " not found")
}
