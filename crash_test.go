package stator_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/statordb/stator"
)

const (
	crashWriters  = 32
	crashItems    = 6 // that a writer has for itself
	crashAccounts = 8 // that all share
	crashGroups   = 5 // partition keys of the index
	crashMaxAcks  = 1500
)

// testRand returns a source of randomness whose seed is in the log of t;
// STATOR_TEST_SEED repeats one.
func testRand(t testing.TB) *rand.Rand {
	t.Helper()
	seed := rand.Uint64()
	if s := os.Getenv("STATOR_TEST_SEED"); s != "" {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatalf("STATOR_TEST_SEED: %v", err)
		}
		seed = n
	}
	t.Logf("STATOR_TEST_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// TestKill kills the server at random moments under load and starts it again
// on the same data, STATOR_CRASH_ROUNDS times. A writer changes items of its
// own, one operation after the other, so that what is there after a kill must
// be what its operations up to some point make: all acknowledged ones, and at
// most the one more that was under way. Transactions move money between
// accounts that all share, which must add up to the transfers that are there.
func TestKill(t *testing.T) {
	t.Parallel()
	rounds := 5
	if testing.Short() {
		rounds = 1
	}
	if s := os.Getenv("STATOR_CRASH_ROUNDS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			t.Fatalf("STATOR_CRASH_ROUNDS=%q: use a number of rounds", s)
		}
		rounds = n
	}
	for name, e := range map[string]stator.Encryption{"plain": {}, "encrypted": newEncryption(t)} {
		t.Run(name, func(t *testing.T) { killOften(t, e, rounds) })
	}
}

// killOften is TestKill for a server with or without encryption.
func killOften(t *testing.T, e stator.Encryption, rounds int) {
	c := newCrash(t, filepath.Join(t.TempDir(), "data"), e)
	for range rounds {
		c.round()
		c.rounds++
		if t.Failed() {
			break
		}
	}
	if !t.Failed() {
		c.finish()
	}
	t.Logf("%s: rounds %d, acknowledged writes %d, lost writes %d, torn items %d, half transactions %d, unacknowledged writes found %d",
		t.Name(), c.rounds, c.acknowledged, c.lost, c.torn, c.half, c.more)
}

// crash is a server that is killed over and over, and its clients.
type crash struct {
	*testing.T
	rng      *rand.Rand
	dir      string
	key      stator.Encryption
	server   *process
	client   *dynamodb.Client
	hangUp   func()
	killed   atomic.Bool
	writers  [crashWriters]crashWriter
	accounts [crashAccounts]int // at the start of the round

	rounds, acknowledged, lost, torn, half, more int
}

// crashDoc is an item by its attributes; n and ops are numbers, others strings.
type crashDoc map[string]string

// crashWriter is one client.
type crashWriter struct {
	name  string
	rng   *rand.Rand
	count int                 // operations ever begun
	start map[string]crashDoc // its items at the start of the round, by sort key
	steps []crashStep         // the operations of the round
	acks  int                 // how many of steps are acknowledged
}

// crashStep is what one operation changes.
type crashStep struct {
	set      map[string]crashDoc // items of the writer's own; nil is absence
	add      int                 // not 0: the one item of set is changed by ADD
	from, to int                 // accounts
	amount   int
}

