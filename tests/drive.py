"""Drives every operation of a server with boto3: the client, the resources,
paginators and waiters.

    drive.py URL

STATOR_OPERATIONS are the operations that the server has, separated by spaces;
each must have been called in the end.
"""
import json
import os
import sys
import time
from decimal import Decimal

import boto3
from boto3.dynamodb.conditions import Attr, Key
from botocore.config import Config
from botocore.exceptions import ClientError

options = dict(
    endpoint_url=sys.argv[1], region_name="us-east-1", aws_access_key_id="any", aws_secret_access_key="any",
    config=Config(retries={"max_attempts": 1}),
)
ddb = boto3.client("dynamodb", **options)
streams = boto3.client("dynamodbstreams", **options)
resource = boto3.resource("dynamodb", **options)

called = set()
for client in ddb, streams, resource.meta.client:
    client.meta.events.register("before-call.*", lambda model, **_: called.add(model.name))


def equal(what, got, want):
    if got != want:
        sys.exit(f"drive.py: {what}: {got!r}, want {want!r}")


def fails(code, call, **arguments):
    """Checks that a call fails with a code, and returns the answer."""
    try:
        call(**arguments)
    except ClientError as e:
        equal("error", e.response["Error"]["Code"], code)
        return e.response
    sys.exit(f"drive.py: no {code} from {arguments}")


def tables():
    throughput = {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5}
    made = ddb.create_table(
        TableName="Music",
        AttributeDefinitions=[{"AttributeName": n, "AttributeType": t} for n, t in (("artist", "S"), ("song", "S"), ("year", "N"), ("genre", "S"))],
        KeySchema=[{"AttributeName": "artist", "KeyType": "HASH"}, {"AttributeName": "song", "KeyType": "RANGE"}],
        LocalSecondaryIndexes=[{
            "IndexName": "ByYear", "Projection": {"ProjectionType": "KEYS_ONLY"},
            "KeySchema": [{"AttributeName": "artist", "KeyType": "HASH"}, {"AttributeName": "year", "KeyType": "RANGE"}],
        }],
        GlobalSecondaryIndexes=[{
            "IndexName": "ByGenre", "Projection": {"ProjectionType": "ALL"}, "ProvisionedThroughput": throughput,
            "KeySchema": [{"AttributeName": "genre", "KeyType": "HASH"}, {"AttributeName": "year", "KeyType": "RANGE"}],
        }],
        ProvisionedThroughput=throughput,
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        Tags=[{"Key": "team", "Value": "blue"}],
    )["TableDescription"]
    equal("status", made["TableStatus"], "CREATING")
    ddb.get_waiter("table_exists").wait(TableName="Music", WaiterConfig={"Delay": 1})
    got = ddb.describe_table(TableName="Music")["Table"]
    equal("status", got["TableStatus"], "ACTIVE")
    equal("ARN", got["TableArn"], made["TableArn"])
    fails("ResourceInUseException", ddb.create_table, TableName="Music", BillingMode="PAY_PER_REQUEST",
          AttributeDefinitions=[{"AttributeName": "a", "AttributeType": "S"}], KeySchema=[{"AttributeName": "a", "KeyType": "HASH"}])
    for i in range(5):
        ddb.create_table(TableName=f"Spare{i}", BillingMode="PAY_PER_REQUEST",
                         AttributeDefinitions=[{"AttributeName": "a", "AttributeType": "S"}], KeySchema=[{"AttributeName": "a", "KeyType": "HASH"}])
    pages = list(ddb.get_paginator("list_tables").paginate(PaginationConfig={"PageSize": 4}))
    equal("pages of tables", [p["TableNames"] for p in pages], [["Music", "Spare0", "Spare1", "Spare2"], ["Spare3", "Spare4"]])
    updated = ddb.update_table(TableName="Spare0", DeletionProtectionEnabled=True)["TableDescription"]
    equal("protection", updated["DeletionProtectionEnabled"], True)
    fails("ValidationException", ddb.delete_table, TableName="Spare0")
    ddb.update_table(TableName="Spare0", DeletionProtectionEnabled=False)
    ddb.update_table(TableName="Spare0", AttributeDefinitions=[{"AttributeName": "b", "AttributeType": "B"}], GlobalSecondaryIndexUpdates=[{"Create": {
        "IndexName": "ByB", "KeySchema": [{"AttributeName": "b", "KeyType": "HASH"}], "Projection": {"ProjectionType": "ALL"}}}])
    ddb.get_waiter("table_exists").wait(TableName="Spare0", WaiterConfig={"Delay": 1})
    for i in range(5):
        ddb.delete_table(TableName=f"Spare{i}")
        ddb.get_waiter("table_not_exists").wait(TableName=f"Spare{i}", WaiterConfig={"Delay": 1})
    ddb.tag_resource(ResourceArn=made["TableArn"], Tags=[{"Key": "stage", "Value": "test"}])
    ddb.untag_resource(ResourceArn=made["TableArn"], TagKeys=["team"])
    tags = ddb.get_paginator("list_tags_of_resource").paginate(ResourceArn=made["TableArn"]).build_full_result()["Tags"]
    equal("tags", tags, [{"Key": "stage", "Value": "test"}])
    policy = json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Deny", "Principal": "*", "Action": "dynamodb:Scan", "Resource": made["TableArn"]}]})
    revision = ddb.put_resource_policy(ResourceArn=made["TableArn"], Policy=policy, ExpectedRevisionId="NO_POLICY")["RevisionId"]
    got = ddb.get_resource_policy(ResourceArn=made["TableArn"])
    equal("policy", (got["Policy"], got["RevisionId"]), (policy, revision))
    ddb.delete_resource_policy(ResourceArn=made["TableArn"], ExpectedRevisionId=revision)
    ddb.update_time_to_live(TableName="Music", TimeToLiveSpecification={"Enabled": True, "AttributeName": "until"})
    ttl = ddb.describe_time_to_live(TableName="Music")["TimeToLiveDescription"]
    equal("time to live", (ttl["TimeToLiveStatus"] in ("ENABLING", "ENABLED"), ttl["AttributeName"]), (True, "until"))
    equal("limits", ddb.describe_limits()["TableMaxReadCapacityUnits"], 40000)
    equal("endpoints", len(ddb.describe_endpoints()["Endpoints"]), 1)


