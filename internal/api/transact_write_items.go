package api

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"strings"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/expr"
	"github.com/statordb/stator/internal/model"
	"github.com/statordb/stator/internal/table"
)

// maxTransactBytes is the size of a transaction. (Developer guide, "Quotas".)
const maxTransactBytes = 4 << 20

// TransactWriteItems makes up to 100 writes of different items, all or none.
func (a *API) TransactWriteItems(ctx context.Context, in *model.TransactWriteItemsInput) (*model.TransactWriteItemsOutput, error) {
	actions, err := a.checkTransactWrite(in)
	if err != nil {
		return nil, err
	}
	out, err := a.transactWrite(ctx, actions, in.ClientRequestToken.V, func() [32]byte { return digest(in) })
	if err != nil {
		return nil, err
	}
	return a.transactWriteOutput(ctx, in, actions, out), nil
}

// tokenValue returns a ClientRequestToken as it is kept: the same text of two owners
// is two tokens. That of another owner begins with a digit and has a slash; one at
// home that has a slash begins with one.
func (a *API) tokenValue(token string) string {
	if a.owner == "" && strings.Contains(token, "/") {
		return "/" + token
	}
	return a.owner + token
}

// transactWrite makes actions, all or none. token is the ClientRequestToken, ""
// for none, and digest identifies the request that has it.
func (a *API) transactWrite(ctx context.Context, actions []transactWrite, token string, digest func() [32]byte) (table.Outcome, error) {
	var held leases
	defer held.release()
	t, err := a.bindTransactWrite(&held, actions)
	if err != nil {
		return table.Outcome{}, err
	}
	if token != "" {
		t.Token = &table.Token{Value: a.tokenValue(token), Digest: digest(), Now: a.Now()}
	}
	out, err := a.Engine.Transact(ctx, t)
	if err != nil {
		return out, a.transactError(err, actions)
	}
	return out, nil
}

// digest identifies what a TransactWriteItems asks for, whatever the order of
// the members on the wire.
func digest(in *model.TransactWriteItemsInput) [32]byte {
	same := model.TransactWriteItemsInput{TransactItems: slices.Clone(in.TransactItems)}
	for i := range same.TransactItems {
		sortNames(&same.TransactItems[i])
	}
	return sha256.Sum256(same.AppendJSON(nil))
}

// sortNames replaces the action of w by one whose ExpressionAttributeNames
// are sorted. Values and items are already.
func sortNames(w *model.TransactWriteItem) {
	sorted := func(names []model.Entry[string]) []model.Entry[string] {
		return slices.SortedFunc(slices.Values(names), func(a, b model.Entry[string]) int { return strings.Compare(a.Key, b.Key) })
	}
	switch {
	case w.ConditionCheck != nil:
		c := *w.ConditionCheck
		c.ExpressionAttributeNames = sorted(c.ExpressionAttributeNames)
		w.ConditionCheck = &c
	case w.Put != nil:
		p := *w.Put
		p.ExpressionAttributeNames = sorted(p.ExpressionAttributeNames)
		w.Put = &p
	case w.Delete != nil:
		d := *w.Delete
		d.ExpressionAttributeNames = sorted(d.ExpressionAttributeNames)
		w.Delete = &d
	case w.Update != nil:
		u := *w.Update
		u.ExpressionAttributeNames = sorted(u.ExpressionAttributeNames)
		w.Update = &u
	}
}

// transactWrite is one action of a TransactWriteItems.
type transactWrite struct {
	tableName string
	item      attr.InputItem // the item of a Put, else the key
	kind      actionKind
	insert    bool // a Put of an item that must not be there
	parsed    *expr.Parsed
	onFailure model.Opt[string]
	table     *table.Table
}

type actionKind uint8

const (
	actionCheck actionKind = iota
	actionPut
	actionDelete
	actionUpdate
)

// checkTransactWrite checks what needs no table, action by action.
func (a *API) checkTransactWrite(in *model.TransactWriteItemsInput) ([]transactWrite, error) {
	actions := make([]transactWrite, len(in.TransactItems))
	size := 0
	for i, w := range in.TransactItems {
		action, request, err := parseAction(w)
		if err != nil {
			return nil, err
		}
		if err := itemFault(action.item); err != nil {
			return nil, err
		}
		parsed, f := expr.Parse(request)
		if f != nil {
			return nil, f
		}
		action.parsed = parsed
		actions[i] = action
		itemSize := action.item.Item.Size()
		if action.kind == actionPut && itemSize > attr.MaxItemSize {
			return nil, ddberr.ItemTooLarge.Fault()
		}
		if a.Dialect == DialectCurrent && isLong(parsed.Update) {
			return nil, ddberr.UpdatedTooLarge.Fault()
		}
		size += itemSize + request.Values.Item.Size()
	}
	if size > maxTransactBytes {
		return nil, ddberr.TransactTooLarge.Fault()
	}
	return actions, nil
}

