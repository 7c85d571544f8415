package stator_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	streamtypes "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
	"github.com/aws/smithy-go/middleware"

	"github.com/statordb/stator"
	"github.com/statordb/stator/internal/api"
	"github.com/statordb/stator/internal/patience"
)

// drive calls operations with the SDK and notes which.
type drive struct {
	*testing.T
	db      *dynamodb.Client
	streams *dynamodbstreams.Client
	table   *types.TableDescription

	mu     sync.Mutex
	called map[string]bool
}

// TestDrive calls every operation with the SDK for Go. tests/sdks.sh does the
// same with other SDKs.
func TestDrive(t *testing.T) {
	srv, err := stator.Open(stator.Config{DataDir: t.TempDir(), KinesisEndpoint: newFakeKinesis(t).URL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
	})
	d := &drive{T: t, called: map[string]bool{}}
	d.db = newClientWith(srv.URL(), func(o *dynamodb.Options) { o.APIOptions = append(o.APIOptions, d.note) })
	d.streams = dynamodbstreams.New(dynamodbstreams.Options{
		BaseEndpoint: aws.String(srv.URL()), Region: "us-east-1", Credentials: aws.AnonymousCredentials{},
		APIOptions: []func(*middleware.Stack) error{d.note},
	})
	d.createTables()
	d.describe()
	d.destinations()
	d.items()
	d.pages()
	d.transactions()
	d.statements()
	d.records()
	d.backups()
	d.transfers()
	d.deleteTables()
	for _, name := range api.Names() {
		if !d.called[name] {
			t.Errorf("%s was not called", name)
		}
	}
}

// note remembers the operations called.
func (d *drive) note(stack *middleware.Stack) error {
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("note", func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
		d.mu.Lock()
		d.called[awsmiddleware.GetOperationName(ctx)] = true
		d.mu.Unlock()
		return next.HandleInitialize(ctx, in)
	}), middleware.After)
}

// did returns what a call of an operation gave, which must have succeeded.
func did[In, Out any](d *drive, call func(context.Context, *In, ...func(*dynamodb.Options)) (*Out, error), in *In) *Out {
	d.Helper()
	out, err := call(d.Context(), in)
	if err != nil {
		d.Fatal(err)
	}
	return out
}

// read is did for streams.
func read[In, Out any](d *drive, call func(context.Context, *In, ...func(*dynamodbstreams.Options)) (*Out, error), in *In) *Out {
	d.Helper()
	out, err := call(d.Context(), in)
	if err != nil {
		d.Fatal(err)
	}
	return out
}

// failed returns the error of a call, which must be an E.
func failed[E error, In, Out any](d *drive, call func(context.Context, *In, ...func(*dynamodb.Options)) (*Out, error), in *In) (want E) {
	d.Helper()
	if _, err := call(d.Context(), in); !errors.As(err, &want) {
		d.Fatalf("error %v, want a %T", err, want)
	}
	return want
}

func song(n int) item { return item{"artist": str("Duke"), "song": str(fmt.Sprintf("s%02d", n))} }

func keyAttributes(hash, sort string) []types.KeySchemaElement {
	keys := []types.KeySchemaElement{{AttributeName: aws.String(hash), KeyType: types.KeyTypeHash}}
	if sort != "" {
		keys = append(keys, types.KeySchemaElement{AttributeName: aws.String(sort), KeyType: types.KeyTypeRange})
	}
	return keys
}

func defined(name string, t types.ScalarAttributeType) types.AttributeDefinition {
	return types.AttributeDefinition{AttributeName: aws.String(name), AttributeType: t}
}

