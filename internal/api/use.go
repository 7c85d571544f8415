package api

import (
	"encoding/base64"
	"slices"
	"strings"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/expr"
	"github.com/statordb/stator/internal/model"
	"github.com/statordb/stator/internal/partiql"
	"github.com/statordb/stator/internal/table"
)

// use is what a request does with items, as the condition keys of the service
// tell it. Members that take work are asked only if a policy does.
type use struct {
	// partition returns the values that the request names for the nth attribute of
	// the partition key, nil if it names none.
	partition func(schema table.KeySchema, n int) []attr.Value
	// attributes returns the top-level attributes that the request names; it is
	// asked once.
	attributes func() []string
	named      []string // what attributes returned
	selects    string   // Select as it is in effect; "" where there is none
	returns    string   // ReturnValues as they are in effect; "" where there are none
	consumed   model.Opt[string]
	enclosing  string // the operation around it, "" for none
	fullScan   func(schema table.KeySchema) bool
}

// ConditionKeys are the condition keys of the service that requests may have.
// (Service authorization reference, "Condition keys for Amazon DynamoDB".)
var ConditionKeys = []string{
	"dynamodb:LeadingKeys", "dynamodb:FirstPartitionKeyValues", "dynamodb:SecondPartitionKeyValues", "dynamodb:ThirdPartitionKeyValues",
	"dynamodb:FourthPartitionKeyValues", "dynamodb:Attributes", "dynamodb:Select", "dynamodb:ReturnValues",
	"dynamodb:ReturnConsumedCapacity", "dynamodb:EnclosingOperation", "dynamodb:FullTableScan",
}

// partitionKeys are the condition keys of the attributes of a partition key.
var partitionKeys = []string{
	"dynamodb:firstpartitionkeyvalues", "dynamodb:secondpartitionkeyvalues", "dynamodb:thirdpartitionkeyvalues", "dynamodb:fourthpartitionkeyvalues",
}

// values returns those of a condition key.
func (u *use) values(key string, schema table.KeySchema) ([]string, bool) {
	one := func(value string) ([]string, bool) {
		if value == "" {
			return nil, false
		}
		return []string{value}, true
	}
	switch key {
	case "dynamodb:leadingkeys":
		return u.leading(schema, 0)
	case "dynamodb:attributes":
		if u.attributes != nil {
			u.named, u.attributes = u.attributes(), nil
		}
		return u.named, len(u.named) > 0
	case "dynamodb:select":
		return one(u.selects)
	case "dynamodb:returnvalues":
		return one(u.returns)
	case "dynamodb:returnconsumedcapacity":
		return one(u.consumed.V)
	case "dynamodb:enclosingoperation":
		return one(u.enclosing)
	case "dynamodb:fulltablescan":
		if u.fullScan == nil {
			return nil, false
		}
		if u.fullScan(schema) {
			return one("true")
		}
		return one("false")
	}
	if n := slices.Index(partitionKeys, key); n >= 0 {
		return u.leading(schema, n)
	}
	return nil, false
}

func (u *use) leading(schema table.KeySchema, n int) (texts []string, present bool) {
	if u.partition == nil || n >= len(schema.Hash) {
		return nil, false
	}
	for _, v := range u.partition(schema, n) {
		switch v.Type() {
		case attr.S:
			texts = append(texts, strings.Clone(v.Str()))
		case attr.N:
			texts = append(texts, v.NumberText())
		case attr.B:
			texts = append(texts, base64.StdEncoding.EncodeToString(v.Bytes()))
		}
	}
	return texts, len(texts) > 0
}

// partitionOf returns the partition keys of items, which have at least their keys.
func partitionOf(items ...attr.Item) func(table.KeySchema, int) []attr.Value {
	return func(schema table.KeySchema, n int) []attr.Value {
		values := make([]attr.Value, 0, len(items))
		for _, item := range items {
			if v := item.Get(schema.Hash[n].Name); !v.IsZero() {
				values = append(values, v)
			}
		}
		return values
	}
}

