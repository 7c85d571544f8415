package stator_test

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"

	"github.com/statordb/stator/internal/iam/iamtest"
)

// composite reports whether the key has a second attribute: where a request names
// several items or no expressions.
func (a *asking) composite() bool {
	several := a.action == "BatchGetItem" || a.action == "BatchWriteItem" || a.action == "GetItem" && a.selects() != "SPECIFIC_ATTRIBUTES"
	return several && len(a.attribute) > 1
}

func (a *asking) selects() string {
	if s := a.keys["dynamodb:select"]; s != nil {
		return s[0]
	}
	return ""
}

// hash returns the name of the partition key: the first of the attributes.
func (a *asking) hash() string {
	if len(a.attribute) > 0 && a.action != "Scan" {
		return a.attribute[0]
	}
	return "pk"
}

// others returns the attributes that are not of the key.
func (a *asking) others() []string {
	switch {
	case a.action == "Scan" || len(a.attribute) == 0:
		return a.attribute
	case a.composite():
		return a.attribute[2:]
	}
	return a.attribute[1:]
}

// needs names the table that the request needs, "" for a new one.
func (a *asking) needs() string {
	if a.table == "" || everyRequest[a.action] != "" && !slices.Contains(keyedOperations, a.action) && a.action != "Scan" {
		return ""
	}
	return fmt.Sprint(a.table, "/", a.index, "/", a.hash(), "/", a.composite(), a.Context)
}

// prepare makes the table as the request needs it.
func (a *asking) prepare(ctx context.Context, c *dynamodb.Client) error {
	if a.table == "" || a.action == "CreateTable" || a.action == "ImportTable" {
		return nil
	}
	name := aws.String(a.table)
	in := &dynamodb.CreateTableInput{TableName: name, BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: stringKeys(a.hash()), KeySchema: keySchema(a.hash(), "")[:1]}
	if a.composite() {
		in.AttributeDefinitions, in.KeySchema = stringKeys(a.attribute[:2]...), keySchema(a.attribute[0], a.attribute[1])
	}
	if a.index != "" {
		in.AttributeDefinitions, in.KeySchema = stringKeys(a.hash(), "own-key"), keySchema("own-key", "")[:1]
		in.GlobalSecondaryIndexes = []types.GlobalSecondaryIndex{{IndexName: &a.index, KeySchema: keySchema(a.hash(), "")[:1],
			Projection: &types.Projection{ProjectionType: types.ProjectionTypeAll}}}
	}
	for key, values := range a.Context {
		if name, is := cutFold(key, "aws:ResourceTag/"); is {
			in.Tags = append(in.Tags, types.Tag{Key: &name, Value: &values[0]})
		}
	}
	out, err := c.CreateTable(ctx, in)
	if err != nil || a.Resource == nil {
		return err
	}
	_, err = c.PutResourcePolicy(ctx, &dynamodb.PutResourcePolicyInput{ResourceArn: out.TableDescription.TableArn, Policy: &a.Resource.Text, ConfirmRemoveSelfResourceAccess: true})
	return err
}

// cutFold is strings.CutPrefix whatever the case of the prefix.
func cutFold(s, prefix string) (rest string, found bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}

// arn is that of the table, or its name where no other account asks.
func (a *asking) named() *string {
	return aws.String("arn:aws:dynamodb:" + iamtest.Region + ":" + a.Owner + ":table/" + a.table)
}

// keysOf returns the keys of the items that the request names.
func (a *asking) keysOf() []item {
	leading := a.leading
	if leading == nil {
		leading = []string{"k"}
	}
	var keys []item
	for i, value := range leading {
		key := item{a.hash(): str(value)}
		if a.composite() {
			key[a.attribute[1]] = str(fmt.Sprint(i))
		}
		keys = append(keys, key)
	}
	return keys
}

