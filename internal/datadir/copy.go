package datadir

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// copied is the directory in a backup that is like a data directory.
const copied = "data"

// Progress is called while files are copied or read, with the bytes done and
// those of all files.
type Progress func(done, total int64)

// Copy makes a backup of d at to, which must be empty or absent: a manifest, and
// a copy of d whose store is the directory still, in which nothing changes. It
// does not copy the same file twice. If it fails, nothing stays at to.
func (d *Dir) Copy(ctx context.Context, still, to string, now time.Time, progress Progress) (*Manifest, error) {
	format, err := readFormat(d.path)
	if err == nil {
		err = outside(to, d.path)
	}
	if err == nil {
		err = claim(to)
	}
	if err != nil {
		return nil, err
	}
	c := &copier{ctx: ctx, to: to, progress: progress}
	m := &Manifest{Created: now}
	if m.Files, err = c.store(still, format, d.Keys()); err == nil {
		err = writeSynced(filepath.Join(to, manifestFile), string(m.encode()))
	}
	if err == nil {
		err = errors.Join(syncDir(to), syncAncestors(to))
	}
	if err != nil {
		return nil, errors.Join(cannotCopy(err), os.RemoveAll(filepath.Join(to, copied)), os.RemoveAll(filepath.Join(to, manifestFile)))
	}
	return m, nil
}

func cannotCopy(err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("cannot copy: %w", err)
}

// outside returns an error if the directory to, which need not exist, is dir or
// below it.
func outside(to, dir string) error {
	above, err := filepath.Abs(to)
	if err != nil {
		return err
	}
	data, err := os.Stat(dir)
	if err != nil {
		return err
	}
	for ; ; above = filepath.Dir(above) {
		if real, err := filepath.EvalSymlinks(above); err == nil {
			above = real
		}
		if info, err := os.Stat(above); err == nil && os.SameFile(info, data) {
			return fmt.Errorf("%s is in the data directory %s: give a directory elsewhere, best on another disk", to, dir)
		}
		if above == filepath.Dir(above) {
			return nil
		}
	}
}

// claim makes to an empty directory.
func claim(to string) error {
	if err := makeDir(to); err != nil {
		return err
	}
	entries, err := os.ReadDir(to)
	if err != nil {
		return fmt.Errorf("cannot read %s: %w", to, err)
	}
	for _, e := range entries {
		if e.Name() == copied && isHalf(to) {
			return fmt.Errorf("%s is a backup that was not finished: it may be removed; or give an empty or a new directory", to)
		}
		if e.Name() != "lost+found" {
			return fmt.Errorf("%s is not empty (it holds %s): give an empty or a new directory", to, e.Name())
		}
	}
	return nil
}

// isHalf reports whether dir has what a process leaves there that was killed while
// it made a backup.
func isHalf(dir string) bool {
	if _, err := os.Stat(filepath.Join(dir, manifestFile)); err == nil {
		return false
	}
	entries, err := os.ReadDir(filepath.Join(dir, copied))
	return err == nil && len(entries) > 0 && !slices.ContainsFunc(entries, func(e fs.DirEntry) bool {
		return e.Name() != storeDir && e.Name() != formatFile && e.Name() != keysFile
	})
}

// copier copies files, below to.
type copier struct {
	ctx         context.Context
	to          string
	progress    Progress
	done, total int64
}

