"""The load of kinesis.sh: versions of a few items, written until the server is
killed, and what the data stream must have of them then.

    kinesis.py prepare URL   a data stream, and a table that goes there
    kinesis.py load URL      writes, and prints "item version" when acknowledged
    kinesis.py check URL     reads such lines and compares
"""

import json
import os
import sys
import time

import boto3
import botocore.config
import botocore.exceptions

ITEMS = 20
PATIENCE = 60  # seconds
STREAM = "versions"
COMMANDS = {}


def client(service, url):
    return boto3.client(service, endpoint_url=url, config=botocore.config.Config(retries={"max_attempts": 0}))


def command(f):
    COMMANDS[f.__name__] = f


def wait(what, met):
    deadline = time.monotonic() + PATIENCE
    while not met():
        if time.monotonic() > deadline:
            raise SystemExit(f"kinesis.py: {what} takes longer than {PATIENCE} s")
        time.sleep(0.05)


@command
def prepare(tables, streams):
    streams.create_stream(StreamName=STREAM, ShardCount=2)
    about = lambda: streams.describe_stream_summary(StreamName=STREAM)["StreamDescriptionSummary"]
    wait("creating the data stream", lambda: about()["StreamStatus"] == "ACTIVE")
    tables.create_table(
        TableName="Versions", BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "N"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}])
    tables.enable_kinesis_streaming_destination(TableName="Versions", StreamArn=about()["StreamARN"])


@command
def load(tables, _):
    version = 0
    try:
        while True:
            version += 1
            for item in range(ITEMS):
                tables.put_item(TableName="Versions", Item={"id": {"N": str(item)}, "version": {"N": str(version)}})
                print(item, version, flush=True)
    except (botocore.exceptions.ConnectionError, botocore.exceptions.HTTPClientError):
        pass  # the kill


def delivered(streams):
    """Returns the versions of each item in the order of the data stream."""
    versions = {}
    for shard in streams.describe_stream(StreamName=STREAM)["StreamDescription"]["Shards"]:
        at = streams.get_shard_iterator(StreamName=STREAM, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
        while True:
            page = streams.get_records(ShardIterator=at)
            if not page["Records"]:
                break
            at = page["NextShardIterator"]
            for record in page["Records"]:
                image = json.loads(record["Data"])["dynamodb"]["NewImage"]
                versions.setdefault(int(image["id"]["N"]), []).append(int(image["version"]["N"]))
    return versions


@command
def check(_, streams):
    acknowledged = {}
    for line in sys.stdin:
        item, version = map(int, line.split())
        acknowledged[item] = version
    assert len(acknowledged) == ITEMS, acknowledged
    reached = lambda: all(v in delivered(streams).get(item, []) for item, v in acknowledged.items())
    wait("delivering what was acknowledged", reached)
    again = 0
    for item, versions in delivered(streams).items():
        first = list(dict.fromkeys(versions))
        again += len(versions) - len(first)
        # At least once, in order: a version is missing or early nowhere.
        assert first == list(range(1, len(first) + 1)), (item, versions)
        assert len(first) >= acknowledged[item], (item, versions, acknowledged[item])
    print(f"kinesis.py: {sum(acknowledged.values())} changes acknowledged before the kill are delivered, {again} of them more than once")


if __name__ == "__main__":
    COMMANDS[sys.argv[1]](client("dynamodb", sys.argv[2]), client("kinesis", os.environ["AWS_ENDPOINT_URL_KINESIS"]))