// placeholders returns names for attributes, and an expression that joins what each
// becomes in form.
func placeholders(attributes []string, form, join string) (expression *string, names map[string]string) {
	var parts []string
	for i, name := range attributes {
		if names == nil {
			names = map[string]string{}
		}
		p := fmt.Sprint("#a", i)
		names[p] = name
		parts = append(parts, strings.ReplaceAll(form, "?", p))
	}
	if parts == nil {
		return nil, nil
	}
	return aws.String(strings.Join(parts, join)), names
}

// returns returns the ReturnValues of a write.
func (a *asking) returns() string {
	if v := a.keys["dynamodb:returnvalues"]; v != nil {
		return v[0]
	}
	return ""
}

// consumed returns the ReturnConsumedCapacity.
func (a *asking) consumed() types.ReturnConsumedCapacity {
	if v := a.keys["dynamodb:returnconsumedcapacity"]; v != nil {
		return types.ReturnConsumedCapacity(v[0])
	}
	return ""
}

// request returns what asks a, nil if nothing does.
func (a *asking) request() func(context.Context, *dynamodb.Client) error {
	if enclosing := a.keys["dynamodb:enclosingoperation"]; enclosing != nil {
		return a.enclosed(enclosing[0])
	}
	if strings.HasPrefix(a.action, "PartiQL") {
		statement := a.statement()
		if statement == "" {
			return nil
		}
		return func(ctx context.Context, c *dynamodb.Client) error {
			_, err := c.ExecuteStatement(ctx, &dynamodb.ExecuteStatementInput{Statement: &statement})
			return err
		}
	}
	switch a.action {
	case "GetItem":
		return a.getItem()
	case "PutItem":
		if len(a.leading) > 1 {
			return nil
		}
		return func(ctx context.Context, c *dynamodb.Client) error {
			_, err := c.PutItem(ctx, &dynamodb.PutItemInput{TableName: a.named(), Item: a.items()[0], ReturnValues: types.ReturnValue(a.returns()), ReturnConsumedCapacity: a.consumed()})
			return err
		}
	case "UpdateItem":
		if len(a.leading) > 1 {
			return nil
		}
		in := &dynamodb.UpdateItemInput{TableName: a.named(), Key: a.keysOf()[0], ReturnValues: types.ReturnValue(a.returns()), ReturnConsumedCapacity: a.consumed()}
		if set, names := placeholders(a.others(), "? = :v", ", "); set != nil {
			in.UpdateExpression, in.ExpressionAttributeNames = aws.String("SET "+*set), names
			in.ExpressionAttributeValues = item{":v": str("v")}
		}
		return func(ctx context.Context, c *dynamodb.Client) error { _, err := c.UpdateItem(ctx, in); return err }
	case "DeleteItem":
		if len(a.leading) > 1 {
			return nil
		}
		in := &dynamodb.DeleteItemInput{TableName: a.named(), Key: a.keysOf()[0], ReturnValues: types.ReturnValue(a.returns()), ReturnConsumedCapacity: a.consumed()}
		in.ConditionExpression, in.ExpressionAttributeNames = placeholders(a.others(), "attribute_not_exists(?)", " AND ")
		return func(ctx context.Context, c *dynamodb.Client) error { _, err := c.DeleteItem(ctx, in); return err }
	case "BatchGetItem":
		return a.batchGet()
	case "BatchWriteItem":
		var writes []types.WriteRequest
		for i, it := range a.items() {
			if !a.composite() && i > 0 && a.leading[i] == a.leading[i-1] {
				return nil
			}
			writes = append(writes, types.WriteRequest{PutRequest: &types.PutRequest{Item: it}})
		}
		return func(ctx context.Context, c *dynamodb.Client) error {
			_, err := c.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{*a.named(): writes}})
			return err
		}
	case "Query":
		return a.query()
	case "Scan":
		return a.scan()
	}
	return a.managed()
}

// items returns the items that the request puts.
func (a *asking) items() []item {
	items := a.keysOf()
	for _, it := range items {
		for _, name := range a.others() {
			it[name] = str("v")
		}
	}
	return items
}

