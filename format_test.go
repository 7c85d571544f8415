package stator_test

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"flag"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/statordb/stator"
)

var writeFormat = flag.String("write-format", "", "write a data directory of today's format to this .tar.gz file")

func number(s string) types.AttributeValue { return &types.AttributeValueMemberN{Value: s} }

// formatItems are the items in the data directories in testdata: every type,
// and numbers and strings whose encodings have corners.
var formatItems = []item{
	{"pk": str("a"), "sk": number("-1.5"), "g": str("x")},
	{"pk": str("a"), "sk": number("0"), "g": str("y"), "b": &types.AttributeValueMemberB{Value: []byte{0, 1, 255}}},
	{"pk": str("a"), "sk": number("1" + strings.Repeat("0", 125)), "n": number("-0." + strings.Repeat("0", 129) + "1")},
	{"pk": str("nul\x00é"), "sk": number("12345678901234567890123456789012345678"), "g": str("x"),
		"l":  &types.AttributeValueMemberL{Value: []types.AttributeValue{str(""), &types.AttributeValueMemberNULL{Value: true}, &types.AttributeValueMemberBOOL{Value: true}}},
		"m":  &types.AttributeValueMemberM{Value: item{"k": &types.AttributeValueMemberM{Value: item{}}}},
		"ss": &types.AttributeValueMemberSS{Value: []string{"", "a", "b"}},
		"ns": &types.AttributeValueMemberNS{Value: []string{"-1", "2", "10"}},
		"bs": &types.AttributeValueMemberBS{Value: [][]byte{{}, {0}}},
	},
}

func formatTable() *dynamodb.CreateTableInput {
	attribute := func(name string, t types.ScalarAttributeType) types.AttributeDefinition {
		return types.AttributeDefinition{AttributeName: &name, AttributeType: t}
	}
	key := func(name string, t types.KeyType) types.KeySchemaElement {
		return types.KeySchemaElement{AttributeName: &name, KeyType: t}
	}
	all := &types.Projection{ProjectionType: types.ProjectionTypeAll}
	return &dynamodb.CreateTableInput{
		TableName: aws.String("Format"), BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{attribute("pk", "S"), attribute("sk", "N"), attribute("g", "S")},
		KeySchema:            []types.KeySchemaElement{key("pk", "HASH"), key("sk", "RANGE")},
		GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{{
			IndexName: aws.String("gsi"), KeySchema: []types.KeySchemaElement{key("g", "HASH"), key("sk", "RANGE")}, Projection: all,
		}},
		LocalSecondaryIndexes: []types.LocalSecondaryIndex{{
			IndexName: aws.String("lsi"), KeySchema: []types.KeySchemaElement{key("pk", "HASH"), key("g", "RANGE")}, Projection: &types.Projection{ProjectionType: types.ProjectionTypeKeysOnly},
		}},
		Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}},
	}
}

// TestFormats opens a data directory of every format there has been. The
// first one stays readable for ever.
func TestFormats(t *testing.T) {
	if *writeFormat != "" {
		writeFormatFile(t, *writeFormat)
	}
	files, err := filepath.Glob("testdata/format-*.tar.gz")
	if err != nil || len(files) == 0 {
		t.Fatalf("no data directories: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			dir := t.TempDir()
			extract(t, file, dir)
			checkFormat(t, dir)
		})
	}
}

func checkFormat(t *testing.T, dir string) {
	ctx := context.Background()
	c := clientOf(t, dir)
	for _, want := range formatItems {
		got, err := c.GetItem(ctx, &dynamodb.GetItemInput{TableName: aws.String("Format"), Key: item{"pk": want["pk"], "sk": want["sk"]}})
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got.Item, want) {
			t.Errorf("got %v, want %v", got.Item, want)
		}
	}
	for index, want := range map[string]int32{"gsi": 3, "lsi": 3} {
		got, err := c.Scan(ctx, &dynamodb.ScanInput{TableName: aws.String("Format"), IndexName: &index})
		if err != nil || got.Count != want {
			t.Errorf("%s: %v, %v", index, got, err)
		}
	}
	d, err := c.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: aws.String("Format")})
	if err != nil || aws.ToInt64(d.Table.ItemCount) != int64(len(formatItems)) {
		t.Errorf("described as %v, %v", d, err)
	}
}

func clientOf(t *testing.T, dir string) *dynamodb.Client {
	t.Helper()
	srv, err := stator.Open(stator.Config{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
	})
	return dynamodb.New(dynamodb.Options{
		BaseEndpoint: aws.String(srv.URL()), Region: "us-east-1",
		Credentials: credentials.NewStaticCredentialsProvider("key", "secret", ""),
	})
}

// writeFormatFile makes a data directory and packs it.
func writeFormatFile(t *testing.T, file string) {
	dir := t.TempDir()
	t.Run("write", func(t *testing.T) {
		c := clientOf(t, dir)
		if _, err := c.CreateTable(context.Background(), formatTable()); err != nil {
			t.Fatal(err)
		}
		for _, it := range formatItems {
			if _, err := c.PutItem(context.Background(), &dynamodb.PutItemInput{TableName: aws.String("Format"), Item: it}); err != nil {
				t.Fatal(err)
			}
		}
	})
	out, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	z := gzip.NewWriter(out)
	w := tar.NewWriter(z)
	if err := errors.Join(w.AddFS(os.DirFS(dir)), w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
}

func extract(t *testing.T, file, dir string) {
	t.Helper()
	in, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	z, err := gzip.NewReader(in)
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			return
		}
		if err != nil || !fs.ValidPath(strings.TrimSuffix(h.Name, "/")) {
			t.Fatal(h, err)
		}
		path := filepath.Join(dir, h.Name)
		if h.Typeflag == tar.TypeDir {
			if err := os.MkdirAll(path, 0o700); err != nil {
				t.Fatal(err)
			}
			continue
		}
		text, err := io.ReadAll(r)
		if err == nil {
			err = errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, text, 0o600))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
