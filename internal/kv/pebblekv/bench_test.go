package pebblekv_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/statordb/stator/internal/kv"
	"github.com/statordb/stator/internal/kv/pebblekv"
)

const (
	benchItems = 200_000
	benchValue = 800
)

func benchKey(i int) []byte {
	return binary.BigEndian.AppendUint64([]byte("table 1 "), uint64(i))
}

// benchItem is half as random as it is long, as items are.
func benchItem(rng *rand.Rand) []byte {
	v := bytes.Repeat([]byte("attribute name "), benchValue/15)
	for i := 0; i < len(v); i += 2 {
		v[i] = byte(rng.Uint32())
	}
	return v
}

// BenchmarkUpdate is a conditional PutItem: GetLocked, then Put. "slow" adds a
// millisecond to each sync, as a network disk does.
func BenchmarkUpdate(b *testing.B) {
	for _, disk := range []string{"disk", "slow"} {
		for _, clients := range []int{1, 8, 64} {
			b.Run(fmt.Sprintf("%s/clients=%d", disk, clients), func(b *testing.B) {
				o := pebblekv.Options{Keys: keys, Dir: b.TempDir()}
				if disk == "slow" {
					o.FS = errorfs.Wrap(vfs.Default, errorfs.InjectorFunc(slowSync))
				}
				benchUpdate(b, open(b, o), clients)
			})
		}
	}
}

func slowSync(op errorfs.Op) error {
	switch op.Kind {
	case errorfs.OpFileSync, errorfs.OpFileSyncData:
		time.Sleep(time.Millisecond)
	}
	return nil
}

func benchUpdate(b *testing.B, s *pebblekv.Store, clients int) {
	ctx := context.Background()
	item := benchItem(rand.New(rand.NewPCG(1, 1)))
	b.ReportAllocs()
	b.SetParallelism(max(1, clients/runtime.GOMAXPROCS(0)))
	if clients < runtime.GOMAXPROCS(0) {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(clients))
	}
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			key := benchKey(rand.IntN(benchItems))
			err := s.Update(ctx, kv.TxOptions{Keys: [][]byte{key}}, func(tx kv.Tx) error {
				if _, err := tx.GetLocked(ctx, key); err != nil {
					return err
				}
				return tx.Put(key, item)
			})
			if err != nil {
				b.Fatal(err)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tx/s")
}

// filled returns a store of benchItems items, compacted.
func filled(b *testing.B) *pebblekv.Store {
	b.Helper()
	dir := b.TempDir()
	s, err := pebblekv.Open(pebblekv.Options{Keys: keys, Dir: dir})
	if err != nil {
		b.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for i := 0; i < benchItems; i += 1000 {
		err := s.Update(context.Background(), kv.TxOptions{}, func(tx kv.Tx) error {
			for j := range 1000 {
				if err := tx.Put(benchKey(i+j), benchItem(rng)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	if err := s.Close(); err != nil { // flushes
		b.Fatal(err)
	}
	return open(b, pebblekv.Options{Keys: keys, Dir: dir})
}

// BenchmarkGet is GetItem.
func BenchmarkGet(b *testing.B) {
	s, ctx := filled(b), context.Background()
	for _, consistent := range []bool{false, true} {
		b.Run(fmt.Sprintf("consistent=%t", consistent), func(b *testing.B) {
			b.ReportAllocs()
			o := kv.ReadOptions{Consistent: consistent, Keys: make([][]byte, 1)}
			fn := func(r kv.Reader) error {
				v, err := r.Get(ctx, o.Keys[0])
				if len(v) == 0 {
					b.Error("absent")
				}
				return err
			}
			for b.Loop() {
				o.Keys[0] = binary.BigEndian.AppendUint64(append(o.Keys[0][:0], "table 1 "...), uint64(rand.IntN(benchItems)))
				if err := s.View(ctx, o, fn); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkScan10 is a Query of ten items.
func BenchmarkScan10(b *testing.B) {
	s, ctx := filled(b), context.Background()
	for _, consistent := range []bool{false, true} {
		b.Run(fmt.Sprintf("consistent=%t", consistent), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				err := s.View(ctx, kv.ReadOptions{Consistent: consistent}, func(r kv.Reader) error {
					n := 0
					for _, err := range r.Scan(ctx, kv.Range{Start: benchKey(rand.IntN(benchItems - 10))}) {
						if n++; n == 10 || err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkOpen opens and closes a store that holds data, and reports what it
// takes of memory.
func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	for b.Loop() {
		s, err := pebblekv.Open(pebblekv.Options{Keys: keys, Dir: dir})
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
	if rss, err := os.ReadFile("/proc/self/statm"); err == nil {
		var size, resident float64
		_, _ = fmt.Sscan(string(rss), &size, &resident)
		b.ReportMetric(resident*float64(os.Getpagesize())/(1<<20), "MiB-resident")
	}
}
