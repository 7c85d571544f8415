package stator_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/statordb/stator"
	"github.com/statordb/stator/internal/patience"
)

// archive is a server on a manual clock that shows noon at first, and the table
// "orders" with a local and a global index.
type archive struct {
	*testing.T
	config stator.Config
	srv    *stator.Server
	db     *dynamodb.Client
}

// eachArchive runs a test in memory and on disk.
func eachArchive(t *testing.T, test func(*archive)) {
	for _, kind := range []string{"memory", "disk"} {
		t.Run(kind, func(t *testing.T) {
			a := &archive{T: t, config: stator.Config{Clock: noon.Format(time.RFC3339)}}
			if kind == "disk" {
				a.config.DataDir = t.TempDir()
			}
			a.open()
			t.Cleanup(a.close)
			a.create()
			test(a)
		})
	}
}

func (a *archive) open() {
	a.Helper()
	var err error
	if a.srv, err = stator.Open(a.config); err != nil {
		a.Fatal(err)
	}
	a.db = newClient(a.srv.URL())
}

func (a *archive) close() {
	if err := a.srv.Close(); err != nil {
		a.Error(err)
	}
}

// reopen stops the server and starts it again at the same time; one in memory
// goes on.
func (a *archive) reopen() {
	a.Helper()
	if a.config.DataDir == "" {
		return
	}
	a.config.Clock = a.srv.Now().Format(time.RFC3339Nano)
	a.close()
	a.open()
}

func (a *archive) create() {
	a.Helper()
	_, err := a.db.CreateTable(a.Context(), &dynamodb.CreateTableInput{
		TableName: aws.String("orders"), BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{defined("pk", "S"), defined("sk", "S"), defined("state", "S"), defined("day", "N")},
		KeySchema:            keyAttributes("pk", "sk"),
		LocalSecondaryIndexes: []types.LocalSecondaryIndex{{
			IndexName: aws.String("byDay"), KeySchema: keyAttributes("pk", "day"), Projection: &types.Projection{ProjectionType: types.ProjectionTypeKeysOnly},
		}},
		GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{{
			IndexName: aws.String("byState"), KeySchema: keyAttributes("state", "sk"), Projection: &types.Projection{ProjectionType: types.ProjectionTypeAll},
		}},
		StreamSpecification:       &types.StreamSpecification{StreamEnabled: aws.Bool(true), StreamViewType: types.StreamViewTypeKeysOnly},
		Tags:                      []types.Tag{{Key: aws.String("team"), Value: aws.String("blue")}},
		DeletionProtectionEnabled: aws.Bool(true),
	})
	if err != nil {
		a.Fatal(err)
	}
}

func order(n int, state string) item {
	return item{"pk": str(fmt.Sprintf("c%d", n%7)), "sk": str(fmt.Sprintf("o%04d", n)), "state": str(state), "day": num(n % 5)}
}

func (a *archive) put(items ...item) {
	a.Helper()
	for _, it := range items {
		if _, err := a.db.PutItem(a.Context(), &dynamodb.PutItemInput{TableName: aws.String("orders"), Item: it}); err != nil {
			a.Fatal(err)
		}
	}
}

// move sets the clock forward.
func (a *archive) move(d time.Duration) {
	a.Helper()
	if err := a.srv.MoveClock(a.Context(), a.srv.Now().Add(d)); err != nil {
		a.Fatal(err)
	}
}

// contents returns the items of a table or of one of its indexes, by their keys.
func (a *archive) contents(table, index string) map[string]item {
	a.Helper()
	in := &dynamodb.ScanInput{TableName: &table}
	if index != "" {
		in.IndexName = &index
	}
	all := map[string]item{}
	for pages := dynamodb.NewScanPaginator(a.db, in); pages.HasMorePages(); {
		page, err := pages.NextPage(a.Context())
		if err != nil {
			a.Fatal(err)
		}
		for _, it := range page.Items {
			all[textOf(it["pk"])+"|"+textOf(it["sk"])] = it
		}
	}
	return all
}

// snapshot is a table with its indexes.
type snapshot [3]map[string]item

func (a *archive) snapshot(table string) snapshot {
	a.Helper()
	return snapshot{a.contents(table, ""), a.contents(table, "byDay"), a.contents(table, "byState")}
}

