package stator_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/anishathalye/porcupine"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/statordb/stator"
)

// history is a table under test and its clients, which never retry: what was
// done twice would be two operations.
type history struct {
	*testing.T
	client *dynamodb.Client
	hangUp func()
	clock  atomic.Int64 // orders calls and returns
	mu     struct {
		sync.Mutex
		operations []porcupine.Operation
	}
}

// newHistory creates the table "History" on a new server, in memory or in a
// directory.
func newHistory(t *testing.T, dir string) *history {
	t.Helper()
	srv, err := stator.Open(stator.Config{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	h := &history{T: t}
	h.connect(srv.URL())
	t.Cleanup(func() {
		h.hangUp()
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
		if dir != "" {
			mustBeSound(t, dir, stator.KindData)
		}
	})
	h.create()
	return h
}

func (h *history) connect(url string) { h.client, h.hangUp = onceClient(url) }

func (h *history) create() {
	h.Helper()
	_, err := h.client.CreateTable(context.Background(), &dynamodb.CreateTableInput{
		TableName: aws.String("History"), BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("pk"), AttributeType: "S"}},
		KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String("pk"), KeyType: types.KeyTypeHash}},
	})
	if err != nil {
		h.Fatal(err)
	}
}

// eachHistory runs a test in memory and on disk.
func eachHistory(t *testing.T, run func(*history)) {
	t.Run("memory", func(t *testing.T) { run(newHistory(t, "")) })
	t.Run("disk", func(t *testing.T) { run(newHistory(t, filepath.Join(t.TempDir(), "data"))) })
}

// reduced returns n, or a fifth of it under -short.
func reduced(n int) int {
	if testing.Short() {
		return n / 5
	}
	return n
}

func hKey(pk string) item { return item{"pk": str(pk)} }

// register is an item in a history: absent, or with the number v.
type register struct {
	present bool
	v       int
}

// registerInput is an operation on a register.
type registerInput struct {
	pk   string
	kind string // "put", "add", "swap" (a put if v is want), "insert", "delete", "get"
	v    int
	want int
}

// registerOutput is its result: the state before it, or after an add; done is
// false if a condition failed.
type registerOutput struct {
	seen register
	done bool
}

// registers is what single-item operations promise.
var registers = porcupine.Model{
	Partition: func(all []porcupine.Operation) [][]porcupine.Operation {
		byKey := map[string][]porcupine.Operation{}
		for _, o := range all {
			pk := o.Input.(registerInput).pk
			byKey[pk] = append(byKey[pk], o)
		}
		var parts [][]porcupine.Operation
		for _, part := range byKey {
			parts = append(parts, part)
		}
		return parts
	},
	Init: func() any { return register{} },
	Step: func(state, input, output any) (bool, any) {
		s, in, out := state.(register), input.(registerInput), output.(registerOutput)
		next, done := in.apply(s)
		seen := s
		if in.kind == "add" {
			seen = next
		}
		return out.done == done && out.seen == seen, next
	},
	DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v -> %+v", input, output) },
}

// apply returns the state after in, and whether its condition held.
func (in registerInput) apply(s register) (next register, done bool) {
	switch in.kind {
	case "put":
		return register{true, in.v}, true
	case "add":
		return register{true, s.v + in.v}, true // an absent item has v 0
	case "swap":
		if s != (register{true, in.want}) {
			return s, false
		}
		return register{true, in.v}, true
	case "insert":
		if s.present {
			return s, false
		}
		return register{true, in.v}, true
	case "delete":
		return register{}, true
	}
	return s, true
}