// projected returns the attributes that a projection names.
func (a *asking) projected() []string {
	if len(a.attribute) == 0 {
		return []string{a.hash()}
	}
	return a.attribute
}

func (a *asking) getItem() func(context.Context, *dynamodb.Client) error {
	in := &dynamodb.GetItemInput{TableName: a.named(), Key: a.keysOf()[0], ReturnConsumedCapacity: a.consumed()}
	switch {
	case len(a.leading) > 1 || a.returns() != "":
		return nil
	case a.selects() == "SPECIFIC_ATTRIBUTES":
		in.ProjectionExpression, in.ExpressionAttributeNames = placeholders(a.projected(), "?", ", ")
	case a.selects() != "" && a.selects() != "ALL_ATTRIBUTES", len(a.others()) > 0:
		return nil
	}
	return func(ctx context.Context, c *dynamodb.Client) error { _, err := c.GetItem(ctx, in); return err }
}

func (a *asking) batchGet() func(context.Context, *dynamodb.Client) error {
	in := types.KeysAndAttributes{Keys: a.keysOf()}
	switch {
	case a.selects() == "SPECIFIC_ATTRIBUTES":
		in.ProjectionExpression, in.ExpressionAttributeNames = placeholders(a.projected(), "?", ", ")
	case a.selects() != "" && a.selects() != "ALL_ATTRIBUTES", len(a.others()) > 0:
		return nil
	}
	if !a.composite() && len(slices.Compact(slices.Clone(a.leading))) < len(a.leading) {
		return nil
	}
	return func(ctx context.Context, c *dynamodb.Client) error {
		_, err := c.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{*a.named(): in}, ReturnConsumedCapacity: a.consumed()})
		return err
	}
}

// selection returns what of a Query or Scan says which attributes it returns, and
// uses others of them in a filter; ok is false if nothing says so.
func (a *asking) selection() (projection, filter *string, names map[string]string, selects types.Select, ok bool) {
	switch a.selects() {
	case "SPECIFIC_ATTRIBUTES":
		projection, names = placeholders(a.projected(), "?", ", ")
		return projection, nil, names, "", true
	case "ALL_PROJECTED_ATTRIBUTES":
		if a.index == "" {
			return nil, nil, nil, "", false
		}
	}
	filter, names = placeholders(a.others(), "attribute_exists(?)", " AND ")
	return nil, filter, names, types.Select(a.selects()), true
}

func (a *asking) query() func(context.Context, *dynamodb.Client) error {
	projection, filter, names, selects, ok := a.selection()
	if !ok || len(a.leading) > 1 || a.returns() != "" && a.returns() != "NONE" {
		return nil
	}
	if names == nil {
		names = map[string]string{}
	}
	names["#hash"] = a.hash()
	in := &dynamodb.QueryInput{TableName: a.named(), KeyConditionExpression: aws.String("#hash = :k"), ExpressionAttributeNames: names, FilterExpression: filter,
		ProjectionExpression: projection, Select: selects, ExpressionAttributeValues: item{":k": a.keysOf()[0][a.hash()]}, ReturnConsumedCapacity: a.consumed()}
	if a.index != "" {
		in.IndexName = &a.index
	}
	return func(ctx context.Context, c *dynamodb.Client) error { _, err := c.Query(ctx, in); return err }
}

func (a *asking) scan() func(context.Context, *dynamodb.Client) error {
	projection, filter, names, selects, ok := a.selection()
	if !ok || a.leading != nil || a.returns() != "" && a.returns() != "NONE" {
		return nil
	}
	in := &dynamodb.ScanInput{TableName: a.named(), ExpressionAttributeNames: names, FilterExpression: filter, ProjectionExpression: projection,
		Select: selects, ReturnConsumedCapacity: a.consumed()}
	if a.index != "" {
		in.IndexName = &a.index
	}
	return func(ctx context.Context, c *dynamodb.Client) error { _, err := c.Scan(ctx, in); return err }
}

