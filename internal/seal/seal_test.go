package seal_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/statordb/stator/internal/seal"
)

func isLog(name string) bool { return strings.HasSuffix(name, ".log") }

// TestContract does the same at random to sealed files and to plain ones: they
// must hold the same, and the sealed ones must not show it.
func TestContract(t *testing.T) {
	for seed := range uint64(60) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 1))
			below := vfs.NewMem()
			m := &model{t: t, rng: rng, sealed: seal.NewFS(below, seal.InMemory(), isLog), plain: vfs.NewMem(), linked: map[string]bool{}}
			for n := range 12 {
				m.file(fmt.Sprintf("%d%s", n, []string{"", ".log"}[n%2]))
			}
			m.compare()
		})
	}
}

// model does the same to a sealed file system and to a plain one.
type model struct {
	t             *testing.T
	rng           *rand.Rand
	sealed, plain vfs.FS
	names         []string
	linked        map[string]bool
}

// both calls f for either file system.
func (m *model) both(f func(fs vfs.FS) error) {
	m.t.Helper()
	for _, fs := range []vfs.FS{m.plain, m.sealed} {
		if err := f(fs); err != nil {
			m.t.Fatal(err)
		}
	}
}

// file makes a file, or writes a new one in place of an old one, and links, renames
// or removes one.
func (m *model) file(name string) {
	var writes [][]byte
	syncs := m.rng.IntN(3)
	for range m.rng.IntN(12) {
		b := make([]byte, m.rng.IntN([]int{10, 5000, 4096 * 5, 200_000}[m.rng.IntN(4)]))
		for i := range b {
			b[i] = byte(m.rng.Uint32())
		}
		if m.rng.IntN(4) == 0 {
			b = b[:len(b)/4096*4096]
		}
		writes = append(writes, b)
	}
	old := ""
	if isLog(name) && len(m.names) > 1 && len(slices.Concat(writes...)) > 0 {
		// Until the new content is written the old one is there, under any name.
		at := m.rng.IntN(len(m.names))
		if isLog(m.names[at]) && !m.linked[m.names[at]] {
			old = m.names[at]
			m.names = append(m.names[:at], m.names[at+1:]...)
		}
	}
	m.both(func(fs vfs.FS) error {
		var f vfs.File
		var err error
		if old == "" {
			f, err = fs.Create(name, vfs.WriteCategoryUnspecified)
		} else if fs == m.plain { // in which the old content would stay behind the new
			err = fs.Remove(old)
			if err == nil {
				f, err = fs.Create(name, vfs.WriteCategoryUnspecified)
			}
		} else {
			f, err = fs.ReuseForWrite(old, name, vfs.WriteCategoryUnspecified)
		}
		if err != nil {
			return err
		}
		for i, b := range writes {
			if _, err := f.Write(bytes.Clone(b)); err != nil {
				return err
			}
			if i%3 < syncs {
				err = errors.Join(f.SyncData(), f.Sync())
				_, e := f.SyncTo(int64(i))
				if err = errors.Join(err, e, f.Preallocate(0, 100)); err != nil {
					return err
				}
			}
		}
		return f.Close()
	})
	m.names = append(m.names, name)
	some := m.names[m.rng.IntN(len(m.names))]
	switch ext := path.Ext(some); m.rng.IntN(4) {
	case 0:
		m.both(func(fs vfs.FS) error { return fs.Link(some, "link"+name+ext) })
		m.names = append(m.names, "link"+name+ext)
		m.linked[some], m.linked["link"+name+ext] = true, true
	case 1:
		m.both(func(fs vfs.FS) error { return fs.Rename(some, "renamed"+name+ext) })
		for i := range m.names {
			if m.names[i] == some {
				m.names[i] = "renamed" + name + ext
				m.linked[m.names[i]] = m.linked[some]
			}
		}
	}
}

// compare reads everything back.
func (m *model) compare() {
	t := m.t
	for _, name := range m.names {
		want := read(t, m.plain, name)
		if got := read(t, m.sealed, name); !bytes.Equal(got, want) {
			t.Fatalf("%s has %d bytes, want %d, or others", name, len(got), len(want))
		}
		info, err := m.sealed.Stat(name)
		if err != nil || info.Size() != int64(len(want)) {
			t.Fatalf("%s: Stat: %v, %v; want %d bytes", name, info, err, len(want))
		}
		m.readSome(name, want)
	}
}

// readSome reads a file here and there.
func (m *model) readSome(name string, want []byte) {
	t := m.t
	f, err := m.sealed.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for range 40 {
		off := m.rng.IntN(len(want) + 10)
		p := make([]byte, 1+m.rng.IntN([]int{8, 6000, 300_000}[m.rng.IntN(3)]))
		n, err := f.ReadAt(p, int64(off))
		wantN := min(len(p), max(len(want)-off, 0))
		if n != wantN || (err == io.EOF) != (n < len(p)) || err != nil && err != io.EOF || !bytes.Equal(p[:n], want[min(off, len(want)):][:n]) {
			t.Fatalf("%s: ReadAt of %d bytes at %d of %d: %d, %v", name, len(p), off, len(want), n, err)
		}
	}
}

func read(t testing.TB, fs vfs.FS, name string) []byte {
	t.Helper()
	f, err := fs.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(f)
	if err = errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	return b
}