// do runs in on the server.
func (h *history) do(in registerInput) (out registerOutput, err error) {
	ctx, name, old := context.Background(), aws.String("History"), types.ReturnValueAllOld
	var got item
	put := dynamodb.PutItemInput{
		TableName: name, Item: item{"pk": str(in.pk), "v": num(in.v)}, ReturnValues: old,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}
	switch in.kind {
	case "swap":
		put.ConditionExpression, put.ExpressionAttributeValues = aws.String("v = :w"), item{":w": num(in.want)}
		fallthrough
	case "insert", "put":
		if in.kind == "insert" {
			put.ConditionExpression = aws.String("attribute_not_exists(pk)")
		}
		var res *dynamodb.PutItemOutput
		if res, err = h.client.PutItem(ctx, &put); err == nil {
			got = res.Attributes
		}
	case "add":
		var res *dynamodb.UpdateItemOutput
		res, err = h.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
			TableName: name, Key: hKey(in.pk), UpdateExpression: aws.String("ADD v :v"),
			ExpressionAttributeValues: item{":v": num(in.v)}, ReturnValues: types.ReturnValueAllNew,
		})
		if err == nil {
			got = res.Attributes
		}
	case "delete":
		var res *dynamodb.DeleteItemOutput
		if res, err = h.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: name, Key: hKey(in.pk), ReturnValues: old}); err == nil {
			got = res.Attributes
		}
	default:
		var res *dynamodb.GetItemOutput
		if res, err = h.client.GetItem(ctx, &dynamodb.GetItemInput{TableName: name, Key: hKey(in.pk), ConsistentRead: aws.Bool(true)}); err == nil {
			got = res.Item
		}
	}
	var failed *types.ConditionalCheckFailedException
	if out.done = true; errors.As(err, &failed) {
		got, err, out.done = failed.Item, nil, false
	}
	if len(got) > 0 {
		out.seen = register{true, intAttribute(got, "v")}
	}
	return out, err
}

func intAttribute(it item, name string) int {
	n, _ := it[name].(*types.AttributeValueMemberN)
	if n == nil {
		return 0
	}
	v, err := strconv.Atoi(n.Value)
	if err != nil {
		return -1 << 40 // no test makes that
	}
	return v
}

