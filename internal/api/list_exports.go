package api

import (
	"context"

	"github.com/statordb/stator/internal/model"
)

// ListExports returns the exports of the last 90 days, up to 25 at a time, in the
// reverse order of their ARNs.
func (a *API) ListExports(ctx context.Context, in *model.ListExportsInput) (*model.ListExportsOutput, error) {
	p, err := a.page(in.TableArn, in.NextToken, in.MaxResults.Or(25))
	if err != nil {
		return nil, err
	}
	list, more, err := a.Transfers.ListExports(ctx, p)
	if err != nil {
		return nil, err
	}
	out := &model.ListExportsOutput{ExportSummaries: []model.ExportSummary{}}
	for _, e := range list {
		in, err := e.In()
		if err != nil {
			return nil, err
		}
		out.ExportSummaries = append(out.ExportSummaries, model.ExportSummary{
			ExportArn: model.Some(e.ARN()), ExportStatus: model.Some(e.Status), ExportType: model.Some(in.ExportType.Or("FULL_EXPORT")),
		})
		out.NextToken = pageToken(e.ARN(), more)
	}
	return out, nil
}