func (d *drive) createTables() {
	music := &dynamodb.CreateTableInput{
		TableName: aws.String("Music"), BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{defined("artist", "S"), defined("song", "S"), defined("year", "N")},
		KeySchema:            keyAttributes("artist", "song"),
		LocalSecondaryIndexes: []types.LocalSecondaryIndex{{
			IndexName: aws.String("ByYear"), KeySchema: keyAttributes("artist", "year"), Projection: &types.Projection{ProjectionType: types.ProjectionTypeKeysOnly},
		}},
		StreamSpecification: &types.StreamSpecification{StreamEnabled: aws.Bool(true), StreamViewType: types.StreamViewTypeNewAndOldImages},
	}
	equal(d.T, "status", did(d, d.db.CreateTable, music).TableDescription.TableStatus, types.TableStatusCreating)
	failed[*types.ResourceInUseException](d, d.db.CreateTable, music)
	exists := dynamodb.NewTableExistsWaiter(d.db)
	out, err := exists.WaitForOutput(d.Context(), &dynamodb.DescribeTableInput{TableName: music.TableName}, time.Minute)
	if err != nil {
		d.Fatal(err)
	}
	d.table = out.Table
	updated := did(d, d.db.UpdateTable, &dynamodb.UpdateTableInput{
		TableName: music.TableName, AttributeDefinitions: []types.AttributeDefinition{defined("year", "N")},
		GlobalSecondaryIndexUpdates: []types.GlobalSecondaryIndexUpdate{{Create: &types.CreateGlobalSecondaryIndexAction{
			IndexName: aws.String("AllByYear"), KeySchema: keyAttributes("year", ""), Projection: &types.Projection{ProjectionType: types.ProjectionTypeAll},
		}}},
	})
	equal(d.T, "status", updated.TableDescription.TableStatus, types.TableStatusUpdating)
	if err := exists.Wait(d.Context(), &dynamodb.DescribeTableInput{TableName: music.TableName}, time.Minute); err != nil {
		d.Fatal(err)
	}
}

func (d *drive) describe() {
	equal(d.T, "tables", fmt.Sprint(did(d, d.db.ListTables, &dynamodb.ListTablesInput{}).TableNames), "[Music]")
	arn := d.table.TableArn
	did(d, d.db.TagResource, &dynamodb.TagResourceInput{ResourceArn: arn, Tags: []types.Tag{
		{Key: aws.String("team"), Value: aws.String("blue")}, {Key: aws.String("stage"), Value: aws.String("test")},
	}})
	did(d, d.db.UntagResource, &dynamodb.UntagResourceInput{ResourceArn: arn, TagKeys: []string{"team"}})
	tags := did(d, d.db.ListTagsOfResource, &dynamodb.ListTagsOfResourceInput{ResourceArn: arn}).Tags
	if len(tags) != 1 || *tags[0].Value != "test" {
		d.Errorf("tags: %v", tags)
	}
	policy := `{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "dynamodb:Scan", "Resource": "` + *arn + `"}]}`
	put := did(d, d.db.PutResourcePolicy, &dynamodb.PutResourcePolicyInput{ResourceArn: arn, Policy: &policy, ExpectedRevisionId: aws.String("NO_POLICY")})
	got := did(d, d.db.GetResourcePolicy, &dynamodb.GetResourcePolicyInput{ResourceArn: arn})
	equal(d.T, "policy", *got.Policy+*got.RevisionId, policy+*put.RevisionId)
	equal(d.T, "deleted policy", *did(d, d.db.DeleteResourcePolicy, &dynamodb.DeleteResourcePolicyInput{ResourceArn: arn}).RevisionId, *put.RevisionId)
	did(d, d.db.UpdateTimeToLive, &dynamodb.UpdateTimeToLiveInput{
		TableName: d.table.TableName, TimeToLiveSpecification: &types.TimeToLiveSpecification{Enabled: aws.Bool(true), AttributeName: aws.String("until")},
	})
	ttl := did(d, d.db.DescribeTimeToLive, &dynamodb.DescribeTimeToLiveInput{TableName: arn}).TimeToLiveDescription
	equal(d.T, "time to live", aws.ToString(ttl.AttributeName), "until")
	equal(d.T, "limit", *did(d, d.db.DescribeLimits, &dynamodb.DescribeLimitsInput{}).TableMaxReadCapacityUnits, 40000)
	equal(d.T, "endpoints", len(did(d, d.db.DescribeEndpoints, &dynamodb.DescribeEndpointsInput{}).Endpoints), 1)
}

// soon makes a waiter ask again at once, not after 20 seconds.
func soon(o *dynamodb.TableExistsWaiterOptions) { o.MinDelay = 10 * time.Millisecond }

