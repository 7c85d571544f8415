package kvtest

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/statordb/stator/internal/kv"
)

func testReadWrite(t *testing.T, open Open) {
	s := open(t)
	wantValue(t, s, "k", nil)
	put(t, s, "k", "v1")
	wantValue(t, s, "k", []byte("v1"))
	put(t, s, "k", "")
	wantValue(t, s, "k", []byte{})
	put(t, s, "k", "v2")
	wantValue(t, s, "k\x00", nil)
	update(t, s, keys("k"), func(tx kv.Tx) error { return tx.Delete([]byte("k")) })
	wantValue(t, s, "k", nil)
	update(t, s, nil, func(tx kv.Tx) error { return tx.Delete([]byte("never there")) })
	update(t, s, nil, func(kv.Tx) error { return nil })
}

func testArgumentsAreCopied(t *testing.T, open Open) {
	s := open(t)
	key, value := []byte("key"), []byte("value")
	update(t, s, nil, func(tx kv.Tx) error {
		key, value := bytes.Clone(key), bytes.Clone(value)
		err := errors.Join(tx.Put(key, value), tx.Append(key, value))
		clear(key)
		clear(value)
		return err
	})
	wantValue(t, s, "key", value)
	for _, p := range contents(t, s) {
		if !bytes.HasPrefix(p.Key, key) || !bytes.Equal(p.Value, value) {
			t.Errorf("stored %q = %q", p.Key, p.Value)
		}
	}
}

// testValuesStayValid holds more values than any driver keeps in place, while
// others overwrite them.
func testValuesStayValid(t *testing.T, open Open) {
	s := open(t)
	const n = 1000
	name := func(i int) []byte { return fmt.Appendf(nil, "key %04d", i) }
	fill := func(text string) {
		update(t, s, nil, func(tx kv.Tx) error {
			var errs []error
			for i := range n {
				errs = append(errs, tx.Put(name(i), fmt.Appendf(nil, "%s %d", text, i)))
			}
			return errors.Join(errs...)
		})
	}
	fill("old")
	view(t, s, kv.ReadOptions{}, func(r kv.Reader) error {
		var values [][]byte
		for i := range n {
			v, err := r.Get(context.Background(), name(i))
			if err != nil {
				return err
			}
			values = append(values, v)
		}
		fill("new")
		for i, v := range values {
			if want := fmt.Sprintf("old %d", i); string(v) != want {
				t.Errorf("value became %q, want %q", v, want)
			}
		}
		return nil
	})
}

func testOwnWrites(t *testing.T, open Open) {
	s := open(t)
	put(t, s, "b", "old")
	put(t, s, "d", "old")
	put(t, s, "f", "old")
	ctx := context.Background()
	update(t, s, keys("a", "b", "c"), func(tx kv.Tx) error {
		wantGet(t, tx, "b", []byte("old"))
		err := errors.Join(
			tx.Put([]byte("e"), []byte("lost")), tx.Put([]byte("a"), []byte("new")),
			tx.Put([]byte("b"), []byte("new")), tx.Delete([]byte("d")), tx.Put([]byte("g"), []byte{}),
			tx.Put([]byte("e"), []byte("new")), tx.Put([]byte("c"), []byte("new")), tx.Delete([]byte("c")),
		)
		if err != nil {
			return err
		}
		wantGet(t, tx, "a", []byte("new"))
		wantGet(t, tx, "b", []byte("new"))
		wantGet(t, tx, "c", nil)
		wantGet(t, tx, "d", nil)
		wantGet(t, tx, "e", []byte("new"))
		wantGet(t, tx, "g", []byte{})
		if v, err := tx.GetLocked(ctx, []byte("e")); err != nil || string(v) != "new" {
			return fmt.Errorf("GetLocked(e) = %q, %v", v, err)
		}
		if v, err := tx.GetLocked(ctx, []byte("f")); err != nil || string(v) != "old" {
			return fmt.Errorf("GetLocked(f) = %q, %v", v, err)
		}
		for _, c := range []struct {
			rng  kv.Range
			want string
		}{
			{kv.Range{}, "a b e f g"},
			{kv.Range{Reverse: true}, "g f e b a"},
			{kv.Range{Start: []byte("b"), End: []byte("f")}, "b e"},
			{kv.Range{Start: []byte("b"), End: []byte("f"), Reverse: true}, "e b"},
		} {
			if got := keysOf(scan(t, tx, c.rng)); got != c.want {
				t.Errorf("scan %+v in a transaction = %s, want %s", c.rng, got, c.want)
			}
		}
		for p := range tx.Scan(ctx, kv.Range{}) {
			if want := map[bool]string{true: "old", false: "new"}[p.Key[0] == 'f']; p.Key[0] != 'g' && string(p.Value) != want {
				t.Errorf("scan found %s = %q, want %q", p.Key, p.Value, want)
			}
			if p.Key[0] == 'e' {
				break
			}
		}
		return nil
	})
	if got := keysOf(contents(t, s)); got != "a b e f g" {
		t.Errorf("committed %s, want a b e f g", got)
	}
}

