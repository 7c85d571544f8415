package pebblekv

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"

	"github.com/cespare/xxhash/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// The files that Pebble appends to, its write-ahead logs and its manifests, end
// where the first record is that cannot be read: so it recognises what a power
// cut left half written, and so a bit that flipped in the last records, or
// anywhere in a manifest, would take writes away without a word. Therefore the
// file SYNCED says how much of each such file was synced, and the hash of that.
// It is written after each sync and need not be synced itself: what it says
// stays true. What was frozen has one too, which speaks of whole files.
//
// It has a slot for each file: the file, the length, their hash, and the hash
// of the slot. A slot that is not whole says nothing.
const (
	syncedName  = "SYNCED"
	slotBytes   = 4 * 8
	slots       = 64
	manifestBit = 1 << 63 // of a file's number: it is a manifest
)

// appendedFile returns the number by which SYNCED knows a file, 0 for one that
// it does not speak of.
func appendedFile(name string) uint64 {
	digits, bit := "", uint64(0)
	if d, ok := strings.CutSuffix(name, ".log"); ok {
		digits = d
	} else if d, ok := strings.CutPrefix(name, "MANIFEST-"); ok {
		digits, bit = d, manifestBit
	}
	n, err := strconv.ParseUint(digits, 10, 62)
	if err != nil {
		return 0
	}
	return n | bit
}

// slot is what SYNCED says of a file.
type slot struct{ file, length, hash uint64 }

// offset returns where in SYNCED the slot of a file is. Numbers of files that
// are in use at the same time are close together; the manifest, of which there
// is one, has a half for itself.
func (s slot) offset() int64 {
	half := s.file >> 63 * (slots / 2)
	return slotBytes * int64(half+s.file%(slots/2))
}

func (s slot) encode() []byte {
	b := make([]byte, 0, slotBytes)
	for _, n := range []uint64{s.file, s.length, s.hash} {
		b = binary.LittleEndian.AppendUint64(b, n)
	}
	return binary.LittleEndian.AppendUint64(b, xxhash.Sum64(b))
}

func decodeSlot(b []byte) (s slot, ok bool) {
	for i, n := range []*uint64{&s.file, &s.length, &s.hash} {
		*n = binary.LittleEndian.Uint64(b[8*i:])
	}
	return s, s.file != 0 && xxhash.Sum64(b[:slotBytes-8]) == binary.LittleEndian.Uint64(b[slotBytes-8:])
}

// synced writes SYNCED.
type synced struct{ file vfs.File }

func openSynced(files vfs.FS, dir string) (*synced, error) {
	f, err := files.OpenReadWrite(files.PathJoin(dir, syncedName), vfs.WriteCategoryUnspecified)
	if err != nil {
		return nil, err
	}
	return &synced{f}, nil
}

func (s *synced) write(w slot) error {
	_, err := s.file.WriteAt(w.encode(), w.offset())
	return err
}

// finish makes SYNCED durable too.
func (s *synced) finish() error {
	if s == nil {
		return nil
	}
	return errors.Join(s.file.Sync(), s.file.Close())
}

// readSynced returns what SYNCED says of the files in dir, nothing if there is
// no such file.
func readSynced(files vfs.FS, dir string) (all []slot, err error) {
	b, err := readFile(files, files.PathJoin(dir, syncedName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for ; len(b) >= slotBytes; b = b[slotBytes:] {
		if s, ok := decodeSlot(b); ok {
			all = append(all, s)
		}
	}
	return all, nil
}

func readFile(files vfs.FS, path string) ([]byte, error) {
	f, err := files.Open(path)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(f)
	return b, errors.Join(err, f.Close())
}

// errDamaged is in the error for a file that does not hold what was written.
var errDamaged = errors.New("is damaged: it does not hold what was written")

// checkSynced checks the files in dir of which SYNCED speaks.
func checkSynced(files vfs.FS, dir string) error {
	said, err := readSynced(files, dir)
	if err != nil {
		return err
	}
	names, err := files.List(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var errs []error
	for _, name := range names {
		number := appendedFile(name)
		for _, s := range said {
			if s.file == number {
				errs = append(errs, s.check(files, files.PathJoin(dir, name)))
			}
		}
	}
	return errors.Join(errs...)
}

// check checks the start of a file.
func (s slot) check(files vfs.FS, path string) error {
	hash, length, err := hashFile(files, path, int64(s.length))
	switch {
	case err != nil:
		return err
	case length < s.length:
		return fmt.Errorf("%s %w: it has %d bytes of %d", path, errDamaged, length, s.length)
	case hash != s.hash:
		return fmt.Errorf("%s %w in its first %d bytes", path, errDamaged, s.length)
	}
	return nil
}

// hashFile returns the hash of a file's first bytes and how many there were.
func hashFile(files vfs.FS, path string, most int64) (hash, length uint64, err error) {
	f, err := files.Open(path)
	if err != nil {
		return 0, 0, err
	}
	h := xxhash.New()
	n, err := io.Copy(h, io.LimitReader(f, most))
	return h.Sum64(), uint64(n), errors.Join(err, f.Close())
}

// writeSynced writes a SYNCED for the files in dir as they are.
func writeSynced(files vfs.FS, dir string) error {
	names, err := files.List(dir)
	if err != nil {
		return err
	}
	s, err := openSynced(files, dir)
	if err != nil {
		return err
	}
	var errs []error
	for _, name := range names {
		if number := appendedFile(name); number != 0 {
			hash, length, err := hashFile(files, files.PathJoin(dir, name), 1<<62)
			errs = append(errs, err, s.write(slot{number, length, hash}))
		}
	}
	return errors.Join(append(errs, s.finish(), syncDir(files, dir))...)
}
