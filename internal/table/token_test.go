package table_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/kv"
	"github.com/statordb/stator/internal/table"
)

// count adds one to the item "c" under a token.
func count(e *table.Engine, value string, digest byte, now time.Time) (replayed bool, err error) {
	tbl := e.Lease("t")
	defer tbl.Release()
	out, err := e.Transact(ctx, table.Transaction{
		Mutations: []table.Mutation{{Table: tbl, Key: counterKey, Next: func(old attr.Item) (attr.Item, error) {
			return counterKey.Patch([]attr.Attribute{num("n", intOf(old, "n")+1)}), nil
		}}},
		Token: &table.Token{Value: value, Digest: [32]byte{digest}, Now: now},
	})
	if err == nil && intOf(out.Changes[0].New, "n") == 0 {
		err = errors.New("the outcome does not show the item")
	}
	return out.Replayed, err
}

var counterKey = attr.NewItem(str("pk", "c"), str("sk", "c"))

func wantCount(t *testing.T, e *table.Engine, want int) {
	t.Helper()
	row, err := e.Get(ctx, e.Catalog.Get("t"), counterKey, true)
	must(t, err)
	if n := intOf(row.Item, "n"); n != want {
		t.Errorf("the counter is %d, want %d", n, want)
	}
}

// A token protects for ten minutes, over restarts, and from one request only.
func TestToken(t *testing.T) {
	eachDriver(t, func(t *testing.T, d disk) {
		store := d(t)
		e := openEngine(t, store)
		create(t, e, simpleTable("t"))
		start := time.Unix(1_700_000_000, 0)
		for i, step := range []struct {
			value    string
			digest   byte
			after    time.Duration
			replayed bool
			err      error
			count    int
		}{
			{"one", 1, 0, false, nil, 1},
			{"one", 1, 0, true, nil, 1},
			{"one", 2, time.Second, false, table.ErrTokenMismatch, 1},
			{"two", 1, time.Minute, false, nil, 2},
			{"one", 1, 10*time.Minute - 1, true, nil, 2},
			{"one", 2, 10 * time.Minute, false, nil, 3}, // over: another request may have it
			{"one", 1, 10 * time.Minute, false, table.ErrTokenMismatch, 3},
			{"two", 1, 11*time.Minute - 1, true, nil, 3},
			{"one", 2, 20*time.Minute - 1, true, nil, 3},
			{"two", 1, 20 * time.Minute, false, nil, 4},
			{"", 1, 20 * time.Minute, false, nil, 5},
		} {
			replayed, err := count(e, step.value, step.digest, start.Add(step.after))
			if replayed != step.replayed || !errors.Is(err, step.err) {
				t.Errorf("step %d: replayed %t, error %v", i, replayed, err)
			}
			wantCount(t, e, step.count)
			shut(t, e, store)
			store = d(t)
			e = openEngine(t, store)
		}
		checkAll(t, e)
	})
}

// A transaction that is not made leaves its token unused.
func TestTokenOfCanceledTransaction(t *testing.T) {
	eachDriver(t, func(t *testing.T, d disk) {
		e := openEngine(t, d(t))
		tbl := create(t, e, simpleTable("t"))
		now := time.Unix(1_700_000_000, 0)
		m := put(tbl, counterKey)
		m.Condition = condition("attribute_exists(pk)")
		_, err := e.Transact(ctx, table.Transaction{Mutations: []table.Mutation{m}, Token: &table.Token{Value: "x", Now: now}})
		if c := (*table.Canceled)(nil); !errors.As(err, &c) {
			t.Fatalf("Transact: %v, want a cancellation", err)
		}
		if replayed, err := count(e, "x", 9, now); replayed || err != nil {
			t.Errorf("replayed %t, error %v", replayed, err)
		}
		wantCount(t, e, 1)
	})
}

