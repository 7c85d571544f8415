package api

import (
	"context"

	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/model"
	"github.com/statordb/stator/internal/table"
)

// UpdateTable changes the settings of a table. The answer says UPDATING where
// clients expect it; the change is made when they have it.
func (a *API) UpdateTable(ctx context.Context, in *model.UpdateTableInput) (*model.UpdateTableOutput, error) {
	if err := checkUpdateTable(in); err != nil {
		return nil, err
	}
	sse, err := a.newEncryption(ctx, in)
	if err != nil {
		return nil, err
	}
	t, err := a.change(ctx, a.tableName(in.TableName.V), func(d *table.Descriptor) error { return a.applyUpdate(d, in, sse) })
	if err != nil {
		return nil, err
	}
	a.Engine.StartIndexJobs(t)
	return &model.UpdateTableOutput{TableDescription: a.describe(t, updateStatus(in))}, nil
}

// updateStatus returns the state of the table in the answer to in. What takes
// DynamoDB no time, or shows in another state, leaves the table active.
func updateStatus(in *model.UpdateTableInput) string {
	_, onlined, _ := indexChanges(in.GlobalSecondaryIndexUpdates)
	if in.BillingMode.Set || in.ProvisionedThroughput != nil || in.StreamSpecification != nil || in.TableClass.Set || onlined {
		return statusUpdating
	}
	return statusActive
}

// checkUpdateTable checks what needs no table: that there is a change, and
// that its parts go together.
func checkUpdateTable(in *model.UpdateTableInput) error {
	if in.ReplicaUpdates != nil || in.GlobalTableWitnessUpdates != nil || in.VectorIndexUpdates != nil || in.MultiRegionConsistency.Set ||
		in.GlobalTableSettingsReplicationMode.Set || in.DisassociationProtectionEnabled.Set {
		return ddberr.Validation("This version of Stator has no replicas and no vector indexes")
	}
	if err := checkTogether(in); err != nil {
		return err
	}
	switch {
	case in.GlobalSecondaryIndexUpdates != nil && len(in.GlobalSecondaryIndexUpdates) == 0:
		return ddberr.IndexUpdatesEmpty.Fault()
	case in.BillingMode.V == "PAY_PER_REQUEST" && in.ProvisionedThroughput != nil:
		return ddberr.ThroughputToOnDemand.Fault()
	case in.BillingMode.V == "PROVISIONED" && in.ProvisionedThroughput == nil:
		return ddberr.ThroughputToProvisioned.Fault()
	}
	return checkIndexUpdates(in.GlobalSecondaryIndexUpdates)
}

// checkTogether checks that a request has a change, and no two that do not go
// together.
func checkTogether(in *model.UpdateTableInput) error {
	created, onlined, updated := indexChanges(in.GlobalSecondaryIndexUpdates)
	stream, iops := in.StreamSpecification != nil, in.ProvisionedThroughput != nil
	changes := 0
	for _, given := range []bool{
		in.SSESpecification != nil, in.TableClass.Set, in.DeletionProtectionEnabled.Set, in.WarmThroughput != nil,
		in.OnDemandThroughput != nil, stream, iops || in.BillingMode.Set, len(in.GlobalSecondaryIndexUpdates) > 0,
	} {
		if given {
			changes++
		}
	}
	more := changes > 1
	switch {
	case changes == 0:
		return ddberr.UpdateNothing.Fault()
	case more && in.SSESpecification != nil:
		return ddberr.EncryptionAlone.Fault()
	case more && in.TableClass.Set:
		return ddberr.ClassAlone.Fault()
	case more && in.DeletionProtectionEnabled.Set:
		return ddberr.ProtectionAlone.Fault()
	case in.WarmThroughput != nil && created:
		return ddberr.WarmWithIndex.Fault()
	case more && in.WarmThroughput != nil:
		return ddberr.WarmAlone.Fault()
	case in.OnDemandThroughput != nil && (iops || stream || onlined || updated):
		return ddberr.OnDemandAlone.Fault()
	case stream && (iops || in.BillingMode.Set || updated):
		return ddberr.StreamWithUnits.Fault()
	case onlined && iops:
		return ddberr.IndexWithUnits.Fault()
	case onlined && stream:
		return ddberr.IndexWithStream.Fault()
	}
	return nil
}

// newEncryption returns the encryption setting that in asks for, with its keys. What
// is wrong with in, or with the table, is found when it is changed.
func (a *API) newEncryption(ctx context.Context, in *model.UpdateTableInput) (table.SSE, error) {
	next, err := encryption(in.SSESpecification)
	t := a.Engine.Catalog.Get(a.tableName(in.TableName.V))
	if err != nil || t == nil || t.Creating {
		return next, nil
	}
	if why := a.Engine.Access(t.Descriptor); why != nil {
		return next, why
	}
	return a.Engine.ChangeKey(ctx, t.SSE, next)
}

