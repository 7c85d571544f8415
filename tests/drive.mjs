// Drives every operation of a server with the AWS SDK for JavaScript, v3: the
// client, the document client, paginators and waiters.
//
//     node drive.mjs URL
//
// STATOR_OPERATIONS are the operations that the server has, separated by
// spaces; each must have been called in the end.
import assert from 'node:assert/strict'
import * as dynamodb from '@aws-sdk/client-dynamodb'
import * as streaming from '@aws-sdk/client-dynamodb-streams'
import * as lib from '@aws-sdk/lib-dynamodb'

const options = { endpoint: process.argv[2], region: 'us-east-1', credentials: { accessKeyId: 'any', secretAccessKey: 'any' }, maxAttempts: 1 }
const client = new dynamodb.DynamoDBClient(options)
const doc = lib.DynamoDBDocumentClient.from(client)
const streams = new streaming.DynamoDBStreamsClient(options)

const called = new Set()
const note = (next, context) => (args) => {
  called.add(context.commandName.replace(/Command$/, ''))
  return next(args)
}
for (const c of [client, streams]) c.middlewareStack.add(note, { step: 'initialize', name: 'note' })

// call calls an operation by its name.
const call = (name, input = {}) => client.send(new dynamodb[name + 'Command'](input))
const fails = (name, promise) => assert.rejects(promise, { name })
const wait = { client, minDelay: 1, maxWaitTime: 60 }

async function tables() {
  const small = { BillingMode: 'PAY_PER_REQUEST', AttributeDefinitions: [{ AttributeName: 'a', AttributeType: 'S' }], KeySchema: [{ AttributeName: 'a', KeyType: 'HASH' }] }
  const { TableDescription: made } = await call('CreateTable', {
    TableName: 'Music', BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: [['artist', 'S'], ['song', 'S'], ['year', 'N']].map(([AttributeName, AttributeType]) => ({ AttributeName, AttributeType })),
    KeySchema: [{ AttributeName: 'artist', KeyType: 'HASH' }, { AttributeName: 'song', KeyType: 'RANGE' }],
    LocalSecondaryIndexes: [{ IndexName: 'ByYear', Projection: { ProjectionType: 'KEYS_ONLY' }, KeySchema: [{ AttributeName: 'artist', KeyType: 'HASH' }, { AttributeName: 'year', KeyType: 'RANGE' }] }],
    StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_AND_OLD_IMAGES' },
  })
  assert.equal(made.TableStatus, 'CREATING')
  assert.ok(made.CreationDateTime instanceof Date)
  await dynamodb.waitUntilTableExists(wait, { TableName: 'Music' })
  await fails('ResourceInUseException', call('CreateTable', { TableName: 'Music', ...small }))
  await call('UpdateTable', {
    TableName: 'Music', AttributeDefinitions: [{ AttributeName: 'genre', AttributeType: 'S' }, { AttributeName: 'year', AttributeType: 'N' }],
    GlobalSecondaryIndexUpdates: [{ Create: { IndexName: 'ByGenre', Projection: { ProjectionType: 'ALL' }, KeySchema: [{ AttributeName: 'genre', KeyType: 'HASH' }, { AttributeName: 'year', KeyType: 'RANGE' }] } }],
  })
  await dynamodb.waitUntilTableExists(wait, { TableName: 'Music' })
  const { Table } = await call('DescribeTable', { TableName: 'Music' })
  assert.deepEqual(Table.GlobalSecondaryIndexes.map((x) => [x.IndexName, x.IndexStatus]), [['ByGenre', 'ACTIVE']])
  for (const i of [0, 1, 2]) await call('CreateTable', { TableName: 'Spare' + i, ...small })
  const names = []
  for await (const page of dynamodb.paginateListTables({ client, pageSize: 3 }, {})) names.push(page.TableNames)
  assert.deepEqual(names, [['Music', 'Spare0', 'Spare1'], ['Spare2']])
  for (const i of [0, 1, 2]) {
    await call('DeleteTable', { TableName: 'Spare' + i })
    await dynamodb.waitUntilTableNotExists(wait, { TableName: 'Spare' + i })
  }
  const ResourceArn = made.TableArn
  await call('TagResource', { ResourceArn, Tags: [{ Key: 'team', Value: 'blue' }, { Key: 'stage', Value: 'test' }] })
  await call('UntagResource', { ResourceArn, TagKeys: ['team'] })
  assert.deepEqual((await call('ListTagsOfResource', { ResourceArn })).Tags, [{ Key: 'stage', Value: 'test' }])
  const Policy = JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Deny', Principal: '*', Action: 'dynamodb:Scan', Resource: ResourceArn }] })
  const { RevisionId } = await call('PutResourcePolicy', { ResourceArn, Policy, ExpectedRevisionId: 'NO_POLICY' })
  assert.equal((await call('GetResourcePolicy', { ResourceArn })).Policy, Policy)
  assert.equal((await call('DeleteResourcePolicy', { ResourceArn })).RevisionId, RevisionId)
  await call('UpdateTimeToLive', { TableName: 'Music', TimeToLiveSpecification: { Enabled: true, AttributeName: 'until' } })
  assert.match((await call('DescribeTimeToLive', { TableName: 'Music' })).TimeToLiveDescription.TimeToLiveStatus, /^ENABL(ING|ED)$/)
  assert.equal((await call('DescribeLimits')).TableMaxReadCapacityUnits, 40000)
  assert.equal((await call('DescribeEndpoints')).Endpoints.length, 1)
}