// same checks that a table and its indexes are as they were.
func (a *archive) same(table string, want snapshot) {
	a.Helper()
	got := a.snapshot(table)
	for i, of := range []string{"items", "entries of byDay", "entries of byState"} {
		if !reflect.DeepEqual(got[i], want[i]) {
			a.Errorf("%s has %d %s, want %d, or others", table, len(got[i]), of, len(want[i]))
		}
	}
	d := a.described(table)
	equal(a.T, "item count of "+table, *d.ItemCount, int64(len(want[0])))
}

func (a *archive) backup(name string) *types.BackupDetails {
	a.Helper()
	out, err := a.db.CreateBackup(a.Context(), &dynamodb.CreateBackupInput{TableName: aws.String("orders"), BackupName: &name})
	if err != nil {
		a.Fatal(err)
	}
	return out.BackupDetails
}

func (a *archive) restore(in *dynamodb.RestoreTableFromBackupInput) {
	a.Helper()
	out, err := a.db.RestoreTableFromBackup(a.Context(), in)
	if err != nil {
		a.Fatal(err)
	}
	equal(a.T, "status of "+*in.TargetTableName, out.TableDescription.TableStatus, types.TableStatusCreating)
	equal(a.T, "restore in progress", *out.TableDescription.RestoreSummary.RestoreInProgress, true)
	a.awaitTable(*in.TargetTableName)
}

// restoreAt restores orders to another table as it was at an instant, the last
// one if it is zero.
func (a *archive) restoreAt(target string, at time.Time) error {
	in := &dynamodb.RestoreTableToPointInTimeInput{SourceTableName: aws.String("orders"), TargetTableName: &target}
	if at.IsZero() {
		in.UseLatestRestorableTime = aws.Bool(true)
	} else {
		in.RestoreDateTime = &at
	}
	_, err := a.db.RestoreTableToPointInTime(a.Context(), in)
	if err == nil {
		a.awaitTable(target)
	}
	return err
}

func (a *archive) awaitTable(name string) {
	a.Helper()
	waiter := dynamodb.NewTableExistsWaiter(a.db, func(o *dynamodb.TableExistsWaiterOptions) {
		o.MinDelay = 5 * time.Millisecond
		o.MaxDelay = 20 * time.Millisecond
	})
	if err := waiter.Wait(a.Context(), &dynamodb.DescribeTableInput{TableName: &name}, patience.Limit); err != nil {
		a.Fatal(err)
	}
}

func (a *archive) described(name string) *types.TableDescription {
	a.Helper()
	out, err := a.db.DescribeTable(a.Context(), &dynamodb.DescribeTableInput{TableName: &name})
	if err != nil {
		a.Fatal(err)
	}
	return out.Table
}

// deleteOrders deletes the table orders.
func (a *archive) deleteOrders() {
	a.Helper()
	_, err := a.db.UpdateTable(a.Context(), &dynamodb.UpdateTableInput{TableName: aws.String("orders"), DeletionProtectionEnabled: aws.Bool(false)})
	if err == nil {
		_, err = a.db.DeleteTable(a.Context(), &dynamodb.DeleteTableInput{TableName: aws.String("orders")})
	}
	if err != nil {
		a.Fatal(err)
	}
}

func (a *archive) recovery(days int32) {
	a.Helper()
	_, err := a.db.UpdateContinuousBackups(a.Context(), &dynamodb.UpdateContinuousBackupsInput{
		TableName: aws.String("orders"), PointInTimeRecoverySpecification: &types.PointInTimeRecoverySpecification{
			PointInTimeRecoveryEnabled: aws.Bool(true), RecoveryPeriodInDays: &days,
		},
	})
	if err != nil {
		a.Fatal(err)
	}
}

func (a *archive) window() *types.PointInTimeRecoveryDescription {
	a.Helper()
	out, err := a.db.DescribeContinuousBackups(a.Context(), &dynamodb.DescribeContinuousBackupsInput{TableName: aws.String("orders")})
	if err != nil {
		a.Fatal(err)
	}
	return out.ContinuousBackupsDescription.PointInTimeRecoveryDescription
}