// record runs in and adds it to the history.
func (h *history) record(client int, in registerInput) {
	call := h.clock.Add(1)
	out, err := h.do(in)
	end := h.clock.Add(1)
	if err != nil {
		h.Errorf("%+v: %v", in, err)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.mu.operations = append(h.mu.operations, porcupine.Operation{ClientId: client, Input: in, Call: call, Output: out, Return: end})
}

// Operations on one item are linearizable.
func TestLinearizable(t *testing.T) {
	t.Parallel()
	eachHistory(t, func(h *history) {
		rng := testRand(h)
		const clients, registersUsed = 10, 4
		for round := range reduced(10) {
			var group sync.WaitGroup
			for c := range clients {
				own := rand.New(rand.NewPCG(rng.Uint64(), 0))
				group.Go(func() {
					for range 60 {
						h.record(c, randomRegisterInput(own, fmt.Sprint("r", round, "-", own.IntN(registersUsed))))
					}
				})
			}
			group.Wait()
		}
		if !porcupine.CheckOperations(registers, h.mu.operations) {
			h.Errorf("the history of %d operations is not linearizable", len(h.mu.operations))
		}
		h.Logf("%d operations", len(h.mu.operations))
	})
}

func randomRegisterInput(rng *rand.Rand, pk string) registerInput {
	kinds := []string{"put", "add", "add", "swap", "swap", "insert", "delete", "get", "get"}
	return registerInput{pk: pk, kind: kinds[rng.IntN(len(kinds))], v: 1 + rng.IntN(4), want: 1 + rng.IntN(4)}
}

// The model tells a history that is linearizable from one that is not.
func TestLinearizableModel(t *testing.T) {
	operation := func(call, end int64, kind string, v int, seen register) porcupine.Operation {
		return porcupine.Operation{Input: registerInput{pk: "a", kind: kind, v: v}, Call: call, Return: end, Output: registerOutput{seen, true}}
	}
	put := operation(1, 4, "put", 7, register{})
	for name, test := range map[string]struct {
		all  []porcupine.Operation
		want bool
	}{
		"either while it runs": {[]porcupine.Operation{put, operation(2, 3, "get", 0, register{}), operation(2, 3, "get", 0, register{true, 7})}, true},
		"stale read":           {[]porcupine.Operation{put, operation(5, 6, "get", 0, register{})}, false},
		"back in time":         {[]porcupine.Operation{put, operation(2, 2, "get", 0, register{true, 7}), operation(3, 3, "get", 0, register{})}, false},
		"lost update":          {[]porcupine.Operation{put, operation(5, 8, "add", 1, register{true, 8}), operation(6, 7, "add", 1, register{true, 8})}, false},
	} {
		if got := porcupine.CheckOperations(registers, test.all); got != test.want {
			t.Errorf("%s: %t, want %t", name, got, test.want)
		}
	}
}

const (
	bankAccounts = 6
	bankBalance  = 100
	bankClients  = 8
)

// bank is transfers between accounts, none of which may be overdrawn. Every
// transfer leaves a receipt, in the same transaction.
type bank struct {
	*history
	made     sync.Map // receipt -> true if acknowledged
	transfer atomic.Int64
	applied  atomic.Int64
	refused  atomic.Int64
	snaps    atomic.Int64
	over     atomic.Bool // of the round: a client stops when it sees it
	unknown  atomic.Int64
}

// open gives every account its money.
func (b *bank) open() {
	for a := range bankAccounts {
		b.mustPut(item{"pk": str(fmt.Sprint("account", a)), "v": num(bankBalance)})
	}
}

func (b *bank) mustPut(it item) {
	b.Helper()
	if _, err := b.client.PutItem(context.Background(), &dynamodb.PutItemInput{TableName: aws.String("History"), Item: it}); err != nil {
		b.Fatal(err)
	}
}

// pay makes one transfer; it reports whether the client may go on.
func (b *bank) pay(rng *rand.Rand) bool {
	from, to, amount := rng.IntN(bankAccounts), rng.IntN(bankAccounts), 1+rng.IntN(60)
	if from == to {
		return true
	}
	receipt := fmt.Sprint("receipt", b.transfer.Add(1))
	name := aws.String("History")
	update := func(account, amount int, condition *string) types.TransactWriteItem {
		values := item{":a": num(amount)}
		if condition != nil {
			values[":need"] = num(-amount)
		}
		return types.TransactWriteItem{Update: &types.Update{
			TableName: name, Key: hKey(fmt.Sprint("account", account)), UpdateExpression: aws.String("ADD v :a"),
			ConditionExpression: condition, ExpressionAttributeValues: values,
		}}
	}
	_, err := b.client.TransactWriteItems(context.Background(), &dynamodb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{
		update(from, -amount, aws.String("v >= :need")), update(to, amount, nil),
		{Put: &types.Put{TableName: name, Item: item{"pk": str(receipt), "from": num(from), "to": num(to), "amount": num(amount)}}},
	}})
	switch {
	case err == nil:
		b.applied.Add(1)
		b.made.Store(receipt, true)
	case errors.As(err, new(*types.TransactionCanceledException)):
		b.refused.Add(1) // not applied: the receipt may not be there
		b.made.Store(receipt, false)
	case b.over.Load() && isUnknown(err):
		b.unknown.Add(1)
		return false
	default:
		b.Errorf("transfer: %v", err)
		return false
	}
	return true
}

// look reads all accounts at one instant: their sum never changes, and none is
// overdrawn. It reports whether the client may go on.
func (b *bank) look() bool {
	var gets []types.TransactGetItem
	for a := range bankAccounts {
		gets = append(gets, types.TransactGetItem{Get: &types.Get{TableName: aws.String("History"), Key: hKey(fmt.Sprint("account", a))}})
	}
	res, err := b.client.TransactGetItems(context.Background(), &dynamodb.TransactGetItemsInput{TransactItems: gets})
	switch {
	case isConflict(err):
		return true
	case err != nil && b.over.Load() && isUnknown(err):
		return false
	case err != nil:
		b.Errorf("snapshot: %v", err)
		return false
	}
	sum, balances := 0, make([]int, 0, bankAccounts)
	for _, r := range res.Responses {
		v := intAttribute(r.Item, "v")
		if v < 0 {
			b.Errorf("an account is overdrawn: %d", v)
		}
		balances = append(balances, v)
		sum += v
	}
	if sum != bankAccounts*bankBalance {
		b.Errorf("the accounts hold %v, which is %d in total, not %d", balances, sum, bankAccounts*bankBalance)
	}
	b.snaps.Add(1)
	return true
}