async function items() {
  const TableName = 'Music'
  const Key = { artist: { S: 'Nina' }, song: { S: 'Sinnerman' } }
  const Item = {
    ...Key, year: { N: '1965' }, b: { B: new Uint8Array([0, 255]) }, t: { BOOL: true }, n: { NULL: true },
    ss: { SS: ['a'] }, ns: { NS: ['1.5'] }, l: { L: [{ S: 'é😀' }] }, m: { M: { k: { N: '-1' } } },
  }
  const put = await call('PutItem', { TableName, Item, ReturnConsumedCapacity: 'TOTAL' })
  assert.equal(put.ConsumedCapacity.CapacityUnits, 2)
  assert.deepEqual((await call('GetItem', { TableName, Key, ConsistentRead: true })).Item, Item)
  const again = call('PutItem', { TableName, Item, ConditionExpression: 'attribute_not_exists(artist)', ReturnValuesOnConditionCheckFailure: 'ALL_OLD' })
  await assert.rejects(again, (e) => e instanceof dynamodb.ConditionalCheckFailedException && e.Item.year.N === '1965')
  const { Attributes } = await call('UpdateItem', {
    TableName, Key, UpdateExpression: 'SET #y = #y + :one, l[1] = :one', ReturnValues: 'UPDATED_NEW',
    ExpressionAttributeNames: { '#y': 'year' }, ExpressionAttributeValues: { ':one': { N: '1' } },
  })
  assert.deepEqual(Attributes, { year: { N: '1966' }, l: { L: [{ N: '1' }] } })
  assert.equal((await call('DeleteItem', { TableName, Key, ReturnValues: 'ALL_OLD' })).Attributes.t.BOOL, true)
}

