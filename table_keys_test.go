package stator_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"github.com/statordb/stator"
	"github.com/statordb/stator/internal/patience"
	"github.com/statordb/stator/internal/seal/kmstest"
)

// keyed is a server on which tables have keys of their own.
type keyed struct {
	*testing.T
	*dynamodb.Client
	data string
	e    stator.Encryption
	srv  *stator.Server
}

// openKeyed opens a server on a directory.
func openKeyed(t *testing.T, data string, e stator.Encryption) *keyed {
	t.Helper()
	srv, err := stator.Open(stator.Config{DataDir: data, Encryption: e})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = srv.Close() })
	return &keyed{t, newClient(srv.URL()), data, e, srv}
}

// create creates a table with an index, encrypted as asked for.
func (k *keyed) create(name string, sse *types.SSESpecification) error {
	_, err := k.CreateTable(k.Context(), &dynamodb.CreateTableInput{
		TableName: &name, BillingMode: types.BillingModePayPerRequest, SSESpecification: sse,
		AttributeDefinitions: stringKeys("pk", "by"), KeySchema: keySchema("pk", "")[:1],
		GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{{IndexName: aws.String("all-by"), KeySchema: keySchema("by", "")[:1],
			Projection: &types.Projection{ProjectionType: types.ProjectionTypeAll}}},
	})
	return err
}

// underKey asks for a key; "" for the managed one.
func underKey(key string) *types.SSESpecification {
	s := &types.SSESpecification{Enabled: aws.Bool(true), SSEType: types.SSETypeKms}
	if key != "" {
		s.KMSMasterKeyId = &key
	}
	return s
}

func (k *keyed) must(_ any, err error) {
	k.Helper()
	if err != nil {
		k.Fatal(err)
	}
}

func (k *keyed) put(table, pk string) error {
	_, err := k.PutItem(k.Context(), &dynamodb.PutItemInput{TableName: &table, Item: item{"pk": str(pk), "by": str("all"), "v": str("value of " + pk)}})
	return err
}

// calls are operations on the items of a table.
func (k *keyed) calls(table string) map[string]error {
	ctx, key := k.Context(), item{"pk": str("one")}
	errs := map[string]error{"PutItem": k.put(table, "one")}
	_, errs["GetItem"] = k.GetItem(ctx, &dynamodb.GetItemInput{TableName: &table, Key: key})
	_, errs["Scan"] = k.Scan(ctx, &dynamodb.ScanInput{TableName: &table})
	_, errs["Query"] = k.Query(ctx, &dynamodb.QueryInput{TableName: &table, IndexName: aws.String("all-by"), KeyConditionExpression: aws.String("#b = :b"),
		ExpressionAttributeNames: map[string]string{"#b": "by"}, ExpressionAttributeValues: item{":b": str("all")}})
	_, errs["TransactWriteItems"] = k.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{
		{Put: &types.Put{TableName: &table, Item: item{"pk": str("two")}}}}})
	_, errs["BatchGetItem"] = k.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{table: {Keys: []map[string]types.AttributeValue{key}}}})
	_, errs["ExecuteStatement"] = k.ExecuteStatement(ctx, &dynamodb.ExecuteStatementInput{Statement: aws.String(`SELECT * FROM "` + table + `"`)})
	_, errs["UpdateItem"] = k.UpdateItem(ctx, &dynamodb.UpdateItemInput{TableName: &table, Key: key})
	_, errs["DeleteItem"] = k.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &table, Key: item{"pk": str("none")}})
	return errs
}

// works checks that a table is there, or is inaccessible because of what KMS says.
func (k *keyed) works(table, refusal string) {
	k.Helper()
	for name, err := range k.calls(table) {
		var e smithy.APIError
		switch {
		case refusal == "" && err != nil:
			k.Errorf("%s in %s: %v", name, table, err)
		case refusal != "" && (!errors.As(err, &e) || e.ErrorCode() != "AccessDeniedException" || !strings.Contains(e.ErrorMessage(), "KMS key access denied error: com.amazonaws.services.kms.model."+refusal)):
			k.Errorf("%s in %s, which is inaccessible: %v", name, table, err)
		}
	}
	d := k.describe(table)
	want := types.TableStatusActive
	if refusal != "" {
		want = types.TableStatusInaccessibleEncryptionCredentials
	}
	if dated := d.SSEDescription != nil && d.SSEDescription.InaccessibleEncryptionDateTime != nil; d.TableStatus != want || dated != (refusal != "") {
		k.Errorf("%s is %s, want %s; %+v", table, d.TableStatus, want, d.SSEDescription)
	}
}

func (k *keyed) describe(table string) *types.TableDescription {
	k.Helper()
	out, err := k.DescribeTable(k.Context(), &dynamodb.DescribeTableInput{TableName: &table})
	if err != nil {
		k.Fatal(err)
	}
	return out.Table
}