// TestBackup makes a backup, changes and deletes the table, and restores it: what
// comes back is the table as it was, without what is not restored.
func TestBackup(t *testing.T) {
	t.Parallel()
	eachArchive(t, func(a *archive) {
		for n := range 300 {
			a.put(order(n, "new"))
		}
		was := a.snapshot("orders")
		made := a.backup("safe")
		equal(t, "status", made.BackupStatus, types.BackupStatusCreating)
		for n := range 100 {
			a.put(order(n, "sent"), order(300+n, "new"))
		}
		after := a.snapshot("orders")
		a.reopen()
		a.deleteOrders()
		a.reopen()

		out, err := a.db.DescribeBackup(t.Context(), &dynamodb.DescribeBackupInput{BackupArn: made.BackupArn})
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "status", out.BackupDescription.BackupDetails.BackupStatus, types.BackupStatusAvailable)
		equal(t, "items in the backup", *out.BackupDescription.SourceTableDetails.ItemCount, 300)
		a.restore(&dynamodb.RestoreTableFromBackupInput{BackupArn: made.BackupArn, TargetTableName: aws.String("orders")})
		a.same("orders", was)
		d := a.described("orders")
		equal(t, "restore in progress", *d.RestoreSummary.RestoreInProgress, false)
		equal(t, "source", *d.RestoreSummary.SourceBackupArn, *made.BackupArn)
		equal(t, "time", d.RestoreSummary.RestoreDateTime.Equal(*made.BackupCreationDateTime), true)
		equal(t, "stream", d.StreamSpecification == nil, true)
		equal(t, "deletion protection", *d.DeletionProtectionEnabled, false)
		tags, err := a.db.ListTagsOfResource(t.Context(), &dynamodb.ListTagsOfResourceInput{ResourceArn: d.TableArn})
		if err != nil || len(tags.Tags) > 0 {
			t.Errorf("tags %v, %v", tags, err)
		}
		a.put(order(9999, "new")) // it is a table like any other
		a.reopen()
		if got := a.contents("orders", "byState"); len(got) != 301 {
			t.Errorf("%d items after a write, want 301", len(got))
		}
		if reflect.DeepEqual(was, after) {
			t.Error("the table had not changed")
		}
	})
}

// TestRestoreWithOverrides leaves indexes out and changes the capacity.
func TestRestoreWithOverrides(t *testing.T) {
	eachArchive(t, func(a *archive) {
		a.put(order(1, "new"), order(2, "sent"))
		arn := a.backup("safe").BackupArn
		a.restore(&dynamodb.RestoreTableFromBackupInput{
			BackupArn: arn, TargetTableName: aws.String("lean"), LocalSecondaryIndexOverride: []types.LocalSecondaryIndex{},
			BillingModeOverride:           types.BillingModeProvisioned,
			ProvisionedThroughputOverride: &types.ProvisionedThroughput{ReadCapacityUnits: aws.Int64(3), WriteCapacityUnits: aws.Int64(4)},
			GlobalSecondaryIndexOverride: []types.GlobalSecondaryIndex{{
				IndexName: aws.String("byState"), KeySchema: keyAttributes("state", "sk"), Projection: &types.Projection{ProjectionType: types.ProjectionTypeAll},
				ProvisionedThroughput: &types.ProvisionedThroughput{ReadCapacityUnits: aws.Int64(1), WriteCapacityUnits: aws.Int64(2)},
			}},
		})
		d := a.described("lean")
		equal(t, "read capacity units", *d.ProvisionedThroughput.ReadCapacityUnits, 3)
		equal(t, "write capacity units of the index", *d.GlobalSecondaryIndexes[0].ProvisionedThroughput.WriteCapacityUnits, 2)
		equal(t, "local indexes", len(d.LocalSecondaryIndexes), 0)
		equal(t, "attributes defined", len(d.AttributeDefinitions), 3)
		equal(t, "entries", len(a.contents("lean", "byState")), 2)
	})
}

