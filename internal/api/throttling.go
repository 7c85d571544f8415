package api

import (
	"errors"
	"strings"

	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/meter"
	"github.com/statordb/stator/internal/wire"
)

// throttled returns the client's error for a request that must wait.
func (a *API) throttled(t *meter.Throttle) *ddberr.Error {
	if t.OnDemand {
		return ddberr.Throttling(t.Cause == meter.MaxOnDemand, a.throttlingReasons("throttlingReasons", t))
	}
	return ddberr.Exceeded(t.Index, a.throttlingReasons("ThrottlingReasons", t))
}

func (a *API) throttlingReasons(member string, t *meter.Throttle) []byte {
	dst := wire.AppendString(nil, member)
	dst = wire.AppendString(append(dst, `:[{"reason":`...), t.Reason())
	dst = wire.AppendString(append(dst, `,"resource":`...), a.resourceARN(t.Resource))
	return append(dst, "}]"...)
}

// resourceARN returns the ARN of a table or, behind "/index/", of an index.
func (a *API) resourceARN(resource string) string {
	name, index, indexed := strings.Cut(resource, "/index/")
	if !indexed {
		return a.tableARN(name)
	}
	return a.tableARN(name) + "/index/" + index
}

// isThrottled reports whether err says that a request must wait.
func isThrottled(err error) bool {
	var t *meter.Throttle
	return errors.As(err, &t)
}
