package bench

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/wire"
)

// parsed reads a request as a server does.
func parsed(t *testing.T, r *request) (target string, body []byte) {
	t.Helper()
	req, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(r.bytes)))
	if err != nil {
		t.Fatal(err)
	}
	if body, err = io.ReadAll(req.Body); err != nil || int64(len(body)) != req.ContentLength {
		t.Fatalf("body of %d bytes, Content-Length %d: %v", len(body), req.ContentLength, err)
	}
	if !json.Valid(body) {
		t.Fatalf("not JSON: %s", body)
	}
	return req.Header.Get("X-Amz-Target"), body
}

func TestRequests(t *testing.T) {
	d := newDataset("", 100, 1024)
	source := texts{d.pool, newRand(1)}
	for _, c := range []struct{ operation, key string }{
		{"GetItem", `"pk":{"S":"p00000004"},"sk":{"N":"2"}`},
		{"ExecuteStatement", `[{"S":"p00000004"},{"N":"2"}]`},
		{"PutItem", `"pk":{"S":"p00000004"},"sk":{"N":"2"}`},
		{"UpdateItem", `"pk":{"S":"p00000004"},"sk":{"N":"2"}`},
		{"Scan", `"pk":{"S":"p00000004"},"sk":{"N":"2"}`},
		{"Query", `":p":{"S":"p00000004"}`},
		{"TransactWriteItems", `"pk":{"S":"p00000004"},"sk":{"N":"3"},"gk":{"S":"g00000007"}`}, // the second of 2
		{"BatchWriteItem", `"pk":{"S":"p00000006"},"sk":{"N":"6"}`},                            // the last of 25
	} {
		r := newRequest("localhost:1", c.operation, d.body(c.operation))
		r.setItem(42, 100)
		r.setTexts(&source)
		target, body := parsed(t, r)
		if target != "DynamoDB_20120810."+c.operation || !bytes.Contains(body, []byte(c.key)) {
			t.Errorf("%s: %s", target, body)
		}
		if string(r.digits()) != "00000004" {
			t.Errorf("%s: partition %s", target, r.digits())
		}
	}
}

// TestGroups checks that each group has ten items, in distinct partitions
// where there are enough, and that the Query through the index asks for it.
func TestGroups(t *testing.T) {
	for _, n := range []int{10, 20, 90, 100, 110, 1230} {
		items, partitions := map[int]int{}, map[[2]int]bool{}
		for i := range n {
			items[group(i, n)]++
			partitions[[2]int{group(i, n), i / perPartition}] = true
		}
		for g, count := range items {
			if g >= n/perPartition || count != perPartition {
				t.Errorf("of %d items %d are in group %d", n, count, g)
			}
		}
		if n >= 100 && len(partitions) != n {
			t.Errorf("of %d items some of one group share a partition", n)
		}
	}
	d := newDataset("", 100, 1024).with(indexed)
	r := newRequest("localhost:1", "Query", d.body("Query"))
	r.setItem(42, 100)
	_, body := parsed(t, r)
	if !bytes.Contains(body, []byte(`":g":{"S":"g00000006"}`)) || string(r.digits()) != "00000006" {
		t.Errorf("group %s: %s", r.digits(), body)
	}
}

// TestBatchWraps checks that a batch at the end of the items goes on with the
// first.
func TestBatchWraps(t *testing.T) {
	d := newDataset("", 30, 100)
	r := newRequest("localhost:1", "BatchWriteItem", d.body("BatchWriteItem"))
	r.setItem(29, 30)
	_, body := parsed(t, r)
	first := strings.Index(string(body), `"pk":{"S":"p00000002"},"sk":{"N":"9"}`)
	second := strings.Index(string(body), `"pk":{"S":"p00000000"},"sk":{"N":"0"}`)
	if first < 0 || second < first {
		t.Errorf("items at %d and %d", first, second)
	}
}

// TestItemBytes checks that items have the size asked for.
func TestItemBytes(t *testing.T) {
	for _, size := range []int{100, 1024, 1025, 1033, 5000} {
		d := newDataset("", 100, size)
		_, body := parsed(t, newRequest("localhost:1", "PutItem", d.body("PutItem")))
		item := body[bytes.Index(body, []byte(`"Item":`))+len(`"Item":`):]
		var in attr.InputItem
		if err := in.Decode(wire.NewScanner(item)); err != nil {
			t.Fatal(err)
		}
		// The zero sort key counts one byte less than other numbers.
		if got := in.Item.Size(); got < size-1 || got > size {
			t.Errorf("item of %d bytes, want %d", got, size)
		}
	}
}

// TestAnswered checks that wrong answers are noticed.
func TestAnswered(t *testing.T) {
	d := newDataset("", 100, 100)
	long := strings.Repeat("x", 2000)
	for _, c := range []struct {
		operation, body string
		want            bool
	}{
		{"GetItem", `{"Item":{"field9":{"S":"` + long + `"},"pk":{"S":"p00000004"}}}`, true},
		{"GetItem", `{"Item":{"field9":{"S":"` + long + `"},"pk":{"S":"p00000005"}}}`, false},
		{"GetItem", `{}`, false},
		{"ExecuteStatement", `{"Items":[{"field9":{"S":"` + long + `"},"pk":{"S":"p00000004"}}]}`, true},
		{"ExecuteStatement", `{"Items":[]}`, false},
		{"PutItem", `{}`, true},
		{"PutItem", ``, false},
		{"UpdateItem", `{"x":1}`, false},
		{"Query", `{"Count":10,"Items":[` + long + `"p00000004"`, true},
		{"Query", `{"Count":9,"Items":[` + long + `"p00000004"`, false},
		{"Scan", `{"Count":0,"Items":[],"ScannedCount":0}`, true},
		{"Scan", `{"Count":0}`, false},
		{"TransactWriteItems", `{}`, true},
		{"TransactWriteItems", `{"x":1}`, false},
		{"BatchWriteItem", `{"UnprocessedItems":{}}`, true},
		{"BatchWriteItem", `{"UnprocessedItems":{"t":[]}}`, false},
	} {
		r := newRequest("localhost:1", c.operation, d.body(c.operation))
		r.setItem(42, 100)
		if got := d.answered(r, []byte(c.body)); got != c.want {
			t.Errorf("%s %.60s: %v", c.operation, c.body, got)
		}
	}
}