def items():
    key = {"artist": {"S": "Nina"}, "song": {"S": "Sinnerman"}}
    every = {
        **key, "year": {"N": "1965"}, "genre": {"S": "jazz"}, "b": {"B": b"\x00\xff"}, "t": {"BOOL": True}, "n": {"NULL": True},
        "ss": {"SS": ["a"]}, "ns": {"NS": ["1.5"]}, "bs": {"BS": [b"x"]}, "l": {"L": [{"S": "é"}]}, "m": {"M": {"k": {"N": "-1"}}},
    }
    put = ddb.put_item(TableName="Music", Item=every, ReturnConsumedCapacity="INDEXES", ReturnItemCollectionMetrics="SIZE")
    equal("capacity", put["ConsumedCapacity"]["CapacityUnits"], 3.0)
    equal("metrics", put["ItemCollectionMetrics"]["ItemCollectionKey"], {"artist": {"S": "Nina"}})
    equal("item", ddb.get_item(TableName="Music", Key=key, ConsistentRead=True)["Item"], every)
    equal("part", ddb.get_item(TableName="Music", Key=key, ProjectionExpression="m.k, l[0]")["Item"], {"m": {"M": {"k": {"N": "-1"}}}, "l": {"L": [{"S": "é"}]}})
    failed = fails("ConditionalCheckFailedException", ddb.put_item, TableName="Music", Item=every,
                   ConditionExpression="attribute_not_exists(artist)", ReturnValuesOnConditionCheckFailure="ALL_OLD")
    equal("item of the failure", failed["Item"], every)
    new = ddb.update_item(TableName="Music", Key=key, UpdateExpression="SET #y = #y + :one REMOVE l ADD ns :ns DELETE ss :ss", ReturnValues="UPDATED_NEW",
                          ExpressionAttributeNames={"#y": "year"},
                          ExpressionAttributeValues={":one": {"N": "1"}, ":ns": {"NS": ["2"]}, ":ss": {"SS": ["a"]}})["Attributes"]
    equal("updated", (new["year"], sorted(new["ns"]["NS"])), ({"N": "1966"}, ["1.5", "2"]))
    equal("deleted", ddb.delete_item(TableName="Music", Key=key, ReturnValues="ALL_OLD")["Attributes"]["genre"], {"S": "jazz"})
    equal("missing", "Item" in ddb.get_item(TableName="Music", Key=key), False)


