package api

import (
	"context"
	"errors"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/model"
	"github.com/statordb/stator/internal/table"
)

// capacity adds up what one request consumed of one table. Units is the
// table's own, without its indexes.
type capacity struct {
	table   string // as the request named it
	units   float64
	indexes []indexUnits
}

type indexUnits struct {
	index *table.Index
	units float64
}

// write adds a change.
func (c *capacity) write(change *table.Change) {
	c.units += change.Units()
	for _, w := range change.Indexes {
		c.index(w.Index, w.Units)
	}
}

// read adds units of the table.
func (c *capacity) read(units float64) {
	c.units += units
}

// index adds units of an index.
func (c *capacity) index(x *table.Index, units float64) {
	for i := range c.indexes {
		if c.indexes[i].index == x {
			c.indexes[i].units += units
			return
		}
	}
	c.indexes = append(c.indexes, indexUnits{x, units})
}

func (c *capacity) total() float64 {
	total := c.units
	for _, x := range c.indexes {
		total += x.units
	}
	return total
}

// report returns the ConsumedCapacity that a request with the given
// ReturnConsumedCapacity shows: nil for NONE.
func (c *capacity) report(level model.Opt[string]) *model.ConsumedCapacity {
	if level.V != "TOTAL" && level.V != "INDEXES" {
		return nil
	}
	out := &model.ConsumedCapacity{TableName: model.Some(c.table), CapacityUnits: model.Some(c.total())}
	if level.V != "INDEXES" {
		return out
	}
	out.Table = &model.Capacity{CapacityUnits: model.Some(c.units)}
	for _, x := range c.indexes {
		entry := model.Entry[model.Capacity]{Key: x.index.Name, Value: model.Capacity{CapacityUnits: model.Some(x.units)}}
		if x.index.Global {
			out.GlobalSecondaryIndexes = append(out.GlobalSecondaryIndexes, entry)
		} else {
			out.LocalSecondaryIndexes = append(out.LocalSecondaryIndexes, entry)
		}
	}
	return out
}

// transactWrite adds a change made by a transaction.
func (c *capacity) transactWrite(change *table.Change) {
	c.units += table.TransactFactor * change.Units()
	for _, w := range change.Indexes {
		c.index(w.Index, w.Units)
	}
}

// capacityOf returns the element of used for the table that a request names
// name, adding it if there is none.
func capacityOf(used *[]*capacity, name string) *capacity {
	for _, c := range *used {
		if c.table == name {
			return c
		}
	}
	c := &capacity{table: name}
	*used = append(*used, c)
	return c
}

// reportTransaction is report for transactions, which split reads and writes.
func (c *capacity) reportTransaction(level model.Opt[string], reads bool) *model.ConsumedCapacity {
	out := c.report(level)
	if out == nil {
		return nil
	}
	split := func(units model.Opt[float64], read, write *model.Opt[float64]) {
		if reads {
			*read = units
		} else {
			*write = units
		}
	}
	split(out.CapacityUnits, &out.ReadCapacityUnits, &out.WriteCapacityUnits)
	if out.Table != nil {
		split(out.Table.CapacityUnits, &out.Table.ReadCapacityUnits, &out.Table.WriteCapacityUnits)
	}
	for _, indexes := range [][]model.Entry[model.Capacity]{out.LocalSecondaryIndexes, out.GlobalSecondaryIndexes} {
		for i := range indexes {
			v := &indexes[i].Value
			split(v.CapacityUnits, &v.ReadCapacityUnits, &v.WriteCapacityUnits)
		}
	}
	return out
}

// addMetrics adds the metrics of an item collection, once.
func addMetrics(all []model.Entry[[]model.ItemCollectionMetrics], name string, m model.ItemCollectionMetrics) []model.Entry[[]model.ItemCollectionMetrics] {
	e := model.Lookup(all, name)
	if e == nil {
		all = append(all, model.Entry[[]model.ItemCollectionMetrics]{Key: name})
		e = &all[len(all)-1].Value
	}
	for _, have := range *e {
		if have.ItemCollectionKey.V.Equal(m.ItemCollectionKey.V) {
			return all
		}
	}
	*e = append(*e, m)
	return all
}

// collectionMetrics returns the ItemCollectionMetrics that a write with the
// given ReturnItemCollectionMetrics shows: only for tables with an LSI.
func (a *API) collectionMetrics(ctx context.Context, level model.Opt[string], t *table.Table, key attr.Item) *model.ItemCollectionMetrics {
	if level.V != "SIZE" || !t.HasLocal() {
		return nil
	}
	gb := a.Engine.CollectionGB(t, key)
	hash := t.Key.Hash[0].Name
	return &model.ItemCollectionMetrics{
		ItemCollectionKey:   model.Some(key.Project([]string{hash})),
		SizeEstimateRangeGB: []float64{float64(gb), float64(gb + 1)},
	}
}

// conditionError turns the failure of a condition into the client's error,
// with the item if ReturnValuesOnConditionCheckFailure asks for it.
func conditionError(err error, onFailure model.Opt[string]) error {
	var failed *table.ConditionFailed
	if !errors.As(err, &failed) {
		return err
	}
	var detail []byte
	if onFailure.V == "ALL_OLD" && !failed.Old.IsEmpty() {
		detail = failed.Old.AppendJSON([]byte(`"Item":`))
	}
	return ddberr.ConditionalCheckFailed(detail)
}
