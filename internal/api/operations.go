package api

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/model"
	"github.com/statordb/stator/internal/wire"
)

// operation is a row of the table of operations.
type operation struct {
	name  string
	style ddberr.Style // how today's service words this operation's faults
	serve handler
}

// handler decodes, checks, runs and encodes one request.
type handler func(ctx context.Context, a *API, o *operation, style ddberr.Style, body, dst []byte) ([]byte, error)

// operations is sorted by name. A new operation is a row here and a file.
var operations = []operation{
	{"BatchExecuteStatement", ddberr.Older, run((*API).BatchExecuteStatement)},
	{"BatchGetItem", ddberr.Bare, run((*API).BatchGetItem)},
	{"BatchWriteItem", ddberr.Older, run((*API).BatchWriteItem)},
	{"CancelBulkOperation", ddberr.Bare, run((*API).CancelBulkOperation)},
	{"CreateBackup", ddberr.Bare, run((*API).CreateBackup)},
	{"CreateTable", ddberr.Bare, run((*API).CreateTable)},
	{"DeleteBackup", ddberr.Bare, run((*API).DeleteBackup)},
	{"DeleteItem", ddberr.Enveloped, run((*API).DeleteItem)},
	{"DeleteResourcePolicy", ddberr.Bare, run((*API).DeleteResourcePolicy)},
	{"DeleteTable", ddberr.Bare, run((*API).DeleteTable)},
	{"DescribeBackup", ddberr.Bare, run((*API).DescribeBackup)},
	{"DescribeBulkOperation", ddberr.Bare, run((*API).DescribeBulkOperation)},
	{"DescribeContinuousBackups", ddberr.Bare, run((*API).DescribeContinuousBackups)},
	{"DescribeEndpoints", ddberr.Bare, run((*API).DescribeEndpoints)},
	{"DescribeExport", ddberr.Bare, run((*API).DescribeExport)},
	{"DescribeImport", ddberr.Bare, run((*API).DescribeImport)},
	{"DescribeKinesisStreamingDestination", ddberr.Bare, run((*API).DescribeKinesisStreamingDestination)},
	{"DescribeLimits", ddberr.Bare, run((*API).DescribeLimits)},
	{"DescribeStream", ddberr.Bare, run((*API).DescribeStream)},
	{"DescribeTable", ddberr.Bare, run((*API).DescribeTable)},
	{"DescribeTimeToLive", ddberr.Bare, run((*API).DescribeTimeToLive)},
	{"DisableKinesisStreamingDestination", ddberr.Bare, run((*API).DisableKinesisStreamingDestination)},
	{"EnableKinesisStreamingDestination", ddberr.Bare, run((*API).EnableKinesisStreamingDestination)},
	{"ExecuteStatement", ddberr.Older, run((*API).ExecuteStatement)},
	{"ExecuteTransaction", ddberr.Older, run((*API).ExecuteTransaction)},
	{"ExportTableToPointInTime", ddberr.Bare, run((*API).ExportTableToPointInTime)},
	{"GetItem", ddberr.Bare, run((*API).GetItem)},
	{"GetRecords", ddberr.Bare, run((*API).GetRecords)},
	{"GetResourcePolicy", ddberr.Bare, run((*API).GetResourcePolicy)},
	{"GetShardIterator", ddberr.Bare, run((*API).GetShardIterator)},
	{"ImportTable", ddberr.Bare, run((*API).ImportTable)},
	{"ListBackups", ddberr.Bare, run((*API).ListBackups)},
	{"ListBulkOperations", ddberr.Bare, run((*API).ListBulkOperations)},
	{"ListExports", ddberr.Bare, run((*API).ListExports)},
	{"ListImports", ddberr.Bare, run((*API).ListImports)},
	{"ListStreams", ddberr.Bare, run((*API).ListStreams)},
	{"ListTables", ddberr.Bare, run((*API).ListTables)},
	{"ListTagsOfResource", ddberr.Bare, run((*API).ListTagsOfResource)},
	{"PutItem", ddberr.Enveloped, run((*API).PutItem)},
	{"PutResourcePolicy", ddberr.Bare, run((*API).PutResourcePolicy)},
	{"Query", ddberr.Bare, run((*API).Query)},
	{"RestoreTableFromBackup", ddberr.Bare, run((*API).RestoreTableFromBackup)},
	{"RestoreTableToPointInTime", ddberr.Bare, run((*API).RestoreTableToPointInTime)},
	{"Scan", ddberr.Older, run((*API).Scan)},
	{"StartBulkPutItems", ddberr.Bare, run((*API).StartBulkPutItems)},
	{"TagResource", ddberr.Bare, run((*API).TagResource)},
	{"TransactGetItems", ddberr.Bare, run((*API).TransactGetItems)},
	{"TransactWriteItems", ddberr.Bare, run((*API).TransactWriteItems)},
	{"UntagResource", ddberr.Bare, run((*API).UntagResource)},
	{"UpdateContinuousBackups", ddberr.Bare, run((*API).UpdateContinuousBackups)},
	{"UpdateItem", ddberr.Enveloped, run((*API).UpdateItem)},
	{"UpdateKinesisStreamingDestination", ddberr.Bare, run((*API).UpdateKinesisStreamingDestination)},
	{"UpdateTable", ddberr.Bare, run((*API).UpdateTable)},
	{"UpdateTimeToLive", ddberr.Bare, run((*API).UpdateTimeToLive)},
}

// Names returns the names of the operations served, sorted.
func Names() []string {
	names := make([]string, len(operations))
	for i, op := range operations {
		names[i] = op.name
	}
	return names
}

// lookup returns the row of the operation called name, or nil.
func lookup(name string) *operation {
	i, found := slices.BinarySearchFunc(operations, name, func(o operation, name string) int {
		return strings.Compare(o.name, name)
	})
	if !found {
		return nil
	}
	return &operations[i]
}

// request is a pointer to a generated input.
type request[In any] interface {
	*In
	Decode(*wire.Scanner) error
	Validate(*model.Violations)
}

// response is a pointer to a generated output.
type response[Out any] interface {
	*Out
	AppendJSON([]byte) []byte
}

// run makes a handler of a method. The order of its steps is the order in
// which errors win.
func run[In, Out any, I request[In], O response[Out]](method func(*API, context.Context, I) (O, error)) handler {
	return func(ctx context.Context, a *API, o *operation, style ddberr.Style, body, dst []byte) ([]byte, error) {
		in := I(new(In))
		s := wire.NewScanner(body)
		if err := errors.Join(in.Decode(s), s.Finish()); err != nil {
			return nil, err
		}
		var violations model.Violations
		in.Validate(&violations)
		if violations.Any() {
			return nil, violated(&violations, style, body)
		}
		if a.caller != nil {
			if err := a.authorise(o.name, in); err != nil {
				return nil, err
			}
		}
		out, err := method(a, ctx, in)
		if err != nil {
			return nil, err
		}
		return out.AppendJSON(dst), nil
	}
}