// TestListBackups pages through backups in the order of time, over tables.
func TestListBackups(t *testing.T) {
	eachArchive(t, func(a *archive) {
		if _, err := a.db.CreateTable(t.Context(), &dynamodb.CreateTableInput{
			TableName: aws.String("other"), BillingMode: types.BillingModePayPerRequest,
			AttributeDefinitions: stringKeys("pk"), KeySchema: keyAttributes("pk", ""),
		}); err != nil {
			t.Fatal(err)
		}
		var want []string
		for n := range 7 {
			a.move(time.Second)
			table := []string{"orders", "other"}[n%2]
			name := fmt.Sprintf("b%02d", n)
			if _, err := a.db.CreateBackup(t.Context(), &dynamodb.CreateBackupInput{TableName: &table, BackupName: &name}); err != nil {
				t.Fatal(err)
			}
			want = append(want, name)
		}
		a.reopen()
		list := func(in dynamodb.ListBackupsInput) (names []string, pages int) {
			for {
				out, err := a.db.ListBackups(t.Context(), &in)
				if err != nil {
					t.Fatal(err)
				}
				for _, b := range out.BackupSummaries {
					names = append(names, *b.BackupName)
				}
				pages++
				if in.ExclusiveStartBackupArn = out.LastEvaluatedBackupArn; in.ExclusiveStartBackupArn == nil {
					return names, pages
				}
			}
		}
		names, pages := list(dynamodb.ListBackupsInput{Limit: aws.Int32(2)})
		equalSlices(t, "all", names, want)
		equal(t, "pages", pages, 4)
		names, _ = list(dynamodb.ListBackupsInput{TableName: aws.String("other"), Limit: aws.Int32(1)})
		equalSlices(t, "of one table", names, []string{"b01", "b03", "b05"})
		names, _ = list(dynamodb.ListBackupsInput{TimeRangeLowerBound: aws.Time(noon.Add(2 * time.Second)), TimeRangeUpperBound: aws.Time(noon.Add(4 * time.Second))})
		equalSlices(t, "in a range of time", names, []string{"b01", "b02"})
		equal(t, "metrics", strings.Contains(a.metrics(), "\nstator_backups 7\n"), true)
	})
}

func (a *archive) metrics() string {
	a.Helper()
	res, err := http.Get(a.srv.URL() + "/metrics")
	if err != nil {
		a.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		a.Fatal(err)
	}
	return string(text)
}

// TestPointInTime restores a table to instants between changes, before and after
// a stop, and refuses those it does not know.
func TestPointInTime(t *testing.T) {
	eachArchive(t, func(a *archive) {
		for n := range 50 {
			a.put(order(n, "new"))
		}
		if err := a.restoreAt("then", noon); code(err) != "PointInTimeRecoveryUnavailableException" {
			t.Errorf("without recovery: %v", err)
		}
		a.recovery(3)
		begun := a.srv.Now()
		var at []time.Time
		var want []snapshot
		for round := range 6 {
			a.move(90 * time.Minute)
			for n := range 20 {
				a.put(order(10*round+n, fmt.Sprintf("state%d", round)))
			}
			if _, err := a.db.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: aws.String("orders"), Key: item{"pk": order(round, "")["pk"], "sk": order(round, "")["sk"]}}); err != nil {
				t.Fatal(err)
			}
			at, want = append(at, a.srv.Now()), append(want, a.snapshot("orders"))
			if round == 3 {
				a.reopen()
			}
		}
		a.move(time.Minute)
		for i := range at {
			name := fmt.Sprintf("then%d", i)
			if err := a.restoreAt(name, at[i]); err != nil {
				t.Fatal(err)
			}
			a.same(name, want[i])
			equal(t, "time", a.described(name).RestoreSummary.RestoreDateTime.Equal(at[i]), true)
		}
		if err := a.restoreAt("latest", time.Time{}); err != nil {
			t.Fatal(err)
		}
		a.same("latest", want[len(want)-1])
		w := a.window()
		equal(t, "earliest", w.EarliestRestorableDateTime.Equal(begun), true)
		equal(t, "latest", w.LatestRestorableDateTime.Equal(a.srv.Now()), true)
		for _, bad := range []time.Time{begun.Add(-time.Second), a.srv.Now().Add(time.Second)} {
			if err := a.restoreAt("never", bad); code(err) != "InvalidRestoreTimeException" {
				t.Errorf("at %s: %v", bad, err)
			}
		}
		a.move(4 * 24 * time.Hour)
		equal(t, "earliest after four days", a.window().EarliestRestorableDateTime.Equal(a.srv.Now().Add(-3*24*time.Hour)), true)
		a.recovery(35)
		if early := a.window().EarliestRestorableDateTime; early.Before(at[len(at)-1]) {
			t.Errorf("what is forgotten can be restored again, from %s on", early)
		}
	})
}

