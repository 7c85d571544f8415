package stator_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/statordb/stator"
	"github.com/statordb/stator/internal/patience"
)

// newEncryption returns a new key, in a file.
func newEncryption(t testing.TB) stator.Encryption {
	t.Helper()
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, stator.NewKey(), 0o600); err != nil {
		t.Fatal(err)
	}
	return stator.Encryption{KeyFile: path}
}

// keyFlags returns the flags for e.
func keyFlags(e stator.Encryption) []string {
	if e.KeyFile == "" {
		return nil
	}
	return []string{"--encryption-key-file", e.KeyFile}
}

// marker returns text that is nowhere else, by which it is found.
func marker() string {
	var b [18]byte
	_, _ = rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// TestNothingPlain writes to a server everything that a server keeps, kills it,
// and searches each byte of its directory and of a backup of the whole server.
// Without encryption all of it is found: else the search would show nothing.
func TestNothingPlain(t *testing.T) {
	for name, e := range map[string]stator.Encryption{"plain": {}, "encrypted": newEncryption(t)} {
		t.Run(name, func(t *testing.T) {
			data, backup := filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "backup")
			markers := fillMarked(t, data, backup, keyFlags(e))
			for _, dir := range []string{data, backup} {
				found := search(t, dir, markers)
				for what := range markers {
					absent := dir == backup && strings.Contains(what, "import") // not in backups
					if where := found[what]; name == "encrypted" && where != "" {
						t.Errorf("%s is in %s", what, where)
					} else if name == "plain" && where == "" && !absent {
						t.Errorf("%s is not found in %s: the search shows nothing", what, dir)
					}
				}
			}
		})
	}
}

// search returns where markers are found, as what they mark.
func search(t *testing.T, dir string, markers map[string]string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		for what, m := range markers {
			for _, part := range []string{m[:len(m)/2], m[len(m)/2:]} { // compression may have cut it somewhere
				if bytes.Contains(text, []byte(part)) || strings.Contains(path, part) {
					found[what] = path
				}
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// fillMarked makes a data directory, as a server that was killed leaves it, and a
// backup of the whole server. It returns what is in there.
func fillMarked(t *testing.T, data, backup string, flags []string) map[string]string {
	t.Helper()
	ctx, m := t.Context(), map[string]string{}
	mark := func(what string) string { m[what] = marker(); return m[what] }
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	albums := aws.String("Albums")
	put := func(c *dynamodb.Client, when string) {
		t.Helper()
		it := item{"pk": str(mark("partition key " + when)), "sk": str(mark("sort key " + when)), "artist": str(mark("index key " + when)), "v": str(mark("value " + when))}
		must(c.PutItem(ctx, &dynamodb.PutItemInput{TableName: albums, Item: it}))
		it["v"] = str(mark("new image " + when))
		must(c.PutItem(ctx, &dynamodb.PutItemInput{TableName: albums, Item: it}))
	}
	p := serve(t, data, flags...)
	c := newClient(p.url)
	createAlbums(t, c)
	must(c.UpdateContinuousBackups(ctx, &dynamodb.UpdateContinuousBackupsInput{TableName: albums,
		PointInTimeRecoverySpecification: &types.PointInTimeRecoverySpecification{PointInTimeRecoveryEnabled: aws.Bool(true)}}))
	must(c.TagResource(ctx, &dynamodb.TagResourceInput{ResourceArn: aws.String("arn:aws:dynamodb:us-east-1:123456789012:table/Albums"),
		Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String(mark("tag"))}}}))
	put(c, "in a file of rows")
	p.terminate()
	p = serve(t, data, append(flags, "--admin")...)
	c = newClient(p.url)
	must(c.CreateBackup(ctx, &dynamodb.CreateBackupInput{TableName: albums, BackupName: aws.String("b" + mark("name of a backup"))}))
	must(c.CreateTable(ctx, &dynamodb.CreateTableInput{TableName: aws.String("t" + mark("name of a table")), BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: stringKeys("pk"), KeySchema: keySchema("pk", "")[:1]}))
	put(c, "in the log")
	importBroken(t, c, data, mark("error log of an import"))
	copyWhole(p, backup)
	must(nil, p.cmd.Process.Kill())
	p.wait()
	return m
}

// importBroken imports a file of which a line cannot be imported, and whose error
// says what. The bucket is removed then: it is not the server's.
func importBroken(t *testing.T, c *dynamodb.Client, data, key string) {
	t.Helper()
	dir := filepath.Join(data, "buckets", "in")
	err := os.MkdirAll(dir, 0o700)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, key+".json"), []byte(`{"Item":{"other":{"S":"x"}}}`+"\n"), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.ImportTable(t.Context(), &dynamodb.ImportTableInput{InputFormat: types.InputFormatDynamodbJson, S3BucketSource: &types.S3BucketSource{S3Bucket: aws.String("in")},
		TableCreationParameters: &types.TableCreationParameters{TableName: aws.String("Imported"), BillingMode: types.BillingModePayPerRequest,
			AttributeDefinitions: stringKeys("pk"), KeySchema: keySchema("pk", "")[:1]}})
	if err != nil {
		t.Fatal(err)
	}
	patience.Until(t, func() bool {
		now, err := c.DescribeImport(t.Context(), &dynamodb.DescribeImportInput{ImportArn: out.ImportTableDescription.ImportArn})
		if err != nil {
			t.Fatal(err)
		}
		return now.ImportTableDescription.ImportStatus != types.ImportStatusInProgress
	}, "an import")
	if err := os.RemoveAll(filepath.Join(data, "buckets")); err != nil {
		t.Fatal(err)
	}
}

