package stator_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/statordb/stator"
)

// The tests here take the steps of docs/tutorial.md with the AWS SDK for Go.

// item and the functions below write items as the wire has them.
type item = map[string]types.AttributeValue

func str(s string) types.AttributeValue      { return &types.AttributeValueMemberS{Value: s} }
func num(n int) types.AttributeValue         { return &types.AttributeValueMemberN{Value: strconv.Itoa(n)} }
func strs(ss ...string) types.AttributeValue { return &types.AttributeValueMemberSS{Value: ss} }
func keyOf(pk, sk string) item               { return item{"PK": str(pk), "SK": str(sk)} }
func textOf(v types.AttributeValue) string   { return v.(*types.AttributeValueMemberS).Value }
func numberOf(v types.AttributeValue) string { return v.(*types.AttributeValueMemberN).Value }
func named(name string) map[string]string    { return map[string]string{"#state": name} }
func itemKey(i item) string                  { return textOf(i["PK"]) + "|" + textOf(i["SK"]) }
func taskKey(user, task string) item         { return keyOf("USER#"+user, "TASK#"+task) }
func isConditional(err error) bool {
	return errors.As(err, new(*types.ConditionalCheckFailedException))
}
func newClient(url string) *dynamodb.Client { return newClientWith(url, nil) }
func stringKeys(names ...string) []types.AttributeDefinition {
	var defs []types.AttributeDefinition
	for _, name := range names {
		defs = append(defs, types.AttributeDefinition{AttributeName: aws.String(name), AttributeType: types.ScalarAttributeTypeS})
	}
	return defs
}

// newClientWith returns a client of the server at url, changed by options.
func newClientWith(url string, options func(*dynamodb.Options)) *dynamodb.Client {
	o := dynamodb.Options{
		BaseEndpoint: aws.String(url), Region: "us-east-1",
		Credentials: credentials.NewStaticCredentialsProvider("any", "any", ""),
	}
	if options == nil {
		return dynamodb.New(o)
	}
	return dynamodb.New(o, options)
}

// openServer starts a server on a temporary directory and returns its client.
func openServer(t *testing.T) *dynamodb.Client {
	t.Helper()
	srv, err := stator.Open(stator.Config{DataDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
	})
	return newClient(srv.URL())
}

func keySchema(hash, sort string) []types.KeySchemaElement {
	return []types.KeySchemaElement{
		{AttributeName: aws.String(hash), KeyType: types.KeyTypeHash},
		{AttributeName: aws.String(sort), KeyType: types.KeyTypeRange},
	}
}

// tracker is the task tracker of a test.
type tracker struct {
	*testing.T
	client *dynamodb.Client
	table  *string
}

func newTracker(t *testing.T) tracker {
	r := tracker{t, openServer(t), aws.String("TaskApp")}
	_, err := r.client.CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName: r.table, BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: stringKeys("PK", "SK"), KeySchema: keySchema("PK", "SK"),
	})
	if err != nil {
		t.Fatal(err)
	}
	r.put(item{"PK": str("USER#ana"), "SK": str("PROFILE"), "FullName": str("Ana Ruiz")})
	r.put(item{"PK": str("USER#bo"), "SK": str("PROFILE"), "FullName": str("Bo Lind")})
	r.putTask("ana", "001", "Write the tutorial", "open", 1, 1)
	r.putTask("ana", "002", "Check the links", "open", 3, 1)
	r.putTask("ana", "003", "Order stickers", "done", 2, 4)
	r.putTask("bo", "001", "Sign the binaries", "open", 1, 1)
	return r
}

func (r tracker) put(i item) {
	r.Helper()
	if _, err := r.client.PutItem(r.Context(), &dynamodb.PutItemInput{TableName: r.table, Item: i}); err != nil {
		r.Fatal(err)
	}
}

