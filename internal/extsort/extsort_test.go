package extsort_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/statordb/stator/internal/extsort"
	"github.com/statordb/stator/internal/kv"
)

// randomPair makes keys that collide, that share long prefixes, that are
// prefixes of others, or that are empty.
func randomPair(rng *rand.Rand, n int) kv.Pair {
	key := []byte("d\x00\x00\x00\x01")[:rng.IntN(6)]
	switch rng.IntN(4) {
	case 0:
		key = fmt.Appendf(key, "%d", rng.IntN(20))
	case 1:
		key = binary.BigEndian.AppendUint64(key, rng.Uint64())
	case 2:
		key = append(key, make([]byte, rng.IntN(12))...)
	case 3:
		key = append(key, bytes.Repeat([]byte{0xFF}, rng.IntN(12))...)
	}
	return kv.Pair{Key: key, Value: bytes.Repeat(fmt.Appendf(nil, "%d ", n), rng.IntN(20))}
}

// sorted returns everything that s yields, copied.
func sorted(s *extsort.Sorter) (got []kv.Pair, err error) {
	for p, err := range s.Sorted(context.Background()) {
		if err != nil {
			return got, err
		}
		got = append(got, kv.Pair{Key: bytes.Clone(p.Key), Value: bytes.Clone(p.Value)})
	}
	return got, nil
}

func fill(t testing.TB, s *extsort.Sorter, pairs []kv.Pair) {
	t.Helper()
	var key, value []byte // used again: Add copies
	for _, p := range pairs {
		key, value = append(key[:0], p.Key...), append(value[:0], p.Value...)
		if err := s.Add(key, value); err != nil {
			t.Fatal(err)
		}
	}
}

func files(t testing.TB, fs vfs.FS) []string {
	t.Helper()
	names, err := fs.List("scratch")
	if err != nil {
		return nil // not even the directory
	}
	return names
}

// TestModel compares with a stable sort, from no pairs to more runs than are
// merged at once.
func TestModel(t *testing.T) {
	for _, c := range []struct{ pairs, memory int }{
		{0, 0}, {1, 0}, {1000, 0}, {1000, 1 << 20},
		{1000, 4000}, {5000, 100_000}, {1, 1}, {700, 1}, {2000, 1}, {20_000, 2000},
	} {
		t.Run(fmt.Sprintf("%d pairs in %d bytes", c.pairs, c.memory), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(1, uint64(c.pairs)))
			want := make([]kv.Pair, c.pairs)
			for i := range want {
				want[i] = randomPair(rng, i)
			}
			fs := vfs.NewMem()
			s := extsort.New(extsort.Scratch{FS: fs, Dir: "scratch", Memory: c.memory})
			fill(t, s, want)
			slices.SortStableFunc(want, func(a, b kv.Pair) int { return bytes.Compare(a.Key, b.Key) })
			for range 2 { // it can be asked for again
				got, err := sorted(s)
				if err != nil {
					t.Fatal(err)
				}
				if !slices.EqualFunc(got, want, equal) {
					t.Fatalf("%d pairs came out in another order than a stable sort of the %d", len(got), len(want))
				}
			}
			checkRanges(t, s, want, rng)
			if c.memory == 0 && len(files(t, fs)) > 0 {
				t.Errorf("files were made for what fits into memory: %v", files(t, fs))
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			if left := files(t, fs); len(left) > 0 {
				t.Errorf("Close left %v", left)
			}
		})
	}
}

// checkRanges reads random ranges of what is sorted, several at a time.
func checkRanges(t *testing.T, s *extsort.Sorter, want []kv.Pair, rng *rand.Rand) {
	t.Helper()
	var readers sync.WaitGroup
	for range 8 {
		r := kv.Range{Start: randomPair(rng, 0).Key, End: randomPair(rng, 0).Key}
		readers.Go(func() {
			var got []kv.Pair
			for p, err := range s.In(context.Background(), r) {
				if err != nil {
					t.Error(err)
					return
				}
				got = append(got, kv.Pair{Key: bytes.Clone(p.Key), Value: bytes.Clone(p.Value)})
			}
			inside := slices.DeleteFunc(slices.Clone(want), func(p kv.Pair) bool {
				return bytes.Compare(p.Key, r.Start) < 0 || bytes.Compare(p.Key, r.End) >= 0
			})
			if !slices.EqualFunc(got, inside, equal) {
				t.Errorf("%d pairs from %x to %x, want %d", len(got), r.Start, r.End, len(inside))
			}
		})
	}
	readers.Wait()
}

func equal(a, b kv.Pair) bool { return bytes.Equal(a.Key, b.Key) && bytes.Equal(a.Value, b.Value) }

