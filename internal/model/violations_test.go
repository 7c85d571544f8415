package model

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/statordb/stator/internal/ddberr"
)

const mmh = " failed to satisfy constraint: Member must have "

const (
	returnValuesNow = "Failed to satisfy constraint: Member must satisfy enum value set: [ALL_OLD, UPDATED_OLD, ALL_NEW, UPDATE_NEW, NONE]"
	badCapacity     = "Value 'X' at 'returnConsumedCapacity' failed to satisfy constraint: Member must satisfy enum value set: [INDEXES, TOTAL, NONE]"
	badMetrics      = "Value 'X' at 'returnItemCollectionMetrics' failed to satisfy constraint: Member must satisfy enum value set: [SIZE, NONE]"
	badReturn       = "Value 'X' at 'returnValues' failed to satisfy constraint: Member must satisfy enum value set: [NONE, ALL_OLD, UPDATED_OLD, ALL_NEW, UPDATED_NEW]"
	namePatternText = " failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+"
	noName          = "Value null at 'tableName' failed to satisfy constraint: Member must not be null"
	nameNeeded      = "The parameter 'TableName' is required but was not present in the request"
)

func one(text string) string { return "1 validation error detected: " + text }

func many(texts ...string) string {
	return fmt.Sprintf("%d validation errors detected: %s", len(texts), strings.Join(texts, "; "))
}

