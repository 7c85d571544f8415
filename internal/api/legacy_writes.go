package api

import (
	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/expr"
	"github.com/statordb/stator/internal/model"
)

// legacyExpected translates Expected.
func legacyExpected(expected []model.Entry[model.ExpectedAttributeValue], operator model.Opt[string]) (*expr.Condition, error) {
	var comparisons []comparison
	for i := range expected {
		c, err := expectedComparison(expected[i].Key, &expected[i].Value)
		if err != nil {
			return nil, err
		}
		comparisons = append(comparisons, c)
	}
	return combine(comparisons, operator)
}

// expectedComparison translates one member of Expected, in its form with
// Value and Exists or in that with ComparisonOperator.
func expectedComparison(name string, e *model.ExpectedAttributeValue) (comparison, error) {
	values := e.AttributeValueList
	switch {
	case e.Value.Set && e.AttributeValueList != nil:
		return comparison{}, ddberr.ExpectedValueAndList.Fault(name)
	case e.Exists.Set && e.ComparisonOperator.Set:
		return comparison{}, ddberr.ExpectedExistsAndOp.Fault(name)
	case e.AttributeValueList != nil && !e.ComparisonOperator.Set:
		return comparison{}, ddberr.ExpectedListWithoutOp.Fault(name)
	case e.Value.Set:
		values = []attr.InputValue{e.Value.V}
	}
	switch op := e.ComparisonOperator; {
	case op.Set && values == nil && op.V != "NULL" && op.V != "NOT_NULL":
		return comparison{}, ddberr.ExpectedOpWithoutValues.Fault(op.V, name)
	case op.Set:
		return newComparison(name, op.V, values)
	case !e.Exists.Or(true) && e.Value.Set:
		return comparison{}, ddberr.ExpectedValueAbsent.Fault(name)
	case !e.Exists.Or(true):
		return newComparison(name, "NULL", nil)
	case !e.Value.Set && e.Exists.Set:
		return comparison{}, ddberr.ExpectedNoValue.Fault("true", name)
	case !e.Value.Set:
		return comparison{}, ddberr.ExpectedNoValue.Fault("null", name)
	}
	return newComparison(name, "EQ", values)
}

// legacyUpdate translates AttributeUpdates; nil if it was not given.
func legacyUpdate(updates []model.Entry[model.AttributeValueUpdate]) (*expr.Update, error) {
	if updates == nil {
		return nil, nil
	}
	actions := make([]expr.Action, 0, len(updates))
	for _, e := range updates {
		action, err := legacyAction(e.Key, e.Value)
		if err != nil {
			return nil, err
		}
		actions = append(actions, action)
	}
	return expr.NewLegacyUpdate(actions...), nil
}

func legacyAction(name string, u model.AttributeValueUpdate) (expr.Action, error) {
	action := expr.Action{Path: expr.Path{expr.Field(name)}}
	if f := attr.CheckName(name); f != nil {
		return action, f
	}
	verb := u.Action.Or("PUT")
	if !u.Value.Set {
		if verb != "DELETE" {
			return action, ddberr.ActionWithoutValue.Fault()
		}
		action.Verb = expr.Remove
		return action, nil
	}
	if u.Value.V.Fault != nil {
		return action, u.Value.V.Fault
	}
	v := u.Value.V.Value
	action.Value = expr.Literal(v)
	switch t := v.Type(); verb {
	case "PUT":
		action.Verb = expr.Set
	case "ADD":
		if t != attr.N && t != attr.L && !t.IsSet() {
			return action, ddberr.ActionAddType.Fault(t)
		}
		action.Verb = expr.Add
	case "DELETE":
		if !t.IsSet() {
			return action, ddberr.ActionDeleteType.Fault(t)
		}
		action.Verb = expr.Delete
	}
	return action, nil
}