func (d *drive) destinations() {
	table, arn := d.table.TableName, aws.String("arn:aws:kinesis:us-east-1:123456789012:stream/changes")
	state := func() types.KinesisDataStreamDestination {
		return did(d, d.db.DescribeKinesisStreamingDestination, &dynamodb.DescribeKinesisStreamingDestinationInput{TableName: table}).KinesisDataStreamDestinations[0]
	}
	enabled := did(d, d.db.EnableKinesisStreamingDestination, &dynamodb.EnableKinesisStreamingDestinationInput{TableName: table, StreamArn: arn})
	equal(d.T, "status", enabled.DestinationStatus, types.DestinationStatusEnabling)
	patience.Until(d, func() bool { return state().DestinationStatus != types.DestinationStatusEnabling }, "a destination that is not ENABLING")
	did(d, d.db.UpdateKinesisStreamingDestination, &dynamodb.UpdateKinesisStreamingDestinationInput{
		TableName: table, StreamArn: arn, UpdateKinesisStreamingConfiguration: &types.UpdateKinesisStreamingConfiguration{
			ApproximateCreationDateTimePrecision: types.ApproximateCreationDateTimePrecisionMicrosecond,
		},
	})
	equal(d.T, "precision", state().ApproximateCreationDateTimePrecision, types.ApproximateCreationDateTimePrecisionMicrosecond)
	did(d, d.db.DisableKinesisStreamingDestination, &dynamodb.DisableKinesisStreamingDestinationInput{TableName: table, StreamArn: arn})
	equal(d.T, "status", state().DestinationStatus, types.DestinationStatusDisabled)
}

func (d *drive) items() {
	table, key := d.table.TableName, song(0)
	full := item{"artist": key["artist"], "song": key["song"], "year": num(1930), "b": &types.AttributeValueMemberB{Value: []byte{0, 255}}}
	put := did(d, d.db.PutItem, &dynamodb.PutItemInput{TableName: table, Item: full, ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal})
	equal(d.T, "capacity", *put.ConsumedCapacity.CapacityUnits, 3.0)
	e := failed[*types.ConditionalCheckFailedException](d, d.db.PutItem, &dynamodb.PutItemInput{
		TableName: table, Item: full, ConditionExpression: aws.String("attribute_not_exists(artist)"),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	equal(d.T, "item of the error", len(e.Item), 4)
	updated := did(d, d.db.UpdateItem, &dynamodb.UpdateItemInput{
		TableName: table, Key: key, UpdateExpression: aws.String("ADD #y :one"), ReturnValues: types.ReturnValueUpdatedNew,
		ExpressionAttributeNames: map[string]string{"#y": "year"}, ExpressionAttributeValues: item{":one": num(1)},
	})
	equal(d.T, "year", updated.Attributes["year"].(*types.AttributeValueMemberN).Value, "1931")
	got := did(d, d.db.GetItem, &dynamodb.GetItemInput{TableName: d.table.TableArn, Key: key, ConsistentRead: aws.Bool(true)})
	equal(d.T, "bytes", string(got.Item["b"].(*types.AttributeValueMemberB).Value), "\x00\xff")
	deleted := did(d, d.db.DeleteItem, &dynamodb.DeleteItemInput{TableName: table, Key: key, ReturnValues: types.ReturnValueAllOld})
	equal(d.T, "deleted", len(deleted.Attributes), 4)
}

func (d *drive) pages() {
	var writes []types.WriteRequest
	var keys []map[string]types.AttributeValue
	for n := range 25 {
		it := song(n)
		it["year"] = num(1930 + n%5)
		writes = append(writes, types.WriteRequest{PutRequest: &types.PutRequest{Item: it}})
		keys = append(keys, song(2*n))
	}
	written := did(d, d.db.BatchWriteItem, &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{"Music": writes}})
	equal(d.T, "unprocessed", len(written.UnprocessedItems), 0)
	got := did(d, d.db.BatchGetItem, &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{"Music": {Keys: keys}}})
	equal(d.T, "items", len(got.Responses["Music"]), 13)
	sizes := ""
	for p := dynamodb.NewQueryPaginator(d.db, &dynamodb.QueryInput{
		TableName: d.table.TableName, IndexName: aws.String("ByYear"), Limit: aws.Int32(10),
		KeyConditionExpression: aws.String("artist = :a"), ExpressionAttributeValues: item{":a": str("Duke")},
	}); p.HasMorePages(); {
		out, err := p.NextPage(d.Context())
		if err != nil {
			d.Fatal(err)
		}
		sizes += fmt.Sprint(out.Count, " ")
	}
	equal(d.T, "pages", sizes, "10 10 5 ")
	count := int32(0)
	for segment := range int32(3) {
		for p := dynamodb.NewScanPaginator(d.db, &dynamodb.ScanInput{
			TableName: d.table.TableName, IndexName: aws.String("AllByYear"), Segment: aws.Int32(segment), TotalSegments: aws.Int32(3), Limit: aws.Int32(4),
		}); p.HasMorePages(); {
			out, err := p.NextPage(d.Context())
			if err != nil {
				d.Fatal(err)
			}
			count += out.Count
		}
	}
	equal(d.T, "scanned", count, 25)
}