func (r tracker) putTask(user, task, title, state string, priority, version int) {
	r.Helper()
	i := taskKey(user, task)
	i["Title"], i["State"], i["Labels"] = str(title), str(state), strs("docs", "release")
	i["Priority"], i["Version"] = num(priority), num(version)
	r.put(i)
}

func (r tracker) get(key item) item {
	r.Helper()
	out, err := r.client.GetItem(r.Context(), &dynamodb.GetItemInput{TableName: r.table, Key: key, ConsistentRead: aws.Bool(true)})
	if err != nil {
		r.Fatal(err)
	}
	return out.Item
}

// tasks queries the tasks of a user.
func (r tracker) tasks(user string, change func(*dynamodb.QueryInput)) *dynamodb.QueryOutput {
	r.Helper()
	in := &dynamodb.QueryInput{
		TableName: r.table, KeyConditionExpression: aws.String("PK = :user AND begins_with(SK, :task)"),
		ExpressionAttributeValues: item{":user": str("USER#" + user), ":task": str("TASK#")},
	}
	change(in)
	out, err := r.client.Query(r.Context(), in)
	if err != nil {
		r.Fatal(err)
	}
	return out
}

func (r tracker) titles(items []item) []string {
	var titles []string
	for _, i := range items {
		titles = append(titles, textOf(i["Title"]))
	}
	return titles
}

func equal[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func equalSlices[T comparable](t testing.TB, what string, got, want []T) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func TestTutorialGet(t *testing.T) {
	r := newTracker(t)
	got := r.get(taskKey("ana", "001"))
	equal(t, "attributes", len(got), 7)
	equal(t, "title", textOf(got["Title"]), "Write the tutorial")
	equal(t, "absent item", len(r.get(taskKey("ana", "999"))), 0)

	for consistent, units := range map[bool]float64{false: 0.5, true: 1} {
		out, err := r.client.GetItem(t.Context(), &dynamodb.GetItemInput{
			TableName: r.table, Key: taskKey("ana", "001"), ConsistentRead: aws.Bool(consistent),
			ProjectionExpression: aws.String("Title, Priority"), ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
		})
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "projected attributes", len(out.Item), 2)
		equal(t, "units", *out.ConsumedCapacity.CapacityUnits, units)
		equal(t, "table", *out.ConsumedCapacity.TableName, "TaskApp")
	}
}

func TestTutorialQuery(t *testing.T) {
	r := newTracker(t)
	all := r.tasks("ana", func(*dynamodb.QueryInput) {})
	equalSlices(t, "tasks", r.titles(all.Items), []string{"Write the tutorial", "Check the links", "Order stickers"})

	last := r.tasks("ana", func(in *dynamodb.QueryInput) { in.ScanIndexForward, in.Limit = aws.Bool(false), aws.Int32(1) })
	equalSlices(t, "last task", r.titles(last.Items), []string{"Order stickers"})
	equal(t, "key to go on from", itemKey(last.LastEvaluatedKey), "USER#ana|TASK#003")

	open := r.tasks("ana", func(in *dynamodb.QueryInput) {
		in.FilterExpression, in.ExpressionAttributeNames = aws.String("#state = :open"), named("State")
		in.ExpressionAttributeValues[":open"] = str("open")
	})
	equalSlices(t, "open tasks", r.titles(open.Items), []string{"Write the tutorial", "Check the links"})
	equal(t, "open tasks counted", open.Count, 2)
	equal(t, "tasks read", open.ScannedCount, 3)

	count := r.tasks("ana", func(in *dynamodb.QueryInput) {
		in.Select, in.ReturnConsumedCapacity = types.SelectCount, types.ReturnConsumedCapacityTotal
	})
	equal(t, "count", count.Count, 3)
	equal(t, "items with a count", len(count.Items), 0)
	equal(t, "units", *count.ConsumedCapacity.CapacityUnits, 0.5)
}

