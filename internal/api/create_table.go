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
	d, err := a.newDescriptor(in)
	if err != nil {
		return nil, err
	}
	if d.Billing.OnDemand {
		d.Billing.Changed = d.Created
	}
	if err := a.checkUnits(&table.Descriptor{}, d); err != nil {
		return nil, err
	}
	if err := a.giveKey(ctx, d); err != nil {
		return nil, err
	}
	t, err := a.Engine.Create(ctx, d)
	switch {
	case errors.Is(err, table.ErrExists):
		return nil, ddberr.ResourceInUse("Table already exists: " + d.Title())
	case err != nil:
		return nil, err
	}
	return &model.CreateTableOutput{TableDescription: a.describeNew(t, in.WarmThroughput != nil)}, nil
}

// describeNew returns the description of t in the answer that creates it: what
// is known a little later is not there yet. warm says that warm throughput was
// asked for.
func (a *API) describeNew(t *table.Table, warm bool) *model.TableDescription {
	out := a.describe(t, statusCreating)
	if out.BillingModeSummary != nil {
		out.BillingModeSummary.LastUpdateToPayPerRequestDateTime = timestamp(time.Time{})
	}
	if !warm {
		out.WarmThroughput = nil
	}
	for i := range out.GlobalSecondaryIndexes {
		out.GlobalSecondaryIndexes[i].WarmThroughput = nil
	}
	return out
}

// newDescriptor checks a request and builds what it asks for.
func (a *API) newDescriptor(in *model.CreateTableInput) (*table.Descriptor, error) {
	if in.VectorIndexes != nil || in.GlobalTableSourceArn.Set || in.GlobalTableSettingsReplicationMode.Set {
		return nil, ddberr.Validation("This version of Stator has no vector indexes or replicas")
	}
	if err := checkSchemaGiven(in); err != nil {
		return nil, err
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
		Name: a.tableName(in.TableName.V), ID: uuid.NewString(), Created: a.Now(),
		Attributes:         defs,
		Billing:            table.Billing{OnDemand: onDemand, Named: onDemand},
		Throughput:         throughput(in.ProvisionedThroughput),
		Class:              in.TableClass.V,
		DeletionProtection: in.DeletionProtectionEnabled.V,
	}
	if d.Key, err = defs.tableKey(in.KeySchema); err != nil {
		return nil, err
	}
	if err := a.addIndexes(d, in); err != nil {
		return nil, err
	}
	if err := checkIndexes(d); err != nil {
		return nil, err
	}
	return d, a.addSettings(d, in)
}

// addSettings gives d what a CreateTable asks for beside keys and indexes.
func (a *API) addSettings(d *table.Descriptor, in *model.CreateTableInput) (err error) {
	if d.OnDemand, err = a.limitOnDemand("", nil, in.OnDemandThroughput, true); err != nil {
		return err
	}
	if d.Warm, err = a.newWarm("table", d.Billing, d.Throughput, in.WarmThroughput); err != nil {
		return err
	}
	view, err := streamView(in.StreamSpecification, &ddberr.StreamCreatedViewMissing, &ddberr.StreamCreatedViewDisabled)
	if err != nil {
		return err
	}
	if view != "" {
		d.EnableStream(view, d.Created)
	}
	if d.SSE, err = encryption(in.SSESpecification); err != nil {
		return err
	}
	if in.ResourcePolicy.Set {
		if d.Policy, err = a.newPolicy(nil, in.ResourcePolicy.V); err != nil {
			return err
		}
	}
	return setTags(d, in.Tags)
}

// checkSchemaGiven reports members that the model does not require, because a
// replica in another account has those of its source, but a new table has to
// have.
func checkSchemaGiven(in *model.CreateTableInput) error {
	const missing = "Value null at '%s' failed to satisfy constraint: Member must not be null"
	switch {
	case in.AttributeDefinitions == nil && in.KeySchema == nil:
		return ddberr.Validation("2 validation errors detected: "+missing+"; "+missing, "attributeDefinitions", "keySchema")
	case in.AttributeDefinitions == nil:
		return ddberr.Validation("1 validation error detected: "+missing, "attributeDefinitions")
	case in.KeySchema == nil:
		return ddberr.Validation("1 validation error detected: "+missing, "keySchema")
	}
	return nil
}