func (d *drive) transactions() {
	table := d.table.TableName
	in := &dynamodb.TransactWriteItemsInput{ClientRequestToken: aws.String("once"), TransactItems: []types.TransactWriteItem{
		{Put: &types.Put{TableName: table, Item: item{"artist": str("Ella"), "song": str("Misty"), "n": num(1)}}},
		{Update: &types.Update{TableName: table, Key: song(1), UpdateExpression: aws.String("ADD n :n"), ExpressionAttributeValues: item{":n": num(2)}}},
		{ConditionCheck: &types.ConditionCheck{TableName: table, Key: song(2), ConditionExpression: aws.String("attribute_exists(artist)")}},
		{Delete: &types.Delete{TableName: table, Key: song(3)}},
	}}
	did(d, d.db.TransactWriteItems, in)
	did(d, d.db.TransactWriteItems, in) // the same once more
	failed[*types.IdempotentParameterMismatchException](d, d.db.TransactWriteItems, &dynamodb.TransactWriteItemsInput{
		ClientRequestToken: in.ClientRequestToken, TransactItems: in.TransactItems[:1],
	})
	canceled := failed[*types.TransactionCanceledException](d, d.db.TransactWriteItems, &dynamodb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{
		{Delete: &types.Delete{TableName: table, Key: song(1), ConditionExpression: aws.String("n = :n"), ExpressionAttributeValues: item{":n": num(9)}}},
	}})
	equal(d.T, "reason", *canceled.CancellationReasons[0].Code, "ConditionalCheckFailed")
	got := did(d, d.db.TransactGetItems, &dynamodb.TransactGetItemsInput{TransactItems: []types.TransactGetItem{
		{Get: &types.Get{TableName: table, Key: song(1)}}, {Get: &types.Get{TableName: table, Key: song(3)}},
	}})
	equal(d.T, "updated", got.Responses[0].Item["n"].(*types.AttributeValueMemberN).Value, "2")
	equal(d.T, "deleted", len(got.Responses[1].Item), 0)
}

func (d *drive) statements() {
	insert := &dynamodb.ExecuteStatementInput{
		Statement: aws.String("INSERT INTO Music VALUE {'artist': ?, 'song': 'Peri', 'n': 7}"), Parameters: []types.AttributeValue{str("Bill")},
	}
	did(d, d.db.ExecuteStatement, insert)
	failed[*types.DuplicateItemException](d, d.db.ExecuteStatement, insert)
	both := did(d, d.db.BatchExecuteStatement, &dynamodb.BatchExecuteStatementInput{Statements: []types.BatchStatementRequest{
		{Statement: aws.String("SELECT n FROM Music WHERE artist = 'Bill' AND song = 'Peri'")},
		{Statement: aws.String("SELECT n FROM Nothing WHERE a = 1")},
	}}).Responses
	equal(d.T, "read", both[0].Item["n"].(*types.AttributeValueMemberN).Value, "7")
	equal(d.T, "failed", both[1].Error.Code, types.BatchStatementErrorCodeEnumResourceNotFound)
	did(d, d.db.ExecuteTransaction, &dynamodb.ExecuteTransactionInput{TransactStatements: []types.ParameterizedStatement{
		{Statement: aws.String("DELETE FROM Music WHERE artist = 'Bill' AND song = 'Peri'")},
	}})
}