func code(err error) string {
	var e interface{ ErrorCode() string }
	if errors.As(err, &e) {
		return e.ErrorCode()
	}
	return ""
}

// TestDeletedTable restores a table that was deleted with point-in-time recovery
// from the backup that it left, as it was in the end and before, until the backup
// is over.
func TestDeletedTable(t *testing.T) {
	eachArchive(t, func(a *archive) {
		a.recovery(35)
		a.put(order(1, "new"), order(2, "new"))
		before, middle := a.srv.Now(), a.snapshot("orders")
		a.move(time.Hour)
		a.put(order(2, "sent"), order(3, "new"))
		end := a.snapshot("orders")
		a.move(time.Hour)
		a.deleteOrders()
		a.reopen()

		list, err := a.db.ListBackups(t.Context(), &dynamodb.ListBackupsInput{BackupType: types.BackupTypeFilterSystem})
		if err != nil || len(list.BackupSummaries) != 1 {
			t.Fatalf("backups %v, %v", list, err)
		}
		left := list.BackupSummaries[0]
		equal(t, "name", *left.BackupName, "orders$DeletedTableBackup")
		equal(t, "expiry", left.BackupExpiryDateTime.Equal(left.BackupCreationDateTime.Add(35*24*time.Hour)), true)
		if _, err := a.db.DeleteBackup(t.Context(), &dynamodb.DeleteBackupInput{BackupArn: left.BackupArn}); code(err) != "ValidationException" {
			t.Errorf("DeleteBackup: %v", err)
		}
		a.restore(&dynamodb.RestoreTableFromBackupInput{BackupArn: left.BackupArn, TargetTableName: aws.String("again")})
		a.same("again", end)
		if err := a.restoreAt("orders", before); err != nil {
			t.Fatal(err)
		}
		a.same("orders", middle)
		// The new table has no recovery and does not hide the one before.
		if err := a.restoreAt("older", before); err != nil {
			t.Fatal(err)
		}
		a.same("older", middle)
		if err := a.restoreAt("never", time.Time{}); code(err) != "PointInTimeRecoveryUnavailableException" {
			t.Errorf("the latest of a table without recovery: %v", err)
		}
		a.deleteOrders() // without recovery: nothing is left of it
		if err := a.restoreAt("orders", time.Time{}); err != nil {
			t.Fatal(err)
		}
		a.same("orders", end)
		a.deleteOrders()

		a.move(34 * 24 * time.Hour)
		equal(t, "metrics", strings.Contains(a.metrics(), "\nstator_backups 1\n"), true)
		a.move(24 * time.Hour)
		a.reopen()
		list, err = a.db.ListBackups(t.Context(), &dynamodb.ListBackupsInput{BackupType: types.BackupTypeFilterAll})
		if err != nil || len(list.BackupSummaries) > 0 {
			t.Errorf("after 35 days: %v, %v", list, err)
		}
		if err := a.restoreAt("orders", time.Time{}); code(err) != "TableNotFoundException" {
			t.Errorf("after 35 days: %v", err)
		}
	})
}

// TestBackupUnderWrites makes a backup while items are written in pairs, and
// finds whole writes only: for every item that it has, the one written before.
func TestBackupUnderWrites(t *testing.T) {
	eachArchive(t, func(a *archive) {
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan int)
		go func() {
			n := 0
			for ; ctx.Err() == nil; n++ {
				it := order(n, "new")
				it["pk"] = str("c")
				if _, err := a.db.PutItem(ctx, &dynamodb.PutItemInput{TableName: aws.String("orders"), Item: it}); err != nil {
					break
				}
			}
			ended <- n
		}()
		var arns []*string
		for range 3 {
			patience.Until(t, func() bool { return len(a.contents("orders", "")) >= 50*(1+len(arns)) }, "some more items")
			arns = append(arns, a.backup("moment").BackupArn)
		}
		stop()
		<-ended
		for i, arn := range arns {
			name := fmt.Sprintf("moment%d", i)
			a.restore(&dynamodb.RestoreTableFromBackupInput{BackupArn: arn, TargetTableName: &name})
			got := a.snapshot(name)
			if len(got[0]) < 50*(1+i) {
				t.Errorf("%s lacks what was written before: %d items", name, len(got[0]))
			}
			for n := range len(got[0]) {
				if got[0][fmt.Sprintf("c|o%04d", n)] == nil {
					t.Errorf("%s has %d items, but not number %d", name, len(got[0]), n)
				}
			}
			a.same(name, snapshot{got[0], got[1], got[2]})
			equal(t, "entries of byDay", len(got[1]), len(got[0]))
			equal(t, "entries of byState", len(got[2]), len(got[0]))
		}
	})
}

