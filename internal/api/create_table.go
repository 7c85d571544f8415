package api

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/model"
	"github.com/statordb/stator/internal/table"
)

// CreateTable adds a table. The answer says CREATING, as clients expect; the
// table is ready when they have it.
func (a *API) CreateTable(ctx context.Context, in *model.CreateTableInput) (*model.CreateTableOutput, error) {
	d, err := newDescriptor(in, a.Now())
	if err != nil {
		return nil, err
	}
	if d.Billing.OnDemand {
		d.Billing.Changed = d.Created
	}
	if err := a.checkUnits(&table.Descriptor{}, d); err != nil {
		return nil, err
	}
	t, err := a.Engine.Create(ctx, d)
	switch {
	case errors.Is(err, table.ErrExists):
		return nil, ddberr.ResourceInUse("Table already exists: " + d.Name)
	case err != nil:
		return nil, err
	}
	return &model.CreateTableOutput{TableDescription: a.describe(t, statusCreating)}, nil
}

// newDescriptor checks a request and builds what it asks for at now.
func newDescriptor(in *model.CreateTableInput, now time.Time) (*table.Descriptor, error) {
	if in.VectorIndexes != nil || in.ResourcePolicy.Set || in.GlobalTableSourceArn.Set || in.GlobalTableSettingsReplicationMode.Set {
		return nil, ddberr.Validation("This version of Stator has no vector indexes, resource policies or replicas")
	}
	onDemand := in.BillingMode.V == "PAY_PER_REQUEST"
	if err := checkBilling(onDemand, in.ProvisionedThroughput, in.OnDemandThroughput); err != nil {
		return nil, err
	}
	defs, err := parseDefinitions(in.AttributeDefinitions)
	if err != nil {
		return nil, err
	}
	d := &table.Descriptor{
		Name: tableName(in.TableName.V), ID: uuid.NewString(), Created: now,
		Attributes:         defs,
		Billing:            table.Billing{OnDemand: onDemand, Named: onDemand},
		Throughput:         throughput(in.ProvisionedThroughput),
		OnDemand:           onDemandLimits(in.OnDemandThroughput),
		Warm:               warmThroughput(in.WarmThroughput),
		Class:              in.TableClass.V,
		DeletionProtection: in.DeletionProtectionEnabled.V,
	}
	if d.Key, err = defs.tableKey(in.KeySchema); err != nil {
		return nil, err
	}
	if err := addIndexes(d, in); err != nil {
		return nil, err
	}
	if err := checkIndexes(d); err != nil {
		return nil, err
	}
	if view, err := streamView(in.StreamSpecification); err != nil {
		return nil, err
	} else if view != "" {
		d.EnableStream(view, d.Created)
	}
	if s := in.SSESpecification; s != nil {
		d.SSE = table.SSE{Enabled: s.Enabled.V, Type: s.SSEType.V, Key: s.KMSMasterKeyId.V}
	}
	return d, setTags(d, in.Tags)
}

func checkBilling(onDemand bool, provisioned *model.ProvisionedThroughput, limits *model.OnDemandThroughput) error {
	switch {
	case onDemand && provisioned != nil:
		return ddberr.ThroughputOnDemand.Fault()
	case !onDemand && provisioned == nil:
		return ddberr.ThroughputMissing.Fault()
	case !onDemand && limits != nil:
		return ddberr.OnDemandNotProvisioned.Fault()
	}
	return nil
}

func addIndexes(d *table.Descriptor, in *model.CreateTableInput) error {
	defs := definitions(d.Attributes)
	switch {
	case in.LocalSecondaryIndexes != nil && len(in.LocalSecondaryIndexes) == 0:
		return ddberr.LocalEmpty.Fault()
	case in.GlobalSecondaryIndexes != nil && len(in.GlobalSecondaryIndexes) == 0:
		return ddberr.GlobalEmpty.Fault()
	case len(in.LocalSecondaryIndexes) > maxLocal:
		return ddberr.LocalTooMany.Fault()
	case len(in.GlobalSecondaryIndexes) > maxGlobal:
		return ddberr.GlobalTooMany.Fault()
	}
	for i := range in.LocalSecondaryIndexes {
		x, err := defs.localIndex(d.Key, &in.LocalSecondaryIndexes[i])
		if err != nil {
			return err
		}
		d.Indexes = append(d.Indexes, x)
	}
	for i := range in.GlobalSecondaryIndexes {
		x, err := defs.globalIndex(d.Billing.OnDemand, &in.GlobalSecondaryIndexes[i])
		if err != nil {
			return err
		}
		d.Indexes = append(d.Indexes, x)
	}
	return nil
}

// streamView returns the view type of the stream that in enables, "" if it
// enables none.
func streamView(in *model.StreamSpecification) (string, error) {
	switch {
	case in == nil:
		return "", nil
	case in.StreamEnabled.V && !in.StreamViewType.Set:
		return "", ddberr.StreamViewMissing.Fault()
	case !in.StreamEnabled.V && in.StreamViewType.Set:
		return "", ddberr.StreamViewDisabled.Fault()
	}
	return in.StreamViewType.V, nil
}

// setTags adds tags to d; a tag with the same key is replaced.
func setTags(d *table.Descriptor, tags []model.Tag) error {
	if len(tags) > maxTags {
		return ddberr.TagTooMany.Fault(len(tags))
	}
	for _, tag := range tags {
		if strings.HasPrefix(tag.Key.V, "aws:") {
			return ddberr.TagReserved.Fault(tag.Key.V)
		}
		i, found := slices.BinarySearchFunc(d.Tags, tag.Key.V, func(t table.Tag, key string) int { return strings.Compare(t.Key, key) })
		if found {
			d.Tags[i].Value = tag.Value.V
		} else {
			d.Tags = slices.Insert(d.Tags, i, table.Tag{Key: tag.Key.V, Value: tag.Value.V})
		}
	}
	if len(d.Tags) > maxTags {
		return ddberr.TagTooMany.Fault(len(d.Tags))
	}
	return nil
}

// maxTags is the number of tags of a resource. (Developer guide, "Tagging".)
const maxTags = 50
