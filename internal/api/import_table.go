package api

import (
	"context"
	"errors"

	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/model"
	"github.com/statordb/stator/internal/table"
	"github.com/statordb/stator/internal/transfer"
)

// ImportTable makes a table and begins to fill it with the items of the objects in
// a bucket. The table can be used when it is whole.
func (a *API) ImportTable(ctx context.Context, in *model.ImportTableInput) (*model.ImportTableOutput, error) {
	i, err := a.Transfers.MadeImport(ctx, a.owner, in)
	if err == nil && i == nil {
		i, err = a.importTable(ctx, in)
	}
	if err != nil {
		return nil, transferError(err, nil, ddberr.ImportConflict(in.ClientToken.V))
	}
	out, err := a.describeImport(i)
	return &model.ImportTableOutput{ImportTableDescription: out}, err
}

// importTable begins an import that was not made before.
func (a *API) importTable(ctx context.Context, in *model.ImportTableInput) (*transfer.Import, error) {
	p := in.TableCreationParameters
	d, err := a.newDescriptor(&model.CreateTableInput{
		TableName: p.TableName, AttributeDefinitions: p.AttributeDefinitions, KeySchema: p.KeySchema,
		BillingMode: p.BillingMode, ProvisionedThroughput: p.ProvisionedThroughput, OnDemandThroughput: p.OnDemandThroughput,
		SSESpecification: p.SSESpecification, GlobalSecondaryIndexes: p.GlobalSecondaryIndexes, VectorIndexes: p.VectorIndexes,
	})
	if err != nil {
		return nil, err
	}
	if err := a.checkUnits(&table.Descriptor{}, d); err != nil {
		return nil, err
	}
	if d.Billing.OnDemand {
		d.Billing.Changed = d.Created
	}
	exists := ddberr.ResourceInUse("Table already exists: " + d.Title())
	if a.Engine.Catalog.Get(d.Name) != nil {
		return nil, exists
	}
	if err := a.giveKey(ctx, d); err != nil {
		return nil, err
	}
	i, err := a.Transfers.Import(ctx, d, a.tableARN(d.Name), in)
	if errors.Is(err, table.ErrExists) {
		return nil, exists
	}
	return i, err
}
