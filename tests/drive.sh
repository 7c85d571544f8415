#!/usr/bin/env bash
# Drives every operation of a server with the AWS CLI.
#
#   tests/drive.sh URL
#
# STATOR_OPERATIONS are the operations that the server has, separated by spaces;
# each must have been called in the end.
set -euo pipefail
export AWS_ENDPOINT_URL=$1 AWS_DEFAULT_REGION=us-east-1 AWS_ACCESS_KEY_ID=any AWS_SECRET_ACCESS_KEY=any AWS_MAX_ATTEMPTS=1 AWS_PAGER=
called=()

# camel prints an operation's name for a command: put-item is PutItem.
camel() { sed -E 's/(^|-)([a-z])/\u\2/g' <<<"$1"; }

# ddb and streams run a command and keep what it prints in $out.
ddb() { run dynamodb "$@"; }
streams() { run dynamodbstreams "$@"; }
run() {
  called+=("$(camel "$2")")
  out=$(aws "$@" --output text) || { echo "drive.sh: aws $*" >&2; exit 1; }
}

# is checks what the last command printed, with tabs and lines as spaces.
is() {
  local got
  got=$(tr '\t\n' '  ' <<<"$out" | sed 's/ *$//')
  [ "$got" = "$1" ] || { echo "drive.sh: ${called[-1]} printed '$got', want '$1'" >&2; exit 1; }
}

# fails checks that a command fails with an error code.
fails() {
  local code=$1 message
  shift
  called+=("$(camel "$1")")
  if message=$(aws dynamodb "$@" 2>&1) || [[ $message != *"($code)"* ]]; then
    echo "drive.sh: aws $*: $message, want $code" >&2
    exit 1
  fi
}

ddb create-table --table-name Music --billing-mode PAY_PER_REQUEST \
  --attribute-definitions AttributeName=artist,AttributeType=S AttributeName=song,AttributeType=S AttributeName=year,AttributeType=N \
  --key-schema AttributeName=artist,KeyType=HASH AttributeName=song,KeyType=RANGE \
  --global-secondary-indexes 'IndexName=ByYear,KeySchema=[{AttributeName=year,KeyType=HASH}],Projection={ProjectionType=ALL}' \
  --stream-specification StreamEnabled=true,StreamViewType=KEYS_ONLY \
  --query 'TableDescription.TableStatus'
is CREATING
aws dynamodb wait table-exists --table-name Music
ddb describe-table --table-name Music --query 'Table.[TableStatus,TableArn,LatestStreamArn]'
read -r status table stream <<<"$out"
[ "$status" = ACTIVE ] || { echo "drive.sh: the table is $status" >&2; exit 1; }
ddb list-tables --query TableNames
is Music
ddb update-table --table-name Music --deletion-protection-enabled --query 'TableDescription.DeletionProtectionEnabled'
is True
fails ValidationException delete-table --table-name Music
ddb tag-resource --resource-arn "$table" --tags Key=team,Value=blue Key=stage,Value=test
ddb untag-resource --resource-arn "$table" --tag-keys team
ddb list-tags-of-resource --resource-arn "$table" --query 'Tags[].[Key,Value]'
is 'stage test'
policy='{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"dynamodb:Scan","Resource":"'$table'"}]}'
ddb put-resource-policy --resource-arn "$table" --policy "$policy" --query 'length(RevisionId)'
is 13
ddb get-resource-policy --resource-arn "$table" --query Policy
is "$policy"
ddb delete-resource-policy --resource-arn "$table" --query 'length(RevisionId)'
is 13
ddb update-time-to-live --table-name Music --time-to-live-specification Enabled=true,AttributeName=until --query 'TimeToLiveSpecification.AttributeName'
is until
ddb describe-time-to-live --table-name Music --query 'TimeToLiveDescription.AttributeName'
is until
ddb describe-limits --query TableMaxReadCapacityUnits
is 40000
ddb describe-endpoints --query 'length(Endpoints)'
is 1

key='{"artist":{"S":"Nina"},"song":{"S":"Sinnerman"}}'
item='{"artist":{"S":"Nina"},"song":{"S":"Sinnerman"},"year":{"N":"1965"},"l":{"L":[{"BOOL":true}]}}'
ddb put-item --table-name Music --item "$item" --return-consumed-capacity TOTAL --query ConsumedCapacity.CapacityUnits
is 2.0
fails ConditionalCheckFailedException put-item --table-name Music --item "$item" --condition-expression 'attribute_not_exists(artist)'
ddb get-item --table-name Music --key "$key" --consistent-read --query 'Item.[year.N,l.L[0].BOOL]'
is '1965 True'
ddb update-item --table-name Music --key "$key" --update-expression 'SET #y = #y + :n' --expression-attribute-names '{"#y":"year"}' \
  --expression-attribute-values '{":n":{"N":"1"}}' --return-values UPDATED_NEW --query Attributes.year.N
