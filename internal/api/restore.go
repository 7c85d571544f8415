package api

import (
	"errors"
	"slices"

	"github.com/google/uuid"

	"github.com/statordb/stator/internal/backup"
	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/model"
	"github.com/statordb/stator/internal/table"
)

// overrides are what a table that is restored has otherwise than its source.
type overrides struct {
	target     string
	billing    model.Opt[string]
	throughput *model.ProvisionedThroughput
	onDemand   *model.OnDemandThroughput
	global     []model.GlobalSecondaryIndex // nil: those of the source
	local      []model.LocalSecondaryIndex  // likewise
	vectors    []model.VectorIndex
	sse        *model.SSESpecification
	past       bool // to a point in time: indexes have no WarmThroughput
}

// checkTarget reports why no table called name can be made.
func (a *API) checkTarget(name string) error {
	switch t := a.Engine.Catalog.Get(name); {
	case t == nil:
		return nil
	case t.Creating:
		return ddberr.TargetTableInUse(table.Title(name))
	}
	return ddberr.TargetTableExists(table.Title(name))
}

// restoreError returns what the client sees of err, which the restore to a table
// called name gave.
func restoreError(name string, err error) error {
	switch {
	case errors.Is(err, table.ErrExists):
		return ddberr.TargetTableExists(table.Title(name))
	case errors.Is(err, backup.ErrMany):
		return ddberr.TooManyAtATime("restores", backup.MaxRestores)
	}
	return err
}

// restored returns the table that is to be made of src. It has the keys, the
// indexes, the capacity and the encryption of src, as far as o does not change
// them, and nothing else: no stream, time to live, point-in-time recovery, tags
// or protection, and the class STANDARD. (Developer guide, "Restores".)
func (a *API) restored(src *table.Descriptor, o *overrides) (*table.Descriptor, error) {
	if o.vectors != nil {
		return nil, ddberr.Validation("This version of Stator has no vector indexes")
	}
	d := &table.Descriptor{
		Name: o.target, ID: uuid.NewString(), Created: a.Now(), Attributes: src.Attributes, Key: src.Key, SSE: src.SSE,
		Billing: table.Billing{OnDemand: src.Billing.OnDemand, Named: true},
	}
	if o.billing.Set {
		d.Billing.OnDemand = o.billing.V == "PAY_PER_REQUEST"
	}
	if d.Billing.OnDemand {
		d.Billing.Changed = d.Created
	}
	if err := a.restoreCapacity(d, src, o); err != nil {
		return nil, err
	}
	if err := a.restoreIndexes(d, src, o); err != nil {
		return nil, err
	}
	d.TrimAttributes()
	if o.sse != nil {
		var err error
		if d.SSE, err = encryption(o.sse); err != nil {
			return nil, err
		}
	}
	return d, a.checkUnits(&table.Descriptor{}, d)
}

// restoreCapacity sets the capacity of d: what o asks for or, where it asks for
// none, that of src.
func (a *API) restoreCapacity(d, src *table.Descriptor, o *overrides) (err error) {
	units, limits := withCapacity(d.Billing, src.Throughput, o.throughput, src.OnDemand, o.onDemand)
	if err := checkBilling(d.Billing.OnDemand, units, limits); err != nil {
		return err
	}
	d.Throughput = throughput(units)
	d.OnDemand, err = a.limitOnDemand("", nil, limits, true)
	return err
}

// withCapacity returns the members of a request for a new table or index, which asks
// for units and limits, or otherwise for those that it had.
func withCapacity(b table.Billing, had table.Throughput, units *model.ProvisionedThroughput, hadLimits *table.OnDemand, limits *model.OnDemandThroughput) (*model.ProvisionedThroughput, *model.OnDemandThroughput) {
	if units == nil && !b.OnDemand && had.Read > 0 {
		units = plainThroughput(had)
	}
	if limits == nil && b.OnDemand {
		limits = describeOnDemand(hadLimits)
	}
	return units, limits
}

// restoreIndexes gives d the indexes of src that o keeps.
func (a *API) restoreIndexes(d, src *table.Descriptor, o *overrides) error {
	defs := definitions(src.Attributes)
	for _, x := range src.Indexes {
		if x.State == table.IndexDeleting || x.Global && o.global != nil || !x.Global && o.local != nil {
			continue
		}
		if err := a.restoreIndex(d, x, model.GlobalSecondaryIndex{}); err != nil {
			return err
		}
	}
	for i := range o.local {
		x, err := defs.localIndex(src.Key, &o.local[i])
		if err == nil {
			err = a.restoreMatching(d, src, x, model.GlobalSecondaryIndex{})
		}
		if err != nil {
			return err
		}
	}
	for i := range o.global {
		in := o.global[i]
		if o.past && in.WarmThroughput != nil {
			return ddberr.RestoreWarmIndex.Fault(in.IndexName.V)
		}
		x, err := defs.globalIndex(&in)
		if err == nil {
			err = a.restoreMatching(d, src, x, in)
		}
		if err != nil {
			return err
		}
	}
	return checkIndexes(d)
}

// restoreMatching adds the index of src to d that has the name, the key and the
// projection of x.
func (a *API) restoreMatching(d, src *table.Descriptor, x *table.Index, in model.GlobalSecondaryIndex) error {
	have := src.Index(x.Name)
	sorted := func(names []string) []string { return slices.Sorted(slices.Values(names)) }
	if have == nil || have.State == table.IndexDeleting || have.Global != x.Global ||
		!slices.Equal(have.Key.All(), x.Key.All()) || len(have.Key.Hash) != len(x.Key.Hash) ||
		have.Projection.Type != x.Projection.Type || !slices.Equal(sorted(have.Projection.NonKeys), sorted(x.Projection.NonKeys)) {
		return ddberr.RestoreIndexUnlike.Fault(x.Name)
	}
	return a.restoreIndex(d, have, in)
}

// restoreIndex adds the index x of the source to d. A GSI has the capacity that
// in asks for.
func (a *API) restoreIndex(d *table.Descriptor, x *table.Index, in model.GlobalSecondaryIndex) error {
	made := &table.Index{Name: x.Name, Global: x.Global, Key: x.Key, Projection: x.Projection}
	d.Indexes = append(d.Indexes, made)
	if !x.Global {
		return nil
	}
	in.IndexName = model.Some(x.Name)
	in.ProvisionedThroughput, in.OnDemandThroughput = withCapacity(d.Billing, x.Throughput, in.ProvisionedThroughput, x.OnDemand, in.OnDemandThroughput)
	if err := checkIndexBilling(d.Billing.OnDemand, &in); err != nil {
		return err
	}
	return a.setIndexThroughput(made, d.Billing, &in)
}