func (d *drive) records() {
	list := read(d, d.streams.ListStreams, &dynamodbstreams.ListStreamsInput{TableName: d.table.TableName}).Streams
	arn := list[0].StreamArn
	events := ""
	for _, shard := range read(d, d.streams.DescribeStream, &dynamodbstreams.DescribeStreamInput{StreamArn: arn}).StreamDescription.Shards {
		iterator := read(d, d.streams.GetShardIterator, &dynamodbstreams.GetShardIteratorInput{
			StreamArn: arn, ShardId: shard.ShardId, ShardIteratorType: streamtypes.ShardIteratorTypeTrimHorizon,
		}).ShardIterator
		for _, r := range read(d, d.streams.GetRecords, &dynamodbstreams.GetRecordsInput{ShardIterator: iterator}).Records {
			if r.Dynamodb.Keys["artist"].(*streamtypes.AttributeValueMemberS).Value == "Bill" {
				events += string(r.EventName) + " "
			}
		}
	}
	equal(d.T, "events", events, "INSERT REMOVE ")
}

func (d *drive) backups() {
	music := d.table.TableName
	equal(d.T, "recovery", did(d, d.db.UpdateContinuousBackups, &dynamodb.UpdateContinuousBackupsInput{
		TableName:                        music,
		PointInTimeRecoverySpecification: &types.PointInTimeRecoverySpecification{PointInTimeRecoveryEnabled: aws.Bool(true)},
	}).ContinuousBackupsDescription.PointInTimeRecoveryDescription.PointInTimeRecoveryStatus, types.PointInTimeRecoveryStatusEnabled)
	recovery := did(d, d.db.DescribeContinuousBackups, &dynamodb.DescribeContinuousBackupsInput{TableName: music}).ContinuousBackupsDescription
	equal(d.T, "days", *recovery.PointInTimeRecoveryDescription.RecoveryPeriodInDays, 35)
	arn := did(d, d.db.CreateBackup, &dynamodb.CreateBackupInput{TableName: music, BackupName: aws.String("safe")}).BackupDetails.BackupArn
	equal(d.T, "backups", len(did(d, d.db.ListBackups, &dynamodb.ListBackupsInput{TableName: music}).BackupSummaries), 1)
	backup := did(d, d.db.DescribeBackup, &dynamodb.DescribeBackupInput{BackupArn: arn}).BackupDescription
	equal(d.T, "backup", backup.BackupDetails.BackupStatus, types.BackupStatusAvailable)
	did(d, d.db.RestoreTableFromBackup, &dynamodb.RestoreTableFromBackupInput{BackupArn: arn, TargetTableName: aws.String("Saved")})
	did(d, d.db.RestoreTableToPointInTime, &dynamodb.RestoreTableToPointInTimeInput{
		SourceTableName: music, TargetTableName: aws.String("Past"), UseLatestRestorableTime: aws.Bool(true),
	})
	for _, name := range []string{"Saved", "Past"} {
		if err := dynamodb.NewTableExistsWaiter(d.db, soon).Wait(d.Context(), &dynamodb.DescribeTableInput{TableName: &name}, time.Minute); err != nil {
			d.Fatal(err)
		}
		equal(d.T, "items", did(d, d.db.Scan, &dynamodb.ScanInput{TableName: &name}).Count, did(d, d.db.Scan, &dynamodb.ScanInput{TableName: music}).Count)
		did(d, d.db.DeleteTable, &dynamodb.DeleteTableInput{TableName: &name})
	}
	did(d, d.db.DeleteBackup, &dynamodb.DeleteBackupInput{BackupArn: arn})
	failed[*types.BackupNotFoundException](d, d.db.DescribeBackup, &dynamodb.DescribeBackupInput{BackupArn: arn})
}