// store copies the store in still, the file keys, if there is one, and the format.
// No key was thrown away since still was made.
func (c *copier) store(still string, format int, keys string) (files []File, err error) {
	originals, err := c.look(still)
	if err != nil {
		return nil, err
	}
	for i, o := range originals {
		f := File{Path: copied + "/" + storeDir + "/" + filepath.ToSlash(o.name), Size: o.info.Size()}
		if o.first < i {
			f.Sum, err = files[o.first].Sum, c.link(files[o.first].Path, f.Path)
		} else {
			f.Sum, err = c.copy(filepath.Join(still, o.name), f)
		}
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	if _, err := os.Stat(keys); err == nil {
		f := File{Path: copied + "/" + keysFile}
		before := c.done
		if f.Sum, err = c.copy(keys, f); err != nil {
			return nil, err
		}
		f.Size = c.done - before
		files = append(files, f)
	}
	text := formatText(format)
	f := File{Path: copied + "/" + formatFile, Size: int64(len(text)), Sum: sha256.Sum256([]byte(text))}
	return append(files, f), errors.Join(
		writeSynced(filepath.Join(c.to, copied, formatFile), text), syncBelow(filepath.Join(c.to, copied)))
}

// original is a file to be copied.
type original struct {
	name  string // below the directory
	info  os.FileInfo
	first int // the first of them that is the same file
}

// look returns the files below dir.
func (c *copier) look(dir string) (all []original, err error) {
	names, err := filesBelow(dir)
	same := map[string][]int{} // by name without directory
	for i, name := range names {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		o := original{name, info, i}
		others := same[info.Name()]
		if k := slices.IndexFunc(others, func(k int) bool { return os.SameFile(all[k].info, info) }); k >= 0 && neverChanges(name) {
			o.first = others[k]
		} else {
			same[info.Name()] = append(others, i)
			c.total += info.Size()
		}
		all = append(all, o)
	}
	return all, err
}

// neverChanges reports whether the storage engine leaves a file as it is once it
// is written: then a directory may have it under several names.
func neverChanges(name string) bool { return filepath.Ext(name) == ".sst" }

// filesBelow returns the files below dir, sorted, by their paths below it. The
// lock of a storage engine is none.
func filesBelow(dir string) (names []string, err error) {
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || e.Name() == lockFile {
			return err
		}
		name, err := filepath.Rel(dir, path)
		names = append(names, name)
		return err
	})
	return names, err
}

// copy copies the file at from to where f says, durably, and returns its sum.
func (c *copier) copy(from string, f File) (sum [sha256.Size]byte, err error) {
	to := filepath.Join(c.to, filepath.FromSlash(f.Path))
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return sum, err
	}
	in, err := os.Open(from)
	if err != nil {
		return sum, err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return sum, err
	}
	h := sha256.New()
	_, err = io.Copy(io.MultiWriter(out, h), c.counted(in))
	return [sha256.Size]byte(h.Sum(nil)), errors.Join(err, out.Sync(), out.Close())
}

// link gives a file that was copied another name, or makes another copy where
// the file system cannot.
func (c *copier) link(from, to string) error {
	source, name := filepath.Join(c.to, filepath.FromSlash(from)), filepath.Join(c.to, filepath.FromSlash(to))
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	if os.Link(source, name) == nil {
		return nil
	}
	_, err := c.copy(source, File{Path: to})
	return err
}

// counted returns a reader that tells progress and ends with the context.
func (c *copier) counted(r io.Reader) io.Reader { return &countedReader{c, r} }

type countedReader struct {
	*copier
	in io.Reader
}

func (r *countedReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := r.in.Read(p)
	r.done += int64(n)
	if r.progress != nil {
		r.progress(r.done, r.total)
	}
	return n, err
}

// syncBelow syncs dir and all directories below.
func syncBelow(dir string) error {
	return filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.IsDir() {
			return err
		}
		return syncDir(path)
	})
}

// Verify reads every file of the backup in dir and calls found with what is
// wrong, a file each.
func Verify(ctx context.Context, dir string, found func(error), progress Progress) (*Manifest, error) {
	m, err := ReadManifest(dir)
	if err != nil {
		return nil, err
	}
	c := &copier{ctx: ctx, progress: progress}
	listed := map[string]bool{}
	for _, f := range m.Files {
		listed[f.Path] = true
		c.total += f.Size
	}
	for _, f := range m.Files {
		if err := c.verify(dir, f); ctx.Err() != nil {
			return nil, ctx.Err()
		} else if err != nil {
			found(err)
		}
	}
	names, err := filesBelow(filepath.Join(dir, copied))
	for _, name := range names {
		if path := copied + "/" + filepath.ToSlash(name); !listed[path] {
			found(fmt.Errorf("%s is not in the manifest", filepath.Join(dir, filepath.FromSlash(path))))
		}
	}
	return m, err
}