is 1966
ddb query --table-name Music --index-name ByYear --key-condition-expression '#y = :y' --expression-attribute-names '{"#y":"year"}' \
  --expression-attribute-values '{":y":{"N":"1966"}}' --query 'Items[].song.S'
is Sinnerman
ddb batch-write-item --request-items '{"Music":[{"PutRequest":{"Item":{"artist":{"S":"Duke"},"song":{"S":"a"}}}},{"PutRequest":{"Item":{"artist":{"S":"Duke"},"song":{"S":"b"}}}}]}' --query 'length(UnprocessedItems)'
is 0
ddb batch-get-item --request-items '{"Music":{"Keys":[{"artist":{"S":"Duke"},"song":{"S":"a"}},{"artist":{"S":"Duke"},"song":{"S":"none"}}]}}' --query 'Responses.Music[].song.S'
is a
ddb scan --table-name Music --select COUNT --query Count
is 3
ddb transact-write-items --client-request-token once --transact-items '[
  {"Put":{"TableName":"Music","Item":{"artist":{"S":"Ella"},"song":{"S":"Misty"},"n":{"N":"1"}}}},
  {"ConditionCheck":{"TableName":"Music","Key":{"artist":{"S":"Duke"},"song":{"S":"a"}},"ConditionExpression":"attribute_exists(artist)"}},
  {"Delete":{"TableName":"Music","Key":{"artist":{"S":"Duke"},"song":{"S":"b"}}}}]'
fails TransactionCanceledException transact-write-items --transact-items '[
  {"Update":{"TableName":"Music","Key":{"artist":{"S":"Ella"},"song":{"S":"Misty"}},"UpdateExpression":"SET n = n","ConditionExpression":"attribute_not_exists(n)"}}]'
ddb transact-get-items --transact-items '[{"Get":{"TableName":"Music","Key":{"artist":{"S":"Ella"},"song":{"S":"Misty"}}}}]' --query 'Responses[].Item.n.N'
is 1
ddb execute-statement --statement 'UPDATE Music SET n = n + ? WHERE artist = ? AND song = ? RETURNING ALL NEW *' --parameters '[{"N":"1"},{"S":"Ella"},{"S":"Misty"}]' --query 'Items[].n.N'
is 2
ddb batch-execute-statement --statements '[{"Statement":"SELECT * FROM Music WHERE artist = '\''Ella'\'' AND song = '\''Misty'\''"},{"Statement":"SELECT * FROM Nothing WHERE a = 1"}]' --query 'Responses[].[Item.n.N,Error.Code]'
is '2 None None ResourceNotFound'
ddb execute-transaction --transact-statements '[{"Statement":"DELETE FROM Music WHERE artist = '\''Ella'\'' AND song = '\''Misty'\''"}]'
ddb delete-item --table-name Music --key "$key" --return-values ALL_OLD --query Attributes.year.N
is 1966

streams list-streams --table-name Music --query 'Streams[].StreamArn'
is "$stream"
streams describe-stream --stream-arn "$stream" --query 'StreamDescription.Shards[].ShardId'
events=
for shard in $out; do
  streams get-shard-iterator --stream-arn "$stream" --shard-id "$shard" --shard-iterator-type TRIM_HORIZON --query ShardIterator
  streams get-records --shard-iterator "$out" --query "Records[?dynamodb.Keys.artist.S=='Nina'].eventName"
  events+=$out
done
out=$events
is 'INSERT MODIFY REMOVE'

# There is no Kinesis here: tests/kinesis.sh has one.
data=arn:aws:kinesis:us-east-1:123456789012:stream/changes
fails ValidationException enable-kinesis-streaming-destination --table-name Music --stream-arn $data
fails ValidationException update-kinesis-streaming-destination --table-name Music --stream-arn $data \
  --update-kinesis-streaming-configuration ApproximateCreationDateTimePrecision=MICROSECOND
fails ValidationException disable-kinesis-streaming-destination --table-name Music --stream-arn $data
ddb describe-kinesis-streaming-destination --table-name Music --query 'length(KinesisDataStreamDestinations)'
is 0

ddb update-continuous-backups --table-name Music --point-in-time-recovery-specification PointInTimeRecoveryEnabled=true,RecoveryPeriodInDays=3 \
  --query ContinuousBackupsDescription.PointInTimeRecoveryDescription.PointInTimeRecoveryStatus
