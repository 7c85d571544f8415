// Package api is the operations: one file each, and the one path that every
// request takes through them.
//
// Do holds the order of checks that a client sees: the operation's name, the
// JSON and its types (SerializationException), the constraints of the model
// (all of them in one ValidationException), what the caller may do
// (AccessDeniedException), and then the operation: members
// that do not go together, values and expressions, the table, its key schema,
// the condition, the size of the result. testdata/order.txt shows it for every
// operation.
package api

import (
	"context"
	"errors"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/statordb/stator/internal/backup"
	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/kv/sealkv"
	"github.com/statordb/stator/internal/meter"
	"github.com/statordb/stator/internal/partiql"
	"github.com/statordb/stator/internal/seal"
	"github.com/statordb/stator/internal/stream"
	"github.com/statordb/stator/internal/table"
	"github.com/statordb/stator/internal/transfer"
	"github.com/statordb/stator/internal/trigger"
	"github.com/statordb/stator/internal/wire"
)

// Config is what the operations need. All members but Kinesis are required.
type Config struct {
	Engine  *table.Engine
	Streams *stream.Streams
	Backups *backup.Backups
	// Transfers are the exports, imports and bulk puts.
	Transfers *transfer.Transfers
	Kinesis   *trigger.Kinesis // nil: there is no Kinesis endpoint
	Home      table.Home
	Dialect   Dialect
	// EnforceCapacity limits how often throughput, capacity mode, class and
	// deletion protection of a table are changed, as DynamoDB does.
	EnforceCapacity bool
	Now             func() time.Time
	Log             *slog.Logger
}

// Dialect is a vintage of DynamoDB's wording.
type Dialect uint8

// The dialects.
const (
	DialectCurrent Dialect = iota
	Dialect202605          // before the rewording that began in June 2026
)

// API serves the operations. It is safe for concurrent use.
type API struct {
	Config
	asked           *[]Asked // nil unless the caller is to be recorded
	caller          *Caller  // nil: who asks is at home and may do everything
	Account, Region string   // of who asks
	owner           string   // of the tables that they name, see table.Home
	statements      *partiql.Cache
}

// New returns an API for those who ask at home.
func New(c Config) *API {
	return &API{Config: c, Account: c.Home.Account, Region: c.Home.Region, statements: new(partiql.Cache)}
}

// Result is the answer to a request.
type Result struct {
	Status  int
	Body    []byte  // JSON
	Code    string  // the error's code, "" for success
	Message string  // of the error
	Asked   []Asked // if the Caller is to be recorded
}

// Failed returns the answer that carries e.
func Failed(e *ddberr.Error) Result { return fail(e, nil) }

// Do serves the operation called name (without service and version) with a
// JSON body, which must stay unchanged meanwhile, to who asks, see API.as. The
// answer's body is appended to dst.
func (a *API) Do(ctx context.Context, who *Caller, name string, body, dst []byte) (res Result) {
	a = a.as(who)
	a.Engine.Requests.Add()
	op := lookup(name)
	if op == nil {
		return fail(unknownOperation(body), dst)
	}
	defer func() {
		if r := recover(); r != nil {
			a.Log.Error("operation panicked", "operation", name, "panic", r, "stack", string(debug.Stack()))
			res = fail(ddberr.Internal(), dst)
		}
		if a.asked != nil {
			res.Asked = *a.asked
		}
	}()
	style := a.style(op.style)
	out, err := op.serve(ctx, a, op, style, body, dst)
	if err != nil {
		return fail(a.clientError(name, style, body, err), dst)
	}
	return Result{Status: 200, Body: out}
}

// unknownOperation is the answer to a request whose operation is not served.
// Broken JSON comes before it.
func unknownOperation(body []byte) *ddberr.Error {
	if wire.NewScanner(body).Check() != nil {
		return ddberr.Serialization("")
	}
	return ddberr.New("UnknownOperationException", "")
}

// style returns how the dialect words what today's service words in style s.
func (a *API) style(s ddberr.Style) ddberr.Style {
	if a.Dialect == Dialect202605 {
		return ddberr.Older
	}
	return s
}

// clientError turns any error into what the client may see of it.
func (a *API) clientError(name string, style ddberr.Style, body []byte, err error) *ddberr.Error {
	var fault *ddberr.Fault
	var e *ddberr.Error
	var throttle *meter.Throttle
	var inaccessible *sealkv.Inaccessible
	var refused *seal.KeyError
	switch {
	case errors.As(err, &fault):
		return fault.In(style)
	case errors.As(err, &e):
		if e.Code == "SerializationException" && wire.NewScanner(body).Check() != nil {
			return ddberr.Serialization("") // broken JSON anywhere comes before wrong types
		}
		return e
	case errors.As(err, &inaccessible):
		return ddberr.KeyInaccessible(inaccessible.Cause.Code, inaccessible.Cause.Message)
	case errors.As(err, &refused):
		return ddberr.KeyRefused(refused.Code, refused.Message)
	case errors.As(err, &throttle):
		return a.throttled(throttle)
	case errors.Is(err, table.ErrCollectionFull):
		return ddberr.CollectionFull()
	case errors.Is(err, table.ErrOngoing):
		return ddberr.TransactionConflict()
	case errors.Is(err, table.ErrNotFound):
		return ddberr.TableNotFound()
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return ddberr.Unavailable("The request was not completed in time.")
	}
	a.Log.Error("operation failed", "operation", name, "error", err)
	return ddberr.Internal()
}

// fail returns the answer that carries e, appended to dst.
func fail(e *ddberr.Error, dst []byte) Result {
	return Result{Status: e.Status, Body: AppendError(dst[:0], e), Code: e.Code, Message: e.Message}
}

// AppendError appends the body of an error answer.
func AppendError(dst []byte, e *ddberr.Error) []byte {
	dst = append(dst, `{"__type":`...)
	dst = wire.AppendString(dst, e.Type())
	if e.Message != "" {
		dst = append(append(append(dst, `,"`...), e.MessageMember()...), `":`...)
		dst = wire.AppendString(dst, e.Message)
	}
	if len(e.Detail) > 0 {
		dst = append(append(dst, ','), e.Detail...)
	}
	return append(dst, '}')
}
