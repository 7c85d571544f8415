package api_test

import (
	"fmt"
	"strings"
	"testing"
)

// join returns n texts made of format and a number, joined by commas.
func join(n int, format string) string {
	parts := make([]string, n)
	for i := range parts {
		parts[i] = fmt.Sprintf(format, i)
	}
	return strings.Join(parts, ",")
}

// TestManyNames sends more names than a table or an item has. It would take
// minutes if looking for repeats took quadratic time.
func TestManyNames(t *testing.T) {
	srv := open(t, "")
	call(t, srv, "CreateTable", `{"TableName": "tab", "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}], "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}], "BillingMode": "PAY_PER_REQUEST"}`)
	const (
		definition = `{"AttributeName":"a%d","AttributeType":"S"}`
		key        = `{"AttributeName":"a%d","KeyType":"HASH"}`
		condition  = `"a%d":{"ComparisonOperator":"NULL"}`
	)
	index := `{"IndexName":"gsi","KeySchema":[` + join(100_000, key) + `],"Projection":{"ProjectionType":"ALL"}}`
	for _, c := range []struct{ name, operation, body, want string }{
		{"definitions", "CreateTable", `{"TableName":"many","KeySchema":[{"AttributeName":"a0","KeyType":"HASH"}],"BillingMode":"PAY_PER_REQUEST","AttributeDefinitions":[` + join(99_999, definition) + `]}`,
			"Number of attributes in KeySchema does not exactly match number of attributes defined in AttributeDefinitions"},
		{"a repeated definition", "CreateTable", `{"TableName":"many","KeySchema":[{"AttributeName":"a0","KeyType":"HASH"}],"BillingMode":"PAY_PER_REQUEST","AttributeDefinitions":[` + join(99_999, definition) + `,{"AttributeName":"a7","AttributeType":"N"}]}`,
			"Attribute Name is duplicated: a7"},
		{"keys of an index", "UpdateTable", `{"TableName":"tab","AttributeDefinitions":[` + join(100_000, definition) + `],"GlobalSecondaryIndexUpdates":[{"Create":` + index + `}]}`,
			"The KeySchema exceeds the maximum allowed number of HASH key attributes"},
		{"names to get", "GetItem", `{"TableName":"tab","Key":{"pk":{"S":"a"}},"AttributesToGet":[` + join(100_000, `"a%d"`) + `]}`, "{}"},
		{"300 conditions", "Scan", `{"TableName":"tab","ScanFilter":{` + join(300, condition) + `}}`, `{"Count":0,"Items":[],"ScannedCount":0}`},
		{"301 conditions", "Scan", `{"TableName":"tab","ScanFilter":{` + join(301, condition) + `}}`, "Too many conditions: 301, the limit is 300"},
		{"301 conditions of a write", "DeleteItem", `{"TableName":"tab","Key":{"pk":{"S":"a"}},"Expected":{` + join(301, condition) + `}}`, "Too many conditions: 301, the limit is 300"},
		{"101 operands", "Scan", `{"TableName":"tab","ScanFilter":{"a":{"ComparisonOperator":"IN","AttributeValueList":[` + join(101, `{"N":"%d"}`) + `]}}}`, "Invalid number of argument(s) for the IN ComparisonOperator"},
	} {
		if got := call(t, srv, c.operation, c.body); !strings.HasSuffix(strings.TrimSpace(got), c.want) {
			t.Errorf("%s: got %.300s", c.name, got)
		}
	}
}