// run has clients make transfers and readers look, each until it may not go
// on, or n times.
func (b *bank) run(rng *rand.Rand, n int) {
	b.start(rng, n).Wait()
}

func (b *bank) start(rng *rand.Rand, n int) *sync.WaitGroup {
	group := new(sync.WaitGroup)
	for range bankClients {
		own := rand.New(rand.NewPCG(rng.Uint64(), 0))
		group.Go(func() {
			for i := 0; i < n && b.pay(own); i++ {
			}
		})
	}
	for range 2 {
		group.Go(func() {
			for i := 0; i < n && b.look(); i++ {
			}
		})
	}
	return group
}

// audit compares the accounts with the receipts, and the receipts with what
// the clients were told.
func (b *bank) audit() {
	b.Helper()
	b.look()
	var want, got [bankAccounts]int
	for a := range want {
		want[a] = bankBalance
	}
	receipts := map[string]bool{}
	pages := dynamodb.NewScanPaginator(b.client, &dynamodb.ScanInput{TableName: aws.String("History"), ConsistentRead: aws.Bool(true)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(context.Background())
		if err != nil {
			b.Fatal(err)
		}
		for _, it := range page.Items {
			pk := textOf(it["pk"])
			var account int
			if _, err := fmt.Sscanf(pk, "account%d", &account); err == nil {
				got[account] = intAttribute(it, "v")
				continue
			}
			receipts[pk] = true
			want[intAttribute(it, "from")] -= intAttribute(it, "amount")
			want[intAttribute(it, "to")] += intAttribute(it, "amount")
		}
	}
	if got != want {
		b.Errorf("the accounts hold %v, the receipts make %v", got, want)
	}
	b.made.Range(func(receipt, acknowledged any) bool {
		if receipts[receipt.(string)] != acknowledged.(bool) {
			b.Errorf("%s is there: %t, acknowledged: %t", receipt, receipts[receipt.(string)], acknowledged)
		}
		return true
	})
}

// Transfers between accounts keep the total, at every instant.
func TestTransfers(t *testing.T) {
	eachHistory(t, func(h *history) {
		b := &bank{history: h}
		b.open()
		b.run(testRand(h), reduced(250))
		b.audit()
		h.Logf("%d transfers, %d refused, %d snapshots", b.applied.Load(), b.refused.Load(), b.snaps.Load())
		if b.applied.Load() == 0 || b.refused.Load() == 0 || b.snaps.Load() == 0 {
			h.Error("the load does not test much")
		}
	})
}

// Transfers keep the total when the server is killed in their midst.
func TestTransfersAndKill(t *testing.T) {
	rng := testRand(t)
	dir := filepath.Join(t.TempDir(), "data")
	server := serve(t, dir, "--log-level", "WARN")
	b := &bank{history: &history{T: t}}
	b.connect(server.url)
	b.create()
	b.open()
	for range reduced(5) {
		b.over.Store(false)
		until := b.applied.Load() + 1 + rng.Int64N(300)
		clients := b.start(rng, 1<<40)
		for b.applied.Load() < until && !t.Failed() {
			b.look()
		}
		b.over.Store(true)
		if err := server.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		clients.Wait()
		server.wait()
		b.hangUp()
		server = serve(t, dir, "--log-level", "WARN")
		b.connect(server.url)
		b.audit()
		if t.Failed() {
			return
		}
	}
	t.Logf("%d transfers, %d refused, %d unknown, %d snapshots", b.applied.Load(), b.refused.Load(), b.unknown.Load(), b.snaps.Load())
	b.hangUp()
	server.terminate()
	mustBeSound(t, dir, stator.KindData)
}

// skewPairs are pairs of items of which one must always have v = 1. Who leaves
// checks, in the transaction that sets its own item to 0, that the other is 1.
const skewPairs = 2

// Transactions that check each other's items do not both go through.
func TestWriteSkew(t *testing.T) {
	t.Parallel()
	eachHistory(t, func(h *history) {
		rng := testRand(h)
		for p := range skewPairs {
			h.set(skewKey(p, 0), 1)
			h.set(skewKey(p, 1), 1)
		}
		var left, together atomic.Int64
		var group sync.WaitGroup
		for range 12 {
			own := rand.New(rand.NewPCG(rng.Uint64(), 0))
			group.Go(func() {
				for i := 0; i < reduced(250) && !h.Failed(); i++ {
					pair, side := own.IntN(skewPairs), own.IntN(2)
					if h.leave(skewKey(pair, side), skewKey(pair, 1-side)) {
						left.Add(1)
					}
					if h.lookAtPair(pair) == 2 {
						together.Add(1)
					}
					h.set(skewKey(pair, side), 1)
				}
			})
		}
		group.Wait()
		h.Logf("%d left, %d pairs were seen together", left.Load(), together.Load())
		if left.Load() == 0 || together.Load() == 0 {
			h.Error("the load does not test much")
		}
	})
}

func skewKey(pair, side int) string { return fmt.Sprint("pair", pair, "-", side) }

// set puts v, again while a transaction is under way for the item.
func (h *history) set(pk string, v int) {
	for {
		_, err := h.do(registerInput{pk: pk, kind: "put", v: v})
		if !isConflict(err) {
			if err != nil {
				h.Errorf("put: %v", err)
			}
			return
		}
	}
}

// leave sets who to 0 if other is 1, and reports whether it did.
func (h *history) leave(who, other string) bool {
	name := aws.String("History")
	_, err := h.client.TransactWriteItems(context.Background(), &dynamodb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{
		{ConditionCheck: &types.ConditionCheck{TableName: name, Key: hKey(other), ConditionExpression: aws.String("v = :on"), ExpressionAttributeValues: item{":on": num(1)}}},
		{Update: &types.Update{TableName: name, Key: hKey(who), UpdateExpression: aws.String("SET v = :off"), ExpressionAttributeValues: item{":off": num(0)}}},
	}})
	if err != nil && !errors.As(err, new(*types.TransactionCanceledException)) {
		h.Errorf("transaction: %v", err)
	}
	return err == nil
}