is ENABLED
ddb describe-continuous-backups --table-name Music --query ContinuousBackupsDescription.PointInTimeRecoveryDescription.RecoveryPeriodInDays
is 3
ddb create-backup --table-name Music --backup-name safe --query BackupDetails.BackupArn
backup=$out
ddb list-backups --query 'BackupSummaries[].[BackupName,BackupStatus]'
is 'safe AVAILABLE'
ddb describe-backup --backup-arn "$backup" --query BackupDescription.SourceTableDetails.TableName
is Music
ddb restore-table-from-backup --target-table-name Saved --backup-arn "$backup" --query TableDescription.RestoreSummary.RestoreInProgress
is True
ddb restore-table-to-point-in-time --source-table-name Music --target-table-name Past --use-latest-restorable-time --query TableDescription.TableStatus
is CREATING
ddb scan --table-name Music --select COUNT --query Count
count=$out
for name in Saved Past; do
  aws dynamodb wait table-exists --table-name $name
  ddb scan --table-name $name --select COUNT --query Count
  is "$count"
  ddb delete-table --table-name $name
done
ddb delete-backup --backup-arn "$backup" --query BackupDescription.BackupDetails.BackupStatus
is DELETED
fails BackupNotFoundException describe-backup --backup-arn "$backup"

# until_completed runs a command until it prints no state of work under way, which is then
# COMPLETED.
until_completed() {
  for _ in $(seq 600); do
    ddb "$@"
    [ "$out" = IN_PROGRESS ] || break
    sleep 0.1
  done
  is COMPLETED
}
ddb export-table-to-point-in-time --table-arn "$table" --s3-bucket files --query ExportDescription.ExportArn
export=$out
until_completed describe-export --export-arn "$export" --query ExportDescription.ExportStatus
ddb list-exports --query 'ExportSummaries[].ExportType'
is FULL_EXPORT
data=AWSDynamoDB/${export##*/}/data/
ddb import-table --s3-bucket-source S3Bucket=files,S3KeyPrefix="$data" --input-format DYNAMODB_JSON --input-compression-type GZIP --table-creation-parameters '{
  "TableName":"Imported","BillingMode":"PAY_PER_REQUEST","KeySchema":[{"AttributeName":"artist","KeyType":"HASH"},{"AttributeName":"song","KeyType":"RANGE"}],
  "AttributeDefinitions":[{"AttributeName":"artist","AttributeType":"S"},{"AttributeName":"song","AttributeType":"S"}]}' --query ImportTableDescription.ImportArn
import=$out
until_completed describe-import --import-arn "$import" --query ImportTableDescription.ImportStatus
ddb list-imports --query 'ImportSummaryList[].InputFormat'
is DYNAMODB_JSON
ddb scan --table-name Music --select COUNT --query Count
count=$out
ddb scan --table-name Imported --select COUNT --query Count
is "$count"
if aws dynamodb start-bulk-put-items help >/dev/null 2>&1; then
  ddb start-bulk-put-items --table-name Imported --output-s3-configuration S3Bucket=files,OutputType=ERROR \
    --input-s3-configuration S3Bucket=files,S3KeyPrefix="$data",InputFormat=DYNAMODB_JSON,InputCompressionType=GZIP --query BulkOperationDescription.BulkOperationArn
  bulk=$out
  until_completed describe-bulk-operation --bulk-operation-arn "$bulk" --query BulkOperationDescription.BulkOperationStatus
  ddb list-bulk-operations --query 'length(BulkOperationsSummaryList)'
  is 1
  fails ValidationException cancel-bulk-operation --bulk-operation-arn "$bulk"
else
  echo "drive.sh: NOT RUN: $(aws --version 2>&1 | cut -d' ' -f1) has no bulk operations"
  called+=(StartBulkPutItems DescribeBulkOperation ListBulkOperations CancelBulkOperation)
fi
ddb delete-table --table-name Imported

ddb update-table --table-name Music --no-deletion-protection-enabled
ddb delete-table --table-name Music --query 'TableDescription.TableStatus'
is DELETING
aws dynamodb wait table-not-exists --table-name Music
fails ResourceNotFoundException describe-table --table-name Music

for name in $STATOR_OPERATIONS; do
  [[ " ${called[*]} " == *" $name "* ]] || { echo "drive.sh: $name was not called" >&2; exit 1; }
done
echo "drive.sh: $(aws --version 2>&1 | cut -d' ' -f1) called $(printf '%s\n' "${called[@]}" | sort -u | wc -l) operations"