func newCrash(t *testing.T, dir string, key stator.Encryption) *crash {
	c := &crash{T: t, rng: testRand(t), dir: dir, key: key}
	for w := range c.writers {
		c.writers[w] = crashWriter{name: fmt.Sprint("writer", w), rng: rand.New(rand.NewPCG(c.rng.Uint64(), 0))}
	}
	c.begin()
	_, err := c.client.CreateTable(context.Background(), &dynamodb.CreateTableInput{
		TableName: aws.String("Crash"), BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{
			{AttributeName: aws.String("pk"), AttributeType: "S"}, {AttributeName: aws.String("sk"), AttributeType: "S"},
			{AttributeName: aws.String("g"), AttributeType: "S"}, {AttributeName: aws.String("n"), AttributeType: "N"},
		},
		KeySchema: keySchema("pk", "sk"),
		GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{{
			IndexName: aws.String("groups"), KeySchema: keySchema("g", "n"),
			Projection: &types.Projection{ProjectionType: types.ProjectionTypeAll},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// begin starts the server.
func (c *crash) begin() {
	c.server = serve(c.T, c.dir, append(keyFlags(c.key), "--log-level", "WARN")...)
	c.client, c.hangUp = onceClient(c.server.url)
}

// onceClient returns a client that sends every request once, for a repeated
// write is another write, and a function that closes its connections.
func onceClient(url string) (client *dynamodb.Client, hangUp func()) {
	transport := &http.Transport{MaxIdleConnsPerHost: 2 * crashWriters}
	client = newClientWith(url, func(o *dynamodb.Options) {
		o.Retryer = aws.NopRetryer{}
		o.HTTPClient = &http.Client{Transport: wholeBodies{transport}}
	})
	return client, transport.CloseIdleConnections
}

// whole asks over wholeBodies.
var whole = &http.Client{Transport: wholeBodies{http.DefaultTransport}}

// wholeBodies reads the body of a response before it hands it on. The SDK
// closes the body of its request as soon as it has the header of the response;
// if net/http has not looked for the end of that body yet, it closes the
// connection, under the reader of the response.
type wholeBodies struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (t wholeBodies) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := t.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	return res, nil
}

// round kills the server under load, starts it again and checks the data.
func (c *crash) round() {
	c.killed.Store(false)
	var acks atomic.Int64
	killAt, kill := 1+c.rng.Int64N(crashMaxAcks), make(chan struct{})
	var closing sync.Once
	var writers sync.WaitGroup
	for w := range c.writers {
		wr := &c.writers[w]
		writers.Go(func() {
			for c.operation(wr) {
				if acks.Add(1) >= killAt {
					closing.Do(func() { close(kill) })
				}
			}
			closing.Do(func() { close(kill) }) // it failed, if it is not the kill
		})
	}
	<-kill
	c.killed.Store(true)
	if err := c.server.cmd.Process.Kill(); err != nil {
		c.Error(err)
	}
	writers.Wait()
	c.server.wait()
	c.hangUp()
	for w := range c.writers {
		c.acknowledged += c.writers[w].acks
	}
	if c.Failed() {
		return
	}
	c.begin()
	c.check()
}

// operation does one thing for wr and reports whether it was acknowledged.
func (c *crash) operation(wr *crashWriter) bool {
	step := wr.next()
	wr.steps = append(wr.steps, step)
	for !c.killed.Load() {
		err := c.make(wr, step)
		switch {
		case err == nil:
			wr.acks++
			return true
		case isConflict(err): // with another writer's transfer; not applied
			continue
		case !c.killed.Load() || !isUnknown(err):
			c.Errorf("before the kill: %v", err)
		}
		return false
	}
	return false
}

// isConflict reports whether err is the refusal of a transaction because of
// others, and of nothing else.
func isConflict(err error) bool {
	var canceled *types.TransactionCanceledException
	if !errors.As(err, &canceled) {
		return errors.As(err, new(*types.TransactionConflictException)) || errors.As(err, new(*types.TransactionInProgressException))
	}
	conflict := false
	for _, r := range canceled.CancellationReasons {
		switch aws.ToString(r.Code) {
		case "TransactionConflict":
			conflict = true
		case "None":
		default:
			return false
		}
	}
	return conflict
}

// isUnknown reports whether err leaves open whether the request was done: the
// server did not answer it.
func isUnknown(err error) bool {
	var answered interface{ ErrorCode() string }
	return !errors.As(err, &answered)
}

// next returns the writer's next operation.
func (wr *crashWriter) next() crashStep {
	state := wr.state(len(wr.steps))
	wr.count++
	step := crashStep{set: map[string]crashDoc{}}
	sk := fmt.Sprint("item", wr.rng.IntN(crashItems))
	switch wr.rng.IntN(10) {
	case 0, 1, 2:
		step.set[sk] = wr.doc(sk)
	case 3, 4, 5:
		step.add = 1 + wr.rng.IntN(9)
		next := maps.Clone(state[sk])
		if next == nil {
			next = crashDoc{"pk": wr.name, "sk": sk, "n": "0"}
		}
		n, _ := strconv.Atoi(next["n"])
		next["n"], next["ops"] = strconv.Itoa(n+step.add), strconv.Itoa(wr.count)
		step.set[sk] = next.signed()
	case 6:
		step.set[sk] = nil
	default:
		step.set[sk] = wr.doc(sk) // makes the step one that leaves a trace
		for range wr.rng.IntN(3) {
			if other := fmt.Sprint("item", wr.rng.IntN(crashItems)); other != sk {
				step.set[other] = wr.doc(other)
				if wr.rng.IntN(3) == 0 {
					step.set[other] = nil
				}
			}
		}
		if from, to := wr.rng.IntN(crashAccounts), wr.rng.IntN(crashAccounts); from != to && wr.rng.IntN(2) == 0 {
			step.from, step.to, step.amount = from, to, 1+wr.rng.IntN(9)
		}
	}
	return step
}

// state returns the writer's items after its first n operations of the round.
func (wr *crashWriter) state(n int) map[string]crashDoc {
	state := map[string]crashDoc{}
	maps.Copy(state, wr.start)
	for _, s := range wr.steps[:n] {
		for sk, d := range s.set {
			if d == nil {
				delete(state, sk)
			} else {
				state[sk] = d
			}
		}
	}
	return state
}

// doc returns new content of an item.
func (wr *crashWriter) doc(sk string) crashDoc {
	size := wr.rng.IntN(1000)
	if wr.rng.IntN(30) == 0 {
		size *= 40
	}
	d := crashDoc{
		"pk": wr.name, "sk": sk, "ops": strconv.Itoa(wr.count), "n": strconv.Itoa(wr.rng.IntN(100)),
		"text": strings.Repeat(string('a'+rune(wr.count%26)), size),
	}
	if wr.rng.IntN(4) > 0 {
		d["g"] = fmt.Sprint("group", wr.rng.IntN(crashGroups))
	}
	return d.signed()
}

// checksum returns a digest of all attributes but sum.
func (d crashDoc) checksum() string {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(d)) {
		if name != "sum" {
			fmt.Fprintf(h, "%q=%q;", name, d[name])
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// signed sets the checksum of d.
func (d crashDoc) signed() crashDoc {
	d["sum"] = d.checksum()
	return d
}

func (d crashDoc) item() item {
	it := item{}
	for name, value := range d {
		if it[name] = str(value); name == "n" || name == "ops" {
			it[name] = &types.AttributeValueMemberN{Value: value}
		}
	}
	return it
}

func crashDocOf(it item) crashDoc {
	d := crashDoc{}
	for name, value := range it {
		switch v := value.(type) {
		case *types.AttributeValueMemberS:
			d[name] = v.Value
		case *types.AttributeValueMemberN:
			d[name] = v.Value
		default:
			d[name] = fmt.Sprintf("%T", value)
		}
	}
	return d
}

// make sends the operation.
func (c *crash) make(wr *crashWriter, s crashStep) error {
	ctx, name := context.Background(), aws.String("Crash")
	key := func(sk string) item { return item{"pk": str(wr.name), "sk": str(sk)} }
	if len(s.set) == 1 && s.amount == 0 {
		for sk, d := range s.set {
			var err error
			switch {
			case d == nil:
				_, err = c.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: name, Key: key(sk)})
			case s.add != 0:
				_, err = c.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
					TableName: name, Key: key(sk), UpdateExpression: aws.String("SET #s = :s, ops = :o ADD n :n"),
					ExpressionAttributeNames:  map[string]string{"#s": "sum"},
					ExpressionAttributeValues: item{":s": str(d["sum"]), ":o": d.item()["ops"], ":n": num(s.add)},
				})
			default:
				_, err = c.client.PutItem(ctx, &dynamodb.PutItemInput{TableName: name, Item: d.item()})
			}
			return err
		}
	}
	var writes []types.TransactWriteItem
	for sk, d := range s.set {
		if d == nil {
			writes = append(writes, types.TransactWriteItem{Delete: &types.Delete{TableName: name, Key: key(sk)}})
		} else {
			writes = append(writes, types.TransactWriteItem{Put: &types.Put{TableName: name, Item: d.item()}})
		}
	}
	transfer := func(account, amount int) {
		writes = append(writes, types.TransactWriteItem{Update: &types.Update{
			TableName: name, Key: item{"pk": str("accounts"), "sk": str(strconv.Itoa(account))},
			UpdateExpression: aws.String("ADD balance :a"), ExpressionAttributeValues: item{":a": num(amount)},
		}})
	}
	if s.amount > 0 {
		transfer(s.from, -s.amount)
		transfer(s.to, s.amount)
	}
	_, err := c.client.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: writes})
	return err
}