// statement returns the PartiQL statement, "" if there is none.
func (a *asking) statement() string {
	from := `"` + *a.named() + `"`
	if a.index != "" {
		from += `."` + a.index + `"`
	}
	quoted := func(names []string) string {
		list := make([]string, len(names))
		for i, name := range names {
			list[i] = `"` + name + `"`
		}
		return strings.Join(list, ", ")
	}
	leading := a.leading
	if leading == nil {
		leading = []string{"k"}
	}
	where := ` WHERE "` + a.hash() + `" IN ['` + strings.Join(leading, "', '") + `']`
	if len(leading) == 1 {
		where = ` WHERE "` + a.hash() + `" = '` + leading[0] + `'`
	}
	switch a.action {
	case "PartiQLSelect":
		full := a.keys["dynamodb:fulltablescan"]
		if full != nil && strings.EqualFold(full[0], "true") || full == nil && a.leading == nil {
			where = ""
		}
		columns := "*"
		switch {
		case a.selects() == "SPECIFIC_ATTRIBUTES" || a.selects() == "" && len(a.attribute) > 0:
			columns = quoted(a.projected())
		case len(a.others()) > 0:
			return ""
		}
		return "SELECT " + columns + " FROM " + from + where
	case "PartiQLInsert":
		members := []string{`'` + a.hash() + `': '` + leading[0] + `'`}
		for _, name := range a.others() {
			members = append(members, `'`+name+`': 'v'`)
		}
		return "INSERT INTO " + from + " VALUE {" + strings.Join(members, ", ") + "}"
	case "PartiQLUpdate":
		set := ` SET "other" = 'v'`
		if others := a.others(); len(others) > 0 {
			set = ""
			for _, name := range others {
				set += ` SET "` + name + `" = 'v'`
			}
		}
		return "UPDATE " + from + set + where + a.returning()
	}
	for _, name := range a.others() {
		where += ` AND "` + name + `" = 'v'`
	}
	return "DELETE FROM " + from + where + a.returning()
}

func (a *asking) returning() string {
	switch a.returns() {
	case "ALL_OLD":
		return " RETURNING ALL OLD *"
	case "ALL_NEW":
		return " RETURNING ALL NEW *"
	case "UPDATED_OLD":
		return " RETURNING MODIFIED OLD *"
	case "UPDATED_NEW":
		return " RETURNING MODIFIED NEW *"
	}
	return ""
}

// enclosed returns what asks a inside of a transaction.
func (a *asking) enclosed(operation string) func(context.Context, *dynamodb.Client) error {
	if len(a.leading) > 1 {
		return nil
	}
	key, table := a.keysOf()[0], a.named()
	onFailure := types.ReturnValuesOnConditionCheckFailure(a.returns())
	condition, names := placeholders(a.others(), "attribute_not_exists(?)", " AND ")
	switch operation + " " + a.action {
	case "TransactGetItems GetItem":
		get := &types.Get{TableName: table, Key: key}
		if a.selects() == "SPECIFIC_ATTRIBUTES" {
			get.ProjectionExpression, get.ExpressionAttributeNames = placeholders(a.projected(), "?", ", ")
		}
		return func(ctx context.Context, c *dynamodb.Client) error {
			_, err := c.TransactGetItems(ctx, &dynamodb.TransactGetItemsInput{TransactItems: []types.TransactGetItem{{Get: get}}})
			return err
		}
	case "ExecuteTransaction " + a.action:
		statement := a.statement()
		if statement == "" || !strings.HasPrefix(a.action, "PartiQL") {
			return nil
		}
		return func(ctx context.Context, c *dynamodb.Client) error {
			_, err := c.ExecuteTransaction(ctx, &dynamodb.ExecuteTransactionInput{TransactStatements: []types.ParameterizedStatement{{Statement: &statement}}})
			return err
		}
	}
	var w types.TransactWriteItem
	switch operation + " " + a.action {
	case "TransactWriteItems PutItem":
		w.Put = &types.Put{TableName: table, Item: a.items()[0], ReturnValuesOnConditionCheckFailure: onFailure}
	case "TransactWriteItems UpdateItem":
		set, names := placeholders(append(a.others(), "other")[:max(1, len(a.others()))], "? = :v", ", ")
		w.Update = &types.Update{TableName: table, Key: key, UpdateExpression: aws.String("SET " + *set), ExpressionAttributeNames: names,
			ExpressionAttributeValues: item{":v": str("v")}, ReturnValuesOnConditionCheckFailure: onFailure}
	case "TransactWriteItems DeleteItem":
		w.Delete = &types.Delete{TableName: table, Key: key, ConditionExpression: condition, ExpressionAttributeNames: names, ReturnValuesOnConditionCheckFailure: onFailure}
	case "TransactWriteItems ConditionCheckItem":
		if condition == nil {
			condition, names = placeholders([]string{a.hash()}, "attribute_not_exists(?)", "")
		}
		w.ConditionCheck = &types.ConditionCheck{TableName: table, Key: key, ConditionExpression: condition, ExpressionAttributeNames: names, ReturnValuesOnConditionCheckFailure: onFailure}
	default:
		return nil
	}
	return func(ctx context.Context, c *dynamodb.Client) error {
		_, err := c.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{w}})
		return err
	}
}

