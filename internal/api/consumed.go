package api

import (
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
	touched bool // the table itself was read or written
	indexes []indexUnits
}

type indexUnits struct {
	index *table.Index
	units float64
}

// write adds a change.
func (c *capacity) write(change *table.Change) {
	c.touched = true
	c.units += change.Units()
	for _, w := range change.Indexes {
		c.index(w.Index, w.Units)
	}
}

// read adds units of the table.
func (c *capacity) read(units float64) {
	c.touched = true
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

// collectionMetrics returns the ItemCollectionMetrics that a write with the
// given ReturnItemCollectionMetrics shows: only for tables with an LSI.
func collectionMetrics(level model.Opt[string], t *table.Table, key attr.Item) *model.ItemCollectionMetrics {
	if level.V != "SIZE" || !t.HasLocal() {
		return nil
	}
	hash := t.Key.Hash[0].Name
	return &model.ItemCollectionMetrics{
		ItemCollectionKey:   model.Some(key.Project([]string{hash})),
		SizeEstimateRangeGB: []float64{0, 1},
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