// violationTests are checked in the older wording and in today's; an empty
// now means that both are the same.
var violationTests = []struct{ op, text, older, now string }{
	{"PutItem", `{"TableName":"abc","Item":{}}`, "", ""},
	{"PutItem", `{"TableName":"a","Item":{},"ReturnValues":"NONE"}`, "", ""},
	{"PutItem", `{"TableName":"arn:aws:dynamodb:us-east-1:000000000000:table/abc","Item":{}}`, "", ""},
	{"PutItem", `{"TableName":"arn:x","Item":{}}`, one("Value 'arn:x' at 'tableName'" + namePatternText), ""},
	{"PutItem", `{"TableName":"arn:aws:dynamodb:us-east-1:000000000000:table/abc/index/i","Item":{}}`, one("Value 'arn:aws:dynamodb:us-east-1:000000000000:table/abc/index/i' at 'tableName'" + namePatternText), ""},
	{"PutItem", `{"TableName":"arn:aws:sqs:us-east-1:000000000000:table/abc","Item":{}}`, one("Value 'arn:aws:sqs:us-east-1:000000000000:table/abc' at 'tableName'" + namePatternText), ""},
	{"PutItem", `{"TableName":"arn:aws:dynamodb:us-east-1::table/abc","Item":{}}`, one("Value 'arn:aws:dynamodb:us-east-1::table/abc' at 'tableName'" + namePatternText), ""},
	{"PutItem", `{"TableName":"arn:aws:dynamodb:us-east-1:000000000000:table/","Item":{}}`, one("Value 'arn:aws:dynamodb:us-east-1:000000000000:table/' at 'tableName'" + mmh + "length greater than or equal to 1"), one("Value at 'TableName'" + mmh + "length greater than or equal to 1")},
	{"PutItem", `{"TableName":"arn:aws:dynamodb:` + strings.Repeat("r", 1000) + `:0:table/abc","Item":{}}`, one("Value 'arn:aws:dynamodb:" + strings.Repeat("r", 1000) + ":0:table/abc' at 'tableName'" + mmh + "length less than or equal to 1024"), ""},
	{"CreateTable", `{"TableName":"arn:aws:dynamodb:us-east-1:000000000000:table/ab"}`, one("Value 'arn:aws:dynamodb:us-east-1:000000000000:table/ab' at 'tableName'" + mmh + "length greater than or equal to 3"), ""},
	{"CreateTable", `{"TableName":"arn:aws:dynamodb:us-east-1:000000000000:table/abc"}`, "", ""},
	{"PutItem", `{"Item":{}}`, one(noName), ""},
	{"PutItem", `{}`, many(noName, "Value null at 'item' failed to satisfy constraint: Member must not be null"), ""},
	{"PutItem", `{"TableName":"","Item":{}}`, one("Value '' at 'tableName'" + mmh + "length greater than or equal to 1"), one("Value at 'TableName'" + mmh + "length greater than or equal to 1")},
	{"PutItem", `{"TableName":"","Item":{},"ReturnConsumedCapacity":"X"}`, one("Value '' at 'tableName'" + mmh + "length greater than or equal to 1"), one("Value at 'TableName'" + mmh + "length greater than or equal to 1")},
	{"GetItem", `{"TableName":"","Key":{}}`, one("Value '' at 'tableName'" + mmh + "length greater than or equal to 1"), ""},
	{"PutItem", `{"TableName":"bad table!@#","Item":{}}`, one("Value 'bad table!@#' at 'tableName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+"), ""},
	{"PutItem", `{"TableName":"` + strings.Repeat("a", 256) + `","Item":{}}`, one("Value '" + strings.Repeat("a", 256) + "' at 'tableName'" + mmh + "length less than or equal to 255"), ""},
	{"PutItem", `{"TableName":"abc","Item":{},"ReturnValues":"X","ReturnConsumedCapacity":"X","ReturnItemCollectionMetrics":"X"}`,
		many(badCapacity, badReturn, badMetrics), many(badCapacity, returnValuesNow, badMetrics)},
	{"DeleteItem", `{"TableName":"abc","Key":{},"ReturnValues":"X","ReturnConsumedCapacity":"X"}`, many(badCapacity, badReturn), many(badCapacity, returnValuesNow)},
	{"UpdateItem", `{"TableName":"abc","Key":{},"ReturnValues":"X","ReturnConsumedCapacity":"X"}`, many(badCapacity, badReturn), one(returnValuesNow)},
	{"UpdateItem", `{"TableName":""}`, many("Value '' at 'tableName'"+mmh+"length greater than or equal to 1", "Value null at 'key' failed to satisfy constraint: Member must not be null"), ""},
	{"UpdateItem", `{"TableName":"abc","ReturnValues":"X","ReturnConsumedCapacity":"X"}`, many(badCapacity, badReturn, "Value null at 'key' failed to satisfy constraint: Member must not be null"), ""},
	{"UpdateItem", `{"TableName":"abc","Key":{},"ConditionalOperator":"XOR"}`, one("Value 'XOR' at 'conditionalOperator' failed to satisfy constraint: Member must satisfy enum value set: [OR, AND]"), ""},
	{"PutItem", `{"TableName":"abc","Item":{},"Expected":{"a":{"ComparisonOperator":"X"}}}`,
		one("Value 'X' at 'expected.a.member.comparisonOperator' failed to satisfy constraint: Member must satisfy enum value set: [EQ, NE, IN, LE, LT, GE, GT, BETWEEN, NOT_NULL, NULL, CONTAINS, NOT_CONTAINS, BEGINS_WITH]"), ""},

	{"Query", `{"TableName":"abc","ConditionalOperator":"XOR","Select":"X"}`,
		many("Value 'X' at 'select' failed to satisfy constraint: Member must satisfy enum value set: [SPECIFIC_ATTRIBUTES, COUNT, ALL_ATTRIBUTES, ALL_PROJECTED_ATTRIBUTES]", "Value 'XOR' at 'conditionalOperator' failed to satisfy constraint: Member must satisfy enum value set: [OR, AND]"),
		"Failed to satisfy constraint: Member must satisfy enum value set: [ALL, OR]"},
	{"Query", `{"TableName":"abc","Select":"X"}`, one("Value 'X' at 'select' failed to satisfy constraint: Member must satisfy enum value set: [SPECIFIC_ATTRIBUTES, COUNT, ALL_ATTRIBUTES, ALL_PROJECTED_ATTRIBUTES]"), ""},
	{"Query", `{"TableName":"abc","Limit":0}`, one("Value at 'Limit'" + mmh + "value greater than or equal to 1"), ""},
	{"Scan", `{"TableName":"abc","Limit":0}`, one("Value '0' at 'limit'" + mmh + "value greater than or equal to 1"), ""},

	{"CreateTable", `{}`, nameNeeded, ""},
	{"CreateTable", `{"TableName":"ab"}`, one("Value 'ab' at 'tableName'" + mmh + "length greater than or equal to 3"), ""},
	{"CreateTable", `{"TableName":"","KeySchema":[],"AttributeDefinitions":[]}`, one("Value '' at 'tableName'" + mmh + "length greater than or equal to 3"), ""},
	{"CreateTable", `{"TableName":"abc","KeySchema":[{"AttributeName":"pk","KeyType":"HASH"},{"AttributeName":"a","KeyType":"RANGE"},{"AttributeName":"b","KeyType":"RANGE"}]}`,
		one("Value '[KeySchemaElement(attributeName=pk, keyType=HASH), KeySchemaElement(attributeName=a, keyType=RANGE), KeySchemaElement(attributeName=b, keyType=RANGE)]' at 'keySchema'" + mmh + "length less than or equal to 2"), ""},
	{"CreateTable", `{"TableName":"abc","KeySchema":[{"AttributeName":"pk","KeyType":"INVALID"}]}`, one("Value 'INVALID' at 'keySchema.1.member.keyType' failed to satisfy constraint: Member must satisfy enum value set: [HASH, RANGE]"), ""},
	{"CreateTable", `{"TableName":"abc","AttributeDefinitions":[{"AttributeName":"pk","AttributeType":"INVALID"}]}`, one("Value 'INVALID' at 'attributeDefinitions.1.member.attributeType' failed to satisfy constraint: Member must satisfy enum value set: [B, N, S]"), ""},
	{"CreateTable", `{"TableName":"abc","BillingMode":"X"}`, one("Value 'X' at 'billingMode' failed to satisfy constraint: Member must satisfy enum value set: [PROVISIONED, PAY_PER_REQUEST]"), ""},
	{"CreateTable", `{"TableName":"abc","LocalSecondaryIndexes":[{"IndexName":"l1","KeySchema":[{"AttributeName":"a","KeyType":"HASH"}],"Projection":{}}],"GlobalSecondaryIndexes":[{"IndexName":"g1","KeySchema":[{"AttributeName":"a","KeyType":"HASH"}],"Projection":{}}]}`,
		many("Value 'g1' at 'globalSecondaryIndexes.1.member.indexName'"+mmh+"length greater than or equal to 3", "Value 'l1' at 'localSecondaryIndexes.1.member.indexName'"+mmh+"length greater than or equal to 3"), ""},
	{"CreateTable", `{"TableName":"abc","ProvisionedThroughput":{"ReadCapacityUnits":0}}`,
		many("Value null at 'provisionedThroughput.writeCapacityUnits' failed to satisfy constraint: Member must not be null", "Value '0' at 'provisionedThroughput.readCapacityUnits'"+mmh+"value greater than or equal to 1"), ""},

	{"BatchGetItem", `{}`, one("Value null at 'requestItems' failed to satisfy constraint: Member must not be null"), ""},
	{"BatchGetItem", `{"RequestItems":{}}`, "The requestItems parameter is required for BatchGetItem", one("Value at 'RequestItems'" + mmh + "length greater than or equal to 1")},
	{"BatchGetItem", `{"RequestItems":{"tab":{"Keys":[]}}}`, one("Value at 'RequestItems.tab.member.Keys'" + mmh + "length greater than or equal to 1"), ""},
	{"BatchGetItem", `{"RequestItems":{"tab":{"Keys":[{}` + strings.Repeat(",{}", 100) + `]}}}`, one("Value at 'RequestItems.tab.member.Keys'" + mmh + "length less than or equal to 100"), ""},
	{"BatchGetItem", `{"RequestItems":{"bad!name":{"Keys":[{"pk":{"S":"a"}}]}}}`,
		one(`Value '{"bad!name":{"Keys":[{"pk":{"S":"a"}}]}}' at 'requestItems' failed to satisfy constraint: Map keys must satisfy constraint: [Member must have length less than or equal to 255, Member must have length greater than or equal to 3, Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+]`), ""},
	{"BatchGetItem", `{"RequestItems":{"b!":{"Keys":[{}]}},"ReturnConsumedCapacity":"X"}`,
		many(`Value '{"b!":{"Keys":[{}]}}' at 'requestItems' failed to satisfy constraint: Map keys must satisfy constraint: [Member must have length less than or equal to 255, Member must have length greater than or equal to 3, Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+]`, badCapacity), ""},
	{"BatchWriteItem", `{"RequestItems":{}}`, "The requestItems parameter is required for BatchWriteItem", ""},
	{"BatchWriteItem", `{"RequestItems":{"tab":[]}}`,
		one("Value '{tab=[]}' at 'requestItems' failed to satisfy constraint: Map value must satisfy constraint: [Member must have length less than or equal to 25, Member must have length greater than or equal to 1]"), ""},
	{"BatchWriteItem", `{"RequestItems":{"b!":[{"DeleteRequest":{"Key":{}}}]},"ReturnConsumedCapacity":"X"}`, one(badCapacity), ""},

	{"TransactWriteItems", `{"TransactItems":[]}`, one("Value '[]' at 'transactItems'" + mmh + "length greater than or equal to 1"), one("Value at 'TransactItems'" + mmh + "length greater than or equal to 1")},
	{"TransactGetItems", `{"TransactItems":[]}`, one("Value '[]' at 'transactItems'" + mmh + "length greater than or equal to 1"), one("Value at 'TransactItems'" + mmh + "length greater than or equal to 1")},
	{"TransactWriteItems", `{"TransactItems":[{}],"ReturnConsumedCapacity":"X","ReturnItemCollectionMetrics":"X"}`, many(badCapacity, badMetrics), ""},
	{"TransactWriteItems", `{"TransactItems":[{}],"ReturnConsumedCapacity":"X","ClientRequestToken":"` + strings.Repeat("x", 37) + `"}`,
		many("Value '"+strings.Repeat("x", 37)+"' at 'clientRequestToken'"+mmh+"length less than or equal to 36", badCapacity), one("Value at 'ClientRequestToken'" + mmh + "length less than or equal to 36")},
	{"TransactWriteItems", `{"TransactItems":[{"Put":{"TableName":"abc"}}]}`, one("Value null at 'transactItems.1.member.put.item' failed to satisfy constraint: Member must not be null"), ""},
	{"StartBulkPutItems", `{"TableName":"abc","InputS3Configuration":{"S3Bucket":"b1","InputFormat":"CSV"},"OutputS3Configuration":{"OutputType":["X"]},"MaxWriteRequestUnits":5}`,
		many("Value 'CSV' at 'inputS3Configuration.inputFormat' failed to satisfy constraint: Member must satisfy enum value set: [DYNAMODB_JSON, ION]",
			"Value 'X' at 'outputS3Configuration.outputType.1.member' failed to satisfy constraint: Member must satisfy enum value set: [ERROR, CONDITION_CHECK_FAILURE]",
			"Value '5' at 'maxWriteRequestUnits'"+mmh+"value greater than or equal to 1024"), ""},
	{"ImportTable", `{"S3BucketSource":{"S3Bucket":"-"},"InputFormat":"CSV","TableCreationParameters":{"TableName":"abc","AttributeDefinitions":[],"KeySchema":[{"AttributeName":"a","KeyType":"HASH"}]}}`,
		one("Value '-' at 's3BucketSource.s3Bucket' failed to satisfy constraint: Member must satisfy regular expression pattern: ^[a-z0-9A-Z]+[\\.\\-\\w]*[a-z0-9A-Z]+$"), ""},
}