// TestFlippedBit flips each bit of the only run's file in turn.
func TestFlippedBit(t *testing.T) {
	fs := vfs.NewMem()
	s := extsort.New(extsort.Scratch{FS: fs, Dir: "scratch", Memory: 1 << 14})
	rng := rand.New(rand.NewPCG(2, 2))
	var pairs []kv.Pair
	for i := range 40 {
		pairs = append(pairs, randomPair(rng, i))
	}
	fill(t, s, pairs)
	fill(t, s, []kv.Pair{{Key: []byte("large"), Value: make([]byte, 1<<14)}}) // spills what is there
	want, err := sorted(s)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files(t, fs) {
		data := readFile(t, fs, "scratch/"+name)
		for bit := range 8 * len(data) {
			data[bit/8] ^= 1 << (bit % 8)
			writeFile(t, fs, "scratch/"+name, data)
			if got, err := sorted(s); err == nil {
				t.Fatalf("bit %d of %d was flipped, and %d pairs came out (of %d)", bit, 8*len(data), len(got), len(want))
			}
			data[bit/8] ^= 1 << (bit % 8)
		}
		writeFile(t, fs, "scratch/"+name, data[:len(data)-1])
		if _, err := sorted(s); err == nil {
			t.Fatal("a byte is missing at the end, and nobody said so")
		}
		writeFile(t, fs, "scratch/"+name, data)
	}
	if got, err := sorted(s); err != nil || !slices.EqualFunc(got, want, equal) {
		t.Errorf("with every bit as it was: %v", err)
	}
}

func readFile(t testing.TB, fs vfs.FS, name string) []byte {
	t.Helper()
	f, err := fs.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	data, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func writeFile(t testing.TB, fs vfs.FS, name string, data []byte) {
	t.Helper()
	f, err := fs.Create(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(slices.Clone(data)); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestDiskFull fails each write in turn: no pair is lost without an error, and
// no file is left behind.
func TestDiskFull(t *testing.T) {
	full := errors.New("disk full")
	for failing := range 1000 {
		disk, writes, failed := vfs.NewMem(), 0, false
		fs := errorfs.Wrap(disk, errorfs.InjectorFunc(func(op errorfs.Op) error {
			if op.Kind == errorfs.OpFileWrite || op.Kind == errorfs.OpCreate {
				if writes++; writes == failing+1 {
					failed = true
					return full
				}
			}
			return nil
		}))
		s := extsort.New(extsort.Scratch{FS: fs, Dir: "scratch", Memory: 1})
		var err error
		for i := range 2 * 257 {
			if err = s.Add(fmt.Appendf(nil, "%d", i%13), []byte("value")); err != nil {
				break
			}
		}
		if err == nil {
			_, err = sorted(s)
		}
		if failed != errors.Is(err, full) {
			t.Fatalf("write %d failed: %v; the answer was %v", failing, failed, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if left := files(t, disk); len(left) > 0 {
			t.Fatalf("write %d failed, and Close left %v", failing, left)
		}
		if !failed && failing < 514 {
			t.Fatalf("only %d writes", writes)
		}
	}
}

// TestCancelled: a context that is over ends the work, and another one begins
// it anew.
func TestCancelled(t *testing.T) {
	for _, memory := range []int{0, 1} {
		s := extsort.New(extsort.Scratch{FS: vfs.NewMem(), Dir: "scratch", Memory: memory})
		for i := range 600 {
			if err := s.Add(fmt.Appendf(nil, "%d", i), nil); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		for _, err := range s.Sorted(ctx) {
			if !errors.Is(err, context.Canceled) {
				t.Fatalf("a pair or %v came after the context was over", err)
			}
		}
		if got, err := sorted(s); err != nil || len(got) != 600 {
			t.Errorf("%d pairs, %v", len(got), err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if _, err := sorted(s); err == nil || s.Add(nil, nil) == nil {
			t.Error("a closed Sorter answers")
		}
	}
}

// BenchmarkSort adds keys as tables have them, in random order, and reads them
// back sorted, through a memory that holds a tenth of them.
func BenchmarkSort(b *testing.B) {
	for _, size := range []int{100, 1000} {
		b.Run(fmt.Sprintf("%d bytes", size), func(b *testing.B) {
			const total = 640 << 20
			rng := rand.New(rand.NewPCG(3, 3))
			value := bytes.Repeat([]byte("attribute name "), size)[:size-24]
			for i := 0; i < len(value); i += 2 {
				value[i] = byte(rng.Uint32())
			}
			b.ReportAllocs()
			pairs := 0
			for b.Loop() {
				s := extsort.New(extsort.Scratch{FS: vfs.Default, Dir: b.TempDir()})
				key := []byte("d\x00\x00\x00\x01")
				for range total / size {
					key = binary.BigEndian.AppendUint64(key[:5], rng.Uint64())
					key = binary.BigEndian.AppendUint64(key, rng.Uint64())
					if err := s.Add(key, value); err != nil {
						b.Fatal(err)
					}
				}
				for _, err := range s.Sorted(context.Background()) {
					if err != nil {
						b.Fatal(err)
					}
					pairs++
				}
				if err := s.Close(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(pairs)/b.Elapsed().Seconds(), "pairs/s")
		})
	}
}
