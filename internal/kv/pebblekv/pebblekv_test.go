package pebblekv_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/statordb/stator/internal/kv"
	"github.com/statordb/stator/internal/kv/kvtest"
	"github.com/statordb/stator/internal/kv/pebblekv"
)

func TestContract(t *testing.T) {
	kvtest.Run(t, func(t testing.TB) kv.Store {
		lim := kv.EmbeddedLimits()
		lim.Transaction = 16 << 20
		return open(t, pebblekv.Options{Keys: keys, Dir: "store", FS: vfs.NewMem(), Limits: lim})
	})
}

// open opens a store that is closed when the test ends.
func open(t testing.TB, o pebblekv.Options) *pebblekv.Store {
	t.Helper()
	if o.OnFatal == nil {
		o.OnFatal = func(err error) { t.Errorf("the store failed: %v", err) }
	}
	s, err := pebblekv.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// TestLateLockAgreesWithSnapshot has a key change between the snapshot of a
// transaction and its lock; the transaction must start again.
func TestLateLockAgreesWithSnapshot(t *testing.T) {
	s := open(t, pebblekv.Options{Keys: keys, Dir: "store", FS: vfs.NewMem()})
	ctx, key := context.Background(), []byte("k")
	put := func(value string) error {
		return s.Update(ctx, kv.TxOptions{Keys: [][]byte{key}}, func(tx kv.Tx) error { return tx.Put(key, []byte(value)) })
	}
	runs := 0
	err := s.Update(ctx, kv.TxOptions{}, func(tx kv.Tx) error {
		runs++
		before, err := tx.Get(ctx, key)
		if err != nil {
			return err
		}
		if runs == 1 {
			if err := put("new"); err != nil {
				return err
			}
		}
		locked, err := tx.GetLocked(ctx, key)
		if err == nil && string(locked) != string(before) {
			t.Errorf("run %d: Get found %q, GetLocked %q", runs, before, locked)
		}
		return err
	})
	if err != nil || runs != 2 {
		t.Errorf("%d runs, %v, want 2", runs, err)
	}
}

// TestConflict has a transaction meet another key that is in use in every run.
func TestConflict(t *testing.T) {
	s := open(t, pebblekv.Options{Keys: keys, Dir: "store", FS: vfs.NewMem()})
	ctx, runs, used := context.Background(), 0, [][]byte(nil)
	err := s.Update(ctx, kv.TxOptions{}, func(tx kv.Tx) error {
		key := fmt.Appendf(nil, "key %d", runs)
		for n := 0; s.ShareLock(key, used); n++ { // the View would wait for this transaction
			key = fmt.Appendf(nil, "key %d, %d", runs, n)
		}
		runs, used = runs+1, append(used, key)
		return s.View(ctx, kv.ReadOptions{Keys: [][]byte{key}, Consistent: true}, func(kv.Reader) error {
			if _, err := tx.GetLocked(ctx, key); err == nil {
				t.Error("a key that is being read was locked")
			}
			return nil // ignored: the run is over
		})
	})
	wantErr(t, err, kv.ErrConflict)
	if runs < 2 {
		t.Errorf("gave up after %d runs", runs)
	}
}

// TestStampsSurviveRestarts appends over several lives of a store.
func TestStampsSurviveRestarts(t *testing.T) {
	fs, ctx := vfs.NewMem(), context.Background()
	const lives = 4
	for life := range lives {
		s, err := pebblekv.Open(pebblekv.Options{Keys: keys, Dir: "store", FS: fs})
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			err := s.Update(ctx, kv.TxOptions{}, func(tx kv.Tx) error {
				return tx.Append([]byte("log"), []byte{byte(life)})
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	s := open(t, pebblekv.Options{Keys: keys, Dir: "store", FS: fs})
	var order []byte
	err := s.View(ctx, kv.ReadOptions{}, func(r kv.Reader) error {
		for p, err := range r.Scan(ctx, kv.Range{}) {
			if err != nil {
				return err
			}
			order = append(order, p.Value...)
		}
		return nil
	})
	if want := []byte{0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3}; err != nil || !bytes.Equal(order, want) {
		t.Errorf("log %v, %v, want %v", order, err, want)
	}
}

func TestOpenTwice(t *testing.T) {
	o := pebblekv.Options{Keys: keys, Dir: t.TempDir()}
	open(t, o)
	if s, err := pebblekv.Open(o); err == nil {
		_ = s.Close()
		t.Error("two stores have one directory open")
	}
}

// failing opens a store whose disk starts to fail with cause when broken is on,
// and returns the sentences given to OnFatal.
func failing(t *testing.T, cause error) (s *pebblekv.Store, broken *atomic.Bool, told chan error) {
	broken, told = new(atomic.Bool), make(chan error, 10)
	fs := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if broken.Load() && op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
			return cause
		}
		return nil
	}))
	s = open(t, pebblekv.Options{Keys: keys,
		Dir: "store", FS: fs,
		OnFatal: func(err error) { told <- err },
		Logger:  slog.New(slog.DiscardHandler),
	})
	return s, broken, told
}

