package kvtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"testing"

	"github.com/statordb/stator/internal/kv"
)

// frozen opens what was frozen under name, until the test ends.
func frozen(t testing.TB, s kv.Store, name string) kv.Frozen {
	t.Helper()
	f, err := s.Frozen(context.Background(), name)
	if err != nil {
		t.Fatalf("Frozen(%q): %v", name, err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func testFreeze(t *testing.T, open Open) {
	s, ctx := open(t), context.Background()
	letters := kv.Range{Start: []byte("a"), End: []byte("n")}
	update(t, s, nil, func(tx kv.Tx) error {
		var errs []error
		for _, c := range "abcmnz" {
			errs = append(errs, tx.Put([]byte(string(c)), []byte("old "+string(c))))
		}
		return errors.Join(append(errs, tx.Append([]byte("log"), []byte("one")))...)
	})
	if err := s.Freeze(ctx, "first-1", []kv.Range{letters}); err != nil {
		t.Fatal(err)
	}
	wantError(t, "a second Freeze", s.Freeze(ctx, "first-1", []kv.Range{letters}), kv.ErrFrozen)
	put(t, s, "b", "new")
	put(t, s, "bb", "new")
	if err := s.Clear(ctx, []byte("c"), []byte("n")); err != nil {
		t.Fatal(err)
	}
	if err := s.Freeze(ctx, "second", []kv.Range{{Start: []byte("a"), End: []byte("b")}, {Start: []byte("bb"), End: []byte("d")}}); err != nil {
		t.Fatal(err)
	}
	f := frozen(t, s, "first-1")
	wantGet(t, f, "b", []byte("old b"))
	wantGet(t, f, "bb", nil)
	pairs := scan(t, f, letters)
	if got := keysOf(pairs); !bytes.HasPrefix([]byte(got), []byte("a b c log")) || len(pairs) != 5 {
		t.Errorf("frozen keys %q", got)
	}
	if got := keysOf(scan(t, f, kv.Range{Start: letters.Start, End: []byte("d"), Reverse: true})); got != "c b a" {
		t.Errorf("frozen keys from the end %q", got)
	}
	wantGet(t, frozen(t, s, "second"), "bb", []byte("new"))
	names, err := s.FrozenNames(ctx)
	if err != nil || !slices.Equal(names, []string{"first-1", "second"}) {
		t.Errorf("FrozenNames: %q, %v", names, err)
	}
	_ = f.Close()
	_ = f.Close() // the second has no effect
	for range 2 {
		if err := s.Thaw(ctx, "first-1"); err != nil {
			t.Fatal(err)
		}
	}
	_, err = s.Frozen(ctx, "first-1")
	wantError(t, "Frozen after Thaw", err, kv.ErrNotFrozen)
	if err := s.Freeze(ctx, "First/1", nil); err == nil {
		t.Error("a bad name was taken")
	}
}

// testFreezeInstant freezes while two counters are moved together.
func testFreezeInstant(t *testing.T, open Open) {
	s, ctx := open(t), context.Background()
	both := keys("left", "right")
	stop, done := make(chan struct{}), make(chan error)
	go func() {
		var err error
		for n := 1; err == nil; n++ {
			select {
			case <-stop:
				done <- nil
				return
			default:
			}
			err = s.Update(ctx, kv.TxOptions{Keys: both}, func(tx kv.Tx) error {
				return errors.Join(tx.Put(both[0], number(n)), tx.Put(both[1], number(n)))
			})
		}
		done <- err
	}()
	for i := range 8 {
		name := fmt.Sprintf("f%d", i)
		var before, after int
		read := func(r kv.Reader, to *int) error {
			left, err := r.Get(ctx, both[0])
			*to = numberOf(left)
			return err
		}
		view(t, s, kv.ReadOptions{Consistent: true}, func(r kv.Reader) error { return read(r, &before) })
		if err := s.Freeze(ctx, name, []kv.Range{{Start: []byte("a")}}); err != nil {
			t.Fatal(err)
		}
		view(t, s, kv.ReadOptions{}, func(r kv.Reader) error { return read(r, &after) })
		f := frozen(t, s, name)
		var left int
		if err := read(f, &left); err != nil {
			t.Fatal(err)
		}
		wantGet(t, f, "right", valueOf(left))
		if left < before || left > after {
			t.Errorf("frozen at %d, between %d and %d", left, before, after)
		}
	}
	close(stop)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// valueOf is number for a count that may be absent.
func valueOf(n int) []byte {
	if n == 0 {
		return nil
	}
	return number(n)
}

func testLoad(t *testing.T, open Open) {
	s, ctx := open(t), context.Background()
	put(t, s, "a", "before")
	put(t, s, "z", "behind")
	const n = 5000
	name := func(i int) []byte { return fmt.Appendf(nil, "key %06d", i) }
	pairs := func(fail error) iter.Seq2[kv.Pair, error] {
		value := bytes.Repeat([]byte("v"), 400)
		return func(yield func(kv.Pair, error) bool) {
			for i := range n {
				if !yield(kv.Pair{Key: name(i), Value: value}, nil) {
					return
				}
			}
			if fail != nil {
				yield(kv.Pair{}, fail)
			}
		}
	}
	failure := errors.New("no more")
	wantError(t, "Load of what fails", s.Load(ctx, pairs(failure)), failure)
	if err := s.Clear(ctx, []byte("key"), []byte("kez")); err != nil {
		t.Fatal(err)
	}
	if err := s.Load(ctx, pairs(nil)); err != nil {
		t.Fatal(err)
	}
	if err := s.Load(ctx, func(func(kv.Pair, error) bool) {}); err != nil {
		t.Fatalf("Load of nothing: %v", err)
	}
	all := contents(t, s)
	if len(all) != n+2 || string(all[n].Key) != string(name(n-1)) || len(all[n].Value) != 400 {
		t.Errorf("%d pairs after Load, want %d", len(all), n+2)
	}
	put(t, s, string(name(7)), "written after")
	wantValue(t, s, string(name(7)), []byte("written after"))
	reserved := func(yield func(kv.Pair, error) bool) { yield(kv.Pair{Key: []byte{kv.ReservedPrefix}}, nil) }
	if err := s.Load(ctx, reserved); err == nil {
		t.Error("Load of a reserved key returned no error")
	}
}