// names returns the attributes of items and those of an expression, each once. A
// request whose expressions are faulty uses nothing: it will be refused.
func names(parsed *expr.Parsed, err error, items ...attr.Item) []string {
	if err != nil {
		return nil
	}
	var names []string
	if parsed != nil {
		names = parsed.Names()
	}
	for _, item := range items {
		for name := range item.All() {
			names = append(names, strings.Clone(name))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// selected returns the Select that is in effect. (API reference, Query, Select.)
func selected(asked model.Opt[string], index, projection bool) string {
	switch {
	case asked.Set:
		return asked.V
	case projection:
		return "SPECIFIC_ATTRIBUTES"
	case index:
		return "ALL_PROJECTED_ATTRIBUTES"
	}
	return "ALL_ATTRIBUTES"
}

// revealed returns what of the item before or after it a write returns: what
// ReturnValues says, or everything if that is returned when the condition fails.
func revealed(returns, onFailure model.Opt[string]) string {
	if onFailure.V == "ALL_OLD" && returns.V != "ALL_NEW" {
		return "ALL_OLD"
	}
	return returns.Or("NONE")
}

func useOfGet(in *model.GetItemInput) *use {
	return &use{
		partition: partitionOf(in.Key.Item),
		attributes: func() []string {
			projection, err := checkGet(in)
			return names(&expr.Parsed{Projection: projection}, err, in.Key.Item)
		},
		selects: selected(model.Opt[string]{}, false, in.ProjectionExpression.Set || in.AttributesToGet != nil), consumed: in.ReturnConsumedCapacity,
	}
}

func useOfPut(in *model.PutItemInput) *use {
	return &use{
		partition: partitionOf(in.Item.Item),
		attributes: func() []string {
			parsed, err := checkPut(in)
			return names(parsed, err, in.Item.Item)
		},
		returns: revealed(in.ReturnValues, in.ReturnValuesOnConditionCheckFailure), consumed: in.ReturnConsumedCapacity,
	}
}

func useOfUpdate(in *model.UpdateItemInput) *use {
	return &use{
		partition: partitionOf(in.Key.Item),
		attributes: func() []string {
			parsed, err := checkUpdate(in)
			return names(parsed, err, in.Key.Item)
		},
		returns: revealed(in.ReturnValues, in.ReturnValuesOnConditionCheckFailure), consumed: in.ReturnConsumedCapacity,
	}
}

func useOfDelete(in *model.DeleteItemInput) *use {
	return &use{
		partition: partitionOf(in.Key.Item),
		attributes: func() []string {
			parsed, err := checkDelete(in)
			return names(parsed, err, in.Key.Item)
		},
		returns: revealed(in.ReturnValues, in.ReturnValuesOnConditionCheckFailure), consumed: in.ReturnConsumedCapacity,
	}
}

func useOfQuery(in *model.QueryInput) *use {
	return &use{
		partition: func(schema table.KeySchema, n int) []attr.Value {
			r, err := checkQuery(in)
			if err != nil {
				return nil
			}
			bounds, f := r.parsed.KeyCondition.Bind(keyAttrs(schema.Hash), keyAttrs(schema.Sort))
			if f != nil {
				return nil
			}
			return bounds.Hash[n : n+1]
		},
		attributes: func() []string {
			r, err := checkQuery(in)
			if err != nil {
				return nil
			}
			return names(r.parsed, nil)
		},
		selects: selected(in.Select, in.IndexName.Set, in.ProjectionExpression.Set || in.AttributesToGet != nil),
		returns: "NONE", consumed: in.ReturnConsumedCapacity,
	}
}

func useOfScan(in *model.ScanInput) *use {
	return &use{
		attributes: func() []string {
			r, err := checkScan(in)
			if err != nil {
				return nil
			}
			return names(r.parsed, nil)
		},
		selects: selected(in.Select, in.IndexName.Set, in.ProjectionExpression.Set || in.AttributesToGet != nil),
		returns: "NONE", consumed: in.ReturnConsumedCapacity,
	}
}

func useOfBatchGet(in *model.KeysAndAttributes, consumed model.Opt[string]) *use {
	keys := make([]attr.Item, len(in.Keys))
	for i, key := range in.Keys {
		keys[i] = key.Item
	}
	return &use{
		partition: partitionOf(keys...),
		attributes: func() []string {
			g := batchGet{in: in}
			err := g.check()
			return names(&expr.Parsed{Projection: g.projection}, err, keys...)
		},
		selects: selected(model.Opt[string]{}, false, in.ProjectionExpression.Set || in.AttributesToGet != nil), consumed: consumed,
	}
}

func useOfBatchWrite(in []model.WriteRequest, consumed model.Opt[string]) *use {
	items := make([]attr.Item, 0, len(in))
	for _, w := range in {
		if w.PutRequest != nil {
			items = append(items, w.PutRequest.Item.Item)
		}
		if w.DeleteRequest != nil {
			items = append(items, w.DeleteRequest.Key.Item)
		}
	}
	return &use{
		partition: partitionOf(items...), consumed: consumed,
		attributes: func() []string { return names(nil, nil, items...) },
	}
}

func useOfTransactGet(in *model.Get, consumed model.Opt[string]) *use {
	return &use{
		partition: partitionOf(in.Key.Item), consumed: consumed, enclosing: "TransactGetItems",
		attributes: func() []string {
			r := expressions(in.ExpressionAttributeNames, attr.InputItem{})
			r.Projection = text(in.ProjectionExpression)
			parsed, f := expr.Parse(r)
			return names(parsed, fault(f), in.Key.Item)
		},
		selects: selected(model.Opt[string]{}, false, in.ProjectionExpression.Set),
	}
}

// useOfAction returns what an element of TransactItems does, which has action and
// the expressions of r.
func useOfAction(action *transactWrite, r expr.Request, consumed model.Opt[string]) *use {
	return &use{
		partition: partitionOf(action.item.Item), consumed: consumed, enclosing: "TransactWriteItems",
		attributes: func() []string {
			parsed, f := expr.Parse(r)
			return names(parsed, fault(f), action.item.Item)
		},
		returns: revealed(model.Opt[string]{}, action.onFailure),
	}
}

// useOfStatement returns what a statement does. bind makes it anew, since it is
// read once.
func useOfStatement(b *partiql.Bound, bind func() *partiql.Bound, onFailure model.Opt[string], enclosing string) *use {
	u := &use{attributes: b.Names, enclosing: enclosing}
	switch b.Kind {
	case partiql.Insert:
		u.partition = partitionOf(b.Item)
	case partiql.Select:
		u.selects = selected(model.Opt[string]{}, b.Index != "", b.Projection != nil)
		ranges := func(schema table.KeySchema) []expr.KeyRange {
			keys, err := statementKeys(schema)
			if err != nil {
				return nil
			}
			read, f := bind().Read(keys)
			if f != nil {
				return nil
			}
			return read.Ranges
		}
		u.partition = func(schema table.KeySchema, n int) (values []attr.Value) {
			for _, r := range ranges(schema) {
				values = append(values, r.Hash[n])
			}
			return values
		}
		u.fullScan = func(schema table.KeySchema) bool { return len(schema.Hash) == 0 || len(ranges(schema)) == 0 }
	default:
		u.returns = revealed(model.Opt[string]{V: returning(b.Returning), Set: b.Returning.Given}, onFailure)
		u.partition = func(schema table.KeySchema, n int) []attr.Value {
			keys, err := statementKeys(schema)
			if err != nil {
				return nil
			}
			w, f := bind().Write(keys)
			if f != nil {
				return nil
			}
			return partitionOf(w.Key)(schema, n)
		}
	}
	return u
}

// returning returns the ReturnValues that says the same.
func returning(r partiql.Returning) string {
	switch {
	case r.Modified && r.New:
		return "UPDATED_NEW"
	case r.Modified:
		return "UPDATED_OLD"
	case r.New:
		return "ALL_NEW"
	}
	return "ALL_OLD"
}
