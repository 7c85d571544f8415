package api

import (
	"context"
	"errors"

	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/model"
	"github.com/statordb/stator/internal/table"
)

// UpdateTable changes one kind of setting of a table. The answer says
// UPDATING, as clients expect; the change is made when they have it.
func (a *API) UpdateTable(ctx context.Context, in *model.UpdateTableInput) (*model.UpdateTableOutput, error) {
	if err := checkUpdateTable(in); err != nil {
		return nil, err
	}
	name := tableName(in.TableName.V)
	t, err := a.Engine.Change(ctx, name, func(d *table.Descriptor) error { return a.applyUpdate(d, in) })
	switch {
	case errors.Is(err, table.ErrNotFound):
		return nil, ddberr.TableNamedNotFound(name)
	case err != nil:
		return nil, err
	}
	a.Engine.StartIndexJobs(t)
	return &model.UpdateTableOutput{TableDescription: a.describe(t, statusUpdating)}, nil
}

// checkUpdateTable checks what needs no table: that there is a change, and
// only one kind.
func checkUpdateTable(in *model.UpdateTableInput) error {
	kinds := 0
	for _, given := range []bool{
		in.BillingMode.Set || in.ProvisionedThroughput != nil || in.OnDemandThroughput != nil || len(in.GlobalSecondaryIndexUpdates) > 0,
		in.TableClass.Set, in.DeletionProtectionEnabled.Set, in.WarmThroughput != nil, in.StreamSpecification != nil, in.SSESpecification != nil,
	} {
		if given {
			kinds++
		}
	}
	switch {
	case in.ReplicaUpdates != nil || in.GlobalTableWitnessUpdates != nil || in.VectorIndexUpdates != nil || in.MultiRegionConsistency.Set ||
		in.GlobalTableSettingsReplicationMode.Set || in.DisassociationProtectionEnabled.Set:
		return ddberr.Validation("This version of Stator has no replicas and no vector indexes")
	case kinds == 0:
		return ddberr.UpdateNothing.Fault()
	case kinds > 1:
		return ddberr.UpdateManyKind.Fault()
	case in.GlobalSecondaryIndexUpdates != nil && len(in.GlobalSecondaryIndexUpdates) == 0:
		return ddberr.IndexUpdatesEmpty.Fault()
	case in.BillingMode.V == "PAY_PER_REQUEST" && in.ProvisionedThroughput != nil:
		return ddberr.ThroughputOnDemand.Fault()
	}
	return checkIndexUpdates(in.GlobalSecondaryIndexUpdates)
}

// applyUpdate makes the change that in asks for on d.
func (a *API) applyUpdate(d *table.Descriptor, in *model.UpdateTableInput) error {
	before := d.Clone()
	if err := a.updateCapacity(d, in); err != nil {
		return err
	}
	if err := a.checkUnits(before, d); err != nil {
		return err
	}
	if in.TableClass.Set {
		d.Class, d.ClassChanged = in.TableClass.V, a.Now()
	}
	if in.DeletionProtectionEnabled.Set {
		d.DeletionProtection = in.DeletionProtectionEnabled.V
	}
	if w := warmThroughput(in.WarmThroughput); w != nil {
		warm, err := raiseWarm(warmUnits(d.Billing, d.Throughput, d.Warm), *w, "table")
		if err != nil {
			return err
		}
		d.Warm = warm
	}
	if s := in.SSESpecification; s != nil {
		d.SSE = table.SSE{Enabled: s.Enabled.V, Type: s.SSEType.V, Key: s.KMSMasterKeyId.V}
	}
	return a.updateStream(d, in.StreamSpecification)
}

// updateStream enables or disables d's stream; nil leaves it.
func (a *API) updateStream(d *table.Descriptor, in *model.StreamSpecification) error {
	if in == nil {
		return nil
	}
	view, err := streamView(in)
	enabled := d.StreamEnabled() != nil
	switch {
	case err != nil:
		return err
	case view != "" && enabled:
		return ddberr.StreamEnabledAlready.Fault(d.Name)
	case view == "" && !enabled:
		return ddberr.StreamNotEnabled.Fault(d.Name)
	case view != "":
		d.EnableStream(view, a.Now())
	default:
		d.DisableStream(a.Now())
	}
	return nil
}

// updateCapacity changes billing mode and throughput of d and its GSIs.
func (a *API) updateCapacity(d *table.Descriptor, in *model.UpdateTableInput) error {
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
	if limits := onDemandLimits(in.OnDemandThroughput); limits != nil {
		if !d.Billing.OnDemand {
			return ddberr.OnDemandNotProvisioned.Fault()
		}
		d.OnDemand = limits
	}
	for _, u := range in.GlobalSecondaryIndexUpdates {
		if err := a.updateIndex(d, u, in.AttributeDefinitions); err != nil {
			return err
		}
	}
	for _, x := range d.Indexes {
		if toProvisioned && x.Global && x.Throughput.Read == 0 {
			return ddberr.IndexThroughputMissing.Fault(x.Name)
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
			d.Billing.Switches = switched(d.Billing.Switches, now)
			d.Billing.Changed = now
			d.Throughput = table.Throughput{}
			for _, x := range d.Indexes {
				x.Throughput = table.Throughput{}
			}
		}
		d.Billing.OnDemand, d.Billing.Named = true, true
	case "PROVISIONED":
		if d.Billing.OnDemand && in.ProvisionedThroughput == nil {
			return ddberr.ThroughputMissing.Fault()
		}
		if d.Billing.OnDemand {
			d.OnDemand = nil
		}
		d.Billing.OnDemand, d.Billing.Named = false, true
	}
	return nil
}

// raiseWarm returns the warm throughput of what, now at units, after a request
// for next, of which each half may be left out.
func raiseWarm(units, next table.Throughput, what string) (*table.Throughput, error) {
	switch {
	case next.Read != 0 && next.Read < units.Read:
		return nil, ddberr.WarmLower.Fault("ReadUnitsPerSecond", what)
	case next.Write != 0 && next.Write < units.Write:
		return nil, ddberr.WarmLower.Fault("WriteUnitsPerSecond", what)
	}
	return &table.Throughput{Read: max(next.Read, units.Read), Write: max(next.Write, units.Write)}, nil
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
