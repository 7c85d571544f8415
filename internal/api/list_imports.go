package api

import (
	"context"

	"github.com/statordb/stator/internal/model"
)

// ListImports returns the imports of the last 90 days, up to 25 at a time, the
// newest first.
func (a *API) ListImports(ctx context.Context, in *model.ListImportsInput) (*model.ListImportsOutput, error) {
	p, err := a.page(in.TableArn, in.NextToken, in.PageSize.Or(25))
	if err != nil {
		return nil, err
	}
	list, more, err := a.Transfers.ListImports(ctx, p)
	if err != nil {
		return nil, err
	}
	out := &model.ListImportsOutput{ImportSummaryList: []model.ImportSummary{}}
	for _, i := range list {
		in, err := i.In()
		if err != nil {
			return nil, err
		}
		out.ImportSummaryList = append(out.ImportSummaryList, model.ImportSummary{
			ImportArn: model.Some(i.ARN()), ImportStatus: model.Some(i.Status), TableArn: model.Some(i.TableARN),
			S3BucketSource: in.S3BucketSource, CloudWatchLogGroupArn: model.Some(a.importLogs()), InputFormat: in.InputFormat,
			StartTime: timestamp(i.Started), EndTime: timestamp(i.Ended),
		})
		out.NextToken = pageToken(i.ARN(), more)
	}
	return out, nil
}