func TestTutorialReservedWord(t *testing.T) {
	r := newTracker(t)
	_, err := r.client.Query(t.Context(), &dynamodb.QueryInput{
		TableName: r.table, KeyConditionExpression: aws.String("PK = :user"), FilterExpression: aws.String("State = :open"),
		ExpressionAttributeValues: item{":user": str("USER#ana"), ":open": str("open")},
	})
	checkCode(t, err, "ValidationException", "Invalid FilterExpression: Attribute name is a reserved keyword; reserved keyword: State")
}

func TestTutorialUpdate(t *testing.T) {
	r := newTracker(t)
	out, err := r.client.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
		TableName: r.table, Key: taskKey("ana", "001"), ReturnValues: types.ReturnValueAllNew,
		UpdateExpression:          aws.String("SET Priority = Priority + :one, Note = if_not_exists(Note, :note) ADD Labels :more"),
		ExpressionAttributeValues: item{":one": num(1), ":note": str("two parts"), ":more": strs("cli")},
	})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "priority", numberOf(out.Attributes["Priority"]), "2")
	equal(t, "note", textOf(out.Attributes["Note"]), "two parts")
	equalSlices(t, "labels", out.Attributes["Labels"].(*types.AttributeValueMemberSS).Value, []string{"cli", "docs", "release"})

	out, err = r.client.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
		TableName: r.table, Key: taskKey("ana", "001"), ReturnValues: types.ReturnValueUpdatedOld,
		UpdateExpression: aws.String("REMOVE Note"),
	})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "attributes removed", len(out.Attributes), 1)
	equal(t, "note is gone", r.get(taskKey("ana", "001"))["Note"], nil)
}

// rename is a write with optimistic locking.
func (r tracker) rename(title string, seen int) error {
	_, err := r.client.UpdateItem(r.Context(), &dynamodb.UpdateItemInput{
		TableName: r.table, Key: taskKey("ana", "002"),
		UpdateExpression:          aws.String("SET Title = :title, Version = Version + :one"),
		ConditionExpression:       aws.String("Version = :seen"),
		ExpressionAttributeValues: item{":title": str(title), ":one": num(1), ":seen": num(seen)},
	})
	return err
}

func TestTutorialOptimisticLocking(t *testing.T) {
	r := newTracker(t)
	if err := r.rename("Check all links", 1); err != nil {
		t.Fatal(err)
	}
	err := r.rename("Forget the links", 1)
	if !isConditional(err) {
		t.Fatalf("second writer: got %v, want a ConditionalCheckFailedException", err)
	}
	checkCode(t, err, "ConditionalCheckFailedException", "The conditional request failed")
	got := r.get(taskKey("ana", "002"))
	equal(t, "title", textOf(got["Title"]), "Check all links")
	equal(t, "version", numberOf(got["Version"]), "2")
}