func testWriteDuringScan(t *testing.T, open Open) {
	s := open(t)
	for _, k := range []string{"a", "b", "c"} {
		put(t, s, k, k)
	}
	update(t, s, nil, func(tx kv.Tx) error {
		var seen []kv.Pair
		for p, err := range tx.Scan(context.Background(), kv.Range{}) {
			if err != nil {
				return err
			}
			seen = append(seen, kv.Pair{Key: bytes.Clone(p.Key)})
			err := errors.Join(tx.Delete(p.Key), tx.Put(append([]byte("c"), p.Key...), nil))
			if err != nil {
				return err
			}
		}
		if got := keysOf(seen); got != "a b c" {
			t.Errorf("scan saw %s, want a b c", got)
		}
		return nil
	})
	if got := keysOf(contents(t, s)); got != "ca cb cc" {
		t.Errorf("after the scan: %s, want ca cb cc", got)
	}
}

func testErrorDropsWrites(t *testing.T, open Open) {
	s := open(t)
	put(t, s, "kept", "v")
	stop := errors.New("stop")
	err := s.Update(context.Background(), kv.TxOptions{Keys: keys("kept")}, func(tx kv.Tx) error {
		return errors.Join(tx.Put([]byte("new"), nil), tx.Delete([]byte("kept")), tx.Append([]byte("log"), nil), stop)
	})
	wantError(t, "Update", err, stop)
	err = s.Update(context.Background(), kv.TxOptions{}, func(kv.Tx) error { return stop })
	if err != stop {
		t.Errorf("Update changed the error to %v", err)
	}
	if err := s.View(context.Background(), kv.ReadOptions{}, func(kv.Reader) error { return stop }); err != stop {
		t.Errorf("View changed the error to %v", err)
	}
	if got := keysOf(contents(t, s)); got != "kept" {
		t.Errorf("after an aborted transaction: %s, want kept", got)
	}
}