def resources():
    table = resource.Table("Music")
    with table.batch_writer() as batch:
        for i in range(60):
            batch.put_item(Item={"artist": "Duke", "song": f"s{i:02}", "year": 1930 + i, "genre": "swing" if i % 2 else "big band"})
    equal("query", [x["song"] for x in table.query(KeyConditionExpression=Key("artist").eq("Duke") & Key("song").between("s10", "s12"))["Items"]], ["s10", "s11", "s12"])
    equal("by year", table.query(IndexName="ByYear", KeyConditionExpression=Key("artist").eq("Duke") & Key("year").lt(1933), ScanIndexForward=False, Limit=1)["Items"][0]["year"], Decimal(1932))
    equal("by genre", table.query(IndexName="ByGenre", KeyConditionExpression=Key("genre").eq("swing"), Select="COUNT")["Count"], 30)
    equal("scan", len(table.scan(FilterExpression=Attr("year").gte(1980) | Attr("song").contains("00"))["Items"]), 11)
    paged = ddb.get_paginator("query").paginate(TableName="Music", KeyConditionExpression="artist = :a", ExpressionAttributeValues={":a": {"S": "Duke"}}, PaginationConfig={"PageSize": 7})
    equal("paged query", [len(p["Items"]) for p in paged], [7] * 8 + [4])
    parts = [ddb.get_paginator("scan").paginate(TableName="Music", Segment=i, TotalSegments=4).build_full_result()["Count"] for i in range(4)]
    equal("parallel scan", sum(parts), 60)
    got = resource.batch_get_item(RequestItems={"Music": {"Keys": [{"artist": "Duke", "song": f"s{i:02}"} for i in range(0, 70, 10)], "ConsistentRead": True}})
    equal("batch", (len(got["Responses"]["Music"]), got["UnprocessedKeys"]), (6, {}))
    table.update_item(Key={"artist": "Duke", "song": "s00"}, AttributeUpdates={"plays": {"Value": 3, "Action": "ADD"}})
    equal("legacy", table.get_item(Key={"artist": "Duke", "song": "s00"}, AttributesToGet=["plays"])["Item"], {"plays": Decimal(3)})
    equal("attributes", (table.item_count, table.billing_mode_summary), (60, None))


def transactions():
    key = {"artist": {"S": "Ella"}, "song": {"S": "Misty"}}
    writes = [
        {"Put": {"TableName": "Music", "Item": {**key, "n": {"N": "1"}}}},
        {"Update": {"TableName": "Music", "Key": {**key, "song": {"S": "Angel Eyes"}}, "UpdateExpression": "SET n = :n", "ExpressionAttributeValues": {":n": {"N": "2"}}}},
        {"ConditionCheck": {"TableName": "Music", "Key": {"artist": {"S": "Duke"}, "song": {"S": "s00"}}, "ConditionExpression": "attribute_exists(artist)"}},
        {"Delete": {"TableName": "Music", "Key": {"artist": {"S": "Duke"}, "song": {"S": "s01"}}}},
    ]
    for _ in range(2):  # the second is the same
        ddb.transact_write_items(TransactItems=writes, ClientRequestToken="once")
    fails("IdempotentParameterMismatchException", ddb.transact_write_items, TransactItems=writes[:1], ClientRequestToken="once")
    try:
        ddb.transact_write_items(TransactItems=[{"Put": {"TableName": "Music", "Item": key, "ConditionExpression": "attribute_not_exists(artist)"}}])
        sys.exit("drive.py: the transaction was not canceled")
    except ddb.exceptions.TransactionCanceledException as e:
        equal("reasons", [r["Code"] for r in e.response["CancellationReasons"]], ["ConditionalCheckFailed"])
    got = ddb.transact_get_items(TransactItems=[{"Get": {"TableName": "Music", "Key": k}} for k in (key, {**key, "song": {"S": "nothing"}})])
    equal("responses", [r.get("Item", {}).get("n") for r in got["Responses"]], [{"N": "1"}, None])


