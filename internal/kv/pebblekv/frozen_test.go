package pebblekv_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/statordb/stator/internal/kv"
	"github.com/statordb/stator/internal/kv/pebblekv"
)

// TestFrozenSurvivesPowerCut cuts the power after a Freeze and a Load have
// returned, and while others run.
func TestFrozenSurvivesPowerCut(t *testing.T) {
	ctx, rng := context.Background(), rand.New(rand.NewPCG(1, 2))
	disk := vfs.NewCrashableMem()
	s := open(t, pebblekv.Options{Keys: keys, Dir: "store", FS: disk})
	write := func(text string) {
		err := s.Update(ctx, kv.TxOptions{}, func(tx kv.Tx) error {
			for i := range 100 {
				if err := tx.Put(fmt.Appendf(nil, "k%03d", i), []byte(text)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	everything := []kv.Range{{Start: []byte("a"), End: []byte("z")}}
	for i := range 8 {
		write(fmt.Sprint("round ", i))
		if err := s.Freeze(ctx, fmt.Sprint("f", i), everything); err != nil {
			t.Fatal(err)
		}
		err := s.Load(ctx, func(yield func(kv.Pair, error) bool) {
			yield(kv.Pair{Key: fmt.Appendf(nil, "loaded %d", i), Value: []byte("v")}, nil)
		})
		if err != nil {
			t.Fatal(err)
		}
		if i == 3 {
			if err := s.Thaw(ctx, "f1"); err != nil {
				t.Fatal(err)
			}
		}
		after := disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rng.IntN(101), RNG: rng})
		checkFrozen(t, after, i)
	}
}

// TestFreezeFails fails one step after the other: what was not frozen whole is not
// there, and can be frozen again.
func TestFreezeFails(t *testing.T) {
	ctx, full := context.Background(), errors.New("disk full")
	disk := vfs.NewMem()
	var left atomic.Int64
	left.Store(math.MaxInt64)
	fs := errorfs.Wrap(disk, errorfs.InjectorFunc(func(op errorfs.Op) error {
		kinds := []errorfs.OpKind{errorfs.OpCreate, errorfs.OpLink, errorfs.OpOpen, errorfs.OpRename, errorfs.OpFileWrite, errorfs.OpFileWriteAt}
		if slices.Contains(kinds, op.Kind) && strings.Contains(op.Path, "frozen") && left.Add(-1) == 0 {
			return full
		}
		return nil
	}))
	s := open(t, pebblekv.Options{Keys: keys, Dir: "store", FS: fs})
	err := s.Update(ctx, kv.TxOptions{}, func(tx kv.Tx) error { return tx.Put([]byte("k"), []byte("v")) })
	if err != nil {
		t.Fatal(err)
	}
	for n := int64(1); ; n++ {
		left.Store(n)
		err := s.Freeze(ctx, "f", []kv.Range{{Start: []byte("a"), End: []byte("z")}})
		failed := left.Load() <= 0
		left.Store(math.MaxInt64)
		if failed != errors.Is(err, full) {
			t.Fatalf("step %d failed: %v; the answer was %v", n, failed, err)
		}
		names, listed := s.FrozenNames(ctx)
		if listed != nil || len(names) > 0 == failed {
			t.Fatalf("step %d failed: %v; there are %q, %v", n, failed, names, listed)
		}
		if !failed {
			return
		}
	}
}

// TestLoadFails: a load that fails leaves no file.
func TestLoadFails(t *testing.T) {
	ctx, full := context.Background(), errors.New("disk full")
	disk := vfs.NewMem()
	for _, kind := range []errorfs.OpKind{errorfs.OpFileWrite, errorfs.OpFileSyncData} {
		fs := errorfs.Wrap(disk, errorfs.InjectorFunc(func(op errorfs.Op) error {
			if op.Kind == kind && strings.Contains(op.Path, "load") {
				return full
			}
			return nil
		}))
		s := open(t, pebblekv.Options{Keys: keys, Dir: fmt.Sprint("store", kind), FS: fs})
		err := s.Load(ctx, func(yield func(kv.Pair, error) bool) { yield(kv.Pair{Key: []byte("k"), Value: []byte("v")}, nil) })
		if !errors.Is(err, full) {
			t.Errorf("a load whose operation %d fails: %v", kind, err)
		}
		if left, err := disk.List(fmt.Sprint("store", kind, "/load")); err != nil || len(left) > 0 {
			t.Errorf("operation %d failed, and %q are left, %v", kind, left, err)
		}
	}
}

// checkFrozen checks what is on disk after the given round.
func checkFrozen(t *testing.T, disk *vfs.MemFS, round int) {
	t.Helper()
	ctx := context.Background()
	s := open(t, pebblekv.Options{Keys: keys, Dir: "store", FS: disk})
	names, err := s.FrozenNames(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for i := range round + 1 {
		name := fmt.Sprint("f", i)
		if thawed := i == 1 && round >= 3; thawed == slices.Contains(names, name) {
			t.Fatalf("frozen after round %d: %q", round, names)
		} else if thawed {
			continue
		}
		f, err := s.Frozen(ctx, name)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for p, err := range f.Scan(ctx, kv.Range{Start: []byte("k"), End: []byte("l")}) {
			if err != nil || string(p.Value) != fmt.Sprint("round ", i) {
				t.Fatalf("%s has %s = %q, %v", name, p.Key, p.Value, err)
			}
			n++
		}
		if n != 100 {
			t.Errorf("%s has %d rows", name, n)
		}
		_ = f.Close()
		if v := value(t, s, fmt.Sprint("loaded ", i)); v != "v" {
			t.Errorf("loaded row %d is %q", i, v)
		}
	}
}

func value(t *testing.T, s kv.Store, key string) (value string) {
	t.Helper()
	err := s.View(context.Background(), kv.ReadOptions{}, func(r kv.Reader) error {
		v, err := r.Get(context.Background(), []byte(key))
		value = string(v)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return value
}