func testPanicReleases(t *testing.T, open Open) {
	s := open(t)
	ctx := context.Background()
	panics := func(what string, call func()) {
		defer func() {
			if recover() == nil {
				t.Errorf("%s swallowed a panic", what)
			}
		}()
		call()
	}
	panics("Update", func() {
		_ = s.Update(ctx, kv.TxOptions{Keys: keys("k")}, func(tx kv.Tx) error {
			_, _ = tx.GetLocked(ctx, []byte("l"))
			_ = tx.Put([]byte("k"), []byte("v"))
			panic("in Update")
		})
	})
	panics("View", func() {
		_ = s.View(ctx, kv.ReadOptions{Keys: keys("k"), Consistent: true}, func(r kv.Reader) error {
			_, _ = r.Get(ctx, []byte("k"))
			panic("in View")
		})
	})
	panics("Scan", func() {
		_ = s.View(ctx, kv.ReadOptions{Consistent: true}, func(r kv.Reader) error {
			for range r.Scan(ctx, kv.Range{}) {
				panic("in Scan")
			}
			panic("after Scan")
		})
	})
	wantValue(t, s, "k", nil)
	put(t, s, "k", "v")
	put(t, s, "l", "v")
	if err := s.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

func testScanBounds(t *testing.T, open Open) {
	s := open(t)
	for _, k := range []string{"a", "b", "b\x00", "c", "d", "\xfe\xff"} {
		put(t, s, k, "v"+k)
	}
	for _, c := range []struct {
		start, end string
		noEnd      bool
		want       string
	}{
		{noEnd: true, want: "a b b\x00 c d \xfe\xff"},
		{start: "b", noEnd: true, want: "b b\x00 c d \xfe\xff"},
		{start: "b", end: "d", want: "b b\x00 c"},
		{start: "b", end: "b\x00", want: "b"},
		{start: "bb", end: "cc", want: "c"},
		{end: "b", want: "a"},
		{end: "\xff\xff", want: "a b b\x00 c d \xfe\xff"},
		{start: "\xff", noEnd: true},
		{start: "c", end: "c"},
		{start: "d", end: "b"},
	} {
		rng := kv.Range{Start: []byte(c.start), End: []byte(c.end)}
		if c.noEnd {
			rng.End = nil
		}
		view(t, s, kv.ReadOptions{}, func(r kv.Reader) error {
			forward := scan(t, r, rng)
			if got := keysOf(forward); got != c.want {
				t.Errorf("scan [%q, %q) = %q, want %q", c.start, c.end, got, c.want)
			}
			rng.Reverse = true
			backward := scan(t, r, rng)
			slices.Reverse(backward)
			if keysOf(backward) != keysOf(forward) {
				t.Errorf("scan [%q, %q) backward = %q, want the reverse of %q", c.start, c.end, keysOf(backward), c.want)
			}
			return nil
		})
	}
	for _, p := range contents(t, s) {
		if string(p.Value) != "v"+string(p.Key) {
			t.Errorf("scan found %q = %q", p.Key, p.Value)
		}
	}
}

func testReservedKeys(t *testing.T, open Open) {
	s := open(t)
	update(t, s, nil, func(tx kv.Tx) error { return tx.Append([]byte("log"), nil) })
	for _, key := range []string{"", "\xff", "\xffstamp"} {
		for name, write := range map[string]func(kv.Tx) error{
			"Put":    func(tx kv.Tx) error { return tx.Put([]byte(key), nil) },
			"Delete": func(tx kv.Tx) error { return tx.Delete([]byte(key)) },
			"Append": func(tx kv.Tx) error { return tx.Append([]byte(key), nil) },
		} {
			if err := s.Update(context.Background(), kv.TxOptions{}, write); err == nil {
				t.Errorf("%s of %q succeeded", name, key)
			}
		}
		wantValue(t, s, key, nil)
	}
	if got := contents(t, s); len(got) != 1 {
		t.Errorf("scan found %q, want one pair", keysOf(got))
	}
}

func testLimits(t *testing.T, open Open) {
	s := open(t)
	lim := s.Limits()
	write := func(fn func(kv.Tx) error) error {
		return s.Update(context.Background(), kv.TxOptions{}, fn)
	}
	putSize := func(key, value int) func(kv.Tx) error {
		return func(tx kv.Tx) error {
			return tx.Put(bytes.Repeat([]byte("k"), key), make([]byte, value))
		}
	}
	if lim.Key > 0 {
		if err := write(putSize(lim.Key, 1)); err != nil {
			t.Errorf("largest key: %v", err)
		}
		wantValue(t, s, string(bytes.Repeat([]byte("k"), lim.Key)), []byte{0})
		wantError(t, "key over the limit", write(putSize(lim.Key+1, 1)), kv.ErrTooLarge)
		wantError(t, "append over the limit", write(func(tx kv.Tx) error {
			return tx.Append(bytes.Repeat([]byte("k"), lim.Key-kv.StampSize+1), nil)
		}), kv.ErrTooLarge)
	}
	if lim.Value > 0 {
		if err := write(putSize(1, lim.Value)); err != nil {
			t.Errorf("largest value: %v", err)
		}
		wantValue(t, s, "k", make([]byte, lim.Value))
		wantError(t, "value over the limit", write(putSize(1, lim.Value+1)), kv.ErrTooLarge)
	}
	wantError(t, "error ignored", write(func(tx kv.Tx) error {
		_ = putSize(1, lim.Value+1)(tx)
		return tx.Put([]byte("new"), nil)
	}), kv.ErrTooLarge)
	wantValue(t, s, "new", nil)
	if lim.Transaction > 0 && lim.Transaction <= 64<<20 {
		testTransactionLimit(t, s)
	}
}

func testTransactionLimit(t *testing.T, s kv.Store) {
	lim := s.Limits()
	fill := func(size int) error {
		return s.Update(context.Background(), kv.TxOptions{}, func(tx kv.Tx) error {
			for rest := size; rest > 0; {
				n := min(rest, lim.Value+1)
				rest -= n
				if err := tx.Put([]byte("k"), bytes.Repeat([]byte{byte(rest)}, n-1)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := fill(lim.Transaction); err != nil {
		t.Errorf("largest transaction: %v", err)
	}
	wantError(t, "transaction over the limit", fill(lim.Transaction+1), kv.ErrTooLarge)
}

func testClear(t *testing.T, open Open) {
	s := open(t)
	ctx := context.Background()
	for _, k := range []string{"a", "b", "c", "d"} {
		put(t, s, k, "v")
	}
	if err := s.Clear(ctx, []byte("b"), []byte("d")); err != nil {
		t.Fatalf("Clear: %v", err)
	}
	if got := keysOf(contents(t, s)); got != "a d" {
		t.Errorf("after Clear: %s, want a d", got)
	}
	put(t, s, "c", "again")
	if err := s.Clear(ctx, []byte("d"), []byte("b")); err != nil {
		t.Fatalf("Clear of an empty range: %v", err)
	}
	if got := keysOf(contents(t, s)); got != "a c d" {
		t.Errorf("after Clear and Put: %s, want a c d", got)
	}
	update(t, s, nil, func(tx kv.Tx) error { return tx.Append([]byte("log"), []byte("1")) })
	if err := s.Clear(ctx, nil, nil); err != nil {
		t.Fatalf("Clear of everything: %v", err)
	}
	if got := contents(t, s); len(got) != 0 {
		t.Errorf("after Clear of everything: %s", keysOf(got))
	}
}

func testAppend(t *testing.T, open Open) {
	s := open(t)
	const rounds = 20
	var before [rounds]uint64
	for i := range rounds {
		before[i] = s.LastStamp()
		update(t, s, nil, func(tx kv.Tx) error {
			err := errors.Join(
				tx.Append([]byte("log"), number(2*i)),
				tx.Put([]byte("between"), bytes.Repeat([]byte("x"), 200*i)),
				tx.Append([]byte("log"), number(2*i+1)),
				tx.Append([]byte("other"), bytes.Repeat([]byte("y"), 200*i)),
			)
			if n := len(scan(t, tx, kv.Range{Start: []byte("log"), End: []byte("loh")})); n != 2*i {
				t.Errorf("the transaction sees %d log entries, want %d", n, 2*i)
			}
			return err
		})
	}
	next, last := 0, []byte(nil)
	for _, p := range contents(t, s) {
		stamp, ok := bytes.CutPrefix(p.Key, []byte("log"))
		if !ok {
			continue
		}
		if bytes.Compare(stamp, last) <= 0 || numberOf(p.Value) != next {
			t.Errorf("entry %d under stamp %x after %x, want entry %d", numberOf(p.Value), stamp, last, next)
		}
		if n := binary.BigEndian.Uint64(stamp); n <= before[next/2] || n > s.LastStamp() {
			t.Errorf("entry %d has stamp %d, LastStamp was %d before and is %d", next, n, before[next/2], s.LastStamp())
		}
		next, last = next+1, stamp
	}
	if next != 2*rounds {
		t.Errorf("%d entries, want %d", next, 2*rounds)
	}
}

func testSnapshot(t *testing.T, open Open) {
	s := open(t)
	put(t, s, "a", "old")
	put(t, s, "b", "old")
	for _, o := range []kv.ReadOptions{{}, {Consistent: true}, {Keys: keys("a", "b")}} {
		put(t, s, "b", "old")
		view(t, s, o, func(r kv.Reader) error {
			wantGet(t, r, "a", []byte("old"))
			put(t, s, "b", "new")
			put(t, s, "c", "new")
			wantGet(t, r, "b", []byte("old"))
			if o.Keys == nil && keysOf(scan(t, r, kv.Range{End: []byte("c")})) != "a b" {
				t.Errorf("a scan left its snapshot")
			}
			return nil
		})
		wantValue(t, s, "b", []byte("new"))
	}
}

func testContextEnds(t *testing.T, open Open) {
	s := open(t)
	put(t, s, "k", "old")
	ctx, cancel := context.WithCancel(context.Background())
	err := s.Update(ctx, kv.TxOptions{}, func(tx kv.Tx) error {
		cancel()
		_, err := tx.Get(ctx, []byte("k"))
		wantError(t, "Get", err, context.Canceled)
		_, err = tx.GetLocked(ctx, []byte("k"))
		wantError(t, "GetLocked", err, context.Canceled)
		for _, err := range tx.Scan(ctx, kv.Range{}) {
			wantError(t, "Scan", err, context.Canceled)
		}
		return tx.Put([]byte("k"), []byte("new"))
	})
	wantError(t, "Update", err, context.Canceled)
	wantValue(t, s, "k", []byte("old"))
	never := func() { t.Error("a function ran although its context had ended") }
	wantError(t, "Update", s.Update(ctx, kv.TxOptions{}, func(kv.Tx) error { never(); return nil }), context.Canceled)
	wantError(t, "View", s.View(ctx, kv.ReadOptions{}, func(kv.Reader) error { never(); return nil }), context.Canceled)
}

func testClose(t *testing.T, open Open) {
	s := open(t)
	put(t, s, "k", "v")
	if err := s.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
	ctx := context.Background()
	never := func() { t.Error("a function ran on a closed store") }
	wantError(t, "View", s.View(ctx, kv.ReadOptions{}, func(kv.Reader) error { never(); return nil }), kv.ErrClosed)
	wantError(t, "Update", s.Update(ctx, kv.TxOptions{}, func(kv.Tx) error { never(); return nil }), kv.ErrClosed)
	wantError(t, "Clear", s.Clear(ctx, nil, nil), kv.ErrClosed)
	wantError(t, "Close", s.Close(), kv.ErrClosed)
	_ = s.Stats()
}

// testCloseWaits closes while a View and an Update run; neither may notice.
func testCloseWaits(t *testing.T, open Open) {
	s := open(t)
	var started, done sync.WaitGroup
	refused := make(chan struct{})
	run := func(call func() error) {
		started.Add(1)
		done.Go(func() {
			if err := call(); err != nil {
				t.Errorf("running while the store closed: %v", err)
			}
		})
	}
	run(func() error {
		return s.Update(context.Background(), kv.TxOptions{}, func(tx kv.Tx) error {
			started.Done()
			<-refused
			return tx.Put([]byte("k"), []byte("v"))
		})
	})
	run(func() error {
		return s.View(context.Background(), kv.ReadOptions{}, func(r kv.Reader) error {
			started.Done()
			<-refused
			_, err := r.Get(context.Background(), []byte("k"))
			return err
		})
	})
	started.Wait()
	done.Go(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	for s.View(context.Background(), kv.ReadOptions{}, func(kv.Reader) error { return nil }) == nil {
	}
	close(refused)
	done.Wait()
}

func testStats(t *testing.T, open Open) {
	s := open(t)
	before := s.Stats().Commits
	put(t, s, "a", "v")
	put(t, s, "b", "v")
	update(t, s, keys("a"), func(kv.Tx) error { return nil })
	if got := s.Stats().Commits - before; got != 2 {
		t.Errorf("%d commits counted, want 2", got)
	}
}
