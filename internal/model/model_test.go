package model

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/wire"
)

// shape is what every generated structure does; request what a request does.
type shape interface {
	Decode(s *wire.Scanner) error
	AppendJSON(dst []byte) []byte
}

type request interface {
	shape
	Validate(v *Violations)
}

func decode[S shape](t testing.TB, into S, text string) S {
	t.Helper()
	if err := into.Decode(wire.NewScanner([]byte(text))); err != nil {
		t.Fatalf("decode %s: %v", text, err)
	}
	return into
}

func TestOperations(t *testing.T) {
	if !slices.IsSortedFunc(Operations, func(a, b Operation) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("Operations are not sorted")
	}
	count := map[Service]int{}
	for _, op := range Operations {
		count[op.Service]++
		if inputs[op.Name] == nil {
			t.Errorf("no request for %s", op.Name)
		}
	}
	if count[DynamoDB] != 62 || count[Streams] != 4 || len(inputs) != len(Operations) {
		t.Errorf("got %v, %d requests", count, len(inputs))
	}
}

// fill sets everything in v to values that differ from zero values. n bounds
// the depth of structures that contain themselves.
func fill(v reflect.Value, n int) {
	item := attr.NewItem(attr.Attribute{Name: "pk", Value: attr.String("a\"b")})
	switch v.Interface().(type) {
	case attr.InputItem:
		v.Set(reflect.ValueOf(attr.InputItem{Item: item, Given: true}))
		return
	case attr.InputValue:
		v.Set(reflect.ValueOf(attr.InputValue{Value: attr.String("v")}))
		return
	case attr.Item:
		v.Set(reflect.ValueOf(item))
		return
	case attr.Value:
		v.Set(reflect.ValueOf(attr.String("v")))
		return
	case Timestamp:
		v.SetInt(1700000000123)
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString("text \u2028\n")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int64:
		v.SetInt(1<<53 + 1)
	case reflect.Float64:
		v.SetFloat(1234567890.5)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n-1)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			fill(v.Index(i), n-1)
		}
		if key := v.Index(0); key.Kind() == reflect.Struct && key.FieldByName("Key").IsValid() && key.FieldByName("Key").Kind() == reflect.String {
			key.FieldByName("Key").SetString("first")
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if n > 0 {
				fill(v.Field(i), n)
			}
		}
	}
}

func TestRoundTrip(t *testing.T) {
	for name, make := range structures {
		for _, full := range []bool{false, true} {
			in := make()
			if full {
				fill(reflect.ValueOf(in).Elem(), 9)
			}
			text := in.AppendJSON([]byte("x"))[1:]
			if !json.Valid(text) {
				t.Errorf("%s: not JSON: %s", name, text)
				continue
			}
			if again := decode(t, make(), string(text)); !reflect.DeepEqual(in, again) {
				t.Errorf("%s: decoded otherwise\n%s\n%s", name, text, again.AppendJSON(nil))
			}
		}
	}
}

func TestEveryMemberIsWritten(t *testing.T) {
	for name, make := range structures {
		in := make()
		v := reflect.ValueOf(in).Elem()
		fill(v, 9)
		var members map[string]json.RawMessage
		if err := json.Unmarshal(in.AppendJSON(nil), &members); err != nil || len(members) != v.NumField() {
			t.Errorf("%s: %d of %d members written, error %v", name, len(members), v.NumField(), err)
		}
	}
}

func TestAbsentAndEmpty(t *testing.T) {
	tests := []struct {
		into shape
		text string
		want string // as encoded again
	}{
		{new(PutItemInput), `{}`, `{}`},
		{new(PutItemInput), `{"TableName":null,"Item":null,"Expected":null}`, `{}`},
		{new(PutItemInput), `{"TableName":"","Item":{},"Expected":{},"Unknown":[1,{"a":null}]}`, `{"TableName":"","Item":{},"Expected":{}}`},
		{new(GetItemOutput), `{"Item":{}}`, `{"Item":{}}`},
		{new(QueryInput), `{"Limit":3.9,"ScanIndexForward":false}`, `{"Limit":3,"ScanIndexForward":false}`},
		{new(BatchGetItemInput), `{"RequestItems":{"b":{"Keys":[]},"a":{},"b":{"ConsistentRead":true}}}`, `{"RequestItems":{"b":{"ConsistentRead":true},"a":{}}}`},
		{new(BatchGetItemOutput), `{"Responses":{"t":[]},"UnprocessedKeys":{}}`, `{"Responses":{"t":[]},"UnprocessedKeys":{}}`},
		{new(ConsumedCapacity), `{"CapacityUnits":2,"Table":{"CapacityUnits":0.5}}`, `{"CapacityUnits":2.0,"Table":{"CapacityUnits":0.5}}`},
		{new(TableDescription), `{"CreationDateTime":1.700000000123E9}`, `{"CreationDateTime":1700000000.123}`},
		{new(TableDescription), `{"CreationDateTime":-1.5}`, `{"CreationDateTime":-1.5}`},
		{new(TagResourceInput), `{"Tags":[null,{"Key":"k"}]}`, `{"Tags":[{},{"Key":"k"}]}`},
	}
	for _, tt := range tests {
		if got := string(decode(t, tt.into, tt.text).AppendJSON(nil)); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.text, got, tt.want)
		}
	}
}

