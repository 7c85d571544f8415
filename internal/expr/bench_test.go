package expr

import (
	"testing"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/wire"
)

func benchRequest(b *testing.B, values string, names ...Name) Request {
	r := Request{Names: names, NamesGiven: len(names) > 0}
	if err := r.Values.Decode(wire.NewScanner([]byte(values))); err != nil {
		b.Fatal(err)
	}
	return r
}

func benchParse(b *testing.B, r Request) {
	b.Helper()
	b.ReportAllocs()
	for b.Loop() {
		if _, f := Parse(r); f != nil {
			b.Fatal(f)
		}
	}
}

func text(s string) *string { return &s }

func BenchmarkParseCondition(b *testing.B) {
	r := benchRequest(b, `{":v":{"N":"1"},":s":{"S":"active"}}`, Name{"#st", "status"})
	r.Condition = text("attribute_exists(pk) AND ver = :v AND #st = :s")
	benchParse(b, r)
}

func BenchmarkParseUpdate(b *testing.B) {
	r := benchRequest(b, `{":v":{"N":"1"},":s":{"S":"active"},":z":{"N":"0"}}`, Name{"#st", "status"})
	r.Update = text("SET #st = :s, hits = if_not_exists(hits, :z) + :v REMOVE lease")
	benchParse(b, r)
}

func BenchmarkParseKeyCondition(b *testing.B) {
	r := benchRequest(b, `{":p":{"S":"user#1"},":s":{"S":"order#"}}`)
	r.KeyCondition = text("pk = :p AND begins_with(sk, :s)")
	benchParse(b, r)
}

func BenchmarkParseProjection(b *testing.B) {
	r := Request{Names: []Name{{"#n", "name"}}, NamesGiven: true, Projection: text("pk, sk, #n, address.city")}
	benchParse(b, r)
}

const benchItem = `{"pk":{"S":"user#1"},"sk":{"S":"order#7"},"ver":{"N":"1"},"status":{"S":"active"},"hits":{"N":"41"},"lease":{"N":"9"},"tags":{"SS":["a","b","c"]},"address":{"M":{"city":{"S":"Bonn"},"zip":{"S":"53111"}}}}`

func benchParsed(b *testing.B, r Request) (*Parsed, attr.Item) {
	p, f := Parse(r)
	if f != nil {
		b.Fatal(f)
	}
	b.ReportAllocs()
	return p, decodeItem(b, benchItem)
}

func BenchmarkEval(b *testing.B) {
	r := benchRequest(b, `{":v":{"N":"1"},":s":{"S":"active"},":t":{"S":"c"},":n":{"N":"2"}}`, Name{"#st", "status"})
	r.Condition = text("attribute_exists(pk) AND ver = :v AND #st = :s AND contains(tags, :t) AND size(tags) > :n")
	p, item := benchParsed(b, r)
	for b.Loop() {
		if !p.Condition.Eval(item) {
			b.Fatal("false")
		}
	}
}

func TestEvalAllocates(t *testing.T) {
	r := fuzzRequest(t, KindFilter, "a = :s AND b > :n AND contains(e, d.c) OR size(c) < b AND begins_with(a, :s) AND a IN (:n, :s) AND d.b[0] BETWEEN :n AND b")
	p, f := parseLoose(r)
	if f != nil {
		t.Fatal(f)
	}
	item := decodeItem(t, fuzzItem)
	if n := testing.AllocsPerRun(100, func() { p.Condition.Eval(item) }); n != 0 {
		t.Errorf("Eval allocates %v times", n)
	}
}

func BenchmarkApply(b *testing.B) {
	r := benchRequest(b, `{":v":{"N":"1"},":s":{"S":"idle"},":z":{"N":"0"}}`, Name{"#st", "status"})
	r.Update = text("SET #st = :s, hits = if_not_exists(hits, :z) + :v REMOVE lease")
	p, item := benchParsed(b, r)
	for b.Loop() {
		if _, f := p.Update.Apply(item); f != nil {
			b.Fatal(f)
		}
	}
}

func BenchmarkApplyNested(b *testing.B) {
	r := benchRequest(b, `{":s":{"S":"Köln"}}`)
	r.Update = text("SET address.city = :s")
	p, item := benchParsed(b, r)
	for b.Loop() {
		if _, f := p.Update.Apply(item); f != nil {
			b.Fatal(f)
		}
	}
}

func BenchmarkProject(b *testing.B) {
	p, item := benchParsed(b, Request{Names: []Name{{"#st", "status"}}, NamesGiven: true, Projection: text("pk, sk, #st")})
	for b.Loop() {
		p.Projection.Apply(item)
	}
}
