package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/statordb/stator/internal/datadir"
)

const (
	base    = "cloudtrail"
	suffix  = ".jsonl"
	current = base + suffix
	stamp   = "20060102T150405Z" // of files that are put aside
	zipped  = ".gz"
)

// files are the files of a log. Only one goroutine uses them; another tidies
// those that are put aside.
type files struct {
	options Options
	path    string // of the current one
	lock    *datadir.Lock
	file    file
	info    os.FileInfo // of file
	size    int64       // of what is whole
	day     time.Time   // of its first record
	torn    bool        // there may be more than size in it

	untidy chan struct{}
	tidied chan struct{} // tidying has ended
}

func openFiles(o Options) (*files, error) {
	f := &files{options: o, path: filepath.Join(o.Dir, current), untidy: make(chan struct{}, 1), tidied: make(chan struct{})}
	if err := f.open(); err != nil {
		return nil, errors.Join(err, f.unlock())
	}
	f.untidy <- struct{}{}
	go f.tidy()
	return f, nil
}

// open opens the current file and makes it whole, or makes one.
func (f *files) open() error {
	if err := os.MkdirAll(f.options.Dir, 0o700); err != nil {
		return err
	}
	if err := f.takeLock(); err != nil {
		return err
	}
	if err := mend(f.path); err != nil {
		return err
	}
	opened, err := f.options.open(f.path)
	if err != nil {
		return err
	}
	info, err := opened.Stat()
	if err == nil {
		err = syncDir(f.options.Dir)
	}
	if err != nil {
		return errors.Join(err, opened.Close())
	}
	f.file, f.info, f.size, f.day, f.torn = opened, info, info.Size(), f.options.Now(), false
	if f.size > 0 {
		f.day = info.ModTime()
	}
	return nil
}

// write appends lines. If it fails, none of them stays.
func (f *files) write(lines []byte, sync bool) error {
	if err := f.ready(int64(len(lines))); err != nil {
		return err
	}
	f.torn = true
	if _, err := f.file.Write(lines); err != nil {
		return errors.Join(err, f.untear())
	}
	if sync {
		if err := f.file.Sync(); err != nil {
			return errors.Join(err, f.untear())
		}
	}
	f.size, f.torn = f.size+int64(len(lines)), false
	return nil
}

// ready makes the current file one that takes n bytes more.
func (f *files) ready(n int64) error {
	if err := f.follow(); err != nil {
		return err
	}
	if f.torn {
		if err := f.untear(); err != nil {
			return err
		}
	}
	if f.size == 0 {
		f.day = f.options.Now()
		return nil
	}
	if f.size+n <= f.options.MaxSize && sameDay(f.day, f.options.Now()) {
		return nil
	}
	return f.rotate()
}

// follow makes the open file the one that is at the path: others may have moved
// it, removed it, or cut it.
func (f *files) follow() error {
	if f.file == nil { // it could not be opened before
		return f.open()
	}
	there, err := os.Stat(f.path)
	if err == nil && os.SameFile(f.info, there) {
		f.size = min(f.size, there.Size())
		return nil
	}
	f.options.Log.Warn("The audit file was moved or removed; its path is opened anew", "path", f.path)
	err = f.file.Close()
	f.file = nil
	return errors.Join(err, f.open())
}

// untear cuts what a failed write has left.
func (f *files) untear() error {
	err := f.file.Truncate(f.size)
	f.torn = err != nil
	return err
}

func sameDay(a, b time.Time) bool {
	return a.UTC().Format(time.DateOnly) == b.UTC().Format(time.DateOnly)
}

// rotate puts the current file aside and starts another.
func (f *files) rotate() error {
	if err := f.file.Sync(); err != nil {
		return err
	}
	err := f.file.Close()
	f.file = nil
	if err == nil {
		err = os.Rename(f.path, f.aside())
	}
	if err != nil {
		return errors.Join(err, f.open())
	}
	select {
	case f.untidy <- struct{}{}:
	default:
	}
	return f.open()
}