func checkBilling(onDemand bool, provisioned *model.ProvisionedThroughput, limits *model.OnDemandThroughput) error {
	switch {
	case onDemand && provisioned != nil:
		return ddberr.ThroughputOnDemand.Fault()
	case !onDemand && provisioned == nil:
		return ddberr.ThroughputMissing.Fault()
	case !onDemand:
		return notOnDemand(&ddberr.OnDemandNotProvisioned, "", limits)
	}
	return nil
}

func (a *API) addIndexes(d *table.Descriptor, in *model.CreateTableInput) error {
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
	if err := defs.checkUsed(in); err != nil {
		return err
	}
	for i := range in.LocalSecondaryIndexes {
		x, err := defs.localIndex(d.Key, &in.LocalSecondaryIndexes[i])
		if err != nil {
			return err
		}
		d.Indexes = append(d.Indexes, x)
	}
	for i := range in.GlobalSecondaryIndexes {
		g := &in.GlobalSecondaryIndexes[i]
		x, err := defs.globalIndex(g)
		if err == nil {
			err = checkIndexBilling(d.Billing.OnDemand, g)
		}
		if err == nil {
			err = a.setIndexThroughput(x, d.Billing, g)
		}
		if err != nil {
			return err
		}
		d.Indexes = append(d.Indexes, x)
	}
	return nil
}

func checkIndexBilling(onDemand bool, in *model.GlobalSecondaryIndex) error {
	name := in.IndexName.V
	switch {
	case onDemand && in.ProvisionedThroughput != nil:
		return ddberr.IndexThroughputOnDemand.Fault(name)
	case !onDemand && in.ProvisionedThroughput == nil:
		return ddberr.IndexThroughputMissing.Fault(name)
	case !onDemand:
		return notOnDemand(&ddberr.IndexOnDemandNotProvisioned, name, in.OnDemandThroughput)
	}
	return nil
}

// streamView returns the view type of the stream that in enables, "" if it
// enables none; the texts are those of a view type that is missing, or given
// for no stream.
func streamView(in *model.StreamSpecification, missing, disabled *ddberr.Text) (string, error) {
	switch {
	case in == nil:
		return "", nil
	case in.StreamEnabled.V && !in.StreamViewType.Set:
		return "", missing.Fault()
	case !in.StreamEnabled.V && in.StreamViewType.Set:
		return "", disabled.Fault()
	}
	return in.StreamViewType.V, nil
}

// encryption returns the setting that in asks for. A type alone enables it.
func encryption(in *model.SSESpecification) (table.SSE, error) {
	if in == nil {
		return table.SSE{}, nil
	}
	off := in.Enabled.Set && !in.Enabled.V
	switch {
	case off && in.SSEType.Set:
		return table.SSE{}, ddberr.EncryptionTypeDisabled.Fault()
	case off && in.KMSMasterKeyId.Set:
		return table.SSE{}, ddberr.EncryptionKeyDisabled.Fault()
	case in.SSEType.Set && in.SSEType.V != "KMS":
		return table.SSE{}, ddberr.EncryptionTypeUnknown.Fault(in.SSEType.V)
	case in.KMSMasterKeyId.Set && !in.SSEType.Set:
		return table.SSE{}, ddberr.EncryptionTypeMissing.Fault()
	}
	return table.SSE{Enabled: in.Enabled.V || in.SSEType.Set, Type: in.SSEType.V, Key: in.KMSMasterKeyId.V}, nil
}

// giveKey gives d, which is to be a new table, a key for its values, if it asks for
// one. If its name is taken, that is an error of who creates it.
func (a *API) giveKey(ctx context.Context, d *table.Descriptor) (err error) {
	if a.Engine.Catalog.Get(d.Name) == nil {
		d.SSE, err = a.Engine.GiveKey(ctx, d.SSE)
	}
	return err
}

// setTags adds tags to d; a tag with the same key is replaced.
func setTags(d *table.Descriptor, tags []model.Tag) error {
	if len(tags) > maxTags {
		return ddberr.TagTooMany.Fault()
	}
	given := map[string]bool{}
	for _, tag := range tags {
		if given[tag.Key.V] {
			return ddberr.TagRepeated.Fault(tag.Key.V)
		}
		given[tag.Key.V] = true
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
		return ddberr.TagTooMany.Fault()
	}
	return nil
}

// maxTags is the number of tags of a resource. (Developer guide, "Tagging".)
const maxTags = 50
