package stator_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/statordb/stator"
	"github.com/statordb/stator/internal/patience"
)

// TestBucketsOfAccounts imports what the caller may read in S3, and no other
// account's buckets.
func TestBucketsOfAccounts(t *testing.T) {
	p := newPeople(t, map[string]string{
		"admin": allow("*:*", ""), "other": allow("dynamodb:* s3:*", ""), "plain": allow("dynamodb:*", ""),
		"mine": `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["dynamodb:*", "s3:ListBucket"], "Resource": "*"},
			{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::files/mine/*"}]}`,
	})
	dir := t.TempDir()
	for _, name := range []string{"mine", "private"} {
		if err := os.MkdirAll(filepath.Join(dir, "files", name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "files", name, "a.json"), []byte(`{"Item":{"pk":{"S":"a"}}}`), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	srv := p.serve(func(c *stator.Config) { c.BucketDir = dir })
	begin := func(user, prefix string) (*types.ImportTableDescription, error) {
		out, err := p.client(srv, user).ImportTable(t.Context(), &dynamodb.ImportTableInput{
			S3BucketSource: &types.S3BucketSource{S3Bucket: aws.String("files"), S3KeyPrefix: &prefix}, InputFormat: types.InputFormatDynamodbJson,
			TableCreationParameters: &types.TableCreationParameters{TableName: aws.String("Imported-" + user), BillingMode: types.BillingModePayPerRequest,
				AttributeDefinitions: stringKeys("pk"), KeySchema: keySchema("pk", "")[:1]},
		})
		if err != nil {
			return nil, err
		}
		d := out.ImportTableDescription
		patience.Until(t, func() bool {
			now, err := p.client(srv, user).DescribeImport(t.Context(), &dynamodb.DescribeImportInput{ImportArn: d.ImportArn})
			if err != nil {
				t.Fatal(err)
			}
			d = now.ImportTableDescription
			return d.ImportStatus != types.ImportStatusInProgress
		}, "the end of an import")
		return d, nil
	}
	for user, prefix := range map[string]string{"admin": "private/", "mine": "mine/"} {
		if d, err := begin(user, prefix); err != nil || d.ImportStatus != types.ImportStatusCompleted || d.ImportedItemCount != 1 {
			t.Errorf("the import of %s: %v, %v", user, d, err)
		}
	}
	denied := func(user, action, resource string) string {
		return "User: arn:aws:iam::" + homeAccount + ":user/" + user + " is not authorized to perform: s3:" + action + " on resource: arn:aws:s3:::" + resource +
			" because no identity-based policy allows the s3:" + action + " action"
	}
	_, err := begin("mine", "private/")
	refused(t, "another prefix", err, "AccessDeniedException", denied("mine", "GetObject", "files/private/*"))
	_, err = begin("plain", "mine/")
	refused(t, "without permissions of S3", err, "AccessDeniedException", denied("plain", "ListBucket", "files"))
	if d, err := begin("other", "private/"); err != nil || d.ImportStatus != types.ImportStatusFailed || aws.ToString(d.FailureCode) != "S3NoSuchBucket" {
		t.Errorf("the import of another account: %v, %v", d, err)
	}
}