async function documents() {
  const TableName = 'Music'
  const all = [...Array(60).keys()].map((i) => ({ artist: 'Duke', song: `s${String(i).padStart(2, '0')}`, year: 1930 + i, genre: i % 2 ? 'swing' : 'big band' }))
  for (let i = 0; i < all.length; i += 25) {
    const { UnprocessedItems } = await doc.send(new lib.BatchWriteCommand({ RequestItems: { [TableName]: all.slice(i, i + 25).map((Item) => ({ PutRequest: { Item } })) } }))
    assert.deepEqual(UnprocessedItems, {})
  }
  const { Responses } = await doc.send(new lib.BatchGetCommand({ RequestItems: { [TableName]: { Keys: [{ artist: 'Duke', song: 's07' }, { artist: 'Duke', song: 'none' }] } } }))
  assert.deepEqual(Responses[TableName], [all[7]])
  const duke = () => ({ TableName, KeyConditionExpression: 'artist = :a', ExpressionAttributeValues: { ':a': 'Duke' } }) // paginators write in it
  const sizes = []
  for await (const page of lib.paginateQuery({ client: doc, pageSize: 25 }, duke())) sizes.push(page.Items.length)
  assert.deepEqual(sizes, [25, 25, 10])
  const last = await doc.send(new lib.QueryCommand({ ...duke(), IndexName: 'ByYear', ScanIndexForward: false, Limit: 1 }))
  assert.deepEqual(last.Items, [{ artist: 'Duke', song: 's59', year: 1989 }])
  const swing = await doc.send(new lib.QueryCommand({ TableName, IndexName: 'ByGenre', Select: 'COUNT', KeyConditionExpression: 'genre = :g', ExpressionAttributeValues: { ':g': 'swing' } }))
  assert.equal(swing.Count, 30)
  let found = 0
  for await (const page of lib.paginateScan({ client: doc, pageSize: 20 }, { TableName, FilterExpression: '#y > :y', ExpressionAttributeNames: { '#y': 'year' }, ExpressionAttributeValues: { ':y': 1980 } })) found += page.Count
  assert.equal(found, 9)
  await doc.send(new lib.PutCommand({ TableName, Item: { artist: 'Set', song: 'x', tags: new Set(['a', 'b']), big: 12345678901234567890n, list: [null, true, { deep: [1.5] }] } }))
  const { Item } = await doc.send(new lib.GetCommand({ TableName, Key: { artist: 'Set', song: 'x' } }))
  assert.deepEqual(Item, { artist: 'Set', song: 'x', tags: new Set(['a', 'b']), big: 12345678901234567890n, list: [null, true, { deep: [1.5] }] })
}

async function transactions() {
  const TableName = 'Music'
  const write = {
    ClientRequestToken: 'once',
    TransactItems: [
      { Put: { TableName, Item: { artist: 'Ella', song: 'Misty', n: 1 } } },
      { Update: { TableName, Key: { artist: 'Ella', song: 'Angel Eyes' }, UpdateExpression: 'ADD n :n', ExpressionAttributeValues: { ':n': 2 } } },
      { ConditionCheck: { TableName, Key: { artist: 'Duke', song: 's00' }, ConditionExpression: 'attribute_exists(artist)' } },
      { Delete: { TableName, Key: { artist: 'Duke', song: 's01' } } },
    ],
  }
  for (let i = 0; i < 2; i++) await doc.send(new lib.TransactWriteCommand(write)) // the second is the same
  await fails('IdempotentParameterMismatchException', doc.send(new lib.TransactWriteCommand({ ...write, TransactItems: write.TransactItems.slice(1) })))
  const failed = { TransactItems: [{ Put: { TableName, Item: { artist: 'Ella', song: 'Misty' }, ConditionExpression: 'n = :n', ExpressionAttributeValues: { ':n': 9 } } }] }
  await assert.rejects(doc.send(new lib.TransactWriteCommand(failed)), (e) => e.CancellationReasons[0].Code === 'ConditionalCheckFailed')
  const { Responses } = await doc.send(new lib.TransactGetCommand({ TransactItems: ['Misty', 'Angel Eyes'].map((song) => ({ Get: { TableName, Key: { artist: 'Ella', song } } })) }))
  assert.deepEqual(Responses.map((r) => r.Item.n), [1, 2])
}

