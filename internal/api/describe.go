package api

import (
	"slices"
	"strings"
	"time"

	"github.com/statordb/stator/internal/model"
	"github.com/statordb/stator/internal/table"
)

// Table states as they are described.
const (
	statusCreating = "CREATING"
	statusActive   = "ACTIVE"
	statusUpdating = "UPDATING"
	statusDeleting = "DELETING"

	statusInaccessible = "INACCESSIBLE_ENCRYPTION_CREDENTIALS"
)

// describe returns the description of t in a state.
func (a *API) describe(t *table.Table, status string) *model.TableDescription {
	count := counted(t, t.Space)
	out := &model.TableDescription{
		TableName:                 model.Some(t.Title()),
		TableStatus:               model.Some(a.status(t, status)),
		CreationDateTime:          model.Some(model.TimestampOf(t.Created)),
		TableArn:                  model.Some(a.tableARN(t.Name)),
		TableId:                   model.Some(t.ID),
		KeySchema:                 describeKey(t.Key),
		ItemCount:                 model.Some(count.Items),
		TableSizeBytes:            model.Some(count.Bytes),
		ProvisionedThroughput:     a.describeThroughput(t.Throughput),
		DeletionProtectionEnabled: model.Some(t.DeletionProtection),
		OnDemandThroughput:        describeOnDemand(t.OnDemand),
	}
	for _, d := range sortedAttributes(t.Attributes) {
		out.AttributeDefinitions = append(out.AttributeDefinitions, model.AttributeDefinition{
			AttributeName: model.Some(d.Name), AttributeType: model.Some(d.Type.String()),
		})
	}
	warm := warmUnits(t.Billing, t.Throughput, t.Warm)
	out.WarmThroughput = &model.TableWarmThroughputDescription{
		ReadUnitsPerSecond: model.Some(warm.Read), WriteUnitsPerSecond: model.Some(warm.Write), Status: model.Some(statusActive),
	}
	describeSettings(t, out)
	if why := a.Engine.Access(t.Descriptor); why != nil && out.SSEDescription != nil {
		out.SSEDescription.InaccessibleEncryptionDateTime = timestamp(why.Since)
	}
	a.describeLatestStream(t, out)
	a.describeIndexes(t, status, out)
	return out
}

// status returns the state of t, which would be status if its key could be used.
func (a *API) status(t *table.Table, status string) string {
	if status == statusActive && a.Engine.Access(t.Descriptor) != nil {
		return statusInaccessible
	}
	return status
}

// counted returns the count of a space of t, nothing while t is being filled.
func counted(t *table.Table, space uint32) table.Count {
	if t.Creating {
		return table.Count{}
	}
	return t.Counts.Of(space)
}

// sortedAttributes returns attrs by name, as they are described.
func sortedAttributes(attrs []table.KeyAttr) []table.KeyAttr {
	return slices.SortedFunc(slices.Values(attrs), func(a, b table.KeyAttr) int { return strings.Compare(a.Name, b.Name) })
}

// describeSettings adds what is described only when it was asked for.
func describeSettings(t *table.Table, out *model.TableDescription) {
	if t.Billing.Named {
		out.BillingModeSummary = &model.BillingModeSummary{
			BillingMode:                       model.Some(billingMode(t.Billing)),
			LastUpdateToPayPerRequestDateTime: timestamp(t.Billing.Changed),
		}
	}
	if t.Class != "" {
		out.TableClassSummary = &model.TableClassSummary{TableClass: model.Some(t.Class), LastUpdateDateTime: timestamp(t.ClassChanged)}
	}
	out.SSEDescription = describeSSE(t.Descriptor)
	out.RestoreSummary = describeRestored(t.Descriptor)
}

// describeRestored returns nil unless d was made of another table.
func describeRestored(d *table.Descriptor) *model.RestoreSummary {
	if d.Restored == nil {
		return nil
	}
	backup := model.Opt[string]{V: d.Restored.Backup, Set: d.Restored.Backup != ""}
	return &model.RestoreSummary{
		SourceBackupArn: backup, SourceTableArn: model.Some(d.Restored.Source),
		RestoreDateTime: timestamp(d.Restored.At), RestoreInProgress: model.Some(d.Creating),
	}
}

// describeSSE returns nil unless d asks for encryption.
func describeSSE(d *table.Descriptor) *model.SSEDescription {
	if !d.SSE.Enabled {
		return nil
	}
	out := &model.SSEDescription{Status: model.Some("ENABLED"), SSEType: model.Some("KMS")}
	if d.SSE.Key != "" {
		out.KMSMasterKeyArn = model.Some(d.SSE.Key)
	}
	return out
}

