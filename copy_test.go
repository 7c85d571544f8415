package stator_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/statordb/stator"
	"github.com/statordb/stator/internal/patience"
)

// openData opens a server on dir that the test closes.
func openData(t *testing.T, dir string) (*stator.Server, *dynamodb.Client) {
	t.Helper()
	srv, err := stator.Open(stator.Config{DataDir: dir, Admin: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = srv.Close() })
	return srv, newClient(srv.URL())
}

// mustClose closes a server, as it is stopped.
func mustClose(t *testing.T, srv *stator.Server) {
	t.Helper()
	if err := srv.Close(); err != nil {
		t.Fatal(err)
	}
}

// createAlbums creates a table with keys pk and sk, and an index by artist.
func createAlbums(t *testing.T, c *dynamodb.Client) {
	t.Helper()
	_, err := c.CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName: aws.String("Albums"), BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: stringKeys("pk", "sk", "artist"), KeySchema: keySchema("pk", "sk"),
		GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{{IndexName: aws.String("by-artist"),
			KeySchema: keySchema("artist", "")[:1], Projection: &types.Projection{ProjectionType: types.ProjectionTypeAll}}},
		StreamSpecification: &types.StreamSpecification{StreamEnabled: aws.Bool(true), StreamViewType: types.StreamViewTypeNewAndOldImages},
	})
	if err != nil {
		t.Fatal(err)
	}
}

func putAlbum(ctx context.Context, c *dynamodb.Client, n int) error {
	_, err := c.PutItem(ctx, &dynamodb.PutItemInput{TableName: aws.String("Albums"), Item: item{
		"pk": str(fmt.Sprint("album ", n/10)), "sk": str(fmt.Sprint("track ", n)), "artist": str(fmt.Sprint("artist ", n%7)), "n": num(n)}})
	return err
}

// tracksOf returns the tracks in a table, or its index.
func tracksOf(t *testing.T, c *dynamodb.Client, table string, index *string) map[string]bool {
	t.Helper()
	tracks := map[string]bool{}
	pages := dynamodb.NewScanPaginator(c, &dynamodb.ScanInput{TableName: &table, IndexName: index})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, it := range page.Items {
			tracks[textOf(it["sk"])] = true
		}
	}
	return tracks
}

// mustBeSound checks a directory.
func mustBeSound(t *testing.T, dir, kind string) *stator.CheckReport {
	t.Helper()
	return mustBeSoundWith(t, dir, kind, stator.Encryption{})
}

// mustBeSoundWith is mustBeSound for a directory with a key.
func mustBeSoundWith(t *testing.T, dir, kind string, key stator.Encryption) *stator.CheckReport {
	t.Helper()
	report, err := stator.Check(context.Background(), dir, key, nil) // also when the test is over
	if err != nil {
		t.Fatal(err)
	}
	if !report.Sound() || report.Kind != kind {
		t.Errorf("%s is a %s, want a %s: %q", dir, report.Kind, kind, report.Findings)
	}
	return report
}

