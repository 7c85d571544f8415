package api

import (
	"cmp"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/model"
	"github.com/statordb/stator/internal/partiql"
	"github.com/statordb/stator/internal/stream"
)

// authorise returns an AccessDeniedException unless the caller may do what in, a
// request that has passed the constraints of the model, asks for. The actions are
// called as the operations but where one is made of several. (Service
// authorization reference, "Actions, resources, and condition keys for Amazon
// DynamoDB".)
func (a *API) authorise(operation string, in any) error {
	switch in := in.(type) {
	case *model.GetItemInput:
		return a.mayUse(operation, in.TableName.V, func() *use { return useOfGet(in) })
	case *model.PutItemInput:
		return a.mayUse(operation, in.TableName.V, func() *use { return useOfPut(in) })
	case *model.UpdateItemInput:
		return a.mayUse(operation, in.TableName.V, func() *use { return useOfUpdate(in) })
	case *model.DeleteItemInput:
		return a.mayUse(operation, in.TableName.V, func() *use { return useOfDelete(in) })
	case *model.QueryInput:
		return a.mayRead(operation, in.TableName.V, in.IndexName.V, func() *use { return useOfQuery(in) })
	case *model.ScanInput:
		return a.mayRead(operation, in.TableName.V, in.IndexName.V, func() *use { return useOfScan(in) })
	case *model.BatchGetItemInput:
		for i := range in.RequestItems {
			e := &in.RequestItems[i]
			if err := a.mayUse(operation, e.Key, func() *use { return useOfBatchGet(&e.Value, in.ReturnConsumedCapacity) }); err != nil {
				return err
			}
		}
		return nil
	case *model.BatchWriteItemInput:
		for _, e := range in.RequestItems {
			if err := a.mayUse(operation, e.Key, func() *use { return useOfBatchWrite(e.Value, in.ReturnConsumedCapacity) }); err != nil {
				return err
			}
		}
		return nil
	case *model.TransactGetItemsInput:
		for i := range in.TransactItems {
			get := in.TransactItems[i].Get
			if err := a.mayUse("GetItem", get.TableName.V, func() *use { return useOfTransactGet(get, in.ReturnConsumedCapacity) }); err != nil {
				return err
			}
		}
		return nil
	case *model.TransactWriteItemsInput:
		return a.mayTransact(in)
	case *model.ExecuteStatementInput:
		return a.mayExecute(in.Statement, in.Parameters, in.ReturnValuesOnConditionCheckFailure, "")
	case *model.ExecuteTransactionInput:
		for _, s := range in.TransactStatements {
			if err := a.mayExecute(s.Statement, s.Parameters, s.ReturnValuesOnConditionCheckFailure, operation); err != nil {
				return err
			}
		}
		return nil
	case *model.BatchExecuteStatementInput:
		return nil // statement by statement, in the operation
	}
	return a.mayManage(operation, in)
}

// mayUse is may for an action on items of a table.
func (a *API) mayUse(action, nameOrARN string, items func() *use) error {
	what := a.aboutTable(nameOrARN)
	what.items = items
	return a.may(action, what)
}

// mayRead is mayUse for a table, or an index of it.
func (a *API) mayRead(action, nameOrARN, index string, items func() *use) error {
	what := a.aboutIndex(nameOrARN, index)
	what.items = items
	return a.may(action, what)
}

var transactActions = map[actionKind]string{
	actionCheck: "ConditionCheckItem", actionPut: "PutItem", actionDelete: "DeleteItem", actionUpdate: "UpdateItem",
}

func (a *API) mayTransact(in *model.TransactWriteItemsInput) error {
	for _, w := range in.TransactItems {
		action, r, err := parseAction(w)
		if err != nil {
			return nil // which the operation says, before it does anything
		}
		if err := a.mayUse(transactActions[action.kind], action.tableName, func() *use { return useOfAction(&action, r, in.ReturnConsumedCapacity) }); err != nil {
			return err
		}
	}
	return nil
}