// ForgetTokens removes the tokens that are over, those alone, and of one that
// was used again only what is old.
func TestForgetTokens(t *testing.T) {
	eachDriver(t, func(t *testing.T, d disk) {
		store := d(t)
		e := openEngine(t, store)
		create(t, e, simpleTable("t"))
		start := time.Unix(1_700_000_000, 0)
		use := func(value string, after time.Duration) {
			t.Helper()
			if replayed, err := count(e, value, 1, start.Add(after)); replayed || err != nil {
				t.Fatalf("token %s: replayed %t, error %v", value, replayed, err)
			}
		}
		const old = 1200 // several batches
		for i := range old {
			use(fmt.Sprint("old", i), time.Duration(i)*time.Millisecond)
		}
		use("again", 0)
		use("young", 5*time.Minute)
		use("again", 10*time.Minute)

		must(t, e.ForgetTokens(ctx, start.Add(-time.Hour)))
		if n := len(rows(t, store, "mtoken/")); n != old+2 {
			t.Errorf("%d tokens, want %d", n, old+2)
		}
		must(t, e.ForgetTokens(ctx, start.Add(12*time.Minute)))
		if left := rows(t, store, "mtoken/"); len(left) != 2 {
			t.Errorf("tokens %q, want two", left)
		}
		if left := rows(t, store, "mexpiry/"); len(left) != 2 {
			t.Errorf("expiries %q, want two", left)
		}
		for _, value := range []string{"young", "again"} {
			if replayed, err := count(e, value, 1, start.Add(14*time.Minute)); !replayed || err != nil {
				t.Errorf("token %s: replayed %t, error %v", value, replayed, err)
			}
		}
		must(t, e.ForgetTokens(ctx, start.Add(time.Hour)))
		if left := append(rows(t, store, "mtoken/"), rows(t, store, "mexpiry/")...); left != nil {
			t.Errorf("left: %q", left)
		}
		wantCount(t, e, old+3)
	})
}

// Of many that use a token at once one makes the transaction.
func TestTokenUsedAtOnce(t *testing.T) {
	eachDriver(t, func(t *testing.T, d disk) {
		e := openEngine(t, d(t))
		create(t, e, simpleTable("t"))
		now := time.Unix(1_700_000_000, 0)
		for round := range 20 {
			var made atomic.Int64
			var group sync.WaitGroup
			for range 8 {
				group.Go(func() {
					replayed, err := count(e, fmt.Sprint(round), 1, now)
					var canceled *table.Canceled
					switch {
					case err == nil && !replayed:
						made.Add(1)
					case err != nil && !errors.Is(err, table.ErrTokenInUse) && !errors.As(err, &canceled):
						t.Errorf("Transact: %v", err)
					}
				})
			}
			group.Wait()
			if made.Load() != 1 {
				t.Fatalf("round %d: made %d times", round, made.Load())
			}
		}
		wantCount(t, e, 20)
	})
}

// While a transaction is under way, writes and transactions of its items are
// refused, of others not.
func TestOngoing(t *testing.T) {
	store := hold(onMemory()(t), func(o kv.TxOptions) bool { return len(o.Keys) == 3 })
	e := openEngine(t, store)
	tbl := create(t, e, simpleTable("t"))
	item := func(pk string) attr.Item { return attr.NewItem(str("pk", pk), str("sk", "s")) }
	var group sync.WaitGroup
	group.Go(func() {
		_, err := e.Transact(ctx, table.Transaction{
			Mutations: []table.Mutation{put(tbl, item("a")), put(tbl, item("b"))}, Token: &table.Token{Value: "x"},
		})
		if err != nil {
			t.Errorf("Transact: %v", err)
		}
	})
	<-store.reached
	if _, err := e.Write(ctx, put(tbl, item("a"))); !errors.Is(err, table.ErrOngoing) {
		t.Errorf("Write: %v, want ErrOngoing", err)
	}
	write(t, e, put(tbl, item("c")))
	_, err := e.Transact(ctx, table.Transaction{Mutations: []table.Mutation{put(tbl, item("d")), put(tbl, item("b"))}})
	var canceled *table.Canceled
	if !errors.As(err, &canceled) || canceled.Reasons[0] != nil || !errors.Is(canceled.Reasons[1], table.ErrOngoing) {
		t.Errorf("Transact: %v, want the second mutation refused", err)
	}
	_, err = e.Transact(ctx, table.Transaction{Mutations: []table.Mutation{put(tbl, item("d"))}, Token: &table.Token{Value: "x"}})
	if !errors.Is(err, table.ErrTokenInUse) {
		t.Errorf("Transact: %v, want ErrTokenInUse", err)
	}
	close(store.proceed)
	group.Wait()
	write(t, e, put(tbl, item("b").Patch([]attr.Attribute{num("n", 1)})))
	checkAll(t, e)
}
