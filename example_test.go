package stator_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/statordb/stator"
)

// A test gets a server of its own, in memory, on a free port, in three lines.
func Example_test() {
	_ = func(t *testing.T) {
		srv, err := stator.Open(stator.Config{})
		if err != nil {
			t.Fatal(err)
		}
		defer srv.Close()
		// … code under test, with srv.URL() as the endpoint
	}
}

func ExampleOpen() {
	srv, err := stator.Open(stator.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer srv.Close()

	client := dynamodb.New(dynamodb.Options{
		BaseEndpoint: aws.String(srv.URL()), Region: "us-east-1",
		Credentials: credentials.NewStaticCredentialsProvider("any", "any", ""),
	})
	if err := hello(client); err != nil {
		fmt.Println(err)
	}
	// Output: Hello, Stator
}

// hello makes a table, puts an item into it and gets it back.
func hello(client *dynamodb.Client) error {
	ctx := context.Background()
	_, err := client.CreateTable(ctx, &dynamodb.CreateTableInput{
		TableName: aws.String("Greetings"), BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("Language"), AttributeType: types.ScalarAttributeTypeS}},
		KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String("Language"), KeyType: types.KeyTypeHash}},
	})
	if err != nil {
		return err
	}
	key := &types.AttributeValueMemberS{Value: "en"}
	_, err = client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: aws.String("Greetings"),
		Item: map[string]types.AttributeValue{
			"Language": key,
			"Text":     &types.AttributeValueMemberS{Value: "Hello, Stator"},
		},
	})
	if err != nil {
		return err
	}
	out, err := client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: aws.String("Greetings"), Key: map[string]types.AttributeValue{"Language": key},
	})
	if err != nil {
		return err
	}
	fmt.Println(out.Item["Text"].(*types.AttributeValueMemberS).Value)
	return nil
}
