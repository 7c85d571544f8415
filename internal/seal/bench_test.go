package seal_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/statordb/stator/internal/seal"
)

// BenchmarkReadAt reads at random, as much as a block of a store has, plain and
// sealed.
func BenchmarkReadAt(b *testing.B) {
	plain := vfs.NewMem()
	for name, fs := range map[string]vfs.FS{"plain": plain, "sealed": seal.NewFS(vfs.NewMem(), seal.InMemory(), nil)} {
		put(b, fs, "file", make([]byte, 8<<20))
		f, err := fs.Open("file")
		if err != nil {
			b.Fatal(err)
		}
		for _, size := range []int{4 << 10, 12 << 10, 64 << 10} {
			b.Run(fmt.Sprintf("%s/%dKiB", name, size>>10), func(b *testing.B) {
				p, rng := make([]byte, size), rand.New(rand.NewPCG(1, 2))
				b.SetBytes(int64(size))
				for b.Loop() {
					if _, err := f.ReadAt(p, rng.Int64N(8<<20-int64(size))); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkWrite writes a log, as much at a time as a few commits, and a file of
// blocks.
func BenchmarkWrite(b *testing.B) {
	for name, fs := range map[string]vfs.FS{"plain": vfs.NewMem(), "sealed": seal.NewFS(vfs.NewMem(), seal.InMemory(), isLog)} {
		for _, c := range []struct {
			file string
			size int
		}{{"1.log", 500}, {"1.log", 32 << 10}, {"1.sst", 16 << 10}} {
			b.Run(fmt.Sprintf("%s/%s/%d", name, c.file, c.size), func(b *testing.B) {
				p := make([]byte, c.size)
				b.SetBytes(int64(c.size))
				var f vfs.File
				for n := 0; b.Loop(); n++ {
					if n%1000 == 0 { // else memory grows
						f, _ = fs.Create(c.file, vfs.WriteCategoryUnspecified)
					}
					if _, err := f.Write(p); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