// TestEncryptionRefused opens directories with keys that are not theirs.
func TestEncryptionRefused(t *testing.T) {
	plain, sealed := filepath.Join(t.TempDir(), "plain"), filepath.Join(t.TempDir(), "sealed")
	right, wrong := newEncryption(t), newEncryption(t)
	for dir, e := range map[string]stator.Encryption{plain: {}, sealed: right} {
		srv, err := stator.Open(stator.Config{DataDir: dir, Encryption: e})
		if err != nil {
			t.Fatal(err)
		}
		mustClose(t, srv)
	}
	short := filepath.Join(t.TempDir(), "short")
	if err := os.WriteFile(short, []byte("too short\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(right.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("STATOR_TEST_KEY", strings.TrimSpace(string(text)))
	for _, c := range []struct {
		dir  string
		e    stator.Encryption
		want string
	}{
		{sealed, stator.Encryption{}, sealed + " is encrypted: give its key with "},
		{sealed, wrong, "it is not the key that was used"},
		{sealed, stator.Encryption{KeyFile: short}, "the key in the file " + short + " is none: use 32 random bytes"},
		{sealed, stator.Encryption{KeyFile: short + "x"}, "cannot read the key file: "},
		{sealed, stator.Encryption{KeyVariable: "STATOR_TEST_NONE"}, "there is no environment variable STATOR_TEST_NONE"},
		{sealed, stator.Encryption{KeyFile: short, KeyVariable: "STATOR_TEST_KEY"}, "there are several keys"},
		{sealed, stator.Encryption{KeyVariable: "STATOR_TEST_KEY"}, ""},
		{plain, right, plain + " is not encrypted, and a key is given: "},
	} {
		srv, err := stator.Open(stator.Config{DataDir: c.dir, Encryption: c.e})
		if err == nil {
			mustClose(t, srv)
		}
		switch {
		case c.want == "" && err != nil, c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)), err != nil && strings.Contains(err.Error(), "\n"):
			t.Errorf("%s with %+v: %v, want %q", c.dir, c.e, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "too short\n") {
			t.Errorf("the error shows the key: %v", err)
		}
	}
	unmade := filepath.Join(t.TempDir(), "unmade")
	if _, err := stator.Open(stator.Config{DataDir: unmade, Encryption: stator.Encryption{KeyFile: short + "x"}}); err == nil {
		t.Error("a server starts without its key")
	}
	if _, err := os.Stat(unmade); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a start without a key leaves a directory: %v", err)
	}
	made := filepath.Join(t.TempDir(), "made") // of a directory with nothing in it
	if err := stator.EncryptData(t.Context(), plain, made, right, nil); err != nil {
		t.Fatal(err)
	}
	if report, err := stator.Check(t.Context(), made, right, nil); err != nil || !report.Sound() {
		t.Errorf("the check of an encrypted copy: %+v, %v", report, err)
	}
	for dir, e := range map[string]stator.Encryption{plain: {}, sealed: right} {
		if err := stator.EncryptData(t.Context(), sealed, dir, e, nil); err == nil {
			t.Errorf("an encrypted directory was encrypted into %s with %+v", dir, e)
		}
	}
	if err := os.Remove(filepath.Join(sealed, "KEYS")); err != nil {
		t.Fatal(err)
	}
	for _, e := range []stator.Encryption{{}, right} {
		if _, err := stator.Open(stator.Config{DataDir: sealed, Encryption: e}); err == nil || !strings.Contains(err.Error(), "its file KEYS is missing") {
			t.Errorf("without KEYS, with %v: %v", e, err)
		}
	}
}