// lookAtPair returns the sum of a pair at one instant, -1 if it cannot be had.
func (h *history) lookAtPair(pair int) int {
	get := func(side int) types.TransactGetItem {
		return types.TransactGetItem{Get: &types.Get{TableName: aws.String("History"), Key: hKey(skewKey(pair, side))}}
	}
	res, err := h.client.TransactGetItems(context.Background(), &dynamodb.TransactGetItemsInput{TransactItems: []types.TransactGetItem{get(0), get(1)}})
	if isConflict(err) {
		return -1
	}
	if err != nil {
		h.Errorf("snapshot: %v", err)
		return -1
	}
	sum := intAttribute(res.Responses[0].Item, "v") + intAttribute(res.Responses[1].Item, "v")
	if sum == 0 {
		h.Errorf("both of pair %d have left", pair)
	}
	return sum
}

// No increment is lost, in whichever way it is made.
func TestLostUpdates(t *testing.T) {
	ways := map[string]func(h *history) (bool, error){
		"add": func(h *history) (bool, error) {
			_, err := h.do(registerInput{pk: "c", kind: "add", v: 1})
			return err == nil, err
		},
		"swap": func(h *history) (bool, error) {
			seen, err := h.do(registerInput{pk: "c", kind: "get"})
			if err != nil {
				return false, err
			}
			swapped, err := h.do(registerInput{pk: "c", kind: "swap", v: seen.seen.v + 1, want: seen.seen.v})
			return swapped.done, err
		},
		"transaction": func(h *history) (bool, error) {
			_, err := h.client.TransactWriteItems(context.Background(), &dynamodb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{{Update: &types.Update{
				TableName: aws.String("History"), Key: hKey("c"), UpdateExpression: aws.String("ADD v :v"), ExpressionAttributeValues: item{":v": num(1)},
			}}}})
			return err == nil, err
		},
	}
	eachHistory(t, func(h *history) {
		if _, err := h.do(registerInput{pk: "c", kind: "put"}); err != nil {
			h.Fatal(err)
		}
		var made atomic.Int64
		var group sync.WaitGroup
		for _, way := range ways {
			for range 3 {
				group.Go(func() {
					for range reduced(150) {
						ok, err := way(h)
						if err != nil && !isConflict(err) {
							h.Errorf("increment: %v", err)
						}
						if err == nil && ok {
							made.Add(1)
						}
					}
				})
			}
		}
		group.Wait()
		out, err := h.do(registerInput{pk: "c", kind: "get"})
		if err != nil {
			h.Fatal(err)
		}
		if made.Load() == 0 || out.seen.v != int(made.Load()) {
			h.Errorf("the counter is %d after %d increments", out.seen.v, made.Load())
		}
	})
}