// TestEchoIsBounded: no text repeats a large request.
func TestEchoIsBounded(t *testing.T) {
	long := strings.Repeat("ü", 1<<20)
	put := `{"PutRequest":{"Item":{"pk":{"S":"` + long + `"},"l":{"L":[` + strings.TrimSuffix(strings.Repeat(`{"N":"1"},`, 10_000), ",") + `]}}}}`
	for op, text := range map[string]string{
		"BatchWriteItem":     `{"RequestItems":{"tab":[` + put + strings.Repeat(","+put, 25) + `]}}`,
		"BatchGetItem":       `{"RequestItems":{"bad!name":{"Keys":[{"pk":{"S":"` + long + `"}}]}}}`,
		"PutItem":            `{"TableName":"` + long + `","Item":{}}`,
		"TransactWriteItems": `{"TransactItems":[{}` + strings.Repeat(",{}", 50_000) + `]}`,
	} {
		var v Violations
		in := inputs[op]()
		decode(t, in, text)
		in.Validate(&v)
		e := v.Error(ddberr.Older)
		if e == nil || len(e.Message) > 32<<10 || !strings.Contains(e.Message, "…") || !utf8.ValidString(e.Message) {
			t.Errorf("%s: %d bytes: %.200v", op, len(e.Message), e)
		}
		if op == "BatchWriteItem" && !strings.HasSuffix(e.Message, "…]}' at 'requestItems' failed to satisfy constraint: Map value must satisfy constraint: [Member must have length less than or equal to 25, Member must have length greater than or equal to 1]") {
			t.Errorf("%s: ends …%s", op, e.Message[len(e.Message)-300:])
		}
	}
}

