package api

import (
	"errors"
	"strings"

	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/meter"
	"github.com/statordb/stator/internal/model"
	"github.com/statordb/stator/internal/table"
	"github.com/statordb/stator/internal/wire"
)

// transactError turns the error of a transaction into the client's.
func (a *API) transactError(err error, actions []transactWrite) error {
	var canceled *table.Canceled
	switch {
	case errors.Is(err, table.ErrTokenMismatch):
		return ddberr.IdempotentParameterMismatch()
	case errors.Is(err, table.ErrTokenInUse):
		return ddberr.TransactionInProgress()
	case !errors.As(err, &canceled):
		return err
	}
	for i := range canceled.Reasons {
		canceled.Reasons[i] = actions[i].failure(canceled.Reasons[i])
	}
	return a.cancellation(canceled.Reasons, func(i int) model.Opt[string] { return actions[i].onFailure })
}

// reason is an element of CancellationReasons.
type reason struct {
	code, message string
	item          []byte // JSON, or nil
}

// cancellation returns the TransactionCanceledException for the reasons of
// its actions, nil where there is none. Of several faults in actions only the
// first is told; onFailure is an action's ReturnValuesOnConditionCheckFailure.
func (a *API) cancellation(reasons []error, onFailure func(i int) model.Opt[string]) *ddberr.Error {
	codes := make([]string, len(reasons))
	detail := []byte(`"CancellationReasons":[`)
	faulty := false
	for i, err := range reasons {
		r := a.reason(err, onFailure(i))
		if r.code == "ValidationError" {
			if faulty {
				r = reason{code: "None"}
			}
			faulty = true
		}
		if i > 0 {
			detail = append(detail, ',')
		}
		codes[i] = r.code
		detail = r.append(detail)
	}
	e := ddberr.New("TransactionCanceledException",
		"Transaction cancelled, please refer cancellation reasons for specific reasons ["+strings.Join(codes, ", ")+"]")
	e.Detail = append(detail, ']')
	return e
}

func (a *API) reason(err error, onFailure model.Opt[string]) reason {
	var failed *table.ConditionFailed
	var fault *ddberr.Fault
	var e *ddberr.Error
	var throttle *meter.Throttle
	switch {
	case err == nil:
		return reason{code: "None"}
	case errors.As(err, &failed):
		r := reason{code: "ConditionalCheckFailed", message: "The conditional request failed"}
		if onFailure.V == "ALL_OLD" && !failed.Old.IsEmpty() {
			r.item = failed.Old.AppendJSON(nil)
		}
		return r
	case errors.Is(err, table.ErrCollectionFull):
		return reason{code: "ItemCollectionSizeLimitExceeded", message: ddberr.CollectionFull().Message}
	case errors.Is(err, table.ErrOngoing):
		return reason{code: "TransactionConflict", message: ddberr.TransactionConflict().Message}
	case errors.As(err, &throttle) && throttle.OnDemand:
		return reason{code: "ThrottlingError", message: a.throttled(throttle).Message}
	case errors.As(err, &throttle):
		return reason{code: "ProvisionedThroughputExceeded", message: a.throttled(throttle).Message}
	case errors.As(err, &fault):
		return reason{code: "ValidationError", message: fault.Render(a.style(ddberr.Bare))}
	case errors.As(err, &e) && e.Code == "DuplicateItemException":
		return reason{code: "DuplicateItem", message: e.Message}
	case errors.As(err, &e):
		return reason{code: "ValidationError", message: e.Message}
	}
	return reason{code: "InternalServerError"}
}

func (r reason) append(dst []byte) []byte {
	dst = append(dst, `{"Code":`...)
	dst = wire.AppendString(dst, r.code)
	if r.item != nil {
		dst = append(append(dst, `,"Item":`...), r.item...)
	}
	if r.message != "" {
		dst = wire.AppendString(append(dst, `,"Message":`...), r.message)
	}
	return append(dst, '}')
}

// isEmptyKey reports whether err is an empty key value, which fails a
// transaction's request where other faults of keys cancel the transaction.
func isEmptyKey(err error) bool {
	var fault *ddberr.Fault
	return errors.As(err, &fault) && fault.Text == &ddberr.EmptyKey
}