// turns waits until a table is in a state.
func (k *keyed) turns(table string, want types.TableStatus) {
	k.Helper()
	patience.Until(k, func() bool { return k.describe(table).TableStatus == want }, table+" "+string(want))
}

// TestTableKeys takes tables through everything that happens to their keys, which
// are in the data directory.
func TestTableKeys(t *testing.T) {
	data, e := filepath.Join(t.TempDir(), "data"), newEncryption(t)
	k := openKeyed(t, data, e)
	for _, alias := range []string{"alias/orders", "alias/other"} {
		k.must(stator.CreateTableKey(t.Context(), data, alias, e))
	}
	patience.Until(t, func() bool { return k.create("Customer", underKey("alias/orders")) == nil }, "the new key")
	k.must(nil, k.create("Owned", nil))
	k.must(nil, k.create("Managed", underKey("")))
	refused(t, "the request", k.create("Unknown", underKey("alias/none")), "ValidationException",
		"KMS validation error: com.amazonaws.services.kms.model.NotFoundException: Key 'arn:aws:kms:us-east-1:123456789012:key/alias/none' does not exist (Service: AWSKMS; Status Code: 400; Error Code: NotFoundException; Proxy: null)")
	arns := map[string]string{}
	for table, encrypted := range map[string]bool{"Owned": false, "Managed": true, "Customer": true} {
		k.works(table, "")
		d := k.describe(table).SSEDescription
		if (d != nil) != encrypted || encrypted && (d.Status != types.SSEStatusEnabled || d.SSEType != types.SSETypeKms || !strings.HasPrefix(*d.KMSMasterKeyArn, "arn:aws:kms:us-east-1:123456789012:key/")) {
			t.Errorf("%s: %+v", table, d)
		}
		if encrypted {
			arns[table] = *d.KMSMasterKeyArn
		}
	}
	if arns["Managed"] == arns["Customer"] {
		t.Error("the tables have one key")
	}
	k.must(k.CreateBackup(t.Context(), &dynamodb.CreateBackupInput{TableName: aws.String("Customer"), BackupName: aws.String("first")}))
	k.must(stator.SetTableKey(data, "alias/orders", "Disabled"))
	k.turns("Customer", types.TableStatusInaccessibleEncryptionCredentials)
	k.works("Customer", "DisabledException")
	k.works("Owned", "")
	k.works("Managed", "")
	refused(t, "the request", k.create("Disabled", underKey(arns["Customer"])), "ValidationException",
		"KMS validation error: com.amazonaws.services.kms.model.DisabledException: "+arns["Customer"]+" is disabled. (Service: AWSKMS; Status Code: 400; Error Code: DisabledException; Proxy: null)")
	mustClose(t, k.srv)
	if report, err := stator.Check(t.Context(), data, e, nil); err != nil || !report.Sound() || !slices.Equal(unkeyed(report.Notes, arns["Customer"]), []string{
		"not checked: look for rows without a table: read: KEY", "not checked: table Customer: read: KEY",
		"not checked: backup first of table Customer: table Customer: read: KEY", "3 values cannot be read: KEY",
	}) {
		t.Errorf("the check with a disabled key: %+v, %v", report, err)
	}

	k = openKeyed(t, data, e)
	k.works("Customer", "DisabledException")
	k.must(stator.SetTableKey(data, "alias/orders", "Enabled"))
	k.turns("Customer", types.TableStatusActive)
	k.works("Customer", "")
	k.restore("first")
	k.changeKeys(arns)
	mustClose(t, k.srv)
	if report, err := stator.Check(t.Context(), data, e, nil); err != nil || !report.Sound() {
		t.Errorf("the check: %+v, %v", report, err)
	}
}

// unkeyed returns notes with what they say of a disabled key as KEY.
func unkeyed(notes []string, arn string) (short []string) {
	for _, note := range notes {
		short = append(short, strings.Replace(note, "the key "+arn+" cannot be used: DisabledException: "+arn+" is disabled.", "KEY", 1))
	}
	return short
}

// restore restores a backup under its own key, and under another.
func (k *keyed) restore(backup string) {
	k.Helper()
	list, err := k.ListBackups(k.Context(), &dynamodb.ListBackupsInput{})
	k.must(nil, err)
	for name, sse := range map[string]*types.SSESpecification{"Restored": nil, "RestoredManaged": underKey("")} {
		k.must(k.RestoreTableFromBackup(k.Context(), &dynamodb.RestoreTableFromBackupInput{
			BackupArn: list.BackupSummaries[0].BackupArn, TargetTableName: &name, SSESpecificationOverride: sse}))
		k.turns(name, types.TableStatusActive)
		k.works(name, "")
	}
}

