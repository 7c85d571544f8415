package pebblekv_test

import (
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/statordb/stator/internal/kv"
	"github.com/statordb/stator/internal/kv/kvtest"
	"github.com/statordb/stator/internal/kv/pebblekv"
)

func TestPowerCut(t *testing.T) {
	kvtest.RunCrash(t, machine{vfs.NewCrashableMem()}, 150)
}

// machine has a disk that loses what was not synced.
type machine struct{ disk *vfs.MemFS }

func (m machine) Start(t testing.TB) kv.Store {
	return open(t, pebblekv.Options{Keys: keys, Dir: "store", FS: errorfs.Wrap(m.disk, errorfs.InjectorFunc(dawdle))})
}

func (m machine) Cut(rng *rand.Rand) kvtest.Machine {
	return machine{m.disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rng.IntN(101), RNG: rng})}
}

// dawdle lets others run before each sync, as a real disk does; without it the
// time between a write and its sync would be too short to be hit.
func dawdle(op errorfs.Op) error {
	switch op.Kind {
	case errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo:
		for range 200 {
			runtime.Gosched()
		}
	}
	return nil
}
