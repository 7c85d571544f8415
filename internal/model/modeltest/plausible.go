package modeltest

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// plausible writes values that mean something, by structure and member or by
// shape.
var plausible map[string]func(*Generator)

func init() {
	plausible = map[string]func(*Generator){
		"TableArn":                     (*Generator).tableName,
		"TableName":                    (*Generator).tableName,
		"ResourceArnString":            (*Generator).tableARN,
		"IndexName":                    (*Generator).indexName,
		"AttributeName":                (*Generator).attributeName,
		"KeySchemaAttributeName":       (*Generator).attributeName,
		"NonKeyAttributeName":          (*Generator).attributeName,
		"AttributeValue":               (*Generator).attributeValue,
		"Key":                          (*Generator).key,
		"PutItemInputAttributeMap":     (*Generator).item,
		"BatchGetRequestMap":           perTable("KeysAndAttributes"),
		"BatchWriteItemRequestMap":     perTable("WriteRequests"),
		"QueryInput.KeyConditions":     (*Generator).keyConditions,
		"QueryInput.ExclusiveStartKey": (*Generator).startKey,
		"ScanInput.ExclusiveStartKey":  (*Generator).startKey,
		"ScanInput.Segment":            (*Generator).segment,
		"Condition":                    (*Generator).condition,
		"ExpectedAttributeValue":       (*Generator).condition,

		"KeySchema":            (*Generator).keySchema,
		"AttributeDefinitions": (*Generator).attributeDefinitions,
		"Projection":           (*Generator).projection,
		"StreamSpecification":  (*Generator).streamSpecification,
		"GetShardIteratorInput.ShardIteratorType": (*Generator).iteratorType,
		"BillingMode":             (*Generator).billingMode,
		"PositiveLongObject":      func(g *Generator) { g.raw(strconv.Itoa(1 + g.rand.IntN(50))) },
		"PositiveIntegerObject":   func(g *Generator) { g.raw(strconv.Itoa(1 + g.rand.IntN(5))) },
		"TimeToLiveAttributeName": func(g *Generator) { g.text("ttl") },

		"ConditionExpression":         func(g *Generator) { g.text(g.conditions(3)) },
		"KeyExpression":               func(g *Generator) { g.text(g.keyExpression()) },
		"UpdateExpression":            func(g *Generator) { g.text(g.updates()) },
		"ProjectionExpression":        func(g *Generator) { g.text(g.paths()) },
		"ExpressionAttributeNameMap":  func(g *Generator) { g.placeholders(g.scope.names) },
		"ExpressionAttributeValueMap": func(g *Generator) { g.placeholders(g.scope.values) },
		"PartiQLStatement":            (*Generator).statement,

		"ClientRequestToken": func(g *Generator) { g.text("token" + strconv.Itoa(g.rand.IntN(10))) },
		"PartiQLNextToken":   func(g *Generator) { g.known("NextToken", "token") },
		"NextTokenString":    func(g *Generator) { g.known("NextToken", "token") },
		"StreamArn":          (*Generator).streamARN,
		"BackupArn":          (*Generator).backupARN,
		"BackupName":         func(g *Generator) { g.text("backup" + strconv.Itoa(g.rand.IntN(10))) },
		"RestoreTableFromBackupInput.TargetTableName":    (*Generator).targetTable,
		"RestoreTableToPointInTimeInput.TargetTableName": (*Generator).targetTable,
		"TableCreationParameters.TableName":              (*Generator).targetTable,
		"ExportArn": func(g *Generator) {
			g.known("ExportArn", "arn:aws:dynamodb:us-east-1:123456789012:table/nothing/export/01793534400000-0123abcd")
		},
		"ImportArn": func(g *Generator) {
			g.known("ImportArn", "arn:aws:dynamodb:us-east-1:123456789012:table/nothing/import/01793534400000-0123abcd")
		},
		"BulkOperationArn": func(g *Generator) {
			g.known("BulkOperationArn", "arn:aws:dynamodb:us-east-1:123456789012:table/nothing/bulk-operation/01793534400000-0123abcd")
		},
		"ClientToken":                    func(g *Generator) { g.text("token" + strconv.Itoa(g.rand.IntN(10))) },
		"S3BucketOwner":                  func(g *Generator) { g.text("123456789012") },
		"BulkOperationWriteRequestUnits": func(g *Generator) { g.raw(strconv.Itoa(1024 + g.rand.IntN(50))) },
		"ExportNextToken":                func(g *Generator) { g.known("NextToken", "token") },
		"ImportNextToken":                func(g *Generator) { g.known("NextToken", "token") },
		"S3Bucket":                       func(g *Generator) { g.text(pick(g, []string{"files", "files", "files", "nothing"})) },
		"S3Prefix":                       func(g *Generator) { g.text(pick(g, []string{"", "in/", "in/1", "out", "a//b"})) },
		"KinesisStreamingDestinationInput.StreamArn":       (*Generator).dataStream,
		"UpdateKinesisStreamingDestinationInput.StreamArn": (*Generator).dataStream,
		"ResourcePolicy":   (*Generator).policy,
		"PolicyRevisionId": func(g *Generator) { g.known("RevisionId", "NO_POLICY") },
		"ShardId":          func(g *Generator) { g.known("ShardId", "shardId-00000000000000000000-00000000") },
		"ShardIterator":    func(g *Generator) { g.known("ShardIterator", "iterator") },
		"SequenceNumber":   func(g *Generator) { g.known("SequenceNumber", "000000000000000000001") },
	}
}