// TestRecoveryOfExpiredItems: what time to live has deleted is there again.
func TestRecoveryOfExpiredItems(t *testing.T) {
	eachArchive(t, func(a *archive) {
		if _, err := a.db.UpdateTimeToLive(t.Context(), &dynamodb.UpdateTimeToLiveInput{
			TableName: aws.String("orders"), TimeToLiveSpecification: &types.TimeToLiveSpecification{AttributeName: aws.String("until"), Enabled: aws.Bool(true)},
		}); err != nil {
			t.Fatal(err)
		}
		a.recovery(1)
		it := order(1, "new")
		it["until"] = num(int(noon.Add(time.Hour).Unix()))
		a.put(it, order(2, "new"))
		a.move(30 * time.Minute)
		before, was := a.srv.Now(), a.snapshot("orders")
		a.move(time.Hour)
		if left := a.contents("orders", ""); len(left) != 1 {
			t.Fatalf("%d items are left, want 1", len(left))
		}
		if err := a.restoreAt("then", before); err != nil {
			t.Fatal(err)
		}
		a.same("then", was)
	})
}

// TestRecoveryWithOtherIndexes restores a table to before its indexes were changed:
// it gets those that the table has now, with the entries of the items then.
func TestRecoveryWithOtherIndexes(t *testing.T) {
	eachArchive(t, func(a *archive) {
		a.recovery(1)
		for n := range 40 {
			it := order(n, "new")
			it["note"] = str(fmt.Sprint(n % 3))
			a.put(it)
		}
		a.move(time.Minute)
		before := a.srv.Now()
		a.move(time.Minute)
		for n := range 20 {
			a.put(order(n, "sent")) // has no note
		}
		update := func(in *dynamodb.UpdateTableInput) {
			in.TableName = aws.String("orders")
			if _, err := a.db.UpdateTable(t.Context(), in); err != nil {
				t.Fatal(err)
			}
		}
		update(&dynamodb.UpdateTableInput{
			AttributeDefinitions: []types.AttributeDefinition{defined("note", "S")},
			GlobalSecondaryIndexUpdates: []types.GlobalSecondaryIndexUpdate{{Create: &types.CreateGlobalSecondaryIndexAction{
				IndexName: aws.String("byNote"), KeySchema: keyAttributes("note", ""), Projection: &types.Projection{ProjectionType: types.ProjectionTypeKeysOnly},
			}}},
		})
		made := a.backup("meanwhile").BackupArn // or shortly after
		patience.Until(t, func() bool {
			return a.described("orders").GlobalSecondaryIndexes[1].IndexStatus == types.IndexStatusActive
		}, "an index that is made")
		update(&dynamodb.UpdateTableInput{GlobalSecondaryIndexUpdates: []types.GlobalSecondaryIndexUpdate{{Delete: &types.DeleteGlobalSecondaryIndexAction{IndexName: aws.String("byState")}}}})
		patience.Until(t, func() bool { return len(a.described("orders").GlobalSecondaryIndexes) == 1 }, "an index that is gone")
		if err := a.restoreAt("then", before); err != nil {
			t.Fatal(err)
		}
		equal(t, "indexes", len(a.described("then").GlobalSecondaryIndexes), 1)
		equal(t, "entries then", len(a.contents("then", "byNote")), 40)
		a.restore(&dynamodb.RestoreTableFromBackupInput{BackupArn: made, TargetTableName: aws.String("both")})
		equal(t, "entries of the backup", len(a.contents("both", "byNote")), 20)
		equal(t, "entries of the backup", len(a.contents("both", "byState")), 40)
	})
}
