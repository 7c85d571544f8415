package api

import (
	"slices"
	"strings"
	"testing"

	"github.com/statordb/stator/internal/patience"
	"github.com/statordb/stator/internal/table"
)

// TestReadsOfChangingIndex: an index that is being deleted is unknown to
// reads, and one that is being created cannot be read yet.
func TestReadsOfChangingIndex(t *testing.T) {
	a, _, _ := newFaulty(t)
	do(t, a, "CreateTable", `{"TableName":"indexed","AttributeDefinitions":[{"AttributeName":"pk","AttributeType":"S"},{"AttributeName":"g","AttributeType":"S"}],"KeySchema":[{"AttributeName":"pk","KeyType":"HASH"}],"BillingMode":"PAY_PER_REQUEST","GlobalSecondaryIndexes":[{"IndexName":"gsi","KeySchema":[{"AttributeName":"g","KeyType":"HASH"}],"Projection":{"ProjectionType":"ALL"}}]}`, 200)
	for _, c := range []struct {
		state table.IndexState
		want  string
	}{
		{table.IndexDeleting, "The table does not have the specified index"},
		{table.IndexCreating, "Cannot read from backfilling global secondary index: gsi"},
	} {
		if _, err := a.Engine.Change(t.Context(), "indexed", func(d *table.Descriptor) error {
			d.Index("gsi").State = c.state
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		for operation, body := range map[string]string{
			"Query":            `{"TableName":"indexed","IndexName":"gsi","KeyConditionExpression":"g = :g","ExpressionAttributeValues":{":g":{"S":"x"}}}`,
			"Scan":             `{"TableName":"indexed","IndexName":"gsi"}`,
			"ExecuteStatement": `{"Statement":"SELECT * FROM indexed.gsi WHERE g = 'x'"}`,
		} {
			if got := string(a.Do(t.Context(), nil, operation, []byte(body), nil).Body); !strings.Contains(got, c.want) {
				t.Errorf("%s: got %s", operation, got)
			}
		}
	}
}

// TestDefinitionsGoWithTheirIndex: the definition of an attribute goes with
// the last index that uses it (sheet of 2026, 5).
func TestDefinitionsGoWithTheirIndex(t *testing.T) {
	a, _, _ := newFaulty(t)
	const index = `{"IndexName":"%s","KeySchema":[{"AttributeName":"%s","KeyType":"HASH"},{"AttributeName":"b","KeyType":"RANGE"}],"Projection":{"ProjectionType":"ALL"}}`
	do(t, a, "CreateTable", `{"TableName":"indexed","AttributeDefinitions":[{"AttributeName":"pk","AttributeType":"S"},{"AttributeName":"one","AttributeType":"S"},{"AttributeName":"two","AttributeType":"S"},{"AttributeName":"b","AttributeType":"S"}],"KeySchema":[{"AttributeName":"pk","KeyType":"HASH"}],"BillingMode":"PAY_PER_REQUEST","GlobalSecondaryIndexes":[`+strings.ReplaceAll(index, "%s", "one")+`,`+strings.ReplaceAll(index, "%s", "two")+`]}`, 200)
	do(t, a, "UpdateTable", `{"TableName":"indexed","GlobalSecondaryIndexUpdates":[{"Delete":{"IndexName":"one"}}]}`, 200)
	patience.Until(t, func() bool { return len(a.Engine.Catalog.Get("indexed").Indexes) == 1 }, "an index that is gone")
	var names []string
	for _, d := range a.Engine.Catalog.Get("indexed").Attributes {
		names = append(names, d.Name)
	}
	slices.Sort(names)
	if !slices.Equal(names, []string{"b", "pk", "two"}) {
		t.Errorf("defined: %v", names)
	}
}