// TestTutorialOptimisticLockingCounts has many writers raise one version:
// each success is one step, none is lost.
func TestTutorialOptimisticLockingCounts(t *testing.T) {
	const writers, steps = 8, 10
	r := newTracker(t)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for done := 0; done < steps; {
				out, err := r.client.GetItem(t.Context(), &dynamodb.GetItemInput{
					TableName: r.table, Key: taskKey("ana", "002"), ConsistentRead: aws.Bool(true),
				})
				if err != nil {
					t.Error(err)
					return
				}
				seen, err := strconv.Atoi(numberOf(out.Item["Version"]))
				if err != nil {
					t.Error(err)
					return
				}
				switch err := r.rename(fmt.Sprintf("writer %d", w), seen); {
				case err == nil:
					done++
				case !isConditional(err):
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	equal(t, "version", numberOf(r.get(taskKey("ana", "002"))["Version"]), strconv.Itoa(1+writers*steps))
}

func TestTutorialPutOnlyNew(t *testing.T) {
	r := newTracker(t)
	_, err := r.client.PutItem(t.Context(), &dynamodb.PutItemInput{
		TableName: r.table, Item: keyOf("USER#bo", "PROFILE"), ConditionExpression: aws.String("attribute_not_exists(PK)"),
	})
	if !isConditional(err) {
		t.Fatalf("got %v, want a ConditionalCheckFailedException", err)
	}
	equal(t, "name", textOf(r.get(keyOf("USER#bo", "PROFILE"))["FullName"]), "Bo Lind")
}

func TestTutorialDelete(t *testing.T) {
	r := newTracker(t)
	remove := func(task string) (*dynamodb.DeleteItemOutput, error) {
		return r.client.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{
			TableName: r.table, Key: taskKey("ana", task), ConditionExpression: aws.String("#state = :done"),
			ExpressionAttributeNames: named("State"), ExpressionAttributeValues: item{":done": str("done")},
			ReturnValues: types.ReturnValueAllOld,
		})
	}
	if _, err := remove("002"); !isConditional(err) {
		t.Fatalf("delete of an open task: got %v, want a ConditionalCheckFailedException", err)
	}
	out, err := remove("003")
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "deleted", textOf(out.Attributes["Title"]), "Order stickers")
	left := r.tasks("ana", func(*dynamodb.QueryInput) {})
	equalSlices(t, "left", r.titles(left.Items), []string{"Write the tutorial", "Check the links"})
}

func TestTutorialScan(t *testing.T) {
	r := newTracker(t)
	out, err := r.client.Scan(t.Context(), &dynamodb.ScanInput{
		TableName: r.table, FilterExpression: aws.String("begins_with(SK, :task) AND Priority <= :two"),
		ExpressionAttributeValues: item{":task": str("TASK#"), ":two": num(2)},
	})
	if err != nil {
		t.Fatal(err)
	}
	titles := r.titles(out.Items)
	slices.Sort(titles)
	equalSlices(t, "urgent", titles, []string{"Order stickers", "Sign the binaries", "Write the tutorial"})
	equal(t, "read", out.ScannedCount, 6)
}

// checkCode checks the code and the text of an error.
func checkCode(t testing.TB, err error, code, message string) {
	t.Helper()
	var e interface {
		ErrorCode() string
		ErrorMessage() string
	}
	if !errors.As(err, &e) {
		t.Errorf("got %v, want %s", err, code)
		return
	}
	equal(t, "code", e.ErrorCode(), code)
	equal(t, "message", e.ErrorMessage(), message)
}

// shop is the record shop of a test: artists of 8 albums of 12 tracks each.
type shop struct {
	*testing.T
	client  *dynamodb.Client
	table   *string
	artists int
}

const albums, tracks = 8, 12

var genres = []string{"Ambient", "Blues", "Disco", "Folk", "Jazz"}

func artistKey(a int) string { return fmt.Sprintf("ARTIST#%04d", a) }

// artistItems returns an artist with everything below.
func artistItems(a int) []item {
	pk := str(artistKey(a))
	items := []item{{"PK": pk, "SK": str("#ARTIST"), "Albums": num(albums)}}
	for b := range albums {
		year := 1960 + a%40 + 3*b
		album := fmt.Sprintf("ALBUM#%d", year)
		items = append(items, item{
			"PK": pk, "SK": str(album), "Title": str(fmt.Sprintf("Album %d of %d", b, a)), "Released": num(year),
			"Genre": str(genres[(a/7+b)%len(genres)]), "Cents": num(990 + (a*7+b*13)%20*100),
		})
		for n := 1; n <= tracks; n++ {
			items = append(items, item{
				"PK": pk, "SK": str(fmt.Sprintf("%s#TRACK#%02d", album, n)), "Title": str(fmt.Sprintf("Track %d", n)),
				"Seconds": num(120 + (a*31+b*17+n*23)%240),
			})
		}
	}
	return items
}

