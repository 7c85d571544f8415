package seal_test

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/statordb/stator/internal/seal"
)

// TestPowerCutRecycledLogs cuts the power of a Pebble with small memtables, which
// writes its logs over old ones: nothing synced is lost, and nothing of an old log
// comes back.
func TestPowerCutRecycledLogs(t *testing.T) {
	rng, keys := rand.New(rand.NewPCG(8, 8)), seal.InMemory()
	disk := vfs.NewCrashableMem()
	var reused atomic.Int64
	want := map[string]string{}
	for cut := range 25 {
		below := errorfs.Wrap(disk, errorfs.InjectorFunc(func(op errorfs.Op) error {
			if op.Kind == errorfs.OpReuseForWrite {
				reused.Add(1)
			}
			return nil
		}))
		fs := seal.NewFS(below, keys, func(name string) bool { return isLog(name) || strings.HasPrefix(name, "MANIFEST-") })
		db, err := pebble.Open("db", &pebble.Options{FS: fs, MemTableSize: 32 << 10, FormatMajorVersion: pebble.FormatTableFormatV6, Logger: quiet{}})
		if err != nil {
			t.Fatal(err)
		}
		for n := range 50 {
			key := fmt.Sprint("key ", n)
			value, closer, err := db.Get([]byte(key))
			if err != nil && want[key] != "" || string(value) != want[key] {
				t.Fatalf("after cut %d, %s is %.20q, want %.20q, %v", cut, key, value, want[key], err)
			}
			if err == nil {
				_ = closer.Close()
			}
		}
		for n := range 30 + rng.IntN(60) {
			key, value := fmt.Sprint("key ", rng.IntN(50)), fmt.Sprint(cut, n, strings.Repeat("x", rng.IntN(4000)))
			if err := db.Set([]byte(key), []byte(value), pebble.Sync); err != nil {
				t.Fatal(err)
			}
			want[key] = value
		}
		disk = disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rng.IntN(101), RNG: rng})
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if reused.Load() < 20 {
		t.Errorf("only %d logs were written over old ones", reused.Load())
	}
}

// quiet is a pebble.Logger.
type quiet struct{}

func (quiet) Infof(string, ...any)  {}
func (quiet) Errorf(string, ...any) {}
func (quiet) Fatalf(format string, args ...any) {
	slog.Error(fmt.Sprintf(format, args...))
	panic("pebble has ended")
}
