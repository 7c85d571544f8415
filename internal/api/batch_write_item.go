package api

import (
	"context"
	"errors"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/model"
	"github.com/statordb/stator/internal/table"
)

// maxBatchWrites is the number of requests in a BatchWriteItem. (Developer
// guide, "Quotas".)
const maxBatchWrites = 25

// BatchWriteItem puts and deletes up to 25 items in one or more tables. Every
// write is a transaction of its own; a faulty one refuses the whole request
// before any is made.
func (a *API) BatchWriteItem(ctx context.Context, in *model.BatchWriteItemInput) (*model.BatchWriteItemOutput, error) {
	if err := checkBatchWrite(in); err != nil {
		return nil, err
	}
	var held leases
	defer held.release()
	writes, err := a.bindBatchWrite(&held, in)
	if err != nil {
		return nil, err
	}
	changes, errs := a.writeAll(ctx, writes)
	throttled := 0
	for _, err := range errs {
		switch {
		case isThrottled(err):
			throttled++
		case err != nil && !errors.Is(err, table.ErrOngoing): // which is to be sent again
			return nil, err
		}
	}
	if throttled > 0 && throttled == len(writes) {
		return nil, errs[0]
	}
	return a.batchWriteOutput(ctx, in, writes, changes, errs), nil
}

// batchWrite is one write of a BatchWriteItem.
type batchWrite struct {
	entry    int // index in RequestItems
	request  model.WriteRequest
	mutation table.Mutation
}

// checkBatchWrite checks what needs no table.
func checkBatchWrite(in *model.BatchWriteItemInput) error {
	total := 0
	for _, e := range in.RequestItems {
		if total += len(e.Value); total > maxBatchWrites {
			return ddberr.BatchWriteTooMany.Fault()
		}
		for _, w := range e.Value {
			if err := checkWriteRequest(w); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkWriteRequest(w model.WriteRequest) error {
	switch {
	case w.PutRequest != nil && w.DeleteRequest != nil:
		return ddberr.BatchWriteOneOf.Fault()
	case w.DeleteRequest != nil:
		return itemFault(w.DeleteRequest.Key)
	case w.PutRequest == nil:
		return ddberr.BatchWriteNoRequest.Fault()
	}
	if err := itemFault(w.PutRequest.Item); err != nil {
		return err
	}
	if w.PutRequest.Item.Item.Size() > attr.MaxItemSize {
		return ddberr.ItemTooLarge.Fault()
	}
	return nil
}

// bindBatchWrite looks up the tables and checks every write against them.
func (a *API) bindBatchWrite(held *leases, in *model.BatchWriteItemInput) (writes []batchWrite, err error) {
	seen := map[string]bool{}
	for i, e := range in.RequestItems {
		t, err := held.writable(a, e.Key)
		if err != nil {
			return nil, err
		}
		for _, w := range e.Value {
			m, err := bindWriteRequest(t, w)
			if err != nil {
				return nil, err
			}
			key := string(t.ItemKey(m.Key))
			if seen[key] {
				return nil, ddberr.BatchDuplicates.Fault()
			}
			seen[key] = true
			writes = append(writes, batchWrite{i, w, m})
		}
	}
	return writes, nil
}

func bindWriteRequest(t *table.Table, w model.WriteRequest) (table.Mutation, error) {
	m := table.Mutation{Table: t}
	var next attr.Item
	if w.PutRequest != nil {
		m.Key = w.PutRequest.Item.Item
		next = m.Key
		if !t.HasKey(m.Key) {
			return m, ddberr.KeySchemaMismatch.Fault()
		}
		if err := t.CheckItem(m.Key); err != nil {
			return m, err
		}
	} else {
		m.Key = w.DeleteRequest.Key.Item
		if err := t.CheckKey(m.Key); err != nil {
			return m, err
		}
	}
	m.Next = func(attr.Item) (attr.Item, error) { return next, nil }
	return m, nil
}

// writeAll makes the writes side by side, so that they share syncs of the
// disk. It returns when all have ended.
func (a *API) writeAll(ctx context.Context, writes []batchWrite) ([]table.Change, []error) {
	changes := make([]table.Change, len(writes))
	errs := make([]error, len(writes))
	sideBySide(len(writes), func(i int) { changes[i], errs[i] = a.Engine.Write(ctx, writes[i].mutation) })
	return changes, errs
}

func (a *API) batchWriteOutput(ctx context.Context, in *model.BatchWriteItemInput, writes []batchWrite, changes []table.Change, errs []error) *model.BatchWriteItemOutput {
	out := &model.BatchWriteItemOutput{UnprocessedItems: []model.Entry[[]model.WriteRequest]{}}
	var used []*capacity
	for i, w := range writes {
		name := in.RequestItems[w.entry].Key
		if errs[i] != nil {
			out.UnprocessedItems = addUnprocessed(out.UnprocessedItems, name, w.request)
			continue
		}
		capacityOf(&used, name).write(&changes[i])
		if m := a.collectionMetrics(ctx, in.ReturnItemCollectionMetrics, w.mutation.Table, w.mutation.Key); m != nil {
			out.ItemCollectionMetrics = addMetrics(out.ItemCollectionMetrics, name, *m)
		}
	}
	for _, c := range used {
		if shown := c.report(in.ReturnConsumedCapacity); shown != nil {
			out.ConsumedCapacity = append(out.ConsumedCapacity, *shown)
		}
	}
	return out
}

func addUnprocessed(all []model.Entry[[]model.WriteRequest], name string, w model.WriteRequest) []model.Entry[[]model.WriteRequest] {
	if e := model.Lookup(all, name); e != nil {
		*e = append(*e, w)
		return all
	}
	return append(all, model.Entry[[]model.WriteRequest]{Key: name, Value: []model.WriteRequest{w}})
}