func TestDiskFails(t *testing.T) {
	ctx, key := context.Background(), []byte("k")
	consistent := kv.ReadOptions{Keys: [][]byte{key}, Consistent: true}
	nothing := func(kv.Reader) error { return nil }
	for _, c := range []struct {
		cause error
		want  string
	}{
		{syscall.ENOSPC, "the disk under store is full: make room and start again"},
		{syscall.EIO, "cannot write under store: input/output error"},
	} {
		for name, write := range map[string]func(kv.Tx) error{
			"Put":    func(tx kv.Tx) error { return tx.Put(key, []byte("lost")) },
			"Append": func(tx kv.Tx) error { return tx.Append(key, []byte("lost")) },
		} {
			t.Run(fmt.Sprint(c.cause, " ", name), func(t *testing.T) {
				s, broken, told := failing(t, c.cause)
				if err := s.Update(ctx, kv.TxOptions{}, write); err != nil {
					t.Fatal(err)
				}
				broken.Store(true)
				wantErr(t, s.Update(ctx, kv.TxOptions{}, write), kv.ErrUnknown)
				if err := <-told; err.Error() != c.want {
					t.Errorf("OnFatal was told %q, want %q", err, c.want)
				}
				broken.Store(false)
				if err := s.Update(ctx, kv.TxOptions{}, write); err == nil || err.Error() != c.want {
					t.Errorf("Update after the failure: %v, want %s", err, c.want)
				}
				if err := s.View(ctx, consistent, nothing); err == nil || err.Error() != c.want {
					t.Errorf("View after the failure: %v, want %s", err, c.want)
				}
				if err := s.Close(); err == nil || err.Error() != c.want {
					t.Errorf("Close after the failure: %v, want %s", err, c.want)
				}
				if len(told) != 0 {
					t.Errorf("OnFatal was told more: %v", <-told)
				}
			})
		}
	}
}

// large writes more than a memtable holds, which begins a new log.
func large(tx kv.Tx) error {
	value := make([]byte, 4<<20)
	for i := range 10 {
		if err := tx.Put([]byte{'l', byte(i)}, value); err != nil {
			return err
		}
	}
	return nil
}

// fullDisks are ways in which a disk may be full, and what shows each.
var fullDisks = map[string]struct {
	refuses func(errorfs.Op) bool
	write   func(kv.Tx) error
}{
	"write": {
		func(op errorfs.Op) bool { return op.Kind == errorfs.OpFileWrite },
		func(tx kv.Tx) error { return tx.Put([]byte("k"), nil) },
	},
	"sync": {
		func(op errorfs.Op) bool { return op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData },
		func(tx kv.Tx) error { return tx.Append([]byte("k"), nil) },
	},
	"new log":   {func(op errorfs.Op) bool { return op.Kind == errorfs.OpCreate }, large},
	"large":     {func(op errorfs.Op) bool { return op.Kind == errorfs.OpFileWrite }, large},
	"manifest":  {func(op errorfs.Op) bool { return strings.Contains(op.Path, "MANIFEST") }, large},
	"memtables": {func(op errorfs.Op) bool { return strings.HasSuffix(op.Path, ".sst") }, large},
}

// TestDefaultOnFatal runs stores in another process, which must say one line
// and exit with status 1.
func TestDefaultOnFatal(t *testing.T) {
	if name := os.Getenv("PEBBLEKV_TEST_FULL"); name != "" {
		dieOfFullDisk(name)
	}
	for name := range fullDisks {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command(os.Args[0], "-test.run=^TestDefaultOnFatal$")
			cmd.Env = append(os.Environ(), "PEBBLEKV_TEST_FULL="+name)
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			err := cmd.Run()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != 1 {
				t.Errorf("ended with %v, want status 1", err)
			}
			if want := "the disk under store is full: make room and start again\n"; stderr.String() != want {
				t.Errorf("said %q, want %q", stderr.String(), want)
			}
		})
	}
}

// dieOfFullDisk writes until the disk, which refuses what fullDisks says, has
// ended the process.
func dieOfFullDisk(name string) {
	var full atomic.Bool
	c := fullDisks[name]
	fs := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if full.Load() && op.Kind.ReadOrWrite() == errorfs.OpIsWrite && c.refuses(op) {
			return syscall.ENOSPC
		}
		return nil
	}))
	s, err := pebblekv.Open(pebblekv.Options{Keys: keys, Dir: "store", FS: fs, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		panic(err)
	}
	full.Store(true)
	for {
		if err := s.Update(context.Background(), kv.TxOptions{}, c.write); err != nil {
			select {} // the exit is under way
		}
	}
}

func wantErr(t *testing.T, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Errorf("got error %v, want %v", err, target)
	}
}