async function statements() {
  await doc.send(new lib.ExecuteStatementCommand({ Statement: "INSERT INTO Music VALUE {'artist': ?, 'song': 'Peri', 'n': 7}", Parameters: ['Bill'] }))
  await fails('DuplicateItemException', call('ExecuteStatement', { Statement: "INSERT INTO Music VALUE {'artist': 'Bill', 'song': 'Peri'}" }))
  const select = { Statement: "SELECT song FROM Music WHERE artist = 'Duke'" }
  const page = await call('ExecuteStatement', { ...select, Limit: 10 })
  assert.equal(page.Items.length + (await call('ExecuteStatement', { ...select, NextToken: page.NextToken })).Items.length, 59)
  const { Responses } = await call('BatchExecuteStatement', { Statements: [{ Statement: "SELECT n FROM Music WHERE artist = 'Bill' AND song = 'Peri'" }, { Statement: "SELECT n FROM Music WHERE artist = 'Bill'" }] })
  assert.deepEqual([Responses[0].Item, Responses[1].Error.Code], [{ n: { N: '7' } }, 'ValidationError'])
  await call('ExecuteTransaction', { TransactStatements: [{ Statement: "UPDATE Music SET n = n + 1 WHERE artist = 'Bill' AND song = 'Peri'" }] })
}

async function records() {
  const stream = (name, input) => streams.send(new streaming[name + 'Command'](input))
  const { Streams } = await stream('ListStreams', { TableName: 'Music' })
  const { StreamArn } = Streams[0]
  const { StreamDescription } = await stream('DescribeStream', { StreamArn })
  const seen = []
  for (const { ShardId } of StreamDescription.Shards) {
    let { ShardIterator } = await stream('GetShardIterator', { StreamArn, ShardId, ShardIteratorType: 'TRIM_HORIZON' })
    for (let more = true; more && ShardIterator; ) {
      const { Records, NextShardIterator } = await stream('GetRecords', { ShardIterator })
      for (const r of Records) if (r.dynamodb.Keys.artist.S === 'Bill') seen.push([r.eventName, r.dynamodb.NewImage.n.N])
      more = Records.length > 0
      ShardIterator = NextShardIterator
    }
  }
  assert.deepEqual(seen, [['INSERT', '7'], ['MODIFY', '8']])
}

async function destinations() { // there is no Kinesis here: tests/kinesis.sh has one
  const name = { TableName: 'Music', StreamArn: 'arn:aws:kinesis:us-east-1:123456789012:stream/changes' }
  await fails('ValidationException', call('EnableKinesisStreamingDestination', name))
  await fails('ValidationException', call('UpdateKinesisStreamingDestination', { ...name, UpdateKinesisStreamingConfiguration: { ApproximateCreationDateTimePrecision: 'MICROSECOND' } }))
  await fails('ValidationException', call('DisableKinesisStreamingDestination', name))
  assert.deepEqual((await call('DescribeKinesisStreamingDestination', { TableName: 'Music' })).KinesisDataStreamDestinations, [])
}

async function backups() {
  const recovery = await call('UpdateContinuousBackups', { TableName: 'Music', PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true, RecoveryPeriodInDays: 3 } })
  assert.equal(recovery.ContinuousBackupsDescription.PointInTimeRecoveryDescription.RecoveryPeriodInDays, 3)
  const { ContinuousBackupsDescription } = await call('DescribeContinuousBackups', { TableName: 'Music' })
  assert.ok(ContinuousBackupsDescription.PointInTimeRecoveryDescription.LatestRestorableDateTime instanceof Date)
  const { BackupDetails: { BackupArn } } = await call('CreateBackup', { TableName: 'Music', BackupName: 'safe' })
  assert.deepEqual((await call('ListBackups', { Limit: 1 })).BackupSummaries.map((b) => b.BackupArn), [BackupArn])
  assert.equal((await call('DescribeBackup', { BackupArn })).BackupDescription.BackupDetails.BackupStatus, 'AVAILABLE')
  await call('RestoreTableFromBackup', { TargetTableName: 'Saved', BackupArn })
  await call('RestoreTableToPointInTime', { SourceTableName: 'Music', TargetTableName: 'Past', UseLatestRestorableTime: true })
  for (const TableName of ['Saved', 'Past']) {
    await dynamodb.waitUntilTableExists(wait, { TableName })
    assert.equal((await call('Scan', { TableName })).Count, (await call('Scan', { TableName: 'Music' })).Count)
    await call('DeleteTable', { TableName })
  }
  await call('DeleteBackup', { BackupArn })
  await fails('BackupNotFoundException', call('DescribeBackup', { BackupArn }))
}

