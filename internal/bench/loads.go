package bench

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// Sizes of requests.
const (
	scanItems     = 100
	batchItems    = 25
	transactItems = 2
	fields        = 9 // texts of an item
)

// load is a mix of at most two kinds of requests.
type load struct {
	name   string
	skewed bool    // keys are zipfian, else uniform
	apart  bool    // a client has items of its own, and draws all of a request's
	extra  extra   // of the table that it works on; it reads through the index if there is one
	reads  float64 // share of the requests that are read, the rest being write
	read   string  // operation, "" if reads is 0
	write  string  // operation, "" if reads is 1
}

// loads are all, those that only read first: they find tables as they were
// filled, and not one with more overwritten items than another.
var loads = []load{
	{name: "get", reads: 1, read: "GetItem"},
	{name: "select", reads: 1, read: "ExecuteStatement"},
	{name: "query", reads: 1, read: "Query"},
	{name: "query-legacy", reads: 1, read: legacyQuery},
	{name: "query-gsi", extra: indexed, reads: 1, read: "Query"},
	{name: "scan", reads: 1, read: "Scan"},
	{name: "put", write: "PutItem"},
	{name: "put-gsi", extra: indexed, write: "PutItem"},
	{name: "put-stream", extra: streamed, write: "PutItem"},
	{name: "put-pitr", extra: recoverable, write: "PutItem"},
	{name: "transact", apart: true, write: "TransactWriteItems"},
	{name: "update", write: "UpdateItem"},
	{name: "batch", write: "BatchWriteItem"},
	{name: "ycsb-a", skewed: true, reads: 0.50, read: "GetItem", write: "UpdateItem"},
	{name: "ycsb-b", skewed: true, reads: 0.95, read: "GetItem", write: "UpdateItem"},
	{name: "ycsb-c", skewed: true, reads: 1, read: "GetItem"},
}

// LoadNames returns the names of all loads.
func LoadNames() []string {
	names := make([]string, len(loads))
	for i, l := range loads {
		names[i] = l.name
	}
	return names
}

// ParseLoads returns the names in a comma-separated list, or all for "all".
func ParseLoads(list string) ([]string, error) {
	if list == "all" {
		return LoadNames(), nil
	}
	names := strings.Split(list, ",")
	for _, name := range names {
		if _, err := findLoad(name); err != nil {
			return nil, err
		}
	}
	return names, nil
}

func findLoad(name string) (load, error) {
	i := slices.IndexFunc(loads, func(l load) bool { return l.name == name })
	if i < 0 {
		return load{}, fmt.Errorf("load %q: use all, or some of %s", name, strings.Join(LoadNames(), ","))
	}
	return loads[i], nil
}

// legacyQuery is the operation Query with the parameters from before
// expressions.
const legacyQuery = "Query, legacy"

// body is the text of the requests of an operation, for newRequest.
func (d *dataset) body(operation string) string {
	const key = `"pk":{"S":"p{{partition}}"},"sk":{"N":"{{sort}}"}`
	table := `{"TableName":"` + d.table + `",`
	switch operation {
	case "GetItem":
		return table + `"Key":{` + key + `}}`
	case "ExecuteStatement":
		return `{"Statement":"SELECT * FROM \"` + d.table + `\" WHERE pk = ? AND sk = ?",` +
			`"Parameters":[{"S":"p{{partition}}"},{"N":"{{sort}}"}]}`
	case "PutItem":
		return table + d.item() + `}`
	case "UpdateItem":
		return table + `"Key":{` + key + `},"UpdateExpression":"SET field3 = :v",` +
			`"ExpressionAttributeValues":{":v":{"S":"` + d.fieldText(3) + `"}}}`
	case "Query":
		if d.extra == indexed {
			return table + groupQuery
		}
		return table + `"KeyConditionExpression":"pk = :p",` +
			`"ExpressionAttributeValues":{":p":{"S":"p{{partition}}"}}}`
	case legacyQuery:
		return table + `"KeyConditions":{"pk":{"ComparisonOperator":"EQ","AttributeValueList":[{"S":"p{{partition}}"}]}}}`
	case "Scan":
		return table + fmt.Sprintf(`"Limit":%d,"ExclusiveStartKey":{%s}}`, scanItems, key)
	case "BatchWriteItem":
		put := `{"PutRequest":{` + d.item() + `}}`
		return `{"RequestItems":{"` + d.table + `":[` + list(put, min(batchItems, d.items)) + `]}}`
	case "TransactWriteItems":
		return `{"TransactItems":[` + list(`{"Put":`+table+d.item()+`}}`, transactItems) + `],"ClientRequestToken":"` + token + `"}`
	}
	panic("bench: no body for " + operation)
}

// token is one of 36 characters, as SDKs put one into every transaction. One
// text would be a slice of a pool, which soon comes again.
const token = "{{text:12}}{{text:12}}{{text:12}}"

// list returns n times element, between commas.
func list(element string, n int) string {
	return strings.TrimSuffix(strings.Repeat(element+",", n), ",")
}

// groupQuery is what a Query through the index says behind the table.
const groupQuery = `"IndexName":"` + indexName + `","KeyConditionExpression":"gk = :g",` +
	`"ExpressionAttributeValues":{":g":{"S":"g{{group}}"}}}`

// item is the Item member of a put.
func (d *dataset) item() string {
	return `"Item":{"pk":{"S":"p{{partition}}"},"sk":{"N":"{{sort}}"},"gk":{"S":"g{{group}}"}` + d.fields() + `}`
}

// fields returns the texts of an item.
func (d *dataset) fields() string {
	var b strings.Builder
	for i := 1; i <= fields; i++ {
		fmt.Fprintf(&b, `,"field%d":{"S":"%s"}`, i, d.fieldText(i))
	}
	return b.String()
}

// fieldText returns the text hole of field i, from 1. An item has itemBytes
// bytes by DynamoDB's rules: the names, the texts, 9 bytes each of pk and gk,
// and 2 of sk.
func (d *dataset) fieldText(i int) string {
	const rest = len("pk")*3 + (1+partitionDigits)*2 + 2 + fields*len("field1")
	size := max(d.itemBytes-rest, fields)
	n := size / fields
	if i <= size%fields {
		n++
	}
	return fmt.Sprintf("{{text:%d}}", n)
}

// answered reports whether body is what must answer r. Only its general shape
// is checked, not every byte.
func (d *dataset) answered(r *request, body []byte) bool {
	has := func(s string) bool { return bytes.Contains(body, []byte(s)) }
	switch r.operation {
	case "GetItem", "ExecuteStatement":
		return len(body) > d.itemBytes && has(`"field9":`) && bytes.Contains(body, r.digits())
	case "Query":
		return len(body) > perPartition*d.itemBytes && has(`"Count":10`) && bytes.Contains(body, r.digits())
	case "Scan":
		return has(`"ScannedCount":`) && has(`"Items":[`)
	case "BatchWriteItem":
		return has(`"UnprocessedItems":{}`)
	}
	return string(body) == "{}"
}
