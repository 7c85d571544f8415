package api_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/statordb/stator"
)

// page is one answer of ExecuteStatement.
type page struct {
	Items            []map[string]map[string]string
	NextToken        string
	LastEvaluatedKey map[string]any
}

// execute runs a statement and returns the answer, or the error's line.
func execute(t *testing.T, srv *stator.Server, request map[string]any) (page, string) {
	t.Helper()
	body, err := json.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	text := call(t, srv, "ExecuteStatement", string(body))
	var p page
	if json.Unmarshal([]byte(text), &p) != nil {
		return p, strings.TrimSpace(text)
	}
	return p, ""
}

// executeAll follows the tokens of a SELECT and returns all sort keys.
func executeAll(t *testing.T, srv *stator.Server, statement string, limit int) (keys []string, pages int) {
	t.Helper()
	request := map[string]any{"Statement": statement}
	if limit > 0 {
		request["Limit"] = limit
	}
	for {
		p, failed := execute(t, srv, request)
		if failed != "" {
			t.Fatalf("%s: %s", statement, failed)
		}
		pages++
		if limit > 0 && len(p.Items) > limit {
			t.Fatalf("%s: %d items on a page of %d", statement, len(p.Items), limit)
		}
		for _, item := range p.Items {
			keys = append(keys, item["pk"]["S"]+item["sk"]["N"])
		}
		if p.NextToken == "" {
			return keys, pages
		}
		request["NextToken"] = p.NextToken
	}
}

// statementTable makes a table with the items a0 … a29 and b0 … b29.
func statementTable(t *testing.T) *stator.Server {
	srv := open(t, "")
	call(t, srv, "CreateTable", `{"TableName": "Tab", "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}, {"AttributeName": "sk", "AttributeType": "N"}, {"AttributeName": "g", "AttributeType": "N"}],
		"KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}], "BillingMode": "PAY_PER_REQUEST",
		"GlobalSecondaryIndexes": [{"IndexName": "one", "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}], "Projection": {"ProjectionType": "ALL"}},
			{"IndexName": "two", "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}], "Projection": {"ProjectionType": "ALL"}}]}`)
	for _, pk := range []string{"a", "b"} {
		for sk := range 30 {
			statement := fmt.Sprintf(`INSERT INTO "Tab" VALUE {'pk': '%s', 'sk': %d, 'g': %d}`, pk, sk, sk%2)
			if _, failed := execute(t, srv, map[string]any{"Statement": statement}); failed != "" {
				t.Fatal(failed)
			}
		}
	}
	return srv
}

// TestStatementPages reads by key, by ranges, by lists of keys and everything,
// in pages of several sizes: the items and their order do not depend on it.
func TestStatementPages(t *testing.T) {
	srv := statementTable(t)
	list := make([]string, 30)
	for i := range list {
		list[i] = fmt.Sprint(29 - i)
	}
	for _, c := range []struct {
		where string
		items int
	}{
		{"", 60},
		{" WHERE pk = 'a'", 30},
		{" WHERE pk = 'a' ORDER BY sk DESC", 30},
		{" WHERE pk IN ['b', 'a'] AND sk < 7", 14},
		{" WHERE pk = 'a' AND sk IN [" + strings.Join(list, ", ") + "]", 30},
		{" WHERE pk IN ['a', 'b'] AND (sk < 5 OR sk > 20) ORDER BY pk DESC, sk DESC", 28},
		{" WHERE pk = 'a' AND g = 1", 15},
		{" WHERE g = 1", 30},
	} {
		whole, _ := executeAll(t, srv, `SELECT * FROM "Tab"`+c.where, 0)
		if len(whole) != c.items {
			t.Errorf("%q: %d items, want %d", c.where, len(whole), c.items)
		}
		for _, limit := range []int{1, 3, 29, 100} {
			paged, pages := executeAll(t, srv, `SELECT * FROM "Tab"`+c.where, limit)
			if !slices.Equal(paged, whole) {
				t.Errorf("%q in pages of %d: %v, want %v", c.where, limit, paged, whole)
			}
			if least := (c.items + limit - 1) / limit; pages < least {
				t.Errorf("%q: %d pages of %d", c.where, pages, limit)
			}
		}
	}
}

// TestStatementListPages: ten keys of a list are on one page.
func TestStatementListPages(t *testing.T) {
	srv := statementTable(t)
	keys, pages := executeAll(t, srv, `SELECT * FROM "Tab" WHERE pk = 'a' AND sk IN [0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24]`, 0)
	if len(keys) != 25 || pages != 3 {
		t.Errorf("%d items on %d pages, want 25 on 3", len(keys), pages)
	}
}

// TestNextTokenScope: a token is for one statement, its parameters and its
// index, and for nobody who changes it.
func TestNextTokenScope(t *testing.T) {
	srv := statementTable(t)
	const invalid = "ValidationException: The provided NextToken is invalid"
	statement, parameter := `SELECT * FROM "Tab"."one" WHERE g = ?`, []any{map[string]any{"N": "1"}}
	first, failed := execute(t, srv, map[string]any{"Statement": statement, "Parameters": parameter, "Limit": 2})
	if failed != "" || first.NextToken == "" || len(first.LastEvaluatedKey) != 3 {
		t.Fatalf("%+v %s", first, failed)
	}
	request := map[string]any{"Statement": statement, "Parameters": parameter, "NextToken": first.NextToken}
	if next, failed := execute(t, srv, request); failed != "" || len(next.Items) != 28 {
		t.Fatalf("the second page has %d items, want 28. %s", len(next.Items), failed)
	}
	raw, err := base64.URLEncoding.DecodeString(first.NextToken)
	if err != nil {
		t.Fatal(err)
	}
	changed := []string{"x", base64.URLEncoding.EncodeToString(raw[:len(raw)-1])}
	for i := range raw {
		raw[i] ^= 1
		changed = append(changed, base64.URLEncoding.EncodeToString(raw))
		raw[i] ^= 1
	}
	for _, token := range changed {
		request["NextToken"] = token
		if _, failed := execute(t, srv, request); failed != invalid {
			t.Errorf("token %q: %s", token, failed)
		}
	}
	request["NextToken"] = first.NextToken
	for member, other := range map[string]any{
		"Statement":  `SELECT * FROM "Tab"."two" WHERE g = ?`,
		"Parameters": []any{map[string]any{"N": "0"}},
	} {
		kept := request[member]
		request[member] = other
		if _, failed := execute(t, srv, request); failed != invalid {
			t.Errorf("other %s: %s", member, failed)
		}
		request[member] = kept
	}
}