// TestCopy copies a server that is written to all the time: what is restored has
// every write that was answered before, none that began after, and of those of
// one client meanwhile the first ones.
func TestCopy(t *testing.T) {
	ctx, work := t.Context(), t.TempDir()
	srv, c := openData(t, filepath.Join(work, "data"))
	createAlbums(t, c)
	for n := range 200 {
		if err := putAlbum(ctx, c, n); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.CreateBackup(ctx, &dynamodb.CreateBackupInput{TableName: aws.String("Albums"), BackupName: aws.String("first")}); err != nil {
		t.Fatal(err)
	}
	writing, stop := context.WithCancel(ctx)
	written := 200
	var writer sync.WaitGroup
	writer.Go(func() {
		for ; writing.Err() == nil; written++ {
			if err := putAlbum(ctx, c, written); err != nil {
				t.Error(err)
				return
			}
		}
	})
	_, err := srv.Copy(ctx, filepath.Join(work, "backup"), nil)
	stop()
	writer.Wait()
	if err != nil {
		t.Fatal(err)
	}
	mustClose(t, srv)
	mustBeSound(t, filepath.Join(work, "data"), stator.KindData)
	mustBeSound(t, filepath.Join(work, "backup"), stator.KindBackup)
	if _, err := stator.RestoreData(ctx, filepath.Join(work, "backup"), filepath.Join(work, "again"), nil); err != nil {
		t.Fatal(err)
	}
	report := mustBeSound(t, filepath.Join(work, "again"), stator.KindData)
	if report.Tables != 1 || report.Backups != 1 || report.BackupItems != 200 || report.IndexEntries != report.Items || report.Changes != report.Items {
		t.Errorf("the check of what was restored says %+v", report)
	}
	again, c := openData(t, filepath.Join(work, "again"))
	tracks := tracksOf(t, c, "Albums", nil)
	if len(tracks) < 200 || len(tracks) > written {
		t.Errorf("%d items were restored, of at least 200 and at most %d", len(tracks), written)
	}
	for n := range len(tracks) {
		if !tracks[fmt.Sprint("track ", n)] {
			t.Fatalf("%d items were restored, and not the one written as number %d", len(tracks), n)
		}
	}
	if entries := tracksOf(t, c, "Albums", aws.String("by-artist")); !maps.Equal(entries, tracks) {
		t.Errorf("%d items have %d index entries", len(tracks), len(entries))
	}
	list, err := c.ListBackups(ctx, &dynamodb.ListBackupsInput{})
	if err != nil || len(list.BackupSummaries) != 1 {
		t.Fatalf("backups of tables: %v, %v", list, err)
	}
	_, err = c.RestoreTableFromBackup(ctx, &dynamodb.RestoreTableFromBackupInput{
		TargetTableName: aws.String("First"), BackupArn: list.BackupSummaries[0].BackupArn})
	if err != nil {
		t.Fatal(err)
	}
	err = dynamodb.NewTableExistsWaiter(c, func(o *dynamodb.TableExistsWaiterOptions) { o.MinDelay = time.Millisecond }).
		Wait(ctx, &dynamodb.DescribeTableInput{TableName: aws.String("First")}, patience.Limit)
	if err != nil || len(tracksOf(t, c, "First", nil)) != 200 {
		t.Errorf("restored from the backup of the table that was copied too: %d items, %v", len(tracksOf(t, c, "First", nil)), err)
	}
	mustClose(t, again)
}

// TestCopyData copies a directory that no server has open.
func TestCopyData(t *testing.T) {
	ctx, work := t.Context(), t.TempDir()
	data, backup := filepath.Join(work, "data"), filepath.Join(work, "backup")
	if _, err := stator.CopyData(ctx, data, backup, stator.Encryption{}, nil); err == nil || !strings.Contains(err.Error(), "cannot read") {
		t.Errorf("copied what is not there: %v", err)
	}
	srv, c := openData(t, data)
	createAlbums(t, c)
	if err := putAlbum(ctx, c, 1); err != nil {
		t.Fatal(err)
	}
	if _, err := stator.CopyData(ctx, data, backup, stator.Encryption{}, nil); err == nil || !strings.Contains(err.Error(), "already open") {
		t.Errorf("copied behind the server's back: %v", err)
	}
	mustClose(t, srv)
	report, err := stator.CopyData(ctx, data, backup, stator.Encryption{}, nil)
	if err != nil || report.Files == 0 || report.Bytes == 0 {
		t.Fatal(report, err)
	}
	mustBeSound(t, backup, stator.KindBackup)
	mustBeSound(t, data, stator.KindData)
}

// TestCopyOfDamage: a copy of files that were damaged before is not sound, and the
// check of a copy leaves no trace.
func TestCopyOfDamage(t *testing.T) {
	ctx, work := t.Context(), t.TempDir()
	data, whole, damaged := filepath.Join(work, "data"), filepath.Join(work, "whole"), filepath.Join(work, "damaged")
	srv, c := openData(t, data)
	createAlbums(t, c)
	for n := range 20 {
		_, err := c.PutItem(ctx, &dynamodb.PutItemInput{TableName: aws.String("Albums"), Item: item{ // a block each
			"pk": str("album"), "sk": str(fmt.Sprint("track ", n)), "artist": str("artist"), "cover": str(strings.Repeat("x", 20<<10))}})
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.CreateBackup(ctx, &dynamodb.CreateBackupInput{TableName: aws.String("Albums"), BackupName: aws.String("first")}); err != nil {
		t.Fatal(err)
	}
	mustClose(t, srv)
	mustCopy := func(to string) {
		t.Helper()
		if _, err := stator.CopyData(ctx, data, to, stator.Encryption{}, nil); err != nil {
			t.Fatal(err)
		}
	}
	mustCopy(whole)
	before := tree(t, whole)
	report := mustBeSound(t, whole, stator.KindBackup)
	if report.Items != 20 || report.IndexEntries != 20 || report.Changes != 20 || report.BackupItems != 20 {
		t.Errorf("the check of a copy says %+v", report)
	}
	if after := tree(t, whole); !maps.Equal(before, after) {
		t.Errorf("a check has changed %v into %v", before, after)
	}

	tables, err := filepath.Glob(filepath.Join(data, "store", "*.sst"))
	if err != nil || len(tables) == 0 {
		t.Fatal(tables, err)
	}
	text, err := os.ReadFile(tables[0])
	if err != nil {
		t.Fatal(err)
	}
	text[20] ^= 1
	if err := os.WriteFile(tables[0], text, 0o600); err != nil {
		t.Fatal(err)
	}
	mustCopy(damaged)
	report, err = stator.Check(ctx, damaged, stator.Encryption{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(damaged, "data", "store", filepath.Base(tables[0]))
	if len(report.Findings) != 1 || !strings.HasPrefix(report.Findings[0], name+" is damaged: ") {
		t.Errorf("found %q, want that %s is damaged", report.Findings, name)
	}
}

// tree returns the files below dir by their names.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		files[path] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestCopyEndpoint asks a server for a copy as a program on its machine does.
func TestCopyEndpoint(t *testing.T) {
	work := t.TempDir()
	p := serve(t, filepath.Join(work, "data"), "--admin")
	p.mustCall("CreateTable", createThings)
	status := func(a answer) (s struct{ State, Error string }) {
		t.Helper()
		if err := json.Unmarshal([]byte(a.body), &s); err != nil || a.status != http.StatusOK {
			t.Fatal(a)
		}
		return s
	}
	for body, want := range map[string]string{`{"to":"here"}`: "not absolute", `{`: "EOF", `{"from":"/"}`: "unknown field"} {
		if got := p.send("PUT", "/backup", nil, body); got.status != http.StatusBadRequest || !strings.Contains(got.body, want) {
			t.Errorf("%s: %d %s, want %q", body, got.status, got.body, want)
		}
	}
	if s := status(p.send("GET", "/backup", nil, "")); s.State != "" {
		t.Errorf("before any: %+v", s)
	}
	finished := func(to string) (s struct{ State, Error string }) {
		s = status(p.send("PUT", "/backup", nil, fmt.Sprintf(`{"to":%q}`, to)))
		for s.State == "RUNNING" {
			s = status(p.send("GET", "/backup", nil, ""))
		}
		return s
	}
	backup := filepath.Join(work, "backup")
	if s := finished(backup); s.State != "DONE" {
		t.Errorf("%+v", s)
	}
	mustBeSound(t, backup, stator.KindBackup)
	if s := finished(backup); s.State != "FAILED" || !strings.Contains(s.Error, "is not empty") {
		t.Errorf("over a backup: %+v", s)
	}
	if s := status(p.send("DELETE", "/backup", nil, "")); s.State != "FAILED" {
		t.Errorf("cancelled what is over: %+v", s)
	}
	for _, got := range []answer{
		p.send("GET", "/backup", map[string]string{"Origin": "http://example.org"}, ""),
		serve(t, filepath.Join(work, "other")).send("GET", "/backup", nil, ""),
	} {
		if got.status != http.StatusNotFound {
			t.Errorf("to whoever asks: %+v", got)
		}
	}
	memory := startProcess(t, nil, "serve", "--listen", "127.0.0.1:0", "--in-memory", "--admin")
	p = memory
	if s := finished(filepath.Join(work, "memory")); s.State != "FAILED" || !strings.Contains(s.Error, "in memory") {
		t.Errorf("of a server in memory: %+v", s)
	}
}

// TestCopiesAndCancels: who cancels waits for the copy that is being made then, not
// for those that are begun afterwards.
func TestCopiesAndCancels(t *testing.T) {
	srv, err := stator.Open(stator.Config{Admin: true}) // in memory: a copy fails at once
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = srv.Close() })
	do := func(method, body string) {
		req, err := http.NewRequestWithContext(t.Context(), method, srv.URL()+"/backup", strings.NewReader(body))
		if err != nil {
			t.Error(err)
			return
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Error(err)
			return
		}
		_ = res.Body.Close()
		if res.StatusCode >= http.StatusInternalServerError {
			t.Errorf("%s answers %s", method, res.Status)
		}
	}
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 100 {
				do(http.MethodPut, `{"to": "/nowhere"}`)
			}
		})
		group.Go(func() {
			for range 100 {
				do(http.MethodDelete, "")
			}
		})
	}
	group.Wait()
}