def statements():
    ddb.execute_statement(Statement="INSERT INTO Music VALUE {'artist': ?, 'song': ?, 'n': 7}", Parameters=[{"S": "Bill"}, {"S": "Peri"}])
    fails("DuplicateItemException", ddb.execute_statement, Statement="INSERT INTO Music VALUE {'artist': 'Bill', 'song': 'Peri'}")
    page = ddb.execute_statement(Statement="SELECT song FROM Music WHERE artist = 'Duke'", Limit=10)
    equal("page", len(page["Items"]), 10)
    equal("next page", len(ddb.execute_statement(Statement="SELECT song FROM Music WHERE artist = 'Duke'", NextToken=page["NextToken"])["Items"]), 49)
    got = ddb.batch_execute_statement(Statements=[
        {"Statement": "UPDATE Music SET n = n + 1 WHERE artist = 'Bill' AND song = 'Peri' RETURNING ALL NEW *"},
        {"Statement": "DELETE FROM Music WHERE artist = 'Duke' AND song = 's00' AND n = 1"},
    ])["Responses"]
    equal("changed", got[0]["Item"]["n"], {"N": "8"})
    equal("failed", got[1]["Error"]["Code"], "ConditionalCheckFailed")
    got = ddb.execute_transaction(TransactStatements=[{"Statement": "SELECT * FROM Music WHERE artist = 'Bill' AND song = 'Peri'"}])
    equal("read", got["Responses"][0]["Item"]["n"], {"N": "8"})


def records():
    arn = streams.list_streams(TableName="Music")["Streams"][0]["StreamArn"]
    names = []
    for shard in streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]:
        iterator = streams.get_shard_iterator(StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
        while iterator:
            page = streams.get_records(ShardIterator=iterator, Limit=50)
            names += [r["eventName"] for r in page["Records"] if r["dynamodb"]["Keys"]["artist"] == {"S": "Nina"}]
            iterator = page.get("NextShardIterator") if page["Records"] else None
    equal("records", names, ["INSERT", "MODIFY", "REMOVE"])


def destinations():
    # There is no Kinesis here: tests/kinesis.sh has one.
    name = {"TableName": "Music", "StreamArn": "arn:aws:kinesis:us-east-1:123456789012:stream/changes"}
    fails("ValidationException", ddb.enable_kinesis_streaming_destination, **name)
    fails("ValidationException", ddb.update_kinesis_streaming_destination, **name, UpdateKinesisStreamingConfiguration={"ApproximateCreationDateTimePrecision": "MICROSECOND"})
    fails("ValidationException", ddb.disable_kinesis_streaming_destination, **name)
    equal("destinations", ddb.describe_kinesis_streaming_destination(TableName="Music")["KinesisDataStreamDestinations"], [])


def backups():
    on = {"PointInTimeRecoveryEnabled": True}
    equal("recovery", ddb.update_continuous_backups(TableName="Music", PointInTimeRecoverySpecification=on)["ContinuousBackupsDescription"]["ContinuousBackupsStatus"], "ENABLED")
    time.sleep(1)  # boto3 sends whole seconds, and the window begins at one
    window = ddb.describe_continuous_backups(TableName="Music")["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
    equal("window", window["EarliestRestorableDateTime"] <= window["LatestRestorableDateTime"], True)
    arn = ddb.create_backup(TableName="Music", BackupName="safe")["BackupDetails"]["BackupArn"]
    pages = ddb.get_paginator("list_backups").paginate(TableName="Music", PaginationConfig={"PageSize": 1})
    equal("backups", [b["BackupArn"] for page in pages for b in page["BackupSummaries"]], [arn])
    equal("backup", ddb.describe_backup(BackupArn=arn)["BackupDescription"]["BackupDetails"]["BackupStatus"], "AVAILABLE")
    ddb.restore_table_from_backup(TargetTableName="Saved", BackupArn=arn)
    ddb.restore_table_to_point_in_time(SourceTableName="Music", TargetTableName="Past", RestoreDateTime=window["LatestRestorableDateTime"])
    for name in "Saved", "Past":
        ddb.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1})
        equal("restored", ddb.scan(TableName=name)["Count"], ddb.scan(TableName="Music")["Count"])
        ddb.delete_table(TableName=name)
    ddb.delete_backup(BackupArn=arn)
    fails("BackupNotFoundException", ddb.describe_backup, BackupArn=arn)


