package audit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// maxBody is how long a body may be to be read for a record, and
	// maxParameters how long what is told of it. (CloudTrail user guide,
	// "CloudTrail record contents".)
	maxBody       = 512 << 10
	maxParameters = 100 << 10

	// redacted stands for a value.
	redacted = "***(Redacted)"
)

var null = json.RawMessage("null")

// parameters returns what a record tells of a body, which is about tables. It is null
// for what is not a JSON object.
func parameters(operation string, body []byte, values bool, tables ...Resource) json.RawMessage {
	if len(body) == 0 {
		return null
	}
	if len(body) > maxBody {
		return omitted(len(body))
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var in map[string]any
	if err := d.Decode(&in); err != nil || in == nil {
		return null
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(teller{values, IsData(operation), tables}.request(operation, in)); err != nil {
		return null
	}
	if b.Len() > maxParameters {
		return omitted(b.Len())
	}
	return bytes.TrimSpace(b.Bytes())
}

func omitted(size int) json.RawMessage {
	return fmt.Appendf(nil, `{"omitted":true,"originalSize":%d,"reason":"it is too large"}`, size)
}

// teller makes of requests what records tell of them.
type teller struct {
	values bool // keys have their values
	data   bool // it is about items: a Key and a Value are never those of a tag
	tables []Resource
}

// request tells a request: its members in lower camel case. Transactions and
// batches of statements are lists of what they do. (Developer guide,
// "Understanding DynamoDB log file entries".)
func (t teller) request(operation string, in map[string]any) map[string]any {
	out := t.object(in)
	if operation == "PutItem" {
		t.addKey(out, in)
	}
	for _, list := range []string{"TransactItems", "Statements", "TransactStatements"} {
		if items, ok := in[list].([]any); ok && (strings.HasPrefix(operation, "Transact") || strings.HasPrefix(operation, "BatchExecute") || operation == "ExecuteTransaction") {
			delete(out, lowerFirst(list))
			out["requestItems"] = t.items(items)
		}
	}
	return out
}

// items tells the parts of a transaction, {"Put": {…}}, each as an object that
// has its operation, and statements as they are.
func (t teller) items(items []any) []any {
	out := make([]any, 0, len(items))
	for _, item := range items {
		o, ok := item.(map[string]any)
		if !ok {
			continue
		}
		if _, statement := o["Statement"]; statement {
			out = append(out, t.object(o))
			continue
		}
		for _, operation := range slices.Sorted(maps.Keys(o)) {
			one, ok := o[operation].(map[string]any)
			if !ok {
				continue
			}
			told := t.object(one)
			if names, put := told["item"]; put {
				delete(told, "item")
				told["items"] = names
				t.addKey(told, one)
			}
			told["operation"] = operation
			out = append(out, told)
		}
	}
	return out
}

// addKey adds to what is told of a put the key of its item, as a Key is told.
// (Developer guide, "Understanding DynamoDB log file entries".)
func (t teller) addKey(told, put map[string]any) {
	item, _ := put["Item"].(map[string]any)
	name, _ := put["TableName"].(string)
	key := map[string]any{}
	for i := range t.tables {
		if !t.tables[i].isTable(name) {
			continue
		}
		for _, attribute := range t.tables[i].Key {
			if value, has := item[attribute]; has {
				key[attribute] = value
			}
		}
	}
	if len(key) > 0 {
		told["key"] = t.key(key)
	}
}

// object tells an object whose members are the API's.
func (t teller) object(in map[string]any) map[string]any {
	out := map[string]any{}
	for name, value := range in {
		if told, shown := t.member(name, value); shown {
			out[lowerFirst(name)] = told
		}
	}
	return out
}

// left are members that are never told: values, and secrets.
var left = map[string]bool{
	"ExpressionAttributeValues": true, "AttributeValueList": true, "Parameters": true,
	"SecretAccessKey": true, "SessionToken": true, "WebIdentityToken": true, "TokenCode": true,
}

// named are members whose own members have names of users: tables, attributes, tags,
// placeholders.
var named = map[string]bool{
	"RequestItems": true, "ExpressionAttributeNames": true, "Expected": true, "AttributeUpdates": true,
	"KeyConditions": true, "QueryFilter": true, "ScanFilter": true, "PrincipalTags": true, "incomingTransitiveTags": true,
}

// member tells a member; shown is false for one that is left out.
func (t teller) member(name string, value any) (told any, shown bool) {
	switch name {
	case "Item", "Attributes":
		return names(value), true
	case "Key", "ExclusiveStartKey", "LastEvaluatedKey":
		if _, isText := value.(string); !isText || t.data {
			return t.key(value), true
		}
	case "Keys":
		if list, ok := value.([]any); ok {
			return t.keys(list), true
		}
	case "Value":
		if _, isText := value.(string); !isText || t.data {
			return nil, false
		}
	case "NextToken":
		return redacted, true
	case "Statement":
		text, _ := value.(string)
		return statement(text), true
	}
	if left[name] {
		return nil, false
	}
	if o, ok := value.(map[string]any); ok && named[name] {
		out := map[string]any{}
		for name, value := range o {
			out[name] = t.value(value)
		}
		return out, true
	}
	return t.value(value), true
}

// value tells a value of the API, whatever it is. What looks like the value of
// an attribute is not told.
func (t teller) value(value any) any {
	switch v := value.(type) {
	case map[string]any:
		if isAttributeValue(v) {
			return redacted
		}
		return t.object(v)
	case []any:
		out := make([]any, len(v))
		for i, one := range v {
			out[i] = t.value(one)
		}
		return out
	}
	return value
}

var attributeTypes = []string{"S", "N", "B", "SS", "NS", "BS", "M", "L", "BOOL", "NULL"}

func isAttributeValue(o map[string]any) bool {
	for name := range o {
		return len(o) == 1 && slices.Contains(attributeTypes, name)
	}
	return false
}

// names tells an item.
func names(item any) any {
	o, ok := item.(map[string]any)
	if !ok {
		return redacted
	}
	return slices.Sorted(maps.Keys(o))
}

// key tells a key: plain values by name, if they may be told.
func (t teller) key(key any) any {
	o, ok := key.(map[string]any)
	if !ok {
		return redacted
	}
	out := map[string]any{}
	for name, value := range o {
		out[name] = redacted
		if typed, ok := value.(map[string]any); ok && t.values && isAttributeValue(typed) {
			for _, plain := range typed {
				out[name] = plain
			}
		}
	}
	return out
}

func (t teller) keys(keys []any) []any {
	out := make([]any, len(keys))
	for i, key := range keys {
		out[i] = t.key(key)
	}
	return out
}

// lowerFirst returns a name of the API in lower camel case.
func lowerFirst(name string) string {
	first, n := utf8.DecodeRuneInString(name)
	return string(unicode.ToLower(first)) + name[n:]
}

// statement tells a PartiQL statement without its literals. What it cannot read
// is taken for one.
func statement(text string) string {
	var b strings.Builder
	for text != "" {
		n := 1
		switch c := text[0]; {
		case c == '\'' || c == '`':
			n = quoted(text, c)
			b.WriteString(redacted)
		case c == '"':
			n = quoted(text, c)
			b.WriteString(text[:n])
		case isWord(c):
			for n < len(text) && (isWord(text[n]) || text[n] == '.' && text[0] >= '0' && text[0] <= '9') {
				n++
			}
			b.WriteString(word(text[:n]))
		default:
			b.WriteByte(c)
		}
		text = text[n:]
	}
	return b.String()
}

// word tells a name or a keyword, and not a number nor a truth value.
func word(text string) string {
	if text[0] >= '0' && text[0] <= '9' || strings.EqualFold(text, "true") || strings.EqualFold(text, "false") {
		return redacted
	}
	return text
}

func isWord(c byte) bool {
	return c == '_' || c == '$' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c >= utf8.RuneSelf
}

// quoted returns how long what is in quotes is, at the start of text; a doubled
// quote does not end it.
func quoted(text string, quote byte) int {
	for i := 1; i < len(text); i++ {
		if text[i] != quote {
			continue
		}
		if i+1 == len(text) || text[i+1] != quote {
			return i + 1
		}
		i++
	}
	return len(text)
}
