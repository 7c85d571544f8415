package sealkv_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/statordb/stator/internal/kv"
	"github.com/statordb/stator/internal/kv/kvtest"
	"github.com/statordb/stator/internal/kv/memkv"
	"github.com/statordb/stator/internal/kv/sealkv"
	"github.com/statordb/stator/internal/seal"
	"github.com/statordb/stator/internal/seal/kmstest"
)

var ctx = context.Background()

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func open(t testing.TB, below kv.Store, service seal.Service) *sealkv.Store {
	t.Helper()
	s, err := sealkv.Open(ctx, below, service, func() time.Time { return time.Unix(1e9, 0) })
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestContract: what has no key is stored as it is.
func TestContract(t *testing.T) {
	kvtest.Run(t, func(t testing.TB) kv.Store {
		lim := kv.EmbeddedLimits()
		lim.Transaction = 16 << 20
		s := open(t, memkv.New(memkv.Options{Limits: lim}), seal.NoService{})
		t.Cleanup(func() { _ = s.Close() })
		return s
	})
}

// row returns the key of a row of a table.
func row(prefix byte, space byte, name string) []byte {
	return append([]byte{prefix, 0, 0, 0, space}, name...)
}

// content returns the rows of a store, or of what it has frozen, by key.
func content(t *testing.T, s interface {
	View(context.Context, kv.ReadOptions, func(kv.Reader) error) error
}) (rows map[string]string, err error) {
	t.Helper()
	rows = map[string]string{}
	err = s.View(ctx, kv.ReadOptions{}, func(r kv.Reader) error {
		for p, err := range r.Scan(ctx, kv.Range{Start: []byte{'d'}, End: []byte{'m'}}) {
			if err != nil {
				return err
			}
			if p.Key[0] == 'k' {
				continue
			}
			rows[string(p.Key)] = string(p.Value)
			if got, err := r.Get(ctx, p.Key); err != nil || !bytes.Equal(got, p.Value) {
				return fmt.Errorf("Get of %q: %q, %w", p.Key, got, err)
			}
		}
		return nil
	})
	return rows, err
}

// write writes rows of a space in all ways that there are.
func write(s kv.Store, space byte, name string) error {
	err := s.Update(ctx, kv.TxOptions{}, func(tx kv.Tx) error {
		key := row('d', space, name)
		if err := errors.Join(tx.Put(key, []byte("value of "+name)), tx.Put(row('d', space, name+" empty"), nil),
			tx.Append(row('l', space, ""), []byte("change of "+name))); err != nil {
			return err
		}
		got, err := tx.GetLocked(ctx, key)
		if err == nil && string(got) != "value of "+name {
			err = fmt.Errorf("the transaction reads %q", got)
		}
		return err
	})
	return errors.Join(err, s.Load(ctx, func(yield func(kv.Pair, error) bool) {
		for _, more := range []string{" loaded", " loaded too"} {
			if !yield(kv.Pair{Key: row('d', space, "~"+name+more), Value: []byte("value of " + name + more)}, nil) {
				return
			}
		}
	}))
}

// plain returns how many rows of a space show their values in the store below.
func plain(t *testing.T, below kv.Store, space byte) (n int) {
	rows := must[map[string]string](t)(content(t, below))
	for key, value := range rows {
		if key[4] == space && bytes.Contains([]byte(value), []byte(" of ")) {
			n++
		}
	}
	return n
}

func TestSealed(t *testing.T) {
	below, kms := memkv.New(memkv.Options{}), kmstest.New(t)
	first, second := kms.Add("one", "alias/one"), kms.Add("two", "")
	service := seal.NewKMS(kms.URL, "us-east-1")
	s := open(t, below, service)
	number := must[uint32](t)(s.NewKey(ctx, first))
	s.Assign([]uint32{1, 2}, number)
	for space := range byte(4) {
		if err := write(s, space, "before"); err != nil {
			t.Fatal(err)
		}
	}
	for space, want := range map[byte]int{0: 4, 1: 0, 2: 0, 3: 4} {
		if got := plain(t, below, space); got != want {
			t.Errorf("%d rows of space %d can be read below, want %d", got, space, want)
		}
	}
	other := must[uint32](t)(s.NewKey(ctx, second))
	s.Assign([]uint32{2}, other)
	s.Assign([]uint32{1}, 0)
	for space := range byte(4) {
		if err := write(s, space, "after"); err != nil {
			t.Fatal(err)
		}
	}
	rows := must[map[string]string](t)(content(t, s))
	if len(rows) != 40 || plain(t, s, 1) != 8 || plain(t, s, 2) != 8 || plain(t, below, 1) != 4 || plain(t, below, 2) != 0 {
		t.Errorf("%d rows; of space 1 %d are read, %d below; of space 2 %d and %d", len(rows), plain(t, s, 1), plain(t, below, 1), plain(t, s, 2), plain(t, below, 2))
	}
	if err := s.Freeze(ctx, "kept", []kv.Range{{Start: []byte{'d'}, End: []byte{'m'}}}); err != nil {
		t.Fatal(err)
	}
	again := open(t, below, service)
	if got := must[map[string]string](t)(content(t, again)); fmt.Sprint(got) != fmt.Sprint(rows) {
		t.Error("another store of the same rows reads others")
	}
	f := must[kv.Frozen](t)(again.Frozen(ctx, "kept"))
	if got := must[[]byte](t)(f.Get(ctx, row('d', 2, "before"))); string(got) != "value of before" {
		t.Errorf("frozen: %q", got)
	}
}

// TestMoved puts sealed values in the place of others.
func TestMoved(t *testing.T) {
	below, kms := memkv.New(memkv.Options{}), kmstest.New(t)
	s := open(t, below, seal.NewKMS(kms.URL, "us-east-1"))
	s.Assign([]uint32{1}, must[uint32](t)(s.NewKey(ctx, kms.Add("one", ""))))
	if err := write(s, 1, "x"); err != nil {
		t.Fatal(err)
	}
	var value []byte
	if err := below.View(ctx, kv.ReadOptions{}, func(r kv.Reader) error {
		v, err := r.Get(ctx, row('d', 1, "x"))
		value = bytes.Clone(v)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	flipped := bytes.Clone(value)
	flipped[len(flipped)-1] ^= 1
	for key, v := range map[string][]byte{"y": value, "x": flipped, "z": value[:len(value)-1]} {
		at := row('d', 1, key)
		if err := below.Update(ctx, kv.TxOptions{}, func(tx kv.Tx) error { return tx.Put(at, v) }); err != nil {
			t.Fatal(err)
		}
		err := s.View(ctx, kv.ReadOptions{}, func(r kv.Reader) error { _, err := r.Get(ctx, at); return err })
		if err == nil {
			t.Errorf("%s is read", key)
		}
	}
}

// TestInaccessible takes keys away, and gives them back.
func TestInaccessible(t *testing.T) {
	below, kms := memkv.New(memkv.Options{}), kmstest.New(t)
	s := open(t, below, seal.NewKMS(kms.URL, "us-east-1"))
	for i, id := range []string{"one", "two"} {
		s.Assign([]uint32{uint32(i + 1)}, must[uint32](t)(s.NewKey(ctx, kms.Add(id, ""))))
	}
	both := func(want [2]bool, when string) {
		t.Helper()
		for i, can := range want {
			space := byte(i + 1)
			name := "x"
			writes := write(s, space, name) == nil
			reads := s.View(ctx, kv.ReadOptions{}, func(r kv.Reader) error {
				_, err := r.Get(ctx, row('d', space, name))
				return err
			}) == nil
			if writes != can || reads != can || (s.Access(uint32(i+1)) == nil) != can {
				t.Errorf("%s: space %d is written: %v, read: %v, accessible: %v; want %v", when, space, writes, reads, s.Access(uint32(i+1)), can)
			}
		}
	}
	refresh := func() { must[bool](t)(true, s.Refresh(ctx)) }
	both([2]bool{true, true}, "at first")
	for _, state := range []string{"Disabled", "PendingDeletion"} {
		kms.Set("one", state)
		refresh()
		both([2]bool{false, true}, state)
		kms.Set("one", "Enabled")
		refresh()
		both([2]bool{true, true}, "after "+state)
	}
	kms.Down(true)
	if err := s.Refresh(ctx); err == nil {
		t.Error("nobody says that the service is down")
	}
	both([2]bool{true, true}, "the service is down")
	s = open(t, below, seal.NewKMS(kms.URL, "us-east-1"))
	s.Assign([]uint32{1}, 1)
	s.Assign([]uint32{2}, 2)
	both([2]bool{false, false}, "started while it is down")
	kms.Down(false)
	refresh()
	both([2]bool{true, true}, "it is up again")
	kms.Set("two", "")
	refresh()
	both([2]bool{true, false}, "a key is gone")
	if why := s.Access(2); why == nil || why.Cause.Code != "NotFoundException" || !why.Since.Equal(time.Unix(1e9, 0)) {
		t.Errorf("a key that is gone: %+v", why)
	}
}

// TestAskedFor counts what a KMS is asked: for keys that are written under at the
// start, for others once something under them is read.
func TestAskedFor(t *testing.T) {
	below, kms := memkv.New(memkv.Options{}), kmstest.New(t)
	arn, service := kms.Add("one", ""), seal.NewKMS(kms.URL, "us-east-1")
	s := open(t, below, service)
	const old, live = 30, 20
	numbers := map[byte]uint32{}
	for space := range byte(old + live) {
		numbers[space] = must[uint32](t)(s.NewKey(ctx, arn))
		s.Assign([]uint32{uint32(space)}, numbers[space])
		if err := write(s, space, "x"); err != nil {
			t.Fatal(err)
		}
	}
	s = open(t, below, service)
	asked := kms.Calls()
	expect := func(want int, what string) {
		t.Helper()
		if got := kms.Calls() - asked; got != want {
			t.Errorf("%s: the KMS was asked %d times, want %d", what, got, want)
		}
		asked = kms.Calls()
	}
	for space := byte(old); space < old+live; space++ {
		s.Assign([]uint32{uint32(space)}, numbers[space])
	}
	refresh := func() { must[bool](t)(true, s.Refresh(ctx)) }
	read := func(space byte) error {
		return s.View(ctx, kv.ReadOptions{}, func(r kv.Reader) error {
			value, err := r.Get(ctx, row('d', space, "x"))
			if err == nil && string(value) != "value of x" {
				err = fmt.Errorf("it is %q", value)
			}
			return err
		})
	}
	expect(0, "opened")
	refresh()
	expect(live, "the first look")
	refresh()
	expect(1, "the second look")
	if err := errors.Join(read(old), read(0), read(0), read(1)); err != nil {
		t.Error(err)
	}
	expect(2, "two old keys")
	kms.Set("one", "Disabled")
	refresh()
	expect(1, "a look at a disabled key")
	var inaccessible *sealkv.Inaccessible
	for _, space := range []byte{old, 0, 2} {
		if err := read(space); !errors.As(err, &inaccessible) {
			t.Errorf("space %d under a disabled key: %v", space, err)
		}
	}
	refresh()
	expect(1, "reading under a disabled key, and a look at it")
	kms.Set("one", "Enabled")
	refresh()
	expect(live, "enabled again")
	if err := errors.Join(read(old), read(0), read(2)); err != nil {
		t.Error(err)
	}
	expect(2, "two old keys again")
	kms.Set("one", "Disabled")
	if err := read(3); !errors.As(err, &inaccessible) || read(old) == nil {
		t.Errorf("an old key tells that it is disabled: %v", err)
	}
	expect(1, "one old key that is disabled")
}
