package api

import (
	"slices"

	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/model"
	"github.com/statordb/stator/internal/table"
)

// indexChanges returns whether updates create an index, create or delete one,
// and update one.
func indexChanges(updates []model.GlobalSecondaryIndexUpdate) (created, onlined, updated bool) {
	for _, u := range updates {
		created = created || u.Create != nil
		onlined = onlined || u.Create != nil || u.Delete != nil
		updated = updated || u.Update != nil
	}
	return created, onlined, updated
}

// checkIndexUpdates checks that each update is of one kind and of an index of
// its own, and that at most one index is created or deleted.
func checkIndexUpdates(updates []model.GlobalSecondaryIndexUpdate) error {
	online := 0
	seen := map[string]bool{}
	for _, u := range updates {
		name, err := updatedIndex(u)
		switch {
		case err != nil:
			return err
		case seen[name]:
			return ddberr.IndexUpdateTwice.Fault(name)
		}
		seen[name] = true
		if u.Update == nil {
			online++
		}
	}
	if online > 1 {
		return onlineIndexLimit()
	}
	return nil
}

// updatedIndex returns the name of the index that u is about.
func updatedIndex(u model.GlobalSecondaryIndexUpdate) (string, error) {
	var names []string
	if u.Create != nil {
		names = append(names, u.Create.IndexName.V)
	}
	if u.Update != nil {
		names = append(names, u.Update.IndexName.V)
	}
	if u.Delete != nil {
		names = append(names, u.Delete.IndexName.V)
	}
	switch len(names) {
	case 0:
		return "", ddberr.IndexUpdateNone.Fault()
	case 1:
		return names[0], nil
	}
	return "", ddberr.IndexUpdateMany.Fault()
}

func onlineIndexLimit() error {
	return ddberr.New("LimitExceededException", "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table")
}

// updateIndex makes u, one of the GlobalSecondaryIndexUpdates of in, on d.
func (a *API) updateIndex(d *table.Descriptor, u model.GlobalSecondaryIndexUpdate, in *model.UpdateTableInput) error {
	switch {
	case u.Create != nil:
		return a.createIndex(d, u.Create, in.AttributeDefinitions)
	case u.Delete != nil:
		return deleteIndex(d, u.Delete.IndexName.V)
	}
	x := d.Index(u.Update.IndexName.V)
	switch {
	case x == nil:
		return ddberr.ResourceNotFound("Requested resource not found")
	case !x.Global:
		return ddberr.IndexUpdatedLocal.Fault(x.Name)
	}
	if err := a.updateIndexUnits(d, x, u.Update); err != nil {
		return err
	}
	w := u.Update.WarmThroughput
	if w == nil {
		return nil
	}
	warm, err := a.raiseWarm(&ddberr.WarmLower, "index "+x.Name, warmUnits(d.Billing, x.Throughput, x.Warm), w)
	if err == nil {
		x.Warm = warm
	}
	return err
}

// updateIndexUnits changes the throughput of x, of the kind that d's mode has.
func (a *API) updateIndexUnits(d *table.Descriptor, x *table.Index, in *model.UpdateGlobalSecondaryIndexAction) (err error) {
	if p := in.ProvisionedThroughput; p != nil {
		next, now := throughput(p), x.Throughput
		switch {
		case d.Billing.OnDemand:
			return ddberr.IndexUpdatedOnDemand.Fault(x.Name)
		case next.Read == now.Read && next.Write == now.Write:
			return ddberr.IndexThroughputSame.Fault(x.Name, now.Read, next.Read, now.Write, next.Write)
		}
		if err := a.setThroughput(&x.Throughput, next); err != nil {
			return err
		}
	}
	if !d.Billing.OnDemand {
		return notOnDemand(&ddberr.IndexUpdateNotProvisioned, x.Name, in.OnDemandThroughput)
	}
	x.OnDemand, err = a.limitOnDemand(x.Name, x.OnDemand, in.OnDemandThroughput, false)
	return err
}

// createIndex adds a GSI to d, to be filled by a job.
func (a *API) createIndex(d *table.Descriptor, in *model.CreateGlobalSecondaryIndexAction, given []model.AttributeDefinition) error {
	switch {
	case d.Index(in.IndexName.V) != nil:
		return ddberr.IndexExists.Fault()
	case len(given) == 0:
		return ddberr.IndexNotDefined.Fault(in.IndexName.V)
	}
	defs, err := mergeDefinitions(d.Attributes, given)
	if err != nil {
		return err
	}
	x, err := a.newIndex(d, defs, &model.GlobalSecondaryIndex{
		IndexName: in.IndexName, KeySchema: in.KeySchema, Projection: in.Projection,
		ProvisionedThroughput: in.ProvisionedThroughput, OnDemandThroughput: in.OnDemandThroughput, WarmThroughput: in.WarmThroughput,
	})
	switch {
	case err != nil:
		return err
	case d.Building() != nil:
		return onlineIndexLimit()
	case countGlobal(d) >= maxGlobal:
		return limitExceeded("Subscriber limit exceeded: Number of global secondary indexes exceeds per-table limit of %d", maxGlobal)
	}
	x.State = table.IndexPreparing
	d.Attributes = defs
	d.Indexes = append(d.Indexes, x)
	d.TrimAttributes()
	return nil
}

// newIndex checks and resolves a GSI to be added to d, whose attributes are
// defined in defs.
func (a *API) newIndex(d *table.Descriptor, defs definitions, in *model.GlobalSecondaryIndex) (*table.Index, error) {
	x, err := defs.globalIndex(in)
	switch {
	case err != nil:
		return nil, err
	case d.Billing.OnDemand && in.ProvisionedThroughput != nil:
		return nil, ddberr.IndexCreatedOnDemand.Fault(x.Name)
	case !d.Billing.OnDemand && in.ProvisionedThroughput == nil:
		return nil, ddberr.IndexCreatedWithoutUnits.Fault(x.Name)
	}
	if !d.Billing.OnDemand {
		if err := notOnDemand(&ddberr.IndexUpdateNotProvisioned, x.Name, in.OnDemandThroughput); err != nil {
			return nil, err
		}
	}
	return x, a.setIndexThroughput(x, d.Billing, in)
}

func countGlobal(d *table.Descriptor) int {
	n := 0
	for _, x := range d.Indexes {
		if x.Global {
			n++
		}
	}
	return n
}

// mergeDefinitions adds definitions to those of a table; one that is there
// keeps its type.
func mergeDefinitions(have []table.KeyAttr, given []model.AttributeDefinition) (definitions, error) {
	added, err := parseDefinitions(given)
	if err != nil {
		return nil, err
	}
	defs := definitions(slices.Clone(have))
	for _, d := range added {
		if definitions(have).index(d.Name) < 0 {
			defs = append(defs, d)
		}
	}
	return defs, nil
}

// deleteIndex marks a GSI of d for removal by a job. One that is being
// created may be deleted, which cancels its creation.
func deleteIndex(d *table.Descriptor, name string) error {
	x := d.Index(name)
	switch {
	case x == nil:
		return ddberr.ResourceNotFound("Requested resource not found")
	case !x.Global:
		return ddberr.IndexDeletedLocal.Fault(name)
	case x.State == table.IndexDeleting:
		return ddberr.ResourceInUse("Attempt to change a resource which is still in use: Index is being deleted: " + name)
	}
	if b := d.Building(); b != nil && b != x {
		return onlineIndexLimit()
	}
	x.State = table.IndexDeleting
	return nil
}