// describeLatestStream adds the stream that t has or had last.
func (a *API) describeLatestStream(t *table.Table, out *model.TableDescription) {
	latest := t.StreamLatest()
	if latest == nil {
		return
	}
	out.LatestStreamLabel = model.Some(latest.Label)
	out.LatestStreamArn = model.Some(a.Streams.ARN(t.Name, latest.Label))
	if latest.Enabled() {
		out.StreamSpecification = &model.StreamSpecification{StreamEnabled: model.Some(true), StreamViewType: model.Some(latest.View)}
	}
}

func billingMode(b table.Billing) string {
	if b.OnDemand {
		return "PAY_PER_REQUEST"
	}
	return "PROVISIONED"
}

// timestamp returns t as a member, absent if t is zero.
func timestamp(t time.Time) model.Opt[model.Timestamp] {
	if t.IsZero() {
		return model.Opt[model.Timestamp]{}
	}
	return model.Some(model.TimestampOf(t))
}

func describeKey(k table.KeySchema) []model.KeySchemaElement {
	var out []model.KeySchemaElement
	for _, a := range k.Hash {
		out = append(out, model.KeySchemaElement{AttributeName: model.Some(a.Name), KeyType: model.Some("HASH")})
	}
	for _, a := range k.Sort {
		out = append(out, model.KeySchemaElement{AttributeName: model.Some(a.Name), KeyType: model.Some("RANGE")})
	}
	return out
}

func (a *API) describeThroughput(t table.Throughput) *model.ProvisionedThroughputDescription {
	return &model.ProvisionedThroughputDescription{
		ReadCapacityUnits:      model.Some(t.Read),
		WriteCapacityUnits:     model.Some(t.Write),
		NumberOfDecreasesToday: model.Some(t.DecreasesOn(a.Now())),
		LastIncreaseDateTime:   timestamp(t.Increased),
		LastDecreaseDateTime:   timestamp(t.Decreased),
	}
}

func describeOnDemand(o *table.OnDemand) *model.OnDemandThroughput {
	if o == nil {
		return nil
	}
	limit := func(n int64) model.Opt[int64] { return model.Opt[int64]{V: n, Set: n > 0} }
	return &model.OnDemandThroughput{MaxReadRequestUnits: limit(o.Read), MaxWriteRequestUnits: limit(o.Write)}
}

func (a *API) describeIndexes(t *table.Table, tableStatus string, out *model.TableDescription) {
	for _, x := range t.Indexes {
		count := counted(t, x.Space)
		arn := model.Some(a.tableARN(t.Name) + "/index/" + x.Name)
		projection := describeProjection(x.Projection)
		if !x.Global {
			out.LocalSecondaryIndexes = append(out.LocalSecondaryIndexes, model.LocalSecondaryIndexDescription{
				IndexName: model.Some(x.Name), KeySchema: describeKey(x.Key), Projection: projection,
				IndexSizeBytes: model.Some(count.Bytes), ItemCount: model.Some(count.Items), IndexArn: arn,
			})
			continue
		}
		warm := warmUnits(t.Billing, x.Throughput, x.Warm)
		out.GlobalSecondaryIndexes = append(out.GlobalSecondaryIndexes, model.GlobalSecondaryIndexDescription{
			IndexName: model.Some(x.Name), KeySchema: describeKey(x.Key), Projection: projection,
			IndexSizeBytes: model.Some(count.Bytes), ItemCount: model.Some(count.Items), IndexArn: arn,
			IndexStatus:           model.Some(indexStatus(x, tableStatus)),
			Backfilling:           backfilling(x, tableStatus),
			ProvisionedThroughput: a.describeThroughput(x.Throughput),
			OnDemandThroughput:    describeOnDemand(x.OnDemand),
			WarmThroughput: &model.GlobalSecondaryIndexWarmThroughputDescription{
				ReadUnitsPerSecond: model.Some(warm.Read), WriteUnitsPerSecond: model.Some(warm.Write), Status: model.Some(statusActive),
			},
		})
	}
}

func describeProjection(p table.Projection) *model.Projection {
	return &model.Projection{ProjectionType: model.Some(p.Type), NonKeyAttributes: slices.Sorted(slices.Values(p.NonKeys))}
}

func indexStatus(x *table.Index, tableStatus string) string {
	switch {
	case x.State == table.IndexCreating, x.State == table.IndexPreparing, tableStatus == statusCreating:
		return statusCreating
	case x.State == table.IndexDeleting:
		return statusDeleting
	}
	return statusActive
}

// backfilling returns the flag of an index that is being created: false in
// the answer that creates it, true from then on.
func backfilling(x *table.Index, tableStatus string) model.Opt[bool] {
	switch x.State {
	case table.IndexPreparing:
		return model.Some(false)
	case table.IndexCreating:
		return model.Some(tableStatus == statusActive)
	}
	return model.Opt[bool]{}
}