var statementActions = map[partiql.Kind]string{
	partiql.Select: "PartiQLSelect", partiql.Insert: "PartiQLInsert", partiql.Update: "PartiQLUpdate", partiql.Delete: "PartiQLDelete",
	partiql.Exists: "PartiQLSelect",
}

// mayExecute returns an error unless the caller may execute a statement. What is no
// statement the operation refuses.
func (a *API) mayExecute(text model.Opt[string], parameters []attr.InputValue, onFailure model.Opt[string], enclosing string) error {
	if a.caller == nil {
		return nil
	}
	bind := func() *partiql.Bound {
		b, _ := a.bindStatement(text.V, parameters)
		return b
	}
	b := bind()
	if b == nil {
		return nil
	}
	return a.mayRead(statementActions[b.Kind], b.Table, b.Index, func() *use { return useOfStatement(b, bind, onFailure, enclosing) })
}

// filling are the actions on the table that a restore makes. (Developer guide,
// "Using IAM with DynamoDB backup and restore".)
var filling = []string{"Scan", "Query", "GetItem", "PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem"}

func (a *API) mayFill(nameOrARN string) error {
	for _, action := range filling {
		if err := a.may(action, a.aboutTable(nameOrARN)); err != nil {
			return err
		}
	}
	return nil
}

// mayManage is authorise for what is not about items.
func (a *API) mayManage(operation string, in any) error {
	switch in := in.(type) {
	case *model.CreateTableInput:
		return a.mayCreate(in)
	case *model.UpdateTableInput:
		if err := a.may(operation, a.aboutTable(in.TableName.V)); err != nil {
			return err
		}
		return a.mayUseKey(in.SSESpecification)
	case *model.KinesisStreamingDestinationInput: // to enable one, or to disable it
		if err := a.may(operation, a.aboutTable(in.TableName.V)); err != nil || operation != "EnableKinesisStreamingDestination" {
			return err
		}
		return a.mayStream(in.StreamArn.V)
	case *model.RestoreTableFromBackupInput:
		if err := cmp.Or(a.may(operation, a.aboutARN(in.BackupArn.V)), a.mayUseKey(in.SSESpecificationOverride)); err != nil {
			return err
		}
		return a.mayFill(in.TargetTableName.V)
	case *model.RestoreTableToPointInTimeInput:
		source := in.SourceTableName.V + in.SourceTableArn.V // it has one of them
		if err := cmp.Or(a.may(operation, a.aboutTable(source)), a.mayUseKey(in.SSESpecificationOverride)); err != nil {
			return err
		}
		return a.mayFill(in.TargetTableName.V)
	case *model.ExportTableToPointInTimeInput:
		if err := a.may(operation, a.aboutTable(in.TableArn.V)); err != nil {
			return err
		}
		return a.mayBucket(in.S3Bucket.V, in.S3Prefix.V, "PutObject", false)
	case *model.ImportTableInput:
		table := in.TableCreationParameters
		if err := cmp.Or(a.may(operation, a.aboutTable(table.TableName.V)), a.mayUseKey(table.SSESpecification)); err != nil {
			return err
		}
		return a.mayBucket(in.S3BucketSource.S3Bucket.V, in.S3BucketSource.S3KeyPrefix.V, "GetObject", true)
	case *model.StartBulkPutItemsInput:
		if err := a.may(operation, a.aboutTable(in.TableName.V)); err != nil {
			return err
		}
		from, to := in.InputS3Configuration, in.OutputS3Configuration
		if err := a.mayBucket(from.S3Bucket.V, from.S3KeyPrefix.V, "GetObject", true); err != nil || to == nil {
			return err
		}
		return a.mayBucket(to.S3Bucket.V, to.S3KeyPrefix.V, "PutObject", false)
	case *model.TagResourceInput:
		what := a.aboutARN(in.ResourceArn.V)
		what.tags = in.Tags
		return a.may(operation, what)
	case *model.UntagResourceInput:
		what := a.aboutARN(in.ResourceArn.V)
		what.untags = in.TagKeys
		return a.may(operation, what)
	case *model.GetRecordsInput:
		it, err := stream.Parse(in.ShardIterator.V)
		if err != nil {
			return nil // which the operation says
		}
		return a.may(operation, a.aboutStream(it.Stream()))
	}
	return a.may(operation, a.managed(in))
}