// write makes a file of parts, each of which is synced.
func write(t testing.TB, fs vfs.FS, name string, parts ...string) {
	t.Helper()
	f, err := fs.Create(name, vfs.WriteCategoryUnspecified)
	for _, p := range parts {
		if err == nil {
			_, err = f.Write([]byte(p))
		}
		if err == nil {
			err = f.Sync()
		}
	}
	if err = errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

// put makes a file with the bytes given.
func put(t testing.TB, fs vfs.FS, name string, b []byte) {
	t.Helper()
	f, err := fs.Create(name, vfs.WriteCategoryUnspecified)
	if err == nil {
		_, err = f.Write(bytes.Clone(b))
	}
	if err = errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

// TestChanges changes sealed files in every way that one who has the disk can.
func TestChanges(t *testing.T) {
	below, keys := vfs.NewMem(), seal.InMemory()
	fs := seal.NewFS(below, keys, isLog)
	one, two := strings.Repeat("a", 10_000), strings.Repeat("b", 10_000)
	write(t, fs, "one", one)
	write(t, fs, "two", two)
	write(t, fs, "one.log", "first ", "second ", "third")
	sealed := read(t, below, "one")
	other := read(t, below, "two")
	for _, name := range []string{"one", "two", "one.log"} {
		if raw := read(t, below, name); bytes.Contains(raw, []byte("aaaa")) || bytes.Contains(raw, []byte("bbbb")) || bytes.Contains(raw, []byte("second")) {
			t.Errorf("%s shows its content", name)
		}
	}
	const header, block = 64, 4096 + 28
	swapped := bytes.Clone(sealed)
	copy(swapped[header:], sealed[header+block:header+2*block])
	copy(swapped[header+block:], sealed[header:header+block])
	foreign := bytes.Clone(sealed)
	copy(foreign[header:header+block], other[header:])
	for name, changed := range map[string][]byte{
		"two blocks swapped": swapped, "a block of another file": foreign,
		"cut at a block": sealed[:header+block], "cut in a block": sealed[:header+block+100], "cut in the header": sealed[:10],
		"cut behind the header": sealed[:header], "bytes at the end": append(bytes.Clone(sealed), 1), "a plain file": []byte(one),
		"zeros": make([]byte, len(sealed)),
	} {
		put(t, below, "changed", changed)
		if got, err := tryRead(fs, "changed"); err == nil {
			t.Errorf("%s: it reads as %d bytes", name, len(got))
		}
	}
	for bit := 0; bit < 8*len(sealed); bit += 7 {
		flipped := bytes.Clone(sealed)
		flipped[bit/8] ^= 1 << (bit % 8)
		put(t, below, "changed", flipped)
		if got, err := tryRead(fs, "changed"); err == nil && (bit/8 < 9 || bit/8 >= 16 || string(got) != one) {
			t.Fatalf("bit %d flipped: it reads", bit)
		}
	}
	if _, err := tryRead(seal.NewFS(below, seal.InMemory(), isLog), "one"); !errors.Is(err, seal.ErrUnknownKey) {
		t.Errorf("with another key: %v", err)
	}
}

// TestTornLog cuts a log and flips its bits: what is before the change is read, and
// nothing else.
func TestTornLog(t *testing.T) {
	below := vfs.NewMem()
	fs := seal.NewFS(below, seal.InMemory(), isLog)
	parts := []string{"first ", "second ", "third"}
	write(t, fs, "one.log", parts...)
	sealed := read(t, below, "one.log")
	whole := strings.Join(parts, "")
	for n := range sealed {
		put(t, below, "torn.log", sealed[:n])
		got, err := tryRead(fs, "torn.log")
		if err != nil || !strings.HasPrefix(whole, string(got)) || len(got) == len(whole) {
			t.Fatalf("cut at byte %d: %q, %v", n, got, err)
		}
		zeros := bytes.Clone(sealed)
		clear(zeros[n:])
		put(t, below, "torn.log", zeros)
		if got, err = tryRead(fs, "torn.log"); n > 8+1 && err != nil && !errors.Is(err, seal.ErrUnknownKey) || !strings.HasPrefix(whole, string(got)) {
			t.Fatalf("zeros from byte %d: %q, %v", n, got, err)
		}
		flipped := bytes.Clone(sealed)
		flipped[n] ^= 16
		put(t, below, "torn.log", flipped)
		if got, err = tryRead(fs, "torn.log"); err == nil && (!strings.HasPrefix(whole, string(got)) || n >= 64 && len(got) == len(whole)) {
			t.Fatalf("byte %d flipped: %q, %v", n, got, err)
		}
	}
}

func tryRead(fs vfs.FS, name string) ([]byte, error) {
	f, err := fs.Open(name)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(f)
	return b, errors.Join(err, f.Close())
}

// TestRecycledLog writes a log over an old one: nothing of that is read, also
// before the new one has anything of its own on disk.
func TestRecycledLog(t *testing.T) {
	below := vfs.NewMem()
	fs := seal.NewFS(below, seal.InMemory(), isLog)
	write(t, fs, "1.log", "old ", "older ", "oldest ")
	size := len(read(t, below, "1.log"))
	f, err := fs.ReuseForWrite("1.log", "2.log", vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte("new ")); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		t.Fatal(err)
	}
	if got := read(t, fs, "2.log"); string(got) != "new " {
		t.Errorf("%q", got)
	}
	if now := len(read(t, below, "2.log")); now != size {
		t.Errorf("the file has %d bytes below, not the %d of the old one", now, size)
	}
}