// changeKeys gives the table Customer other keys, and takes the first one away.
func (k *keyed) changeKeys(arns map[string]string) {
	k.Helper()
	table := aws.String("Customer")
	update := func(sse *types.SSESpecification) error {
		_, err := k.UpdateTable(k.Context(), &dynamodb.UpdateTableInput{TableName: table, SSESpecification: sse})
		return err
	}
	refused(k.T, "the request", update(underKey("alias/orders")), "ValidationException",
		"One or more parameter values were invalid: Table is already encrypted with given KMSMasterKeyId. Use KMSMasterKeyId parameter if you want to change Master Key")
	k.must(nil, k.put(*table, "old"))
	k.must(nil, update(underKey("alias/other")))
	k.must(nil, k.put(*table, "new"))
	k.works(*table, "")
	if now := *k.describe(*table).SSEDescription.KMSMasterKeyArn; now == arns["Customer"] {
		k.Error("the key has not changed")
	}
	get := func(pk string) error {
		_, err := k.GetItem(k.Context(), &dynamodb.GetItemInput{TableName: table, Key: item{"pk": str(pk)}})
		return err
	}
	k.must(nil, errors.Join(get("old"), get("new")))
	k.must(stator.SetTableKey(k.data, "alias/orders", "Disabled"))
	k.turns("Restored", types.TableStatusInaccessibleEncryptionCredentials)
	if err := get("new"); err != nil {
		k.Errorf("what was written under the new key: %v", err)
	}
	if err := get("old"); err == nil {
		k.Error("what was written under a key that is disabled is read")
	}
	k.must(stator.SetTableKey(k.data, "alias/orders", "Enabled"))
	k.turns("Restored", types.TableStatusActive)
	k.must(nil, get("old"))
	k.must(nil, update(&types.SSESpecification{Enabled: aws.Bool(false)}))
	k.works(*table, "")
	if d := k.describe(*table).SSEDescription; d != nil {
		k.Errorf("without a key: %+v", d)
	}
}

// TestKMS has the keys at a KMS: the data directory's and those of tables.
func TestKMS(t *testing.T) {
	t.Parallel()
	kms := kmstest.New(t)
	kms.Add("root", "alias/root")
	arn := kms.Add("customer", "")
	data, e := filepath.Join(t.TempDir(), "data"), stator.Encryption{KMSKey: "alias/root", KMSEndpoint: kms.URL}
	k := openKeyed(t, data, e)
	k.must(nil, k.create("Customer", underKey("customer")))
	k.must(nil, k.create("Managed", underKey("")))
	k.works("Customer", "")
	k.works("Managed", "")
	if got := *k.describe("Customer").SSEDescription.KMSMasterKeyArn; got != arn {
		t.Errorf("the key is %s", got)
	}
	kms.Set("customer", "PendingDeletion")
	k.turns("Customer", types.TableStatusInaccessibleEncryptionCredentials)
	k.works("Customer", "KMSInvalidStateException")
	k.works("Managed", "")
	k.must(k.DeleteTable(context.Background(), &dynamodb.DeleteTableInput{TableName: aws.String("Customer")}))
	mustClose(t, k.srv)
	kms.Set("root", "Disabled")
	if _, err := stator.Open(stator.Config{DataDir: data, Encryption: e}); err == nil || !strings.Contains(err.Error(), "DisabledException") {
		t.Errorf("with a disabled root key: %v", err)
	}
	kms.Set("root", "Enabled")
	openKeyed(t, data, e).works("Managed", "")
}

// TestSilentKMS has a KMS that accepts requests and stops answering them: they end,
// and what does not need it goes on, the look at the file of keys too.
func TestSilentKMS(t *testing.T) {
	t.Parallel()
	kms, key := kmstest.New(t), filepath.Join(t.TempDir(), "key")
	kms.Add("customer", "")
	if err := os.WriteFile(key, stator.NewKey(), 0o600); err != nil {
		t.Fatal(err)
	}
	data, e := filepath.Join(t.TempDir(), "data"), stator.Encryption{KeyFile: key, KMSEndpoint: kms.URL}
	k := openKeyed(t, data, e)
	k.must(stator.CreateTableKey(t.Context(), data, "alias/orders", e))
	patience.Until(t, func() bool { return k.create("Local", underKey("alias/orders")) == nil }, "the new key")
	k.must(nil, k.create("Remote", underKey("customer")))
	kms.Silence(true)
	k.Client = newClientWith(k.srv.URL(), func(o *dynamodb.Options) { o.RetryMaxAttempts = 1 })
	refused(t, "the request", k.create("Silent", underKey("customer")), "InternalServerError",
		"The request processing has failed because of an unknown error, exception or failure.")
	k.works("Local", "")
	k.works("Remote", "")
	k.must(stator.SetTableKey(data, "alias/orders", "Disabled"))
	k.turns("Local", types.TableStatusInaccessibleEncryptionCredentials)
	k.works("Remote", "")
}