// Nobody sees what a transaction that is not made would have written, nor one
// half of another.
func TestDirtyReads(t *testing.T) {
	eachHistory(t, func(h *history) {
		name := aws.String("History")
		ctx := context.Background()
		set := func(v int, condition *string) error {
			put := func(pk string, condition *string) types.TransactWriteItem {
				return types.TransactWriteItem{Put: &types.Put{TableName: name, Item: item{"pk": str(pk), "v": num(v)}, ConditionExpression: condition}}
			}
			_, err := h.client.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{
				TransactItems: []types.TransactWriteItem{put("a", nil), put("b", condition)},
			})
			return err
		}
		if err := set(0, nil); err != nil {
			h.Fatal(err)
		}
		var over atomic.Bool
		var writers, readers sync.WaitGroup
		for w := range 2 {
			writers.Go(func() {
				for i := range reduced(200) {
					if err := set(2*i+w, nil); err != nil && !isConflict(err) {
						h.Errorf("transaction: %v", err)
					}
					err := set(-1, aws.String("attribute_not_exists(pk)"))
					if !errors.As(err, new(*types.TransactionCanceledException)) {
						h.Errorf("a transaction that must fail: %v", err)
					}
				}
			})
		}
		look := func(what string, items ...item) {
			for _, it := range items {
				if v, ok := it["v"].(*types.AttributeValueMemberN); !ok || v.Value == "-1" {
					h.Errorf("%s sees %v", what, it["v"])
				}
			}
		}
		reads := []func() error{
			func() error {
				res, err := h.client.GetItem(ctx, &dynamodb.GetItemInput{TableName: name, Key: hKey("a")})
				if err == nil {
					look("GetItem", res.Item)
				}
				return err
			},
			func() error {
				res, err := h.client.GetItem(ctx, &dynamodb.GetItemInput{TableName: name, Key: hKey("b"), ConsistentRead: aws.Bool(true)})
				if err == nil {
					look("GetItem", res.Item)
				}
				return err
			},
			func() error {
				res, err := h.client.Scan(ctx, &dynamodb.ScanInput{TableName: name})
				if err == nil {
					look("Scan", res.Items...)
				}
				return err
			},
			func() error {
				get := func(pk string) types.TransactGetItem {
					return types.TransactGetItem{Get: &types.Get{TableName: name, Key: hKey(pk)}}
				}
				res, err := h.client.TransactGetItems(ctx, &dynamodb.TransactGetItemsInput{TransactItems: []types.TransactGetItem{get("a"), get("b")}})
				if err == nil {
					a, b := res.Responses[0].Item, res.Responses[1].Item
					if look("TransactGetItems", a, b); intAttribute(a, "v") != intAttribute(b, "v") {
						h.Errorf("TransactGetItems sees a half: %d and %d", intAttribute(a, "v"), intAttribute(b, "v"))
					}
				}
				if isConflict(err) {
					return nil
				}
				return err
			},
		}
		for _, read := range reads {
			readers.Go(func() {
				for !over.Load() && !h.Failed() {
					if err := read(); err != nil {
						h.Errorf("read: %v", err)
					}
				}
			})
		}
		writers.Wait()
		over.Store(true)
		readers.Wait()
	})
}