func (g *Generator) tableName() {
	if g.chance(75) {
		g.table = pick(g, designs)
	}
	switch {
	case g.chance(2):
		g.text("nothing")
	case g.chance(5):
		g.tableARN()
	default:
		g.text(g.table.name)
	}
}

func (g *Generator) tableARN() {
	g.text("arn:aws:dynamodb:us-east-1:123456789012:table/" + pick(g, designs).name)
}

func (g *Generator) indexName() {
	g.index = pick(g, indexes)
	g.text(g.index.name)
}

func (g *Generator) attributeName() { g.text(pick(g, attributes)) }

// known writes a value that an answer held, or else, now and then, another.
func (g *Generator) known(member, other string) {
	if kept := g.learned[member]; len(kept) > 0 && g.chance(95) {
		g.raw(pick(g, kept))
		return
	}
	g.text(other)
}

func (g *Generator) streamARN() {
	g.known("StreamArn", "arn:aws:dynamodb:us-east-1:123456789012:table/"+g.table.name+"/stream/2026-11-01T12:00:00.000")
}

func (g *Generator) backupARN() {
	g.known("BackupArn", "arn:aws:dynamodb:us-east-1:123456789012:table/"+g.table.name+"/backup/01793534400000-0123abcd")
}

// targetTable writes the name of a table that may not be there.
func (g *Generator) targetTable() { g.text("copy" + strconv.Itoa(g.rand.IntN(100))) }

// dataStream writes the ARN of a Kinesis data stream.
func (g *Generator) dataStream() {
	g.text("arn:aws:kinesis:us-east-1:123456789012:stream/" + pick(g, []string{"changes", "changes", "more"}))
}

// policy writes a resource policy that allows or denies one action.
func (g *Generator) policy() {
	g.text(fmt.Sprintf(`{"Version":"2012-10-17","Statement":{"Effect":%q,"Principal":{"AWS":%q},"Action":"dynamodb:%s","Resource":"*"}}`,
		pick(g, []string{"Allow", "Deny"}), pick(g, []string{"*", "123456789012"}), pick(g, []string{"GetItem", "Batch*", "*"})))
}

// perTable returns what writes the requests of a batch, by table.
func perTable(shape string) func(*Generator) {
	return func(g *Generator) {
		order := g.rand.Perm(len(designs))[:1+g.rand.IntN(2)]
		g.object(len(order), func() {
			g.table, order = designs[order[0]], order[1:]
			g.text(g.table.name)
			g.raw(":")
			g.value("", "", shape)
		})
	}
}

// startKey writes the key that a page began behind.
func (g *Generator) startKey() {
	if kept := g.learned["LastEvaluatedKey"]; len(kept) > 0 && g.chance(60) {
		g.raw(pick(g, kept))
		return
	}
	g.attributeMap(unique(append(pickSome(g, attributes[:7], 2), g.table.key...)))
}