func TestManyEntries(t *testing.T) {
	text := []byte(`{"ExpressionAttributeNames":{"#n":"first"`)
	for i := range 1000 {
		text = append(text, `,"#`...)
		text = append(text, strings.Repeat("n", i%100+1)...)
		text = append(text, `":"a"`...)
	}
	in := decode(t, new(GetItemInput), string(append(text, `}}`...)))
	if n := len(in.ExpressionAttributeNames); n != 100 {
		t.Errorf("got %d entries", n)
	}
	if first := in.ExpressionAttributeNames[0]; first.Key != "#n" || first.Value != "a" {
		t.Errorf("got %v", first)
	}
}

func TestTypeErrors(t *testing.T) {
	tests := []struct{ op, text, want string }{
		{"PutItem", `{"TableName":1}`, "NUMBER_VALUE cannot be converted to String"},
		{"PutItem", `{"TableName":true}`, "TRUE_VALUE cannot be converted to String"},
		{"PutItem", `{"Expected":[]}`, "Unrecognized collection type java.util.Map<java.lang.String, com.amazonaws.dynamodb.v20120810.ExpectedAttributeValue>"},
		{"Query", `{"Limit":"x"}`, "STRING_VALUE cannot be converted to Integer"},
		{"Query", `{"ExpressionAttributeNames":[]}`, "Unrecognized collection type java.util.Map<java.lang.String, java.lang.String>"},
		{"CreateTable", `{"KeySchema":{}}`, "Start of structure or map found where not expected"},
		{"CreateTable", `{"KeySchema":[[]]}`, "Unrecognized collection type class com.amazonaws.dynamodb.v20120810.KeySchemaElement"},
		{"CreateTable", `{"ProvisionedThroughput":{"ReadCapacityUnits":"x"}}`, "STRING_VALUE cannot be converted to Long"},
		{"BatchWriteItem", `{"RequestItems":[]}`, "Unrecognized collection type java.util.Map<java.lang.String, java.util.List<com.amazonaws.dynamodb.v20120810.WriteRequest>>"},
		{"PutItem", `{"TableName":"a"`, ""},
	}
	for _, tt := range tests {
		err := inputs[tt.op]().Decode(wire.NewScanner([]byte(tt.text)))
		var e *ddberr.Error
		if !errors.As(err, &e) || e.Code != "SerializationException" || e.Message != tt.want {
			t.Errorf("%s %s: got %v, want %q", tt.op, tt.text, err, tt.want)
		}
	}
}

func TestTooManyElements(t *testing.T) {
	text := `{"KeySchema":[{}` + strings.Repeat(",{}", maxElements) + `]}`
	if err := new(CreateTableInput).Decode(wire.NewScanner([]byte(text))); err == nil {
		t.Error("no error")
	}
}

func TestTimestamp(t *testing.T) {
	at := time.Date(2026, 5, 4, 3, 2, 1, 987654321, time.UTC)
	if got := TimestampOf(at).Time(); !got.Equal(at.Truncate(time.Millisecond)) {
		t.Errorf("got %v", got)
	}
	for ms, want := range map[Timestamp]string{0: "0", 1: "0.001", 1700000000120: "1700000000.12", 1700000000000: "1700000000", -1: "-0.001"} {
		if got := string(appendTimestamp(&ms, nil)); got != want {
			t.Errorf("%d: got %s, want %s", ms, got, want)
		}
	}
}
