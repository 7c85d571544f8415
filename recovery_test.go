package stator_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"reflect"
	"sort"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// days is a table over simulated days, and what it was like after every write.
type days struct {
	*testing.T
	rng    *rand.Rand
	dir    string
	at     time.Time // of the server's clock
	server *process
	db     *dynamodb.Client
	items  map[string]item
	past   []moment
}

// moment is the table from a time on.
type moment struct {
	at    time.Time
	items map[string]item
}

const (
	dayKills    = 10
	dayRestores = 50
	dayItems    = 60
)

// Days of random writes with rotations of the log and kills. The table at random
// seconds, restored, is what a model has been then: as it is read, and as its
// index has it.
func TestRecoverySecondBySecond(t *testing.T) {
	d := &days{T: t, rng: testRand(t), dir: filepath.Join(t.TempDir(), "data"), at: noon, items: map[string]item{}}
	kills, restores := dayKills, dayRestores
	if testing.Short() {
		kills, restores = 2, 6
	}
	d.start()
	d.create()
	d.write(20)
	d.recoverable()
	for i := range kills {
		d.write(80)
		if err := d.server.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		d.server.wait()
		d.start()
		for range restores / kills {
			d.restore(fmt.Sprintf("restored-%d", i))
		}
	}
	t.Logf("%d writes over %v", len(d.past), d.at.Sub(noon))
}

func (d *days) start() {
	d.Helper()
	d.server = serve(d.T, d.dir, "--clock", d.at.Format(time.RFC3339))
	d.db = newClient(d.server.url)
}

func (d *days) create() {
	d.Helper()
	_, err := d.db.CreateTable(d.Context(), &dynamodb.CreateTableInput{
		TableName: aws.String("days"), BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{defined("pk", "S"), defined("sk", "N"), defined("color", "S")},
		KeySchema:            keyAttributes("pk", "sk"),
		GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{{
			IndexName: aws.String("byColor"), KeySchema: keyAttributes("color", "sk"), Projection: &types.Projection{ProjectionType: types.ProjectionTypeAll},
		}},
	})
	if err != nil {
		d.Fatal(err)
	}
}

func (d *days) recoverable() {
	d.Helper()
	_, err := d.db.UpdateContinuousBackups(d.Context(), &dynamodb.UpdateContinuousBackupsInput{
		TableName: aws.String("days"), PointInTimeRecoverySpecification: &types.PointInTimeRecoverySpecification{PointInTimeRecoveryEnabled: aws.Bool(true)},
	})
	if err != nil {
		d.Fatal(err)
	}
	d.past = []moment{{d.at, maps.Clone(d.items)}}
}

// write makes some steps of up to 15 minutes, with a write or a transaction
// each.
func (d *days) write(steps int) {
	d.Helper()
	for range steps {
		d.at = d.at.Add(time.Duration(1+d.rng.IntN(900)) * time.Second)
		if a := d.server.send(http.MethodPut, "/clock", nil, `{"now": "`+d.at.Format(time.RFC3339)+`"}`); a.status != http.StatusOK {
			d.Fatalf("PUT /clock: %+v", a)
		}
		var writes []types.TransactWriteItem
		for _, n := range d.rng.Perm(dayItems)[:1+d.rng.IntN(3)] {
			writes = append(writes, d.change(n))
		}
		var err error
		if put := writes[0].Put; len(writes) == 1 && put != nil {
			_, err = d.db.PutItem(d.Context(), &dynamodb.PutItemInput{TableName: put.TableName, Item: put.Item})
		} else {
			_, err = d.db.TransactWriteItems(d.Context(), &dynamodb.TransactWriteItemsInput{TransactItems: writes})
		}
		if err != nil {
			d.Fatal(err)
		}
		d.past = append(d.past, moment{d.at, maps.Clone(d.items)})
	}
}

// change changes item n in the model and returns the write that does.
func (d *days) change(n int) types.TransactWriteItem {
	key := item{"pk": str(strconv.Itoa(n % 7)), "sk": num(n)}
	name := strconv.Itoa(n)
	if d.rng.IntN(4) == 0 {
		delete(d.items, name)
		return types.TransactWriteItem{Delete: &types.Delete{TableName: aws.String("days"), Key: key}}
	}
	it := maps.Clone(key)
	it["n"] = num(d.rng.IntN(1_000_000))
	if d.rng.IntN(3) > 0 {
		it["color"] = str([]string{"red", "green", "blue"}[d.rng.IntN(3)])
	}
	d.items[name] = it
	return types.TransactWriteItem{Put: &types.Put{TableName: aws.String("days"), Item: it}}
}

// restore makes a table of what there was at a random second and compares it.
func (d *days) restore(name string) {
	d.Helper()
	since := d.past[0].at
	at := since.Add(time.Duration(d.rng.Int64N(int64(d.at.Sub(since)/time.Second))) * time.Second)
	if d.rng.IntN(4) == 0 {
		at = d.past[d.rng.IntN(len(d.past)-1)].at
	}
	_, err := d.db.RestoreTableToPointInTime(d.Context(), &dynamodb.RestoreTableToPointInTimeInput{
		SourceTableName: aws.String("days"), TargetTableName: &name, RestoreDateTime: &at,
	})
	if err != nil {
		d.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(d.Context(), patience)
	defer cancel()
	w := dynamodb.NewTableExistsWaiter(d.db, func(o *dynamodb.TableExistsWaiterOptions) { o.MinDelay, o.MaxDelay = 10*time.Millisecond, time.Second })
	if err := w.Wait(ctx, &dynamodb.DescribeTableInput{TableName: &name}, patience); err != nil {
		d.Fatal(err)
	}
	want := d.past[sort.Search(len(d.past), func(i int) bool { return d.past[i].at.After(at) })-1].items
	if got := d.scan(name, nil); !reflect.DeepEqual(got, want) {
		d.Fatalf("at %v the table was %v, not %v", at, got, want)
	}
	colored := maps.Clone(want)
	maps.DeleteFunc(colored, func(_ string, it item) bool { return it["color"] == nil })
	if got := d.scan(name, aws.String("byColor")); !reflect.DeepEqual(got, colored) {
		d.Fatalf("at %v the index was %v, not %v", at, got, colored)
	}
	if _, err := d.db.DeleteTable(d.Context(), &dynamodb.DeleteTableInput{TableName: &name}); err != nil {
		d.Fatal(err)
	}
}

func (d *days) scan(table string, index *string) map[string]item {
	d.Helper()
	got := map[string]item{}
	pages := dynamodb.NewScanPaginator(d.db, &dynamodb.ScanInput{TableName: &table, IndexName: index})
	for pages.HasMorePages() {
		page, err := pages.NextPage(d.Context())
		if err != nil {
			d.Fatal(err)
		}
		for _, it := range page.Items {
			got[it["sk"].(*types.AttributeValueMemberN).Value] = it
		}
	}
	return got
}