// parseAction reads the one member of an element of TransactItems.
func parseAction(w model.TransactWriteItem) (action transactWrite, r expr.Request, err error) {
	kinds := 0
	take := func(tableName model.Opt[string], item attr.InputItem, condition model.Opt[string],
		names []model.Entry[string], values attr.InputItem, onFailure model.Opt[string], takes ...expr.Kind) {
		kinds++
		action = transactWrite{tableName: tableName.V, item: item, onFailure: onFailure}
		r = expressions(names, values, takes...)
		r.Condition = text(condition)
	}
	if c := w.ConditionCheck; c != nil {
		take(c.TableName, c.Key, c.ConditionExpression, c.ExpressionAttributeNames, c.ExpressionAttributeValues, c.ReturnValuesOnConditionCheckFailure, expr.KindCondition)
	}
	if p := w.Put; p != nil {
		take(p.TableName, p.Item, p.ConditionExpression, p.ExpressionAttributeNames, p.ExpressionAttributeValues, p.ReturnValuesOnConditionCheckFailure, expr.KindCondition)
		action.kind = actionPut
	}
	if d := w.Delete; d != nil {
		take(d.TableName, d.Key, d.ConditionExpression, d.ExpressionAttributeNames, d.ExpressionAttributeValues, d.ReturnValuesOnConditionCheckFailure, expr.KindCondition)
		action.kind = actionDelete
	}
	if u := w.Update; u != nil {
		take(u.TableName, u.Key, u.ConditionExpression, u.ExpressionAttributeNames, u.ExpressionAttributeValues, u.ReturnValuesOnConditionCheckFailure, expr.KindUpdate, expr.KindCondition)
		action.kind = actionUpdate
		r.Update = text(u.UpdateExpression)
	}
	switch {
	case kinds > 1:
		err = ddberr.TransactManyKinds.Fault()
	case kinds == 0:
		err = ddberr.TransactNoKind.Fault()
	}
	return action, r, err
}

// bindTransactWrite looks up the tables and turns the actions into mutations.
func (a *API) bindTransactWrite(held *leases, actions []transactWrite) (t table.Transaction, err error) {
	for i := range actions {
		w := &actions[i]
		if w.table, err = held.writable(a, w.tableName); err != nil {
			return t, err
		}
	}
	reasons := make([]error, len(actions))
	seen := map[string]bool{}
	for i := range actions {
		m, fatal, err := actions[i].bind()
		switch {
		case fatal:
			return t, err
		case err != nil:
			reasons[i] = err
			continue
		}
		key := string(m.Table.ItemKey(m.Key))
		if seen[key] {
			return t, ddberr.TransactRepeated.Fault()
		}
		seen[key] = true
		t.Mutations = append(t.Mutations, m)
	}
	if len(t.Mutations) < len(actions) {
		return t, a.transactError(&table.Canceled{Reasons: reasons}, actions)
	}
	return t, nil
}

// bind checks w against its table. A fatal error fails the request, another
// one is the reason for its cancellation.
func (w *transactWrite) bind() (m table.Mutation, fatal bool, err error) {
	m = table.Mutation{Table: w.table, Key: w.item.Item, Condition: w.parsed.Condition}
	if w.kind == actionPut {
		err = w.table.CheckItem(m.Key)
	} else {
		err = w.table.CheckKey(m.Key)
	}
	if err != nil {
		return m, isEmptyKey(err), err
	}
	if err := checkAgainst(w.table, w.parsed); err != nil {
		return m, false, err
	}
	if w.insert {
		m.Condition = expr.NewCondition(expr.Call("attribute_not_exists", expr.At(expr.Path{expr.Field(w.table.Key.Hash[0].Name)})))
	}
	key, update := m.Key, w.parsed.Update
	switch w.kind {
	case actionPut:
		m.Next = func(attr.Item) (attr.Item, error) { return key, nil }
	case actionDelete:
		m.Next = func(attr.Item) (attr.Item, error) { return attr.Item{}, nil }
	case actionCheck:
		m.Next = func(old attr.Item) (attr.Item, error) { return old, nil }
	case actionUpdate:
		m.Next = func(old attr.Item) (attr.Item, error) { return nextItem(w.table, key, old, update) }
	}
	return m, false, nil
}

// failure returns err as w tells it: an item that an insert finds is a fault of
// its own.
func (w *transactWrite) failure(err error) error {
	var failed *table.ConditionFailed
	if w.insert && errors.As(err, &failed) {
		return ddberr.DuplicateItem()
	}
	return err
}

func (a *API) transactWriteOutput(ctx context.Context, in *model.TransactWriteItemsInput, actions []transactWrite, out table.Outcome) *model.TransactWriteItemsOutput {
	var used []*capacity
	metrics := []model.Entry[[]model.ItemCollectionMetrics]{}
	for i := range out.Changes {
		w := &actions[i]
		c := capacityOf(&used, w.tableName)
		if out.Replayed {
			c.read(table.TransactFactor * table.ReadUnits(out.Changes[i].OldSize, true))
			continue
		}
		c.transactWrite(&out.Changes[i])
		if m := a.collectionMetrics(ctx, in.ReturnItemCollectionMetrics, w.table, w.item.Item); m != nil && w.kind != actionCheck {
			metrics = addMetrics(metrics, w.tableName, *m)
		}
	}
	res := &model.TransactWriteItemsOutput{}
	if len(metrics) > 0 {
		res.ItemCollectionMetrics = metrics
	}
	for _, c := range used {
		if shown := c.reportTransaction(in.ReturnConsumedCapacity, out.Replayed); shown != nil {
			res.ConsumedCapacity = append(res.ConsumedCapacity, *shown)
		}
	}
	return res
}