// managed returns what asks for an action that is not about items: the operation
// with the name, whose input is read from JSON.
func (a *asking) managed() func(context.Context, *dynamodb.Client) error {
	body, known := everyRequest[a.action]
	if !known || strings.Contains(body, "ITERATOR") || a.action == "ConditionCheckItem" {
		return nil
	}
	resource := a.ARN
	for _, kind := range []string{"backup", "export", "import", "stream", "bulk-operation"} {
		if _, rest, is := strings.Cut(body, "TABLE/"+kind+"/"); is {
			id, _, _ := strings.Cut(rest, `"`)
			body = strings.ReplaceAll(body, "TABLE/"+kind+"/"+id, resource)
		}
	}
	body = strings.ReplaceAll(body, "TABLE", resource)
	body = strings.ReplaceAll(body, `"Imported"`, `"`+a.table+`"`)
	var tags []types.Tag
	for key, values := range a.Context {
		if name, is := cutFold(key, "aws:RequestTag/"); is {
			tags = append(tags, types.Tag{Key: &name, Value: &values[0]})
		}
	}
	for _, key := range a.keys["aws:tagkeys"] {
		if !slices.ContainsFunc(tags, func(t types.Tag) bool { return *t.Key == key }) {
			tags = append(tags, types.Tag{Key: &key, Value: aws.String("v")})
		}
	}
	if a.keys["aws:tagkeys"] != nil && len(a.keys["aws:tagkeys"]) != len(tags) {
		return nil
	}
	return func(ctx context.Context, c *dynamodb.Client) error { return call(ctx, c, a.action, body, tags) }
}

// call calls the operation of the SDK with a name.
func call(ctx context.Context, c *dynamodb.Client, operation, body string, tags []types.Tag) error {
	method := reflect.ValueOf(c).MethodByName(operation)
	if !method.IsValid() {
		o := c.Options()
		method = reflect.ValueOf(dynamodbstreams.New(dynamodbstreams.Options{BaseEndpoint: o.BaseEndpoint, Region: o.Region, Retryer: o.Retryer,
			HTTPClient: o.HTTPClient, Credentials: o.Credentials})).MethodByName(operation)
	}
	in := reflect.New(method.Type().In(1).Elem())
	if err := json.Unmarshal([]byte(body), in.Interface()); err != nil {
		return err
	}
	switch in := in.Interface().(type) {
	case *dynamodb.CreateTableInput:
		in.Tags = tags
	case *dynamodb.TagResourceInput:
		if tags != nil {
			in.Tags = tags
		}
	case *dynamodb.UntagResourceInput:
		for i, t := range tags {
			in.TagKeys = append(in.TagKeys[:i], *t.Key)
		}
	}
	out := method.Call([]reflect.Value{reflect.ValueOf(ctx), in})
	err, _ := out[1].Interface().(error)
	return err
}
