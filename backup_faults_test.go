package stator_test

import (
	"fmt"
	"log/slog"
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

// lockedBuilder is a log that can be read while it is written.
type lockedBuilder struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *lockedBuilder) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuilder) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// load writes n items to orders, in batches.
func (a *archive) load(n int) {
	a.Helper()
	for from := 0; from < n; from += 25 {
		var writes []types.WriteRequest
		for i := from; i < min(from+25, n); i++ {
			it := order(i, "new")
			it["text"] = str(strings.Repeat("x", 500))
			writes = append(writes, types.WriteRequest{PutRequest: &types.PutRequest{Item: it}})
		}
		if _, err := a.db.BatchWriteItem(a.Context(), &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{"orders": writes}}); err != nil {
			a.Fatal(err)
		}
	}
}

// TestRestoreKilled kills the server in the middle of a restore: the table is
// there, being created, and becomes whole.
func TestRestoreKilled(t *testing.T) {
	t.Parallel()
	const items = 5000
	dir := filepath.Join(t.TempDir(), "data")
	p := serve(t, dir)
	a := &archive{T: t, db: newClient(p.url)}
	a.create()
	a.load(items)
	arn := a.backup("safe").BackupArn
	middle := 0
	for round := range 3 {
		name := fmt.Sprintf("again%d", round)
		if _, err := a.db.RestoreTableFromBackup(t.Context(), &dynamodb.RestoreTableFromBackupInput{BackupArn: arn, TargetTableName: &name}); err != nil {
			t.Fatal(err)
		}
		for d := a.described(name); d.TableStatus == types.TableStatusCreating && *d.ItemCount < int64(items*round/3); {
			d = a.described(name)
		}
		if err := p.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		<-p.ended
		p = serve(t, dir)
		a.db = newClient(p.url)
		if a.described(name).TableStatus == types.TableStatusCreating {
			middle++
		}
		a.awaitTable(name)
		a.same(name, a.snapshot("orders"))
	}
	t.Logf("%d of 3 restores were begun again", middle)
	p.terminate()
}

// TestDamagedBackup changes a bit in the files of a backup, here and there. A
// restore of it ends with the table as it was, or without the table and with a
// reason in the log, and never with another table.
func TestDamagedBackup(t *testing.T) {
	t.Parallel()
	var log lockedBuilder
	a := &archive{T: t, config: stator.Config{
		Clock: noon.Format(time.RFC3339), DataDir: t.TempDir(), Log: slog.New(slog.NewTextHandler(&log, nil)),
	}}
	a.open()
	t.Cleanup(a.close)
	a.create()
	a.load(2000)
	want := a.snapshot("orders")
	arn := a.backup("safe").BackupArn
	a.deleteOrders()
	files, err := filepath.Glob(filepath.Join(a.config.DataDir, "store", "frozen", "backup-*", "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files of the backup: %v", err)
	}
	damaged := 0
	for _, name := range files {
		whole, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for at := range 4 {
			if len(whole) == 0 {
				break
			}
			broken := append([]byte{}, whole...)
			place := (2*at + 1) * len(whole) / 8
			broken[place] ^= 1 << at
			a.replace(name, broken)
			target := fmt.Sprintf("again%d", damaged)
			_, err := a.db.RestoreTableFromBackup(t.Context(), &dynamodb.RestoreTableFromBackupInput{BackupArn: arn, TargetTableName: &target})
			if err != nil {
				t.Fatal(err)
			}
			switch gone := a.awaitEnd(target); {
			case !gone:
				a.same(target, want)
			case !strings.Contains(log.String(), "could not be restored and is removed\" table="+target):
				t.Errorf("bit %d of byte %d of %s: the log does not say why the table is gone", at, place, name)
			}
			a.replace(name, whole)
			damaged++
		}
	}
	t.Logf("%d times damaged, %d times refused", damaged, strings.Count(log.String(), "could not be restored"))
	a.restore(&dynamodb.RestoreTableFromBackupInput{BackupArn: arn, TargetTableName: aws.String("orders")})
	a.same("orders", want)
}

// replace writes a file anew, so that others that share its space do not change.
func (a *archive) replace(name string, text []byte) {
	a.Helper()
	if err := os.Remove(name); err != nil {
		a.Fatal(err)
	}
	if err := os.WriteFile(name, text, 0o600); err != nil {
		a.Fatal(err)
	}
}

// awaitEnd waits for the end of a restore and reports whether the table is gone.
func (a *archive) awaitEnd(table string) (gone bool) {
	a.Helper()
	patience.Until(a, func() bool {
		out, err := a.db.DescribeTable(a.Context(), &dynamodb.DescribeTableInput{TableName: &table})
		if gone = code(err) == "ResourceNotFoundException"; gone {
			return true
		}
		if err != nil {
			a.Fatal(err)
		}
		return out.Table.TableStatus == types.TableStatusActive
	}, "the end of a restore")
	return gone
}
