package api

import (
	"context"

	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/expr"
	"github.com/statordb/stator/internal/model"
	"github.com/statordb/stator/internal/table"
)

// Scan reads all items of a table, an index, or one segment of it.
func (a *API) Scan(ctx context.Context, in *model.ScanInput) (*model.ScanOutput, error) {
	r, err := checkScan(in)
	if err != nil {
		return nil, err
	}
	p, err := r.plan(a)
	if err != nil {
		return nil, err
	}
	if err := bindScan(&p, r, in); err != nil {
		return nil, err
	}
	got, err := r.run(ctx, a, p)
	if err != nil {
		return nil, err
	}
	return &model.ScanOutput{
		Items: got.items, Count: got.count, ScannedCount: got.scanned,
		LastEvaluatedKey: got.last, ConsumedCapacity: got.capacity,
	}, nil
}

// checkScan checks what needs no table.
func checkScan(in *model.ScanInput) (*reading, error) {
	r := &reading{
		tableName: in.TableName.V, indexName: in.IndexName, selects: in.Select, consistent: in.ConsistentRead.V,
		limit: in.Limit.V, start: in.ExclusiveStartKey, report: in.ReturnConsumedCapacity,
	}
	if err := mixed(
		[]parameter{{"AttributesToGet", in.AttributesToGet != nil}, {"ScanFilter", in.ScanFilter != nil}, {"ConditionalOperator", in.ConditionalOperator.Set}},
		[]parameter{{"ProjectionExpression", in.ProjectionExpression.Set}, {"FilterExpression", in.FilterExpression.Set}},
	); err != nil {
		return nil, err
	}
	if err := itemFault(in.ExclusiveStartKey); err != nil {
		return nil, err
	}
	if err := checkSegments(in); err != nil {
		return nil, err
	}
	if err := r.checkSelect(given([]parameter{{"AttributesToGet", in.AttributesToGet != nil}, {"ProjectionExpression", in.ProjectionExpression.Set}})); err != nil {
		return nil, err
	}
	e := expressions(in.ExpressionAttributeNames, in.ExpressionAttributeValues, expr.KindFilter)
	e.Filter, e.Projection = text(in.FilterExpression), text(in.ProjectionExpression)
	parsed, f := expr.Parse(e)
	if f != nil {
		return nil, f
	}
	r.parsed = parsed
	return r, r.addLegacy(in.AttributesToGet, in.ScanFilter, in.ConditionalOperator)
}

func checkSegments(in *model.ScanInput) error {
	switch {
	case in.Segment.Set && !in.TotalSegments.Set:
		return ddberr.SegmentWithoutTotal.Fault()
	case !in.Segment.Set && in.TotalSegments.Set:
		return ddberr.TotalWithoutSegment.Fault()
	case in.Segment.Set && in.Segment.V >= in.TotalSegments.V:
		return ddberr.SegmentBeyondTotal.Fault(in.Segment.V, in.TotalSegments.V)
	}
	return nil
}

// bindScan checks the start key against the schema and sets the range of p.
func bindScan(p *table.Plan, r *reading, in *model.ScanInput) error {
	p.Range = p.Table.ScanRange(p.Index, in.Segment.V, in.TotalSegments.Or(1))
	if !r.start.Given {
		return nil
	}
	switch {
	case !startFits(p, r.start.Item) && p.Index == nil:
		return ddberr.StartKeySchema.Fault()
	case !startFits(p, r.start.Item):
		return ddberr.StartKeyInvalid.Fault()
	case !p.Resume(r.start.Item):
		return ddberr.StartKeySegment.Fault(in.TotalSegments.V, in.Segment.V)
	}
	return nil
}