// applyUpdate makes the change that in asks for on d; sse is its new encryption
// setting, if in has one.
func (a *API) applyUpdate(d *table.Descriptor, in *model.UpdateTableInput, sse table.SSE) error {
	before := d.Clone()
	if err := a.updateCapacity(d, in); err != nil {
		return err
	}
	if err := a.checkUnits(before, d); err != nil {
		return err
	}
	if in.TableClass.Set {
		now := a.Now()
		if err := checkClass(d.ClassChanges, now); err != nil && a.EnforceCapacity {
			return err
		}
		d.Class, d.ClassChanged = in.TableClass.V, now
		d.ClassChanges = changed(d.ClassChanges, now, classWindow, maxClasses)
	}
	if in.DeletionProtectionEnabled.Set {
		if err := checkProtection(d, a.Now()); err != nil && a.EnforceCapacity {
			return err
		}
		d.DeletionProtection, d.ProtectionChanged = in.DeletionProtectionEnabled.V, a.Now()
	}
	if in.WarmThroughput != nil {
		warm, err := a.raiseWarm(&ddberr.WarmLower, "table", warmUnits(d.Billing, d.Throughput, d.Warm), in.WarmThroughput)
		if err != nil {
			return err
		}
		d.Warm = warm
	}
	keepWarm(before, d)
	if err := updateEncryption(d, in.SSESpecification, sse); err != nil {
		return err
	}
	return a.updateStream(d, in.StreamSpecification)
}

// updateEncryption changes d's encryption setting to next, for which in asks; nil
// leaves it.
func updateEncryption(d *table.Descriptor, in *model.SSESpecification, next table.SSE) error {
	_, err := encryption(in)
	switch {
	case in == nil || err != nil:
		return err
	case !next.Enabled && !d.SSE.Enabled:
		return ddberr.EncryptedByDefault.Fault()
	case in.KMSMasterKeyId.Set && d.SSE.Key == next.Key:
		return ddberr.EncryptedWithKey.Fault()
	}
	d.SSE = next
	return nil
}

// updateStream enables or disables d's stream; nil leaves it.
func (a *API) updateStream(d *table.Descriptor, in *model.StreamSpecification) error {
	if in == nil {
		return nil
	}
	view, err := streamView(in, &ddberr.StreamViewMissing, &ddberr.StreamViewDisabled)
	enabled := d.StreamEnabled() != nil
	switch {
	case err != nil:
		return err
	case view != "" && enabled:
		return ddberr.StreamEnabledAlready.Fault(d.Title())
	case view == "" && !enabled:
		return ddberr.StreamNotEnabled.Fault(d.Title())
	case view != "":
		d.EnableStream(view, a.Now())
	default:
		d.DisableStream(a.Now())
	}
	return nil
}

// updateCapacity changes billing mode and throughput of d and its GSIs.
func (a *API) updateCapacity(d *table.Descriptor, in *model.UpdateTableInput) (err error) {
	toProvisioned := in.BillingMode.V == "PROVISIONED" && d.Billing.OnDemand
	if err := a.switchBilling(d, in); err != nil {
		return err
	}
	if p := in.ProvisionedThroughput; p != nil {
		if d.Billing.OnDemand {
			return ddberr.ThroughputOnDemand.Fault()
		}
		next := throughput(p)
		if next.Read == d.Throughput.Read && next.Write == d.Throughput.Write && len(in.GlobalSecondaryIndexUpdates) == 0 {
			return ddberr.ThroughputSame.Fault(d.Throughput.Read, next.Read, d.Throughput.Write, next.Write)
		}
		if err := a.setThroughput(&d.Throughput, next); err != nil {
			return err
		}
	}
	if !d.Billing.OnDemand {
		if err := notOnDemand(&ddberr.UpdateNotProvisioned, "", in.OnDemandThroughput); err != nil {
			return err
		}
	}
	if d.OnDemand, err = a.limitOnDemand("", d.OnDemand, in.OnDemandThroughput, false); err != nil {
		return err
	}
	for _, u := range in.GlobalSecondaryIndexUpdates {
		if err := a.updateIndex(d, u, in); err != nil {
			return err
		}
	}
	for _, x := range d.Indexes {
		if toProvisioned && x.Global && x.Throughput.Read == 0 {
			return ddberr.IndexNotSwitched.Fault(x.Name)
		}
	}
	return nil
}

func (a *API) switchBilling(d *table.Descriptor, in *model.UpdateTableInput) error {
	switch in.BillingMode.V {
	case "PAY_PER_REQUEST":
		if !d.Billing.OnDemand {
			now := a.Now()
			if err := checkSwitch(d.Billing.Switches, now); err != nil && a.EnforceCapacity {
				return err
			}
			d.Billing.Switches = changed(d.Billing.Switches, now, switchWindow, maxSwitches)
			d.Billing.Changed = now
			d.Throughput = table.Throughput{}
			for _, x := range d.Indexes {
				x.Throughput = table.Throughput{}
			}
		}
		d.Billing.OnDemand, d.Billing.Named = true, true
	case "PROVISIONED":
		if d.Billing.OnDemand {
			d.OnDemand = nil
			for _, x := range d.Indexes {
				x.OnDemand = nil
			}
		}
		d.Billing.OnDemand, d.Billing.Named = false, true
	}
	return nil
}

// setThroughput replaces a provisioned throughput and dates the change.
func (a *API) setThroughput(t *table.Throughput, next table.Throughput) error {
	now := a.Now()
	if next.Read > t.Read || next.Write > t.Write {
		t.Increased = now
	}
	if next.Read < t.Read || next.Write < t.Write {
		if err := checkDecrease(*t, now); err != nil && a.EnforceCapacity {
			return err
		}
		t.DecreasesToday = t.DecreasesOn(now) + 1
		t.Decreased = now
	}
	t.Read, t.Write = next.Read, next.Write
	return nil
}