// until reads until a state is over, and checks that it is COMPLETED.
async function until(read) {
  let state
  for (let n = 0; n < 600 && (state = await read()) === 'IN_PROGRESS'; n++) await new Promise((done) => setTimeout(done, 100))
  assert.equal(state, 'COMPLETED')
}

async function transfers() {
  const { Table: { TableArn } } = await call('DescribeTable', { TableName: 'Music' })
  const { ExportDescription: { ExportArn } } = await call('ExportTableToPointInTime', { TableArn, S3Bucket: 'files' })
  await until(async () => (await call('DescribeExport', { ExportArn })).ExportDescription.ExportStatus)
  assert.deepEqual((await call('ListExports', { TableArn })).ExportSummaries.map((e) => e.ExportArn), [ExportArn])
  const S3KeyPrefix = `AWSDynamoDB/${ExportArn.split('/').pop()}/data/`
  const { ImportTableDescription: { ImportArn } } = await call('ImportTable', {
    S3BucketSource: { S3Bucket: 'files', S3KeyPrefix }, InputFormat: 'DYNAMODB_JSON', InputCompressionType: 'GZIP',
    TableCreationParameters: {
      TableName: 'Imported', BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: ['artist', 'song'].map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
      KeySchema: [{ AttributeName: 'artist', KeyType: 'HASH' }, { AttributeName: 'song', KeyType: 'RANGE' }],
    },
  })
  await until(async () => (await call('DescribeImport', { ImportArn })).ImportTableDescription.ImportStatus)
  assert.deepEqual((await call('ListImports')).ImportSummaryList.map((i) => i.ImportArn), [ImportArn])
  const { Count } = await call('Scan', { TableName: 'Music' })
  assert.equal((await call('Scan', { TableName: 'Imported' })).Count, Count)
  const { BulkOperationDescription: { BulkOperationArn } } = await call('StartBulkPutItems', {
    TableName: 'Imported', InputS3Configuration: { S3Bucket: 'files', S3KeyPrefix, InputFormat: 'DYNAMODB_JSON', InputCompressionType: 'GZIP' },
    OutputS3Configuration: { S3Bucket: 'files', OutputType: ['ERROR'] },
  })
  await until(async () => (await call('DescribeBulkOperation', { BulkOperationArn })).BulkOperationDescription.BulkOperationStatus)
  assert.equal((await call('DescribeBulkOperation', { BulkOperationArn })).BulkOperationDescription.ProcessedItemCount, Count)
  assert.equal((await call('ListBulkOperations')).BulkOperationsSummaryList.length, 1)
  await fails('ValidationException', call('CancelBulkOperation', { BulkOperationArn }))
  await call('DeleteTable', { TableName: 'Imported' })
}

async function end() {
  assert.equal((await call('DeleteTable', { TableName: 'Music' })).TableDescription.TableStatus, 'DELETING')
  await fails('ResourceNotFoundException', call('DescribeTable', { TableName: 'Music' }))
}

for (const part of [tables, items, documents, transactions, statements, records, destinations, backups, transfers, end]) await part()
assert.deepEqual(process.env.STATOR_OPERATIONS.trim().split(' ').filter((name) => !called.has(name)), [], 'operations not called')
console.log(`drive.mjs: the SDK for JavaScript called ${called.size} operations`)
