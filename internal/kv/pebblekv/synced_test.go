package pebblekv_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/statordb/stator/internal/kv"
	"github.com/statordb/stator/internal/kv/pebblekv"
)

// everything is a range of all keys.
var everything = kv.Range{Start: []byte{0}, End: []byte{0xFF}}

// all returns all rows of r.
func all(r kv.Reader) (rows map[string]string, err error) {
	rows = map[string]string{}
	for p, err := range r.Scan(context.Background(), everything) {
		if err != nil {
			return nil, err
		}
		rows[string(p.Key)] = string(p.Value)
	}
	return rows, nil
}

// writeRows writes n rows in transactions of their own.
func writeRows(t testing.TB, s kv.Store, rng *rand.Rand, n int) {
	t.Helper()
	for i := range n {
		err := s.Update(context.Background(), kv.TxOptions{}, func(tx kv.Tx) error {
			return tx.Put(fmt.Appendf(nil, "key %03d", rng.IntN(500)), fmt.Appendf(nil, "%d %s", i, strings.Repeat("x", rng.IntN(200))))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// killed returns the disk of a store that was killed: with files of all kinds,
// something frozen, and writes that are only in the log; and what the store and
// the frozen rows held.
func killed(t testing.TB) (disk *vfs.MemFS, live, frozen map[string]string) {
	t.Helper()
	ctx, rng := context.Background(), rand.New(rand.NewPCG(5, 5))
	disk = vfs.NewCrashableMem()
	o := pebblekv.Options{Keys: keys, Dir: "store", FS: disk}
	s, err := pebblekv.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	writeRows(t, s, rng, 300)
	if err := s.Close(); err != nil { // flushes
		t.Fatal(err)
	}
	s = open(t, o)
	writeRows(t, s, rng, 100)
	read := func(r kv.Reader) (err error) { frozen, err = all(r); return err }
	if err := errors.Join(s.View(ctx, kv.ReadOptions{}, read), s.Freeze(ctx, "kept", []kv.Range{everything})); err != nil {
		t.Fatal(err)
	}
	writeRows(t, s, rng, 50)
	read = func(r kv.Reader) (err error) { live, err = all(r); return err }
	if err := s.View(ctx, kv.ReadOptions{}, read); err != nil {
		t.Fatal(err)
	}
	return disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rng}), live, frozen
}

// TestFlippedBits flips one bit of the files of a store that was killed, again
// and again: what is read is what was written, or an error.
func TestFlippedBits(t *testing.T) {
	disk, live, frozen := killed(t)
	var names []string
	sizes := map[string]int{}
	walk(t, disk, "store", func(name string, data []byte) {
		names = append(names, name)
		sizes[name] = len(data)
	})
	flips := 3000
	if testing.Short() {
		flips = 300
	}
	rng := rand.New(rand.NewPCG(6, 6))
	noticed := map[string]int{}
	for range flips {
		name := names[rng.IntN(len(names))] // each file as often, however small
		if sizes[name] == 0 {
			continue
		}
		bit := rng.IntN(8 * sizes[name])
		fs := disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rng})
		flip(t, fs, name, bit)
		gotLive, gotFrozen, err := reread(fs)
		if err != nil {
			noticed[kind(name)]++
			continue
		}
		if fmt.Sprint(gotLive) != fmt.Sprint(live) || fmt.Sprint(gotFrozen) != fmt.Sprint(frozen) {
			t.Fatalf("bit %d of %s was flipped: %d rows of %d are read, %d frozen ones of %d, and there is no error",
				bit, name, len(gotLive), len(live), len(gotFrozen), len(frozen))
		}
	}
	for _, kind := range []string{".log", "MANIFEST", ".sst"} {
		if noticed[kind] == 0 {
			t.Errorf("nothing was noticed in any %s file; noticed: %v", kind, noticed)
		}
	}
	t.Logf("%d flips, noticed: %v", flips, noticed)
}

func kind(name string) string {
	if base := path.Base(name); strings.HasPrefix(base, "MANIFEST") {
		return "MANIFEST"
	}
	return path.Ext(name)
}

// walk calls f with every file below dir.
func walk(t testing.TB, fs vfs.FS, dir string, f func(name string, data []byte)) {
	t.Helper()
	names, err := fs.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	for _, name := range names {
		name = fs.PathJoin(dir, name)
		if info, err := fs.Stat(name); err != nil {
			t.Fatal(err)
		} else if info.IsDir() {
			walk(t, fs, name, f)
			continue
		}
		file, err := fs.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(file)
		if err = errors.Join(err, file.Close()); err != nil {
			t.Fatal(err)
		}
		f(name, data)
	}
}

// flip flips a bit of a file.
func flip(t testing.TB, fs vfs.FS, name string, bit int) {
	t.Helper()
	f, err := fs.OpenReadWrite(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	var b [1]byte
	_, err = f.ReadAt(b[:], int64(bit/8))
	b[0] ^= 1 << (bit % 8)
	_, err2 := f.WriteAt(b[:], int64(bit/8))
	if err = errors.Join(err, err2, f.Close()); err != nil {
		t.Fatal(err)
	}
}

// reread reads everything in the store on a disk.
func reread(fs vfs.FS) (live, frozen map[string]string, err error) {
	ctx := context.Background()
	s, err := pebblekv.Open(pebblekv.Options{Keys: keys, Dir: "store", FS: fs, OnFatal: func(error) {}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, nil, err
	}
	defer s.Close()
	err = s.View(ctx, kv.ReadOptions{}, func(r kv.Reader) (err error) { live, err = all(r); return err })
	if err != nil {
		return nil, nil, err
	}
	f, err := s.Frozen(ctx, "kept")
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	frozen, err = all(f)
	return live, frozen, err
}

// TestReadOnly reads a store that was killed, and leaves every file as it was.
func TestReadOnly(t *testing.T) {
	disk, live, _ := killed(t)
	files := func() string {
		var all bytes.Buffer
		walk(t, disk, "store", func(name string, data []byte) { fmt.Fprintf(&all, "%s %q\n", name, data) })
		return all.String()
	}
	before := files()
	s := open(t, pebblekv.Options{Keys: keys, Dir: "store", FS: disk, ReadOnly: true})
	ctx := context.Background()
	err := s.View(ctx, kv.ReadOptions{Consistent: true}, func(r kv.Reader) error {
		got, err := all(r)
		if fmt.Sprint(got) != fmt.Sprint(live) {
			t.Errorf("%d rows of %d", len(got), len(live))
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	if s.Update(ctx, kv.TxOptions{}, func(tx kv.Tx) error { return tx.Put([]byte("k"), nil) }) == nil {
		t.Error("a store that is read only was written")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if files() != before {
		t.Error("files have changed")
	}
}