// TestKeys takes a directory through everything that can be done with its keys,
// while a server runs wherever that may be.
func TestKeys(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	first, second := newEncryption(t), newEncryption(t)
	dir := func(name string) string { return filepath.Join(t.TempDir(), name) }
	plain, data, backup, restored := dir("plain"), dir("data"), dir("backup"), dir("restored")
	open := func(dir string, e stator.Encryption) (*stator.Server, *dynamodb.Client) {
		t.Helper()
		srv, err := stator.Open(stator.Config{DataDir: dir, Encryption: e})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = srv.Close() })
		return srv, newClient(srv.URL())
	}
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]bool{}
	add := func(c *dynamodb.Client, from, to int) {
		t.Helper()
		for n := from; n < to; n++ {
			must(nil, putAlbum(ctx, c, n))
			want[fmt.Sprint("track ", n)] = true
		}
	}
	holds := func(c *dynamodb.Client, dir string) {
		t.Helper()
		if got := tracksOf(t, c, "Albums", aws.String("by-artist")); !maps.Equal(got, want) {
			t.Errorf("%s has %d tracks, want %d", dir, len(got), len(want))
		}
	}
	srv, c := open(plain, stator.Encryption{})
	createAlbums(t, c)
	add(c, 0, 30)
	must(c.CreateBackup(ctx, &dynamodb.CreateBackupInput{TableName: aws.String("Albums"), BackupName: aws.String("first")}))
	if err := stator.EncryptData(ctx, plain, data, first, nil); !errors.Is(err, stator.ErrInUse) {
		t.Errorf("a directory that is in use was encrypted: %v", err)
	}
	mustClose(t, srv)

	must(nil, stator.EncryptData(ctx, plain, data, first, nil))
	sound := func(dir, kind string, e stator.Encryption) {
		t.Helper()
		report, err := stator.Check(ctx, dir, e, nil)
		if err != nil || !report.Sound() || report.Kind != kind || report.Items != int64(len(want)) || report.BackupItems != 30 {
			t.Errorf("the check of %s: %+v, %v", dir, report, err)
		}
	}
	sound(data, stator.KindData, first)
	srv, c = open(data, first)
	holds(c, data)
	before, err := stator.DescribeKeys(data)
	must(nil, err)
	after, err := stator.RotateDataKey(ctx, data, first)
	must(nil, err)
	if len(before.DataKeys) != 1 || len(after.DataKeys) != 2 || after.DataKeys[0] != before.DataKeys[0] {
		t.Errorf("the keys were %v, and are %v", before, after)
	}
	newest, err := hex.DecodeString(after.DataKeys[1].ID)
	must(nil, err)
	patience.Until(t, func() bool { // a frozen store has new files
		must(c.CreateBackup(ctx, &dynamodb.CreateBackupInput{TableName: aws.String("Albums"), BackupName: aws.String("look")}))
		return len(search(t, filepath.Join(data, "store", "frozen"), map[string]string{"key": string(newest)})) > 0
	}, "the new key")
	add(c, 30, 50)
	mustClose(t, srv)
	srv, c = open(data, first)
	holds(c, data)
	must(stator.ChangeKey(ctx, data, first, second))
	add(c, 50, 60)
	must(srv.Copy(ctx, backup, nil))
	mustClose(t, srv)
	if _, err := stator.Open(stator.Config{DataDir: data, Encryption: first}); err == nil || !strings.Contains(err.Error(), "not the key") {
		t.Errorf("the old key still opens: %v", err)
	}
	_, c = open(data, second)
	holds(c, data)

	if _, err := stator.Check(ctx, backup, first, nil); err == nil {
		t.Error("a backup was checked with a key that is not its own")
	}
	must(stator.RestoreData(ctx, backup, restored, nil))
	srv, c = open(restored, second)
	holds(c, restored)
	mustClose(t, srv)
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	none := dir("none")
	if err := stator.EncryptData(cancelled, plain, none, first, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if left, err := os.ReadDir(none); err != nil || len(left) > 0 {
		t.Errorf("a cancelled encryption leaves %v, %v", left, err)
	}
}

// TestEncryptedExport exports with S3SseAlgorithm into a directory of an encrypted
// server: files that only the server reads.
func TestEncryptedExport(t *testing.T) {
	d := &depot{&archive{T: t, config: stator.Config{
		Clock: noon.Format(time.RFC3339), BucketDir: t.TempDir(), DataDir: t.TempDir(), Encryption: newEncryption(t),
	}}}
	d.open()
	t.Cleanup(d.close)
	d.create()
	d.recovery(35)
	d.load(100)
	plain := d.exported(nil)
	sealed := d.exported(func(in *dynamodb.ExportTableToPointInTimeInput) { in.S3SseAlgorithm = types.S3SseAlgorithmAes256 })
	for what, e := range map[string]*types.ExportDescription{"plain": plain, "sealed": sealed} {
		readable := 0
		dir := filepath.Join(d.config.BucketDir, "files", filepath.Dir(*e.ExportManifest))
		err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			text, err := os.ReadFile(path)
			if bytes.HasPrefix(text, []byte("{")) || bytes.HasPrefix(text, []byte{0x1f, 0x8b}) {
				readable++
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if (readable == 0) != (what == "sealed") {
			t.Errorf("%d files of the %s export can be read", readable, what)
		}
		in := asOrders(what, dataPrefix(e))
		in.InputCompressionType = types.InputCompressionTypeGzip
		d.complete(d.imported(in), 100)
	}
}