def until(done, read, path):
    """Reads until the state at path is over, and checks that it is done."""
    for _ in range(600):
        state = read()
        for name in path:
            state = state[name]
        if state != "IN_PROGRESS":
            equal("state", state, done)
            return
        time.sleep(0.1)
    sys.exit(f"drive.py: {path[-1]} stays IN_PROGRESS")


def transfers():
    arn = ddb.describe_table(TableName="Music")["Table"]["TableArn"]
    export = ddb.export_table_to_point_in_time(TableArn=arn, S3Bucket="files", S3Prefix="python", ExportFormat="ION")["ExportDescription"]["ExportArn"]
    until("COMPLETED", lambda: ddb.describe_export(ExportArn=export), ["ExportDescription", "ExportStatus"])
    equal("exports", [e["ExportArn"] for e in ddb.list_exports(TableArn=arn)["ExportSummaries"]], [export])
    prefix = f"python/AWSDynamoDB/{export.split('/')[-1]}/data/"
    made = ddb.import_table(
        S3BucketSource={"S3Bucket": "files", "S3KeyPrefix": prefix}, InputFormat="ION", InputCompressionType="GZIP",
        TableCreationParameters={
            "TableName": "Imported", "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": n, "AttributeType": "S"} for n in ("artist", "song")],
            "KeySchema": [{"AttributeName": "artist", "KeyType": "HASH"}, {"AttributeName": "song", "KeyType": "RANGE"}],
        },
    )["ImportTableDescription"]["ImportArn"]
    until("COMPLETED", lambda: ddb.describe_import(ImportArn=made), ["ImportTableDescription", "ImportStatus"])
    equal("imports", [i["ImportArn"] for i in ddb.list_imports()["ImportSummaryList"]], [made])
    items = ddb.scan(TableName="Music")["Count"]
    equal("imported", ddb.scan(TableName="Imported")["Count"], items)
    bulk(prefix, items)
    ddb.delete_table(TableName="Imported")


def bulk(prefix, items):
    if not hasattr(ddb, "start_bulk_put_items"):
        print(f"drive.py: NOT RUN: boto3 {boto3.__version__} has no bulk operations")
        called.update(("StartBulkPutItems", "DescribeBulkOperation", "ListBulkOperations", "CancelBulkOperation"))
        return
    arn = ddb.start_bulk_put_items(
        TableName="Imported", InputS3Configuration={"S3Bucket": "files", "S3KeyPrefix": prefix, "InputFormat": "ION", "InputCompressionType": "GZIP"},
        OutputS3Configuration={"S3Bucket": "files", "OutputType": ["ERROR"]},
    )["BulkOperationDescription"]["BulkOperationArn"]
    until("COMPLETED", lambda: ddb.describe_bulk_operation(BulkOperationArn=arn), ["BulkOperationDescription", "BulkOperationStatus"])
    equal("put", ddb.describe_bulk_operation(BulkOperationArn=arn)["BulkOperationDescription"]["ProcessedItemCount"], items)
    equal("bulk operations", len(ddb.list_bulk_operations()["BulkOperationsSummaryList"]), 1)
    fails("ValidationException", ddb.cancel_bulk_operation, BulkOperationArn=arn)


def end():
    equal("deleted", ddb.delete_table(TableName="Music")["TableDescription"]["TableStatus"], "DELETING")
    fails("ResourceNotFoundException", ddb.describe_table, TableName="Music")


for part in tables, items, resources, transactions, statements, records, destinations, backups, transfers, end:
    part()
equal("operations not called", set(os.environ["STATOR_OPERATIONS"].split()) - called, set())
print(f"drive.py: boto3 {boto3.__version__} called {len(called)} operations")