// aside returns a name that is not taken.
func (f *files) aside() string {
	at := f.options.Now().UTC().Format(stamp)
	for n := 1; ; n++ {
		name := base + "-" + at
		if n > 1 {
			name += fmt.Sprintf("-%03d", n)
		}
		path := filepath.Join(f.options.Dir, name+suffix)
		if !exists(path) && !exists(path+zipped) {
			return path
		}
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

func (f *files) close() error {
	close(f.untidy)
	<-f.tidied
	if f.file == nil {
		return f.unlock()
	}
	return errors.Join(f.file.Sync(), f.file.Close(), f.unlock())
}

// tidy compresses the files that are put aside, and removes the old ones.
func (f *files) tidy() {
	defer close(f.tidied)
	for range f.untidy {
		if err := f.tidyOnce(); err != nil {
			f.options.Log.Error("Old audit files are not tidied", "error", err)
		}
	}
}

func (f *files) tidyOnce() error {
	old, err := Old(f.options.Dir)
	if err != nil {
		return err
	}
	keep := len(old)
	if f.options.MaxFiles > 0 {
		keep = min(keep, f.options.MaxFiles)
	}
	for i, path := range old {
		var err error
		switch {
		case i < len(old)-keep || f.tooOld(path):
			err = os.Remove(path)
		case f.options.Compress && !strings.HasSuffix(path, zipped):
			err = compress(path)
		}
		if err != nil {
			return errors.Join(err, f.shrink())
		}
	}
	return f.shrink()
}

// shrink removes the oldest of the files that are put aside until the others are
// not larger together than they may be.
func (f *files) shrink() error {
	if f.options.MaxBytes == 0 {
		return nil
	}
	old, err := Old(f.options.Dir)
	if err != nil {
		return err
	}
	var sum int64
	for _, path := range slices.Backward(old) {
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		if sum += info.Size(); sum <= f.options.MaxBytes {
			continue
		}
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	return nil
}

func (f *files) tooOld(path string) bool {
	name := strings.TrimPrefix(filepath.Base(path), base+"-")
	at, err := time.Parse(stamp, name[:min(len(stamp), len(name))])
	return err == nil && f.options.MaxAge > 0 && f.options.Now().Sub(at) > f.options.MaxAge
}

// Old returns the files of a log that have been put aside, the oldest first.
func Old(dir string) ([]string, error) {
	plain, err := filepath.Glob(filepath.Join(dir, base+"-*"+suffix))
	if err != nil {
		return nil, err
	}
	compressed, err := filepath.Glob(filepath.Join(dir, base+"-*"+suffix+zipped))
	all := append(plain, compressed...)
	slices.SortFunc(all, func(a, b string) int {
		return strings.Compare(withoutSuffix(a), withoutSuffix(b))
	})
	return all, err
}

func withoutSuffix(path string) string {
	return strings.TrimSuffix(strings.TrimSuffix(path, zipped), suffix)
}

// compress replaces a file by a compressed one, which is whole when it has its
// name.
func compress(path string) (err error) {
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	temporary := path + zipped + ".tmp"
	out, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	z := gzip.NewWriter(out)
	_, err = io.Copy(z, in)
	if err = errors.Join(err, z.Close(), out.Sync(), out.Close()); err != nil {
		return errors.Join(err, os.Remove(temporary))
	}
	if err := os.Rename(temporary, path+zipped); err != nil {
		return err
	}
	return errors.Join(os.Remove(path), syncDir(filepath.Dir(path)))
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// mend makes the last line of a file whole: what a kill has torn is cut, and a
// record that lacks only its end is given it.
func mend(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	tail, at, err := lastLine(f)
	switch {
	case err != nil || len(tail) == 0:
	case json.Valid(tail):
		_, err = f.WriteAt([]byte("\n"), at+int64(len(tail)))
	default:
		err = f.Truncate(at)
	}
	return errors.Join(err, f.Sync(), f.Close())
}

// lastLine returns what follows the last end of a line, and where it starts.
// More than was ever written at a time is not a torn line.
func lastLine(f *os.File) (tail []byte, at int64, err error) {
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	const step = 64 << 10
	for at = info.Size(); at > 0; {
		n := min(at, step)
		piece := make([]byte, n)
		if _, err := f.ReadAt(piece, at-n); err != nil {
			return nil, 0, err
		}
		at -= n
		if i := bytes.LastIndexByte(piece, '\n'); i >= 0 {
			return append(piece[i+1:], tail...), at + int64(i) + 1, nil
		}
		if tail = append(piece, tail...); len(tail) > 2*maxBatch {
			return nil, 0, fmt.Errorf("%s does not end in a record", f.Name())
		}
	}
	return tail, 0, nil
}
