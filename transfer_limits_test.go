package stator_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/statordb/stator"
	"github.com/statordb/stator/internal/patience"
)

// One import more than fifty is refused while they are under way, and taken when
// one of them is over.
func TestTooManyImports(t *testing.T) {
	t.Parallel()
	answer := make(chan struct{})
	s3 := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-answer:
		case <-r.Context().Done():
		}
		http.Error(w, "<Error><Code>AccessDenied</Code></Error>", http.StatusForbidden)
	}))
	defer s3.Close()
	srv, err := stator.Open(stator.Config{S3Endpoint: s3.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	db := newClient(srv.URL())
	begin := func(n int) error {
		_, err := db.ImportTable(t.Context(), &dynamodb.ImportTableInput{
			InputFormat: types.InputFormatDynamodbJson, S3BucketSource: &types.S3BucketSource{S3Bucket: aws.String("files")},
			TableCreationParameters: &types.TableCreationParameters{
				TableName: aws.String(fmt.Sprintf("table%d", n)), BillingMode: types.BillingModePayPerRequest,
				AttributeDefinitions: []types.AttributeDefinition{defined("pk", "S")}, KeySchema: keyAttributes("pk", "")[:1],
			},
		})
		return err
	}
	for n := range 50 {
		if err := begin(n); err != nil {
			t.Fatal(err)
		}
	}
	if got := code(begin(50)); got != "LimitExceededException" {
		t.Errorf("the import after fifty: %q", got)
	}
	close(answer)
	patience.Until(t, func() bool { return begin(51) == nil }, "an import is taken again")
}
