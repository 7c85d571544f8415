package stator_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	streamtypes "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"github.com/statordb/stator"
	"github.com/statordb/stator/internal/patience"
)

// flips returns how many bits TestFlippedBits flips.
func flips(t *testing.T) int {
	t.Helper()
	if text := os.Getenv("STATOR_FLIPS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatalf("STATOR_FLIPS: %v", err)
		}
		return n
	}
	if testing.Short() {
		return 8
	}
	return 60
}

// TestFlippedBits flips one bit of what a server that was killed has left (a data
// directory with tables, an index, a stream, point-in-time recovery, backups of a
// table and of a deleted one), of a backup of the whole server or of an export,
// and reads everything back. What comes is exactly what was there, or an error.
func TestFlippedBits(t *testing.T) {
	t.Parallel()
	t.Run("plain", func(t *testing.T) { flipBits(t, stator.Encryption{}) })
	t.Run("encrypted", func(t *testing.T) { flipBits(t, newEncryption(t)) })
}

func flipBits(t *testing.T, e stator.Encryption) {
	rng, work := testRand(t), t.TempDir()
	data, backup, buckets := filepath.Join(work, "data"), filepath.Join(work, "backup"), filepath.Join(work, "buckets")
	fillForFlips(t, data, backup, buckets, keyFlags(e)...)
	read := func(t *testing.T, dir string) (string, error) { return dumpChecked(t, dir, e) }
	subjects := []struct {
		dir   string
		read  func(t *testing.T, dir string) (string, error)
		want  []string // what is in there
		whole string
	}{
		{dir: data, read: read, want: []string{"Albums", "by-artist", "stream", "backup first", "backup Singles$DeletedTableBackup", "past"}},
		{dir: backup, read: restoredTree, want: []string{"SYNCED", ".sst", ".log", "frozen"}},
		{dir: buckets, read: importedAgain, want: []string{"track 1"}},
	}
	for i := range subjects {
		s := &subjects[i]
		var err error
		if s.whole, err = s.read(t, copyDir(t, s.dir)); err != nil {
			t.Fatal(err)
		}
		for _, want := range s.want {
			if !strings.Contains(s.whole, want) {
				t.Fatalf("nothing is read of %s:\n%s", want, s.whole)
			}
		}
	}
	counts := map[string]int{}
	for n := range flips(t) {
		s := subjects[max(0, n%4-1)] // half of them in the data directory
		name, bit := someBit(t, rng, s.dir, n/4%2 == 0)
		dir := copyDir(t, s.dir)
		flipBit(t, filepath.Join(dir, name), bit)
		got, err := s.read(t, dir)
		kind := filepath.Base(s.dir) + ", "
		switch {
		case err != nil:
			counts[kind+"named"]++
		case got == s.whole:
			counts[kind+"harmless"]++
		default:
			t.Errorf("bit %d of %s: what is read differs\n%s", bit, name, firstDifference(s.whole, got))
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d bits flipped: %v", flips(t), counts)
}

// fillForFlips makes a data directory, as a server leaves it that is killed, a
// backup of the whole server, and buckets with an export.
func fillForFlips(t *testing.T, data, backup, buckets string, flags ...string) {
	t.Helper()
	ctx := t.Context()
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	recoverable := func(c *dynamodb.Client, table string) {
		t.Helper()
		must(c.UpdateContinuousBackups(ctx, &dynamodb.UpdateContinuousBackupsInput{TableName: &table,
			PointInTimeRecoverySpecification: &types.PointInTimeRecoverySpecification{PointInTimeRecoveryEnabled: aws.Bool(true)}}))
	}
	p := serve(t, data, flags...)
	c := newClient(p.url)
	createAlbums(t, c)
	for n := range 60 {
		must(nil, putAlbum(ctx, c, n))
	}
	must(c.CreateTable(ctx, &dynamodb.CreateTableInput{TableName: aws.String("Singles"), BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: stringKeys("pk"), KeySchema: keySchema("pk", "")[:1]}))
	recoverable(c, "Singles")
	must(c.PutItem(ctx, &dynamodb.PutItemInput{TableName: aws.String("Singles"), Item: item{"pk": str("one")}}))
	p.terminate() // what is there so far is in files of rows
	p = serve(t, data, append(flags, "--admin", "--bucket-dir", buckets)...)
	c = newClient(p.url)
	recoverable(c, "Albums")
	for n := range 30 {
		must(nil, putAlbum(ctx, c, 50+n))
	}
	must(c.CreateBackup(ctx, &dynamodb.CreateBackupInput{TableName: aws.String("Albums"), BackupName: aws.String("first")}))
	must(c.DeleteTable(ctx, &dynamodb.DeleteTableInput{TableName: aws.String("Singles")}))
	for n := range 20 {
		must(nil, putAlbum(ctx, c, 80+n))
	}
	out, err := c.ExportTableToPointInTime(ctx, &dynamodb.ExportTableToPointInTimeInput{
		TableArn: aws.String("arn:aws:dynamodb:us-east-1:123456789012:table/Albums"), S3Bucket: aws.String("exports")})
	must(nil, err)
	patience.Until(t, func() bool {
		now, err := c.DescribeExport(ctx, &dynamodb.DescribeExportInput{ExportArn: out.ExportDescription.ExportArn})
		must(nil, err)
		return now.ExportDescription.ExportStatus == types.ExportStatusCompleted
	}, "an export")
	copyWhole(p, backup)
	for n := range 10 { // these are only in the log
		must(nil, putAlbum(ctx, c, 95+n))
	}
	must(nil, p.cmd.Process.Kill())
	p.wait()
}

// copyWhole has a server make a backup of itself.
func copyWhole(p *process, to string) {
	p.Helper()
	state := "RUNNING"
	for a := p.send("PUT", "/backup", nil, fmt.Sprintf(`{"to":%q}`, to)); state == "RUNNING"; a = p.send("GET", "/backup", nil, "") {
		var status struct{ State string }
		if err := json.Unmarshal([]byte(a.body), &status); err != nil || a.status != http.StatusOK {
			p.Fatal(a, err)
		}
		state = status.State
	}
}

// someBit returns a bit of a file below dir: of any byte, or of any file that is
// not empty however small.
func someBit(t *testing.T, rng *rand.Rand, dir string, byFile bool) (name string, bit int) {
	t.Helper()
	sizes := map[string]int{}
	total := 0
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil && info.Size() > 0 {
			name, _ := filepath.Rel(dir, path)
			sizes[name] = int(info.Size())
			total += int(info.Size())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	names := slices.Sorted(maps.Keys(sizes))
	if byFile {
		name = names[rng.IntN(len(names))]
		return name, rng.IntN(8 * sizes[name])
	}
	at := rng.IntN(total)
	for _, name := range names {
		if at -= sizes[name]; at < 0 {
			return name, 8*(at+sizes[name]) + rng.IntN(8)
		}
	}
	panic("unreachable")
}

func flipBit(t *testing.T, path string, bit int) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text[bit/8] ^= 1 << (bit % 8)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func copyDir(t *testing.T, dir string) string {
	t.Helper()
	to, err := os.MkdirTemp(t.TempDir(), "copy")
	if err == nil {
		err = os.CopyFS(to, os.DirFS(dir))
	}
	if err != nil {
		t.Fatal(err)
	}
	return to
}

func firstDifference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(w), len(g)) {
		if w[i] != g[i] {
			return fmt.Sprintf("want %s\n got %s", w[i], g[i])
		}
	}
	return fmt.Sprintf("%d lines, want %d", len(g), len(w))
}

// importedAgain checks the export in buckets, imports it into a new server, and
// returns what is in the table then.
func importedAgain(t *testing.T, buckets string) (string, error) {
	t.Helper()
	exports, err := filepath.Glob(filepath.Join(buckets, "exports", "AWSDynamoDB", "*"))
	if err != nil || len(exports) != 1 {
		t.Fatal(exports, err)
	}
	report, err := stator.Check(t.Context(), exports[0], stator.Encryption{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	srv, err := stator.Open(stator.Config{BucketDir: buckets})
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	c, hangUp := onceClient(srv.URL())
	defer hangUp()
	prefix := "AWSDynamoDB/" + filepath.Base(exports[0]) + "/data/"
	out, err := c.ImportTable(t.Context(), &dynamodb.ImportTableInput{
		InputFormat: types.InputFormatDynamodbJson, InputCompressionType: types.InputCompressionTypeGzip,
		S3BucketSource: &types.S3BucketSource{S3Bucket: aws.String("exports"), S3KeyPrefix: &prefix},
		TableCreationParameters: &types.TableCreationParameters{TableName: aws.String("Albums"), BillingMode: types.BillingModePayPerRequest,
			AttributeDefinitions: stringKeys("pk", "sk"), KeySchema: keySchema("pk", "sk")},
	})
	if err != nil {
		t.Fatal(err)
	}
	now := out.ImportTableDescription
	patience.Until(t, func() bool {
		got, err := c.DescribeImport(t.Context(), &dynamodb.DescribeImportInput{ImportArn: now.ImportArn})
		if err != nil {
			t.Fatal(err)
		}
		now = got.ImportTableDescription
		return now.ImportStatus != types.ImportStatusInProgress
	}, "an import")
	if now.ImportStatus != types.ImportStatusCompleted {
		if report.Sound() {
			t.Errorf("the import has failed, and the check has found nothing: %s", aws.ToString(now.FailureMessage))
		}
		return "", errors.New(aws.ToString(now.FailureMessage))
	}
	d := &dumper{ctx: t.Context(), items: c}
	err = d.table("imported", "Albums")
	return d.out.String(), err
}

// restoredTree restores a backup of a whole server and returns the files.
func restoredTree(t *testing.T, backup string) (string, error) {
	t.Helper()
	to := filepath.Join(t.TempDir(), "data")
	if _, err := stator.RestoreData(t.Context(), backup, to, nil); err != nil {
		return "", err
	}
	var all strings.Builder
	err := filepath.WalkDir(to, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		name, _ := filepath.Rel(to, path)
		fmt.Fprintf(&all, "%s %x\n", name, text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String(), os.RemoveAll(to)
}

// dumpChecked is dump of a directory that is checked first: the check finds what
// reading finds.
func dumpChecked(t *testing.T, dir string, e stator.Encryption) (string, error) {
	t.Helper()
	report, err := stator.Check(t.Context(), dir, e, nil)
	text, fault := dump(t, dir, keyFlags(e)...)
	if fault != nil && err == nil && report.Sound() {
		t.Errorf("%v, and the check has found nothing", fault)
	}
	return text, fault
}

// dump starts a server on dir and returns everything that it has.
func dump(t *testing.T, dir string, flags ...string) (string, error) {
	t.Helper()
	cmd := command(t, nil, append([]string{"serve", "--listen", "127.0.0.1:0", "--data", dir, "--log-level", "ERROR"}, flags...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience.Limit)
	defer cancel()
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	line := make([]byte, 1000)
	n, _ := out.Read(line)
	found := started.FindStringSubmatch(string(line[:n]))
	if found == nil {
		_ = cmd.Wait()
		lines := strings.Split(strings.TrimSuffix(stderr.String(), "\n"), "\n")
		last := lines[len(lines)-1]
		if !strings.HasPrefix(last, "stator: ") {
			t.Errorf("the server did not start, and says %s", stderr.String())
		}
		return "", errors.New(last)
	}
	d := &dumper{ctx: ctx, streams: newStreamsClient(found[1])}
	var hangUp func()
	d.items, hangUp = onceClient(found[1])
	defer hangUp()
	err = d.all()
	if ctx.Err() != nil {
		t.Errorf("the server hangs: %v", err)
	}
	return d.out.String(), err
}

// dumper writes down everything that a server has.
type dumper struct {
	ctx     context.Context
	items   *dynamodb.Client
	streams *dynamodbstreams.Client
	out     strings.Builder
}

func (d *dumper) all() error {
	tables, err := d.items.ListTables(d.ctx, &dynamodb.ListTablesInput{})
	if err != nil {
		return err
	}
	for _, table := range tables.TableNames {
		if err := d.table("table "+table, table); err != nil {
			return err
		}
	}
	return errors.Join(d.stream(), d.backups(), d.past())
}

// table writes down the items of a table and the entries of its indexes.
func (d *dumper) table(title, table string) error {
	out, err := d.items.DescribeTable(d.ctx, &dynamodb.DescribeTableInput{TableName: &table})
	if err != nil {
		return err
	}
	indexes := []*string{nil}
	for _, x := range out.Table.GlobalSecondaryIndexes {
		indexes = append(indexes, x.IndexName)
	}
	for _, index := range indexes {
		in := &dynamodb.ScanInput{TableName: &table, IndexName: index, ConsistentRead: aws.Bool(index == nil)}
		pages := dynamodb.NewScanPaginator(d.items, in)
		for pages.HasMorePages() {
			page, err := pages.NextPage(d.ctx)
			if err != nil {
				return err
			}
			for _, it := range page.Items {
				text, _ := json.Marshal(it)
				fmt.Fprintf(&d.out, "%s %s: %s\n", title, aws.ToString(index), text)
			}
		}
	}
	return nil
}

// stream writes down the records of the stream.
func (d *dumper) stream() error {
	list, err := d.streams.ListStreams(d.ctx, &dynamodbstreams.ListStreamsInput{TableName: aws.String("Albums")})
	if err != nil {
		return err
	}
	for _, s := range list.Streams {
		shards, err := d.streams.DescribeStream(d.ctx, &dynamodbstreams.DescribeStreamInput{StreamArn: s.StreamArn})
		if err != nil {
			return err
		}
		for _, shard := range shards.StreamDescription.Shards {
			if err := d.shard(s.StreamArn, shard); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *dumper) shard(arn *string, shard streamtypes.Shard) error {
	it, err := d.streams.GetShardIterator(d.ctx, &dynamodbstreams.GetShardIteratorInput{
		StreamArn: arn, ShardId: shard.ShardId, ShardIteratorType: streamtypes.ShardIteratorTypeTrimHorizon})
	if err != nil {
		return err
	}
	for next := it.ShardIterator; next != nil; {
		page, err := d.streams.GetRecords(d.ctx, &dynamodbstreams.GetRecordsInput{ShardIterator: next})
		if err != nil {
			return err
		}
		for _, r := range page.Records {
			text, _ := json.Marshal(r)
			fmt.Fprintf(&d.out, "stream %s: %s\n", *shard.ShardId, text)
		}
		if next = page.NextShardIterator; len(page.Records) == 0 {
			return nil
		}
	}
	return nil
}

// backups restores every backup and writes down what is in it.
func (d *dumper) backups() error {
	list, err := d.items.ListBackups(d.ctx, &dynamodb.ListBackupsInput{BackupType: types.BackupTypeFilterAll})
	if err != nil {
		return err
	}
	for i, b := range list.BackupSummaries {
		target := fmt.Sprint("Restored", i)
		_, err := d.items.RestoreTableFromBackup(d.ctx, &dynamodb.RestoreTableFromBackupInput{BackupArn: b.BackupArn, TargetTableName: &target})
		if err == nil {
			err = d.await(target)
		}
		if err == nil {
			err = d.table("backup "+*b.BackupName, target)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// past restores the table as it was, and writes it down.
func (d *dumper) past() error {
	target := "Past"
	_, err := d.items.RestoreTableToPointInTime(d.ctx, &dynamodb.RestoreTableToPointInTimeInput{
		SourceTableName: aws.String("Albums"), TargetTableName: &target, UseLatestRestorableTime: aws.Bool(true)})
	if err == nil {
		err = d.await(target)
	}
	if err == nil {
		err = d.table("past", target)
	}
	return err
}

// await waits until a table is restored, or gone.
func (d *dumper) await(table string) error {
	for {
		out, err := d.items.DescribeTable(d.ctx, &dynamodb.DescribeTableInput{TableName: &table})
		if err != nil {
			return err
		}
		if out.Table.TableStatus == types.TableStatusActive {
			return nil
		}
		pauseFor(5 * time.Millisecond)
	}
}
