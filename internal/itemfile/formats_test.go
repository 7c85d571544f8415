package itemfile

import (
	"fmt"
	"strings"
	"testing"

	"github.com/statordb/stator/internal/attr"
)

// shown is what a record is, as text.
func shown(r Record) string {
	switch {
	case r.Err != nil:
		return "error: " + r.Err.Error()
	case r.Change != nil:
		return fmt.Sprintf("change: %d %s %s %s", r.Change.Written, r.Change.Keys.AppendJSON(nil), r.Change.Old.AppendJSON(nil), r.Change.New.AppendJSON(nil))
	case r.Put != nil:
		return fmt.Sprintf("%s if %s %v %s", r.Item.AppendJSON(nil), *r.Put.Condition, r.Put.Names, r.Put.Values.Item.AppendJSON(nil))
	}
	return string(r.Item.AppendJSON(nil))
}

func check(t *testing.T, o Options, file string, want ...string) {
	t.Helper()
	var got []string
	for _, r := range readAll(t, strings.NewReader(file), o) {
		got = append(got, shown(r))
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%q is read as\n%s\nnot\n%s", file, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

const (
	itemX  = `{"pk":{"S":"x"}}`
	broken = "error: the record is not well-formed"
	noItem = "error: the record has no Item"
	badIon = "error: the record is not well-formed Ion text"
	noType = "error: the record has a value of an Ion type that DynamoDB does not have"
	short  = "error: the record ends in the middle of a value"
)

func TestJSON(t *testing.T) {
	o := Options{Format: JSON}
	line := `{"Item":` + itemX + `}`
	check(t, o, "\n \n"+line+"\r\n"+line, itemX, itemX)
	check(t, o, "\xef\xbb\xbf"+line, itemX)
	check(t, o, ` { "Other" : [1,{"a":null}] , "Item" : {} , "Item" : `+itemX+` } `, itemX)
	for _, bad := range []string{"{", "xyz", line + line, line + "x", `{"Item":{"pk":{"S":"x"}}`, "{\"Item\":{\"pk\":{\"S\":\"\xff\"}}}", `{"Item":{"pk":{"S":"\u12"}}}`} {
		check(t, o, bad+"\n"+line, broken, itemX)
	}
	check(t, o, "{}\n"+itemX+"\n"+`{"Metadata":{"WriteTimestampMicros":{"N":"1"}}}`, noItem, noItem, noItem)
	check(t, o, `[1]`, "error: Unrecognized collection type class com.amazonaws.dynamodb.v20120810.Record")
	check(t, o, `{"Item":{"pk":{"N":"1x"}}}`, "error: The parameter cannot be converted to a numeric value: 1x")
	check(t, o, `{"Item":{"pk":{}}}`, "error: Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")
	check(t, o, `{"Item":{"pk":{"SS":[]}}}`, "error: One or more parameter values were invalid: An string set  may not be empty")
	check(t, o, `{"Item":{"pk":{"NS":["1","1.0"]}}}`, "error: One or more parameter values were invalid: Input collection contains duplicates.")
	check(t, o, `{"Item":{"pk":{"B":"xx"}}}`, "error: Base64 encoded length is expected a multiple of 4 bytes but found: 2")
	check(t, o, `{"Metadata":{"WriteTimestampMicros":{"N":"1684374845117899"}},"Keys":`+itemX+`,"NewImage":`+itemX+`}`,
		`change: 1684374845117899 `+itemX+` {} `+itemX)
	check(t, o, `{"Item":`+itemX+`,"ConditionExpression":"#a < :v","ExpressionAttributeNames":{"#a":"b","#a":"c"},"ExpressionAttributeValues":{":v":{"N":"1"}}}`,
		itemX+` if #a < :v [{#a c}] {":v":{"N":"1"}}`)
	check(t, o, strings.Repeat(`{"Record":`, 1_000_000), broken)
	check(t, o, strings.Repeat(`{"Item":{"a":{"M":`, 100_000), broken)
}

func TestIon(t *testing.T) {
	o := Options{Format: Ion}
	line := `$ion_1_0 {Item:{pk:"x"}}`
	check(t, o, line+"\n\n"+line+" "+line+"\r\n// nothing\n{Item:{pk:\"x\"}}", itemX, itemX, itemX, itemX)
	check(t, o, "$ion_1_0 {\n  Item: { // the item\n    'pk' : '''x''', /* } */\n  }\n}\n"+line, itemX, itemX)
	check(t, o, `{"Item":{"pk":"x"}}`, itemX)
	check(t, o, `{Item:{a:'''one''' // two`+"\n"+`'''two\`+"\n"+`three'''}}`, `{"a":{"S":"onetwothree"}}`)
	for ion, json := range map[string]string{
		`"a\"\\\n\x41\u00e9\U0001f600\ud83d\ude00\0\/\'\?"`: `{"S":"a\"\\\nAé😀😀\u0000/'?"}`,
		"\"tab\there\"": `{"S":"tab\there"}`,
		"''''''":        `{"S":""}`,
		"103.":          `{"N":"103"}`, "6d2": `{"N":"600"}`, "-1.50D-1": `{"N":"-0.15"}`, "0.": `{"N":"0"}`, "1_000.5": `{"N":"1000.5"}`, "-7": `{"N":"-7"}`, "2d+3": `{"N":"2000"}`,
		"true": `{"BOOL":true}`, "false": `{"BOOL":false}`, "null": `{"NULL":true}`, "null.string": `{"NULL":true}`,
		"{{ aGV s bG8= }}": `{"B":"aGVsbG8="}`, "{{}}": `{"B":""}`,
		"[1.,[],{},]": `{"L":[{"N":"1"},{"L":[]},{"M":{}}]}`, "{a:1.,'b c':2.,\"d\":3.,}": `{"M":{"a":{"N":"1"},"b c":{"N":"2"},"d":{"N":"3"}}}`,
		`$dynamodb_SS::["b","a"]`: `{"SS":["a","b"]}`, "$dynamodb_NS :: [2d0,1.]": `{"NS":["1","2"]}`, "$dynamodb_BS::[{{YQ==}}]": `{"BS":["YQ=="]}`,
		`other::'an other'::"x"`: `{"S":"x"}`,
	} {
		check(t, o, "{Item:{v:"+ion+"}}", `{"v":`+json+`}`)
	}
	for _, other := range []string{"1e0", "0x1F", "0b1", "2026-11-21", "2026T", "nan", "+inf", "symbol", "'a symbol'", "(s exp)", `{{"clob"}}`, "$10"} {
		check(t, o, "{Item:{v:"+other+"}}\n"+line, noType, itemX)
	}
	for _, bad := range []string{`{Item:{v:01.}}`, `{Item:{v:"\q"}}`, `{Item:{v:"\ud800"}}`, `{Item:{v:"\Uffffffff"}}`, `{Item:{v:{{a\u0041==}}}}`, "{Item:{$10:1.}}",
		"{Item:{1:1.}}", "{Item:[1.]}", "{Item:{a:1. b:2.}}", "{Item:{a 1.}}", "[1.]", "symbol", "{Item:{v:$dynamodb_NS::[\"1\"]}}", `{Item:{v:"open}}`, "{Item:{v:'open}}", "{Item:{,}}"} {
		check(t, o, bad+"\n"+line, badIon, itemX)
	}
	for _, open := range []string{"{", "{Item:{a:[", "{Item", "{Item:", "{Item:{a:$dynamodb_SS", "{Item:{a:-", "{Item:{a:{{YQ=="} {
		check(t, o, open+"\n"+line+"\n", short, itemX)
	}
	check(t, o, "{Item:{a:'''open\n"+line, short)
	check(t, o, "/* open\n"+line, short)
	check(t, o, "{Item:{v:$dynamodb_SS::[]}}", "error: One or more parameter values were invalid: An string set  may not be empty")
	check(t, o, "{Item:{v:1d126}}", "error: Number overflow. Attempting to store a number with magnitude larger than supported range")
	check(t, o, strings.Repeat("{Item:{a:", 100_000), "error: Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond supported limit")
	check(t, o, `$ion_1_0 {Record:{Keys:{pk:"x"},Metadata:{WriteTimestampMicros:1684374845117899.},OldImage:{pk:"x"}}}`, `change: 1684374845117899 `+itemX+` `+itemX+` {}`)
	check(t, o, `{Item:{pk:"x"},ConditionExpression:"#a < :v",ExpressionAttributeNames:{'#a':"b"},ExpressionAttributeValues:{':v':1.}}`,
		itemX+` if #a < :v [{#a b}] {":v":{"N":"1"}}`)
}

func TestIonIsWrittenAsTheServiceDoes(t *testing.T) {
	var file strings.Builder
	w, err := NewWriter(&file, Ion, None)
	if err == nil {
		err = w.WriteItem(item("Authors", attr.Set(attr.SS, []attr.Value{attr.String("Author1"), attr.String("Author2")}), "Id", number(t, "103"),
			"InPublication", attr.Bool(false), "PageCount", number(t, "600"), "Price", number(t, "2000"), "a b", number(t, "0.5")))
	}
	if err == nil {
		err = w.Close()
	}
	const want = `$ion_1_0 {Item:{Authors:$dynamodb_SS::["Author1","Author2"],Id:103.,InPublication:false,PageCount:6d2,Price:2d3,'a b':0.5}}` + "\n"
	if err != nil || file.String() != want {
		t.Errorf("written: %s %v", file.String(), err)
	}
}

func TestCSV(t *testing.T) {
	o := Options{Format: CSV, CSV: CSVOptions{Types: map[string]attr.Type{"n": attr.N, "b": attr.B}}}
	check(t, o, "pk,n,b\nx,1.50,aGk=\r\n\ny,,\n", `{"b":{"B":"aGk="},"n":{"N":"1.5"},"pk":{"S":"x"}}`, `{"pk":{"S":"y"}}`)
	check(t, o, "\xef\xbb\xbfpk\nx", itemX)
	check(t, o, "pk\n")
	check(t, o, `"pk","a ""b"""`+"\n"+`"x","1,2"`, `{"a \"b\"":{"S":"1,2"},"pk":{"S":"x"}}`)
	check(t, o, "id,value\n\"\"\"123\"\"\",Women's Full \"\"Length\"\" Dress", `{"id":{"S":"\"123\""},"value":{"S":"Women's Full \"Length\" Dress"}}`)
	check(t, o, "pk,a\nx,\"one\r\ntwo \"\"\n\n\"\"\"\ny,z", `{"a":{"S":"one\r\ntwo \"\n\n\""},"pk":{"S":"x"}}`, `{"a":{"S":"z"},"pk":{"S":"y"}}`)
	check(t, o, "pk\nx,y\n", "error: the number of columns does not match the header")
	check(t, o, "pk,a\nx\n,\"\"", "error: the number of columns does not match the header", "{}")
	check(t, o, "pk,a\n\"x\"y,z\nx,\n", "error: a double quote has to be escaped with another one", itemX)
	check(t, o, "pk,a\nx,a \"b\" c\nx,\n", "error: a double quote has to be escaped with another one", itemX)
	check(t, o, "pk\n\"open\nand open", "error: a double quote has to be escaped with another one")
	check(t, o, "n\none\n2", "error: The parameter cannot be converted to a numeric value: one", `{"n":{"N":"2"}}`)
	check(t, o, "b\nx\n", `error: column "b" is not base64`)
	check(t, o, "pk\n\xff\nx", "error: the record is not UTF-8", itemX)
	for _, delimiter := range ",;:|\t " {
		with := Options{Format: CSV, CSV: CSVOptions{Delimiter: byte(delimiter), Header: []string{"pk", "a"}}}
		check(t, with, fmt.Sprintf("x%cy\n\"x%c\"%cy", delimiter, delimiter, delimiter),
			`{"a":{"S":"y"},"pk":{"S":"x"}}`, string(item("a", attr.String("y"), "pk", attr.String("x"+string(delimiter))).AppendJSON(nil)))
	}
}

func TestCSVHeaders(t *testing.T) {
	for _, header := range []string{"a,a\n", "a,,b\n", "\"a\n", "a\"b\n", "\xff\n"} {
		r, err := NewReader(strings.NewReader(header), Options{Format: CSV})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Read(); err == nil || !strings.HasPrefix(err.Error(), "the header: ") {
			t.Errorf("header %q: %v", header, err)
		}
	}
}

func FuzzJSON(f *testing.F) {
	f.Add([]byte(`{"Item":{"pk":{"S":"x"},"l":{"L":[{"N":"1"},{"M":{}}]},"ss":{"SS":["a"]}}}` + "\n{}"))
	f.Add([]byte(`{"Metadata":{"WriteTimestampMicros":{"N":"1"}},"Keys":{},"OldImage":{},"NewImage":{}}`))
	f.Add([]byte(`{"Item":{},"ConditionExpression":"a","ExpressionAttributeNames":{"#a":"b"},"ExpressionAttributeValues":{":v":{"N":"1"}}}`))
	f.Fuzz(func(t *testing.T, file []byte) { fuzz(t, file, Options{Format: JSON}) })
}

func FuzzIon(f *testing.F) {
	f.Add([]byte(`$ion_1_0 {Item:{a:$dynamodb_SS::["a"],'b':[1.,-2d3,true,null],c:{{YQ==}},d:'''x''',e:"\x41"}} // c`))
	f.Add([]byte("{\nItem:{a:'''x\n''',\n}}\n$ion_1_0 {Record:{Keys:{},Metadata:{},OldImage:{},NewImage:{}}}"))
	f.Add([]byte(`{Item:{},ConditionExpression:"a",ExpressionAttributeNames:{'#a':"b"},ExpressionAttributeValues:{':v':1.}}`))
	f.Fuzz(func(t *testing.T, file []byte) { fuzz(t, file, Options{Format: Ion}) })
}

func FuzzCSV(f *testing.F) {
	f.Add([]byte("pk,n,b\nx,1,aGk=\n\"x\ny\",,\n\"\"\"\",2,"), byte(','))
	f.Add([]byte("\"pk\"|n\r\nx|1\r\n"), byte('|'))
	f.Fuzz(func(t *testing.T, file []byte, delimiter byte) {
		fuzz(t, file, Options{Format: CSV, CSV: CSVOptions{Delimiter: delimiter, Types: map[string]attr.Type{"n": attr.N, "b": attr.B}}})
	})
}

// fuzz reads a file. Each item has to be sound, and the same when it is written
// and read again.
func fuzz(t *testing.T, file []byte, o Options) {
	r, err := NewReader(strings.NewReader(string(file)), o)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for {
		rec, err := r.Read()
		if err != nil {
			return
		}
		if rec.Err != nil || rec.Change != nil {
			continue
		}
		if err := attr.Verify(rec.Item.Stored()); err != nil {
			t.Fatalf("record %d: %v", rec.Index, err)
		}
		for _, format := range []Format{JSON, Ion} {
			var again strings.Builder
			w, err := NewWriter(&again, format, None)
			if err == nil {
				err = w.WriteItem(rec.Item)
			}
			if err == nil {
				err = w.Close()
			}
			if err != nil {
				t.Fatal(err)
			}
			read := readAll(t, strings.NewReader(again.String()), Options{Format: format})
			if len(read) != 1 || read[0].Err != nil || !read[0].Item.Equal(rec.Item) {
				t.Fatalf("record %d is not the same as %s", rec.Index, again.String())
			}
		}
	}
}

// TestBytes: whatever a record holds counts.
func TestBytes(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	for _, text := range []string{
		`{"Item":{"pk":{"S":"LONG"}}}`,
		`{"Keys":{"pk":{"S":"LONG"}}}`, `{"Keys":{},"OldImage":{"a":{"S":"LONG"}}}`, `{"Keys":{},"NewImage":{"a":{"S":"LONG"}}}`,
		`{"Item":{},"ConditionExpression":"LONG"}`, `{"Item":{},"ExpressionAttributeValues":{":v":{"S":"LONG"}}}`,
		`{"Item":{},"ExpressionAttributeNames":{"#n":"LONG"}}`, `{"Item":{},"ExpressionAttributeNames":{"#LONG":"n"}}`,
	} {
		r, err := NewReader(strings.NewReader(strings.Replace(text, "LONG", long, 1)), Options{Format: JSON})
		if err != nil {
			t.Fatal(err)
		}
		rec, err := r.Read()
		if err != nil {
			t.Fatal(err)
		}
		if n := rec.Bytes(); n < len(long) || n > len(long)+100 {
			t.Errorf("%s holds %d bytes", text, n)
		}
		r.Close()
	}
}
