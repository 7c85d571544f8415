package api

import (
	"strings"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/expr"
	"github.com/statordb/stator/internal/model"
	"github.com/statordb/stator/internal/table"
)

// expressions starts an expr.Request with the placeholders of a request.
func expressions(names []model.Entry[string], values attr.InputItem, takes ...expr.Kind) expr.Request {
	r := expr.Request{NamesGiven: names != nil, Values: values, Takes: takes}
	for _, n := range names {
		r.Names = append(r.Names, expr.Name{Key: n.Key, Value: n.Value})
	}
	return r
}

// text returns the text of an expression member, nil if it is absent.
func text(o model.Opt[string]) *string {
	if !o.Set {
		return nil
	}
	return &o.V
}

// parameter is a member of a request and whether it was given.
type parameter struct {
	name  string
	given bool
}

// mixed reports a request that has both legacy and expression parameters.
func mixed(legacy, expressions []parameter) error {
	if old, now := given(legacy), given(expressions); old != "" && now != "" {
		return ddberr.MixedParameters.Fault(old, now)
	}
	return nil
}

func given(parameters []parameter) string {
	var names []string
	for _, p := range parameters {
		if p.given {
			names = append(names, p.name)
		}
	}
	return strings.Join(names, ", ")
}

// checkAgainst reports an expression of a write to t that leads into a key of
// the table or of an index, that changes the table's, or that sets an index's
// to a value that cannot be one.
func checkAgainst(t *table.Table, p *expr.Parsed) error {
	if p.Update == nil && p.Condition == nil {
		return nil
	}
	keys := t.Key.Names()
	var indexKeys []string
	for _, x := range t.Indexes {
		indexKeys = append(indexKeys, x.Key.Names()...)
	}
	var f *ddberr.Fault
	if p.Update != nil {
		if f = p.Update.CheckKeys(keys); f == nil {
			f = p.Update.CheckNested("IndexKey", indexKeys)
		}
	}
	if f == nil {
		f = p.Condition.CheckKeys("Key", keys)
	}
	if f == nil {
		f = p.Condition.CheckKeys("IndexKey", indexKeys)
	}
	if f == nil && p.Update != nil && indexKeys != nil {
		return t.CheckIndexKeys(p.Update.Literals())
	}
	return fault(f)
}

// fault returns f as an error that is nil when f is.
func fault(f *ddberr.Fault) error {
	if f == nil {
		return nil
	}
	return f
}

// itemFault returns the fault of the values of an item, or nil.
func itemFault(in attr.InputItem) error { return fault(in.Fault) }