// check compares what is there after a kill, and begins a round from it.
func (c *crash) check() {
	all := c.scan()
	found := map[string]map[string]crashDoc{}
	for _, d := range all {
		if d["pk"] != "accounts" && d["sum"] != d.checksum() {
			c.torn++
			c.Errorf("the item %s %s is torn", d["pk"], d["sk"])
		}
		if found[d["pk"]] == nil {
			found[d["pk"]] = map[string]crashDoc{}
		}
		found[d["pk"]][d["sk"]] = d
	}
	want := c.accounts
	for w := range c.writers {
		wr := &c.writers[w]
		for _, s := range wr.steps[:c.checkWriter(wr, found[wr.name])] {
			want[s.from] -= s.amount
			want[s.to] += s.amount
		}
		wr.start, wr.steps, wr.acks = found[wr.name], nil, 0
	}
	for a := range want {
		balance := 0
		if d := found["accounts"][strconv.Itoa(a)]; d != nil {
			balance, _ = strconv.Atoi(d["balance"])
		}
		if balance != want[a] {
			c.half++
			c.Errorf("account %d holds %d, the transfers that are there make %d", a, balance, want[a])
		}
	}
	c.accounts = want
	c.checkIndex(all)
}

// checkWriter returns after how many operations of wr its items are those found.
func (c *crash) checkWriter(wr *crashWriter, found map[string]crashDoc) int {
	is := func(n int) bool {
		return maps.EqualFunc(wr.state(n), found, func(a, b crashDoc) bool { return maps.Equal(a, b) })
	}
	for n := wr.acks; n <= len(wr.steps); n++ {
		if is(n) {
			c.more += n - wr.acks
			return n
		}
	}
	for n := wr.acks - 1; n >= 0; n-- {
		if is(n) {
			c.lost += wr.acks - n
			c.Errorf("%s: the last %d of %d acknowledged writes are lost", wr.name, wr.acks-n, wr.acks)
			return n
		}
	}
	c.half++
	c.Errorf("%s: what is there is the state after no operation: %v", wr.name, found)
	return 0
}