// mayCreate returns an error unless the caller may create a table as in asks for.
func (a *API) mayCreate(in *model.CreateTableInput) error {
	what := a.aboutTable(in.TableName.V)
	what.tags = in.Tags
	actions := []string{"CreateTable"}
	if in.Tags != nil {
		actions = append(actions, "TagResource")
	}
	if in.ResourcePolicy.Set {
		actions = append(actions, "PutResourcePolicy")
	}
	for _, action := range actions {
		if err := a.may(action, what); err != nil {
			return err
		}
	}
	return a.mayUseKey(in.SSESpecification)
}

// managed returns what a request is about that takes one action on one resource,
// which one of its members names: a table, something that has an ARN, or nothing
// of the kind.
func (a *API) managed(in any) subject {
	switch in := in.(type) {
	case *model.DeleteTableInput:
		return a.aboutTable(in.TableName.V)
	case *model.DescribeTableInput:
		return a.aboutTable(in.TableName.V)
	case *model.DescribeTimeToLiveInput:
		return a.aboutTable(in.TableName.V)
	case *model.UpdateTimeToLiveInput:
		return a.aboutTable(in.TableName.V)
	case *model.DescribeContinuousBackupsInput:
		return a.aboutTable(in.TableName.V)
	case *model.UpdateContinuousBackupsInput:
		return a.aboutTable(in.TableName.V)
	case *model.CreateBackupInput:
		return a.aboutTable(in.TableName.V)
	case *model.DescribeKinesisStreamingDestinationInput:
		return a.aboutTable(in.TableName.V)
	case *model.UpdateKinesisStreamingDestinationInput:
		return a.aboutTable(in.TableName.V)
	case *model.DescribeBackupInput:
		return a.aboutARN(in.BackupArn.V)
	case *model.DeleteBackupInput:
		return a.aboutARN(in.BackupArn.V)
	case *model.DescribeExportInput:
		return a.aboutARN(in.ExportArn.V)
	case *model.DescribeImportInput:
		return a.aboutARN(in.ImportArn.V)
	case *model.DescribeBulkOperationInput:
		return a.aboutARN(in.BulkOperationArn.V)
	case *model.CancelBulkOperationInput:
		return a.aboutARN(in.BulkOperationArn.V)
	case *model.ListTagsOfResourceInput:
		return a.aboutARN(in.ResourceArn.V)
	case *model.PutResourcePolicyInput:
		return a.aboutARN(a.meantARN(in.ResourceArn.V))
	case *model.GetResourcePolicyInput:
		return a.aboutARN(a.meantARN(in.ResourceArn.V))
	case *model.DeleteResourcePolicyInput:
		return a.aboutARN(a.meantARN(in.ResourceArn.V))
	case *model.DescribeStreamInput:
		return a.aboutStream(in.StreamArn.V)
	case *model.GetShardIteratorInput:
		return a.aboutStream(in.StreamArn.V)
	case *model.ListTablesInput: // what denials show was observed in reports of them
		return subject{arn: "*", account: a.Account, shown: a.tableARN(a.owner + "*")}
	case *model.ListBackupsInput: // of one's own it asks about no table
		if what := a.aboutTable(in.TableName.V); what.account != a.Account {
			return what
		}
	case *model.ListExportsInput:
		if in.TableArn.Set {
			return a.aboutTable(in.TableArn.V)
		}
	case *model.ListImportsInput:
		if in.TableArn.Set {
			return a.aboutTable(in.TableArn.V)
		}
	}
	return subject{arn: "*", account: a.Account}
}
