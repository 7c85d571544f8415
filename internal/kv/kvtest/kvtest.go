// Package kvtest is what a storage driver must pass. Run holds a driver to the
// contract of package kv, RunCrash to its promises about power cuts, and Twice
// holds the callers of any driver to theirs.
//
// Tests that choose at random log their seed; the environment variable
// KVTEST_SEED repeats one.
package kvtest

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"github.com/statordb/stator/internal/kv"
)

// Open returns a new, empty store, which it closes when the test ends if the
// test has not done so.
type Open func(t testing.TB) kv.Store

// Run runs the contract tests, each on stores of its own. A driver whose limit
// on transactions is above 64 MiB should be opened with a smaller one, or that
// limit is not tested.
func Run(t *testing.T, open Open) {
	tests := []struct {
		name string
		run  func(*testing.T, Open)
	}{
		{"ReadWrite", testReadWrite},
		{"ArgumentsAreCopied", testArgumentsAreCopied},
		{"ValuesStayValid", testValuesStayValid},
		{"OwnWrites", testOwnWrites},
		{"WriteDuringScan", testWriteDuringScan},
		{"ErrorDropsWrites", testErrorDropsWrites},
		{"PanicReleases", testPanicReleases},
		{"ScanBounds", testScanBounds},
		{"ReservedKeys", testReservedKeys},
		{"Limits", testLimits},
		{"Clear", testClear},
		{"Append", testAppend},
		{"Freeze", testFreeze},
		{"FreezeInstant", testFreezeInstant},
		{"Load", testLoad},
		{"Snapshot", testSnapshot},
		{"ContextEnds", testContextEnds},
		{"Close", testClose},
		{"CloseWaits", testCloseWaits},
		{"Stats", testStats},
		{"Random", testRandom},
		{"Counters", testCounters},
		{"CountersLockedLate", testCountersLockedLate},
		{"WriteSkew", testWriteSkew},
		{"Transfers", testTransfers},
		{"AppendOrder", testAppendOrder},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { test.run(t, open) })
	}
}

// newRand returns a source of randomness whose seed is in the log of t.
func newRand(t testing.TB) *rand.Rand {
	t.Helper()
	seed := rand.Uint64()
	if s := os.Getenv("KVTEST_SEED"); s != "" {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatalf("KVTEST_SEED: %v", err)
		}
		seed = n
	}
	t.Logf("KVTEST_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// keys returns the keys named.
func keys(names ...string) [][]byte {
	var ks [][]byte
	for _, n := range names {
		ks = append(ks, []byte(n))
	}
	return ks
}

// update runs an Update that must succeed.
func update(t testing.TB, s kv.Store, locked [][]byte, fn func(kv.Tx) error) {
	t.Helper()
	if err := s.Update(context.Background(), kv.TxOptions{Keys: locked}, fn); err != nil {
		t.Fatalf("Update: %v", err)
	}
}

// view runs a View that must succeed.
func view(t testing.TB, s kv.Store, o kv.ReadOptions, fn func(kv.Reader) error) {
	t.Helper()
	if err := s.View(context.Background(), o, fn); err != nil {
		t.Fatalf("View: %v", err)
	}
}

// put stores one pair.
func put(t testing.TB, s kv.Store, key, value string) {
	t.Helper()
	update(t, s, keys(key), func(tx kv.Tx) error { return tx.Put([]byte(key), []byte(value)) })
}

// wantValue checks what a key holds, in every kind of View; a nil want is
// absence.
func wantValue(t testing.TB, s kv.Store, key string, want []byte) {
	t.Helper()
	for _, o := range []kv.ReadOptions{
		{},
		{Consistent: true},
		{Keys: keys(key)},
		{Keys: keys(key), Consistent: true},
		{Keys: keys(key, "other")},
		{Keys: keys("other", key, key), Consistent: true},
	} {
		view(t, s, o, func(r kv.Reader) error {
			wantGet(t, r, key, want)
			return nil
		})
	}
}

// wantGet checks what a Reader gets for a key.
func wantGet(t testing.TB, r kv.Reader, key string, want []byte) {
	t.Helper()
	got, err := r.Get(context.Background(), []byte(key))
	if err != nil {
		t.Fatalf("Get(%q): %v", key, err)
	}
	if (got == nil) != (want == nil) || !bytes.Equal(got, want) {
		t.Fatalf("Get(%q) = %q (nil: %t), want %q (nil: %t)", key, got, got == nil, want, want == nil)
	}
}

// scan returns copies of the pairs that a Reader scans.
func scan(t testing.TB, r kv.Reader, rng kv.Range) []kv.Pair {
	t.Helper()
	var all []kv.Pair
	for p, err := range r.Scan(context.Background(), rng) {
		if err != nil {
			t.Fatalf("Scan: %v", err)
		}
		all = append(all, kv.Pair{Key: bytes.Clone(p.Key), Value: bytes.Clone(p.Value)})
	}
	return all
}

// contents returns copies of all pairs of a store.
func contents(t testing.TB, s kv.Store) []kv.Pair {
	t.Helper()
	var all []kv.Pair
	view(t, s, kv.ReadOptions{Consistent: true}, func(r kv.Reader) error {
		all = scan(t, r, kv.Range{})
		return nil
	})
	return all
}

// keysOf returns the keys of pairs, joined by spaces.
func keysOf(pairs []kv.Pair) string {
	var names [][]byte
	for _, p := range pairs {
		names = append(names, p.Key)
	}
	return string(bytes.Join(names, []byte(" ")))
}

// number and numberOf store a count in a value; an absent value counts as 0.
func number(n int) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }

func numberOf(v []byte) int {
	if len(v) == 0 {
		return 0
	}
	return int(binary.BigEndian.Uint64(v))
}

// wantError checks that err is target, possibly wrapped.
func wantError(t testing.TB, what string, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Fatalf("%s: got error %v, want %v", what, err, target)
	}
}