func (d *drive) transfers() {
	export := did(d, d.db.ExportTableToPointInTime, &dynamodb.ExportTableToPointInTimeInput{TableArn: d.table.TableArn, S3Bucket: aws.String("files")}).ExportDescription
	patience.Until(d, func() bool {
		export = did(d, d.db.DescribeExport, &dynamodb.DescribeExportInput{ExportArn: export.ExportArn}).ExportDescription
		return export.ExportStatus == types.ExportStatusCompleted
	}, "an export that is COMPLETED")
	equal(d.T, "exports", len(did(d, d.db.ListExports, &dynamodb.ListExportsInput{TableArn: d.table.TableArn}).ExportSummaries), 1)
	prefix := dataPrefix(export)
	made := did(d, d.db.ImportTable, &dynamodb.ImportTableInput{
		S3BucketSource: &types.S3BucketSource{S3Bucket: aws.String("files"), S3KeyPrefix: &prefix},
		InputFormat:    types.InputFormatDynamodbJson, InputCompressionType: types.InputCompressionTypeGzip,
		TableCreationParameters: &types.TableCreationParameters{
			TableName: aws.String("Imported"), BillingMode: types.BillingModePayPerRequest,
			AttributeDefinitions: []types.AttributeDefinition{defined("artist", "S"), defined("song", "S")}, KeySchema: keyAttributes("artist", "song"),
		},
	}).ImportTableDescription
	patience.Until(d, func() bool {
		return did(d, d.db.DescribeImport, &dynamodb.DescribeImportInput{ImportArn: made.ImportArn}).ImportTableDescription.ImportStatus == types.ImportStatusCompleted
	}, "an import that is COMPLETED")
	equal(d.T, "imports", len(did(d, d.db.ListImports, &dynamodb.ListImportsInput{}).ImportSummaryList), 1)
	bulk := did(d, d.db.StartBulkPutItems, &dynamodb.StartBulkPutItemsInput{
		TableName:             aws.String("Imported"),
		InputS3Configuration:  &types.InputS3Configuration{S3Bucket: aws.String("files"), S3KeyPrefix: &prefix, InputFormat: types.BulkOperationInputFormatDynamodbJson, InputCompressionType: types.InputCompressionTypeGzip},
		OutputS3Configuration: &types.OutputS3Configuration{S3Bucket: aws.String("files"), OutputType: []types.OutputTypeEnum{types.OutputTypeEnumError}},
	}).BulkOperationDescription
	patience.Until(d, func() bool {
		bulk = did(d, d.db.DescribeBulkOperation, &dynamodb.DescribeBulkOperationInput{BulkOperationArn: bulk.BulkOperationArn}).BulkOperationDescription
		return bulk.BulkOperationStatus == types.BulkOperationStatusCompleted
	}, "bulk puts that are COMPLETED")
	equal(d.T, "items", bulk.ProcessedItemCount, *export.ItemCount)
	equal(d.T, "bulk operations", len(did(d, d.db.ListBulkOperations, &dynamodb.ListBulkOperationsInput{}).BulkOperationsSummaryList), 1)
	_, err := d.db.CancelBulkOperation(d.Context(), &dynamodb.CancelBulkOperationInput{BulkOperationArn: bulk.BulkOperationArn})
	equal(d.T, "cancelling what is over", code(err), "ValidationException")
	did(d, d.db.DeleteTable, &dynamodb.DeleteTableInput{TableName: aws.String("Imported")})
}

func (d *drive) deleteTables() {
	table := d.table.TableName
	equal(d.T, "status", did(d, d.db.DeleteTable, &dynamodb.DeleteTableInput{TableName: table}).TableDescription.TableStatus, types.TableStatusDeleting)
	if err := dynamodb.NewTableNotExistsWaiter(d.db).Wait(d.Context(), &dynamodb.DescribeTableInput{TableName: table}, time.Minute); err != nil {
		d.Error(err)
	}
	failed[*types.ResourceNotFoundException](d, d.db.DescribeTable, &dynamodb.DescribeTableInput{TableName: table})
}