// checkIndex compares the index with what all holds for it.
func (c *crash) checkIndex(all []crashDoc) {
	want, entries := map[string]crashDoc{}, 0
	for _, d := range all {
		if d["g"] != "" {
			want[d["pk"]+"/"+d["sk"]] = d
		}
	}
	for g := range crashGroups {
		last := -1
		pages := dynamodb.NewQueryPaginator(c.client, &dynamodb.QueryInput{
			TableName: aws.String("Crash"), IndexName: aws.String("groups"), Limit: aws.Int32(17),
			KeyConditionExpression: aws.String("g = :g"), ExpressionAttributeValues: item{":g": str(fmt.Sprint("group", g))},
		})
		for pages.HasMorePages() {
			page, err := pages.NextPage(context.Background())
			if err != nil {
				c.Fatal(err)
			}
			for _, it := range page.Items {
				d := crashDocOf(it)
				entries++
				if !maps.Equal(d, want[d["pk"]+"/"+d["sk"]]) || d["g"] != fmt.Sprint("group", g) {
					c.Errorf("the index has %v, the table %v", d, want[d["pk"]+"/"+d["sk"]])
				}
				n, _ := strconv.Atoi(d["n"])
				if n < last {
					c.Errorf("the index has %d behind %d", n, last)
				}
				last = n
			}
		}
	}
	if entries != len(want) {
		c.Errorf("the index has %d entries, want %d", entries, len(want))
	}
}

// scan returns all items.
func (c *crash) scan() (all []crashDoc) {
	pages := dynamodb.NewScanPaginator(c.client, &dynamodb.ScanInput{TableName: aws.String("Crash"), ConsistentRead: aws.Bool(true)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(context.Background())
		if err != nil {
			c.Fatal(err)
		}
		for _, it := range page.Items {
			all = append(all, crashDocOf(it))
		}
	}
	return all
}

// finish kills the server once more and checks the stored rows themselves.
func (c *crash) finish() {
	if err := c.server.cmd.Process.Kill(); err != nil {
		c.Error(err)
	}
	c.server.wait()
	mustBeSoundWith(c.T, c.dir, stator.KindData, c.key)
}
