package api

import (
	"strings"
	"testing"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/model"
	"github.com/statordb/stator/internal/table"
)

// TestConditionKeys has a request with everything: it has every condition key.
func TestConditionKeys(t *testing.T) {
	schema := table.KeySchema{Hash: make([]table.KeyAttr, 4)}
	u := &use{
		partition:  func(table.KeySchema, int) []attr.Value { return []attr.Value{attr.String("a")} },
		attributes: func() []string { return []string{"id"} },
		selects:    "COUNT", returns: "NONE", consumed: model.Opt[string]{V: "TOTAL", Set: true}, enclosing: "TransactWriteItems",
		fullScan: func(table.KeySchema) bool { return false },
	}
	for _, key := range ConditionKeys {
		if values, present := u.values(strings.ToLower(key), schema); !present || len(values) != 1 {
			t.Errorf("%s is %v", key, values)
		}
	}
	if values, present := u.values("dynamodb:other", schema); present {
		t.Errorf("a key that there is not is %v", values)
	}
}