// segment writes a segment and the number of them.
func (g *Generator) segment() {
	total := 1 + g.rand.IntN(4)
	g.raw(strconv.Itoa(g.rand.IntN(total)), `,"TotalSegments":`, strconv.Itoa(total))
}

// operands says how many values a comparison has.
var operands = map[string]int{"BETWEEN": 2, "NULL": 0, "NOT_NULL": 0, "IN": 3}

// condition writes a condition from before expressions.
func (g *Generator) condition() {
	op := pick(g, g.shapes["ComparisonOperator"].Enum)
	n, found := operands[op]
	if !found {
		n = 1
	}
	typ := pick(g, places[:3])
	g.raw(`{"ComparisonOperator":`)
	g.text(op)
	g.raw(`,"AttributeValueList":`)
	g.list(n, func() { g.typedValue(typ) })
	g.raw("}")
}

// keyConditions writes the KeyConditions of a query of the table.
func (g *Generator) keyConditions() {
	g.raw("{", quote(g.table.key[0]), `:{"ComparisonOperator":"EQ","AttributeValueList":[`)
	g.keyValue(types[g.table.key[0]])
	g.raw("]}")
	if len(g.table.key) > 1 && g.chance(50) {
		g.raw(",", quote(g.table.key[1]), ":")
		g.condition()
	}
	g.raw("}")
}

// keySchema writes the key schema of the index being described, or of the
// table.
func (g *Generator) keySchema() {
	hash, sort := g.table.key[:1], g.table.key[1:]
	if x := g.index; x != nil {
		sort = x.sort
		if !x.local {
			hash = x.hash
		}
	}
	role := "HASH"
	g.each(slices.Concat(hash, sort), func(name string) {
		if slices.Contains(sort, name) {
			role = "RANGE"
		}
		g.scope.defined[name] = true
		g.raw(`{"AttributeName":`)
		g.text(name)
		g.raw(`,"KeyType":`)
		g.text(role)
		g.raw("}")
	})
}

// attributeDefinitions writes the types of the attributes of the key schemas.
func (g *Generator) attributeDefinitions() {
	g.each(slices.Sorted(maps.Keys(g.scope.defined)), func(name string) {
		g.raw(`{"AttributeName":`)
		g.text(name)
		g.raw(`,"AttributeType":`)
		g.text(types[name])
		g.raw("}")
	})
}

func (g *Generator) billingMode() {
	if g.provisioned {
		g.text("PROVISIONED")
	} else {
		g.text("PAY_PER_REQUEST")
	}
}

// projection writes what an index holds.
func (g *Generator) projection() {
	kind := pick(g, g.shapes["ProjectionType"].Enum)
	g.raw(`{"ProjectionType":`)
	g.text(kind)
	if kind == "INCLUDE" || g.faulty() {
		g.raw(`,"NonKeyAttributes":`)
		g.each(pickSome(g, attributes[4:], 2), g.text)
	}
	g.raw("}")
}

func (g *Generator) streamSpecification() {
	if g.chance(30) {
		g.raw(`{"StreamEnabled":false}`)
		return
	}
	g.raw(`{"StreamEnabled":true,"StreamViewType":`)
	g.text(pick(g, g.shapes["StreamViewType"].Enum))
	g.raw("}")
}

// iteratorType writes where to begin reading, and the sequence number if one
// is needed.
func (g *Generator) iteratorType() {
	kind := pick(g, g.shapes["ShardIteratorType"].Enum)
	g.text(kind)
	if strings.HasSuffix(kind, "SEQUENCE_NUMBER") && !g.faulty() {
		g.raw(`,"SequenceNumber":`)
		g.value("", "", "SequenceNumber")
	}
}

// placeholders writes what the expressions of a structure use.
func (g *Generator) placeholders(used map[string]string) {
	if g.chance(2) {
		used[pick(g, []string{"#unused", ":unused", "x", ""})] = `"a"`
	}
	var members []string
	for _, name := range slices.Sorted(maps.Keys(used)) {
		members = append(members, fmt.Sprintf("%s:%s", quote(name), used[name]))
	}
	g.raw("{", strings.Join(members, ","), "}")
}
