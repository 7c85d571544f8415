package api

import (
	"context"

	"github.com/statordb/stator/internal/model"
)

// DescribeEndpoints returns the address that the request was sent to, so that
// a client with endpoint discovery stays with this server.
func (a *API) DescribeEndpoints(ctx context.Context, _ *model.DescribeEndpointsInput) (*model.DescribeEndpointsOutput, error) {
	address := Host(ctx)
	if address == "" {
		address = "dynamodb." + a.Region + ".amazonaws.com"
	}
	return &model.DescribeEndpointsOutput{Endpoints: []model.Endpoint{{
		Address: model.Some(address), CachePeriodInMinutes: model.Some[int64](1440),
	}}}, nil
}

type contextKey string

// HostKey is the context key under which a front door keeps the Host of the
// request, a string.
const HostKey contextKey = "host"

// Host returns the Host of the request, or "".
func Host(ctx context.Context) string {
	host, _ := ctx.Value(HostKey).(string)
	return host
}