// Copied returns what the backup in dir is a copy of, if this program can read it.
// It is not locked, and not to be closed.
func Copied(dir string) (*Dir, error) {
	data := filepath.Join(dir, copied)
	return &Dir{path: data}, checkNewest(data)
}

// verify reads one file.
func (c *copier) verify(dir string, f File) error {
	name := filepath.Join(dir, filepath.FromSlash(f.Path))
	in, err := os.Open(name)
	if err != nil {
		return err
	}
	defer in.Close()
	h := sha256.New()
	n, err := io.Copy(h, c.counted(in))
	if err != nil {
		return err
	}
	return f.compare(name, n, [sha256.Size]byte(h.Sum(nil)))
}

// compare reports that what was read under a name is not f.
func (f File) compare(name string, size int64, sum [sha256.Size]byte) error {
	switch {
	case size != f.Size:
		return fmt.Errorf("%s is damaged: it has %d bytes, the manifest says %d", name, size, f.Size)
	case sum != f.Sum:
		return fmt.Errorf("%s is damaged: its SHA-256 is not that of the manifest", name)
	}
	return nil
}

// Restore makes the backup in dir a data directory at to, which must be empty or
// absent, and compares every file with the manifest meanwhile. FORMAT is written
// last: what a crash leaves does not open. If it fails, nothing stays at to.
func Restore(ctx context.Context, dir, to string, progress Progress) (*Manifest, error) {
	m, err := ReadManifest(dir)
	if err == nil {
		err = claim(to)
	}
	if err != nil {
		return nil, err
	}
	lock, err := takeLock(to)
	if err != nil {
		return nil, err
	}
	c := &copier{ctx: ctx, to: to, progress: progress, total: m.Bytes()}
	if err := c.restore(dir, m); err != nil {
		return nil, errors.Join(cannotCopy(err), os.RemoveAll(filepath.Join(to, storeDir)), os.RemoveAll(filepath.Join(to, keysFile)), lock.Close(), os.Remove(lock.Name()))
	}
	return m, lock.Close()
}

func (c *copier) restore(dir string, m *Manifest) error {
	format := 0
	here := map[[sha256.Size]byte]string{} // where files are that never change
	for _, f := range m.Files {
		path, ok := strings.CutPrefix(f.Path, copied+"/")
		if path == formatFile {
			var err error
			if format, err = readFormat(filepath.Join(dir, copied)); err == nil {
				err = c.verify(dir, f)
			}
			if err != nil {
				return err
			}
			continue
		}
		if !ok || !strings.HasPrefix(path, storeDir+"/") && path != keysFile {
			return fmt.Errorf("the manifest has a file %s, which no backup has", f.Path)
		}
		if first, ok := here[f.Sum]; ok && neverChanges(path) {
			if err := c.link(first, path); err != nil {
				return err
			}
			continue
		}
		from := filepath.Join(dir, filepath.FromSlash(f.Path))
		before := c.done
		sum, err := c.copy(from, File{Path: path})
		if err == nil {
			err = f.compare(from, c.done-before, sum)
		}
		if err != nil {
			return err
		}
		if neverChanges(path) {
			here[f.Sum] = path
		}
	}
	if format == 0 || format > 1+len(upgrades) {
		return fmt.Errorf("the backup has format %d, this program reads up to %d: restore it with the version that made it or a later one", format, 1+len(upgrades))
	}
	if err := syncBelow(filepath.Join(c.to, storeDir)); err != nil {
		return err
	}
	return writeFormat(c.to, format)
}