func TestViolations(t *testing.T) {
	for _, tt := range violationTests {
		var v Violations
		decode(t, inputs[tt.op](), tt.text).Validate(&v)
		now := tt.now
		if now == "" {
			now = tt.older
		}
		for style, want := range map[ddberr.Style]string{ddberr.Older: tt.older, ddberr.Bare: now, ddberr.Enveloped: now} {
			got := ""
			if err := v.Error(style); err != nil {
				got = err.Message
			}
			if got != want {
				t.Errorf("%s %.200s, style %d\n got %s\nwant %s", tt.op, tt.text, style, got, want)
			}
		}
	}
}

func TestAtMostTenViolations(t *testing.T) {
	text := `{"TableName":"abc","KeySchema":[{"AttributeName":"a","KeyType":"X"}` + strings.Repeat(`,{}`, 500) + `]}`
	var v Violations
	decode(t, new(CreateTableInput), text).Validate(&v)
	got := v.Error(ddberr.Older).Message
	if !strings.HasPrefix(got, "10 validation errors detected: ") || strings.Count(got, "; ") != 9 {
		t.Errorf("got %.300s", got)
	}
}

func TestEcho(t *testing.T) {
	item := `{"pk":{"S":"a"},"n":{"N":"1.50"},"b":{"B":"AQI="},"l":{"L":[{"BOOL":true},{"NULL":true}]},"m":{"M":{"x":{"SS":["p","q"]}}}}`
	text := `{"RequestItems":{"tab":[{"PutRequest":{"Item":` + item + `}}` + strings.Repeat(`,{"DeleteRequest":{"Key":{}}}`, 25) + `]}}`
	var v Violations
	decode(t, new(BatchWriteItemInput), text).Validate(&v)
	got := v.Error(ddberr.Older).Message
	for _, want := range []string{
		"Value '{tab=[WriteRequest(putRequest=PutRequest(item={b=AttributeValue(s=null, n=null, b=AQI=, ",
		"n=AttributeValue(s=null, n=1.5, ", "l=[AttributeValue(", "bOOL=true)", "nULL=true", "m={x=AttributeValue(", "sS=[p, q]",
		"), WriteRequest(putRequest=null, deleteRequest=DeleteRequest(key={}))]}' at 'requestItems'",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in %s", want, got)
		}
	}
}

func TestLength(t *testing.T) {
	if tooLong("aé😀", 4) || !tooLong("aé😀", 3) || tooShort("😀", 2) || !tooShort("é", 2) {
		t.Error("length is not counted in UTF-16 units")
	}
}

// TestPatterns compiles every pattern; none accepts a NUL.
func TestPatterns(t *testing.T) {
	n := 0
	for _, r := range textRules {
		if r.pattern == nil {
			continue
		}
		n++
		if r.pattern.text != `^[^\$]+$` && r.pattern.match("a\x00") {
			t.Errorf("pattern %s", r.pattern.text)
		}
	}
	if n < 8 {
		t.Errorf("%d patterns", n)
	}
	for text, r := range map[string]*textRule{"a b": &textMin1Max256Like54c3a7a1, "é😀\n": &textMin1Max1600Likef6999193} {
		if !r.pattern.match(text) {
			t.Errorf("%q does not match %s", text, r.pattern.text)
		}
	}
}
