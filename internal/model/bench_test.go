package model

import (
	"strings"
	"testing"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/wire"
)

var benchItem = `{"pk":{"S":"customer#0000000001"},"sk":{"S":"order#2026-05-01"},"total":{"N":"1234.56"},"open":{"BOOL":true},` +
	`"tags":{"SS":["a","b","c"]},"lines":{"L":[{"M":{"sku":{"S":"x-1"},"n":{"N":"2"}}},{"M":{"sku":{"S":"x-2"},"n":{"N":"5"}}}]},` +
	`"note":{"S":"` + strings.Repeat("lorem ipsum ", 50) + `"}}`

var benchPut = `{"TableName":"orders","Item":` + benchItem + `,"ConditionExpression":"attribute_not_exists(#p)",` +
	`"ExpressionAttributeNames":{"#p":"pk"},"ReturnConsumedCapacity":"TOTAL"}`

// BenchmarkItem is the part of BenchmarkPutItem that package attr does.
func BenchmarkItem(b *testing.B) {
	var s wire.Scanner
	body := []byte(benchItem)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		var in attr.InputItem
		s.Reset(body)
		if err := in.Decode(&s); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPutItem(b *testing.B) { benchmark[PutItemInput](b, benchPut) }

func BenchmarkGetItem(b *testing.B) {
	benchmark[GetItemInput](b, `{"TableName":"orders","Key":{"pk":{"S":"customer#0000000001"},"sk":{"S":"order#2026-05-01"}},"ConsistentRead":true}`)
}

func BenchmarkBatchWriteItem(b *testing.B) {
	put := `{"PutRequest":{"Item":` + benchItem + `}}`
	benchmark[BatchWriteItemInput](b, `{"RequestItems":{"orders":[`+strings.Repeat(put+",", 24)+put+`]}}`)
}

func benchmark[T any, P interface {
	*T
	request
}](b *testing.B, text string) {
	var s wire.Scanner
	body := []byte(text)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		var in T
		var v Violations
		s.Reset(body)
		if err := P(&in).Decode(&s); err != nil {
			b.Fatal(err)
		}
		if P(&in).Validate(&v); v.Any() {
			b.Fatal(v.Error(0))
		}
	}
}

func BenchmarkGetItemOutput(b *testing.B) {
	out := decode(b, new(GetItemOutput), `{"Item":`+benchItem+`,"ConsumedCapacity":{"TableName":"orders","CapacityUnits":0.5}}`)
	buf := out.AppendJSON(nil)
	b.SetBytes(int64(len(buf)))
	b.ReportAllocs()
	for b.Loop() {
		buf = out.AppendJSON(buf[:0])
	}
}
