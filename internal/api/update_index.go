package api

import (
	"slices"

	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/model"
	"github.com/statordb/stator/internal/table"
)

// checkIndexUpdates checks that at most one index is created or deleted.
func checkIndexUpdates(updates []model.GlobalSecondaryIndexUpdate) error {
	online := 0
	for _, u := range updates {
		kinds := 0
		for _, given := range []bool{u.Create != nil, u.Update != nil, u.Delete != nil} {
			if given {
				kinds++
			}
		}
		if kinds != 1 {
			return ddberr.IndexUpdateOneOf.Fault()
		}
		if u.Update == nil {
			online++
		}
	}
	if online > 1 {
		return onlineIndexLimit()
	}
	return nil
}

func onlineIndexLimit() error {
	return ddberr.New("LimitExceededException", "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table")
}

// updateIndex makes one element of GlobalSecondaryIndexUpdates on d.
func (a *API) updateIndex(d *table.Descriptor, u model.GlobalSecondaryIndexUpdate, defs []model.AttributeDefinition) error {
	switch {
	case u.Create != nil:
		return createIndex(d, u.Create, defs)
	case u.Delete != nil:
		return deleteIndex(d, u.Delete.IndexName.V)
	}
	x := d.Index(u.Update.IndexName.V)
	if x == nil || !x.Global {
		return ddberr.ResourceNotFound("Requested resource not found")
	}
	if p := u.Update.ProvisionedThroughput; p != nil {
		if d.Billing.OnDemand {
			return ddberr.IndexUpdateOnDemand.Fault(x.Name)
		}
		if err := a.setThroughput(&x.Throughput, throughput(p)); err != nil {
			return err
		}
	}
	if limits := onDemandLimits(u.Update.OnDemandThroughput); limits != nil {
		x.OnDemand = limits
	}
	w := warmThroughput(u.Update.WarmThroughput)
	if w == nil {
		return nil
	}
	warm, err := raiseWarm(warmUnits(d.Billing, x.Throughput, x.Warm), *w, "index "+x.Name)
	if err == nil {
		x.Warm = warm
	}
	return err
}

// createIndex adds a GSI to d, to be filled by a job.
func createIndex(d *table.Descriptor, in *model.CreateGlobalSecondaryIndexAction, given []model.AttributeDefinition) error {
	if d.Index(in.IndexName.V) != nil {
		return ddberr.IndexNameRepeated.Fault(in.IndexName.V)
	}
	defs, err := mergeDefinitions(d.Attributes, given)
	if err != nil {
		return err
	}
	x, err := defs.globalIndex(d.Billing.OnDemand, &model.GlobalSecondaryIndex{
		IndexName: in.IndexName, KeySchema: in.KeySchema, Projection: in.Projection,
		ProvisionedThroughput: in.ProvisionedThroughput, OnDemandThroughput: in.OnDemandThroughput, WarmThroughput: in.WarmThroughput,
	})
	if err != nil {
		return err
	}
	if d.Building() != nil {
		return onlineIndexLimit()
	}
	if n := countGlobal(d); n >= maxGlobal {
		return ddberr.GlobalTooMany.Fault()
	}
	x.State = table.IndexPreparing
	d.Attributes = defs
	d.Indexes = append(d.Indexes, x)
	d.TrimAttributes()
	return nil
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
		return ddberr.IndexNotGlobal.Fault(name)
	case x.State == table.IndexDeleting:
		return ddberr.ResourceInUse("Attempt to change a resource which is still in use: Index is being deleted: " + name)
	}
	if b := d.Building(); b != nil && b != x {
		return onlineIndexLimit()
	}
	x.State = table.IndexDeleting
	return nil
}