func newShop(t *testing.T) shop {
	s := shop{t, openServer(t), aws.String("RecordShop"), 1000}
	if testing.Short() {
		s.artists = 50
	}
	defs := append(stringKeys("PK", "SK", "Genre"),
		types.AttributeDefinition{AttributeName: aws.String("Released"), AttributeType: types.ScalarAttributeTypeN})
	_, err := s.client.CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName: s.table, BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: defs, KeySchema: keySchema("PK", "SK"),
		GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{{
			IndexName: aws.String("AlbumsByGenre"), KeySchema: keySchema("Genre", "Released"),
			Projection: &types.Projection{ProjectionType: types.ProjectionTypeInclude, NonKeyAttributes: []string{"Title"}},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.load()
	return s
}

// load writes every item with BatchWriteItem, from many clients at once.
func (s shop) load() {
	const loaders = 16
	var wg sync.WaitGroup
	for l := range loaders {
		wg.Go(func() {
			for a := 1 + l; a <= s.artists; a += loaders {
				for chunk := range slices.Chunk(artistItems(a), 25) {
					if err := s.write(chunk); err != nil {
						s.Errorf("artist %d: %v", a, err)
						return
					}
				}
			}
		})
	}
	wg.Wait()
	if s.Failed() {
		s.FailNow()
	}
}

// write writes up to 25 items, again as long as some come back.
func (s shop) write(items []item) error {
	var requests []types.WriteRequest
	for _, i := range items {
		requests = append(requests, types.WriteRequest{PutRequest: &types.PutRequest{Item: i}})
	}
	left := map[string][]types.WriteRequest{*s.table: requests}
	for len(left) > 0 {
		out, err := s.client.BatchWriteItem(s.Context(), &dynamodb.BatchWriteItemInput{RequestItems: left})
		if err != nil {
			return err
		}
		left = out.UnprocessedItems
	}
	return nil
}

func (s shop) items() int { return s.artists * (1 + albums*(1+tracks)) }

// pages follows a Query or Scan over its pages: it calls next with the key to
// start from until there is none, and returns every item and the pages' sizes.
func pages(t testing.TB, next func(start item) ([]item, item, error)) (all []item, sizes []int) {
	t.Helper()
	var start item
	for {
		items, last, err := next(start)
		if err != nil {
			t.Fatal(err)
		}
		all, sizes = append(all, items...), append(sizes, len(items))
		if len(last) == 0 {
			return all, sizes
		}
		start = last
	}
}

func itemKeys(items []item) []string {
	var keys []string
	for _, i := range items {
		keys = append(keys, itemKey(i))
	}
	return keys
}

// TestRecordShop checks one shop in many ways: loading it is what takes long.
func TestRecordShop(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	for _, test := range []struct {
		name string
		run  func(shop)
	}{
		{"Hierarchy", shop.checkHierarchy},
		{"Paging", shop.checkPaging},
		{"Backwards", shop.checkBackwards},
		{"Scan", shop.checkScan},
		{"ParallelScan", shop.checkParallelScan},
		{"Index", shop.checkIndex},
		{"IndexPaging", shop.checkIndexPaging},
		{"EveryItem", shop.checkEveryItem},
	} {
		t.Run(test.name, func(t *testing.T) {
			sub := s
			sub.T = t
			test.run(sub)
		})
	}
}

// query queries an artist; change narrows it down.
func (s shop) query(a int, change func(*dynamodb.QueryInput)) *dynamodb.QueryOutput {
	s.Helper()
	in := &dynamodb.QueryInput{
		TableName: s.table, KeyConditionExpression: aws.String("PK = :artist"),
		ExpressionAttributeValues: item{":artist": str(artistKey(a))},
	}
	change(in)
	out, err := s.client.Query(s.Context(), in)
	if err != nil {
		s.Fatal(err)
	}
	return out
}

func (s shop) checkHierarchy() {
	album := s.query(42, func(in *dynamodb.QueryInput) {
		in.KeyConditionExpression = aws.String("PK = :artist AND begins_with(SK, :album)")
		in.ExpressionAttributeValues[":album"] = str("ALBUM#1965")
	})
	keys := itemKeys(album.Items)
	equal(s, "album and tracks", len(keys), 1+tracks)
	equal(s, "album", keys[0], "ARTIST#0042|ALBUM#1965")
	equal(s, "last track", keys[tracks], "ARTIST#0042|ALBUM#1965#TRACK#12")

	years := s.query(42, func(in *dynamodb.QueryInput) {
		in.KeyConditionExpression = aws.String("PK = :artist AND SK BETWEEN :from AND :to")
		in.ExpressionAttributeValues[":from"], in.ExpressionAttributeValues[":to"] = str("ALBUM#1965"), str("ALBUM#1972")
		in.FilterExpression = aws.String("attribute_exists(Cents)")
	})
	equalSlices(s, "albums of the years", itemKeys(years.Items),
		[]string{"ARTIST#0042|ALBUM#1965", "ARTIST#0042|ALBUM#1968", "ARTIST#0042|ALBUM#1971"})
	equal(s, "read for them", years.ScannedCount, 3*(1+tracks))

	count := s.query(42, func(in *dynamodb.QueryInput) { in.Select = types.SelectCount })
	equal(s, "count", int(count.Count), 1+albums*(1+tracks))
}

func (s shop) checkPaging() {
	for _, limit := range []int32{1, 7, 15, 105, 106} {
		all, sizes := pages(s, func(start item) ([]item, item, error) {
			out := s.query(42, func(in *dynamodb.QueryInput) { in.Limit, in.ExclusiveStartKey = aws.Int32(limit), start })
			return out.Items, out.LastEvaluatedKey, nil
		})
		equalSlices(s, fmt.Sprintf("pages of %d", limit), itemKeys(all), itemKeys(artistItems(42)))
		for _, size := range sizes[:len(sizes)-1] {
			equal(s, "page", size, int(limit))
		}
	}
}

func (s shop) checkBackwards() {
	all, _ := pages(s, func(start item) ([]item, item, error) {
		out := s.query(42, func(in *dynamodb.QueryInput) {
			in.Limit, in.ExclusiveStartKey, in.ScanIndexForward = aws.Int32(10), start, aws.Bool(false)
		})
		return out.Items, out.LastEvaluatedKey, nil
	})
	want := itemKeys(artistItems(42))
	slices.Reverse(want)
	equalSlices(s, "backwards", itemKeys(all), want)
}

// scan reads the table or a segment of it and returns its keys in order.
func (s shop) scan(ctx context.Context, segment, total int32) (keys []string, err error) {
	in := &dynamodb.ScanInput{TableName: s.table, ProjectionExpression: aws.String("PK, SK")}
	if total > 0 {
		in.Segment, in.TotalSegments = aws.Int32(segment), aws.Int32(total)
	}
	for {
		out, err := s.client.Scan(ctx, in)
		if err != nil {
			return nil, err
		}
		keys = append(keys, itemKeys(out.Items)...)
		if in.ExclusiveStartKey = out.LastEvaluatedKey; len(in.ExclusiveStartKey) == 0 {
			return keys, nil
		}
	}
}

// checkAll checks that keys are those of all items, each once.
func (s shop) checkAll(what string, keys []string) {
	s.Helper()
	slices.Sort(keys)
	var want []string
	for a := 1; a <= s.artists; a++ {
		want = append(want, itemKeys(artistItems(a))...)
	}
	slices.Sort(want)
	equal(s, what+": items", len(keys), s.items())
	if !slices.Equal(keys, want) {
		s.Errorf("%s: some items came twice, some not at all", what)
	}
}

func (s shop) checkScan() {
	keys, err := s.scan(s.Context(), 0, 0)
	if err != nil {
		s.Fatal(err)
	}
	s.checkAll("scan", keys)
}

func (s shop) checkParallelScan() {
	for _, total := range []int32{1, 4, 7} {
		found := make([][]string, total)
		var wg sync.WaitGroup
		for segment := range total {
			wg.Go(func() {
				keys, err := s.scan(s.Context(), segment, total)
				if err != nil {
					s.Errorf("segment %d: %v", segment, err)
				}
				found[segment] = keys
			})
		}
		wg.Wait()
		for segment, keys := range found {
			if len(keys) == 0 {
				s.Errorf("segment %d of %d is empty", segment, total)
			}
		}
		s.checkAll(fmt.Sprintf("%d segments", total), slices.Concat(found...)) // disjoint and complete
	}
}

// checkIndex compares the albums of a genre and some years with the index.
func (s shop) checkIndex() {
	var want []string
	for a := 1; a <= s.artists; a++ {
		for _, i := range artistItems(a) {
			if g, ok := i["Genre"]; ok && textOf(g) == "Jazz" && numberOf(i["Released"]) >= "1970" && numberOf(i["Released"]) <= "1979" {
				want = append(want, itemKey(i))
			}
		}
	}
	out, err := s.client.Query(s.Context(), &dynamodb.QueryInput{
		TableName: s.table, IndexName: aws.String("AlbumsByGenre"),
		KeyConditionExpression:    aws.String("Genre = :genre AND Released BETWEEN :from AND :to"),
		ExpressionAttributeValues: item{":genre": str("Jazz"), ":from": num(1970), ":to": num(1979)},
	})
	if err != nil {
		s.Fatal(err)
	}
	byYear := slices.IsSortedFunc(out.Items, func(a, b item) int { return strings.Compare(numberOf(a["Released"]), numberOf(b["Released"])) })
	equal(s, "in the order of Released", byYear, true)
	got := itemKeys(out.Items)
	slices.Sort(got)
	slices.Sort(want)
	equalSlices(s, "albums", got, want)
}

// checkIndexPaging pages over index entries, many of which have equal keys.
func (s shop) checkIndexPaging() {
	seen := map[string]bool{}
	for _, genre := range genres {
		all, _ := pages(s, func(start item) ([]item, item, error) {
			out, err := s.client.Query(s.Context(), &dynamodb.QueryInput{
				TableName: s.table, IndexName: aws.String("AlbumsByGenre"), Limit: aws.Int32(37), ExclusiveStartKey: start,
				KeyConditionExpression: aws.String("Genre = :genre"), ExpressionAttributeValues: item{":genre": str(genre)},
			})
			if err != nil {
				return nil, nil, err
			}
			return out.Items, out.LastEvaluatedKey, nil
		})
		for _, key := range itemKeys(all) {
			if seen[key] {
				s.Errorf("%s came twice", key)
			}
			seen[key] = true
		}
	}
	equal(s, "albums in the index", len(seen), s.artists*albums)
}

// checkEveryItem reads some artists back and compares each attribute.
func (s shop) checkEveryItem() {
	for a := 1; a <= s.artists; a += 1 + s.artists/25 {
		got := s.query(a, func(in *dynamodb.QueryInput) { in.ConsistentRead = aws.Bool(true) }).Items
		want := artistItems(a)
		if len(got) != len(want) {
			s.Fatalf("artist %d has %d items, want %d", a, len(got), len(want))
		}
		for i := range want {
			equal(s, "attributes of "+itemKey(want[i]), fmt.Sprint(flat(got[i])), fmt.Sprint(flat(want[i])))
		}
	}
}

// flat returns an item of strings and numbers as texts.
func flat(i item) map[string]string {
	texts := map[string]string{}
	for name, v := range i {
		switch v := v.(type) {
		case *types.AttributeValueMemberS:
			texts[name] = "S " + v.Value
		case *types.AttributeValueMemberN:
			texts[name] = "N " + v.Value
		}
	}
	return texts
}
