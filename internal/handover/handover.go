// Package handover hands files to a server on the same machine, and takes files
// from it, through the directory whose sub-directories stand for its buckets.
package handover

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/statordb/stator/internal/bucket"
	"github.com/statordb/stator/internal/check"
)

// Files are files to be imported.
type Files struct {
	Paths       []string
	Bytes       int64
	Format      string   // DYNAMODB_JSON, ION, CSV, or "" if their names do not say
	Compression string   // NONE, GZIP, ZSTD
	Skipped     []string // paths of what is not to be imported, and lies beside
}

// Find returns what is to be imported at path: a file; the files in a directory
// and below, but for those that are hidden or a README; or those of an export,
// which is checked first. progress, unless it is nil, is told of the bytes of an
// export that were checked, and of all.
func Find(ctx context.Context, path string, progress func(done, total int64)) (*Files, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: give a file, a directory of files, or an export", path)
	}
	if info.IsDir() && check.IsExport(path) {
		return fromExport(ctx, path, progress)
	}
	f := &Files{}
	err = filepath.WalkDir(path, func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name != path && isAside(e):
			f.Skipped = append(f.Skipped, name)
			if e.IsDir() {
				return fs.SkipDir
			}
			return nil
		case e.IsDir():
			return nil
		}
		info, err := os.Stat(name)
		if err != nil {
			return err
		}
		return f.add(name, info.Size())
	})
	if err == nil && len(f.Paths) == 0 {
		err = fmt.Errorf("there are no files in %s to import", path)
	}
	if err != nil {
		return nil, err
	}
	return f, nil
}

// isAside reports whether a file, or a directory, is beside those to be imported:
// it is hidden, or tells of them.
func isAside(e fs.DirEntry) bool {
	format, _ := kind(e.Name())
	stem, _, _ := strings.Cut(e.Name(), ".") // nothing, of a hidden one
	return stem == "" || format == "" && !e.IsDir() && slices.Contains([]string{"README", "LICENSE", "NOTICE"}, strings.ToUpper(stem))
}

// InBucket returns what is to be imported of a bucket, with keys for paths: bucket
// is one in dir, the directory of all buckets, and the keys begin with prefix.
func InBucket(ctx context.Context, dir, name, prefix string) (*Files, error) {
	f := &Files{}
	for o, err := range bucket.NewDir(dir, nil).List(ctx, name, prefix) {
		if err == nil {
			err = f.add(o.Key, o.Size)
		}
		if err != nil {
			return nil, err
		}
	}
	return f, nil
}

func fromExport(ctx context.Context, path string, progress func(done, total int64)) (*Files, error) {
	var found []error
	s, err := check.Export(ctx, path, func(err error) { found = append(found, err) }, progress)
	if err = errors.Join(append(found, err)...); err != nil {
		return nil, err
	}
	if s.ExportType == "INCREMENTAL_EXPORT" {
		return nil, fmt.Errorf("%s is an incremental export, which has changes: give a full one", path)
	}
	f := &Files{Format: s.OutputFormat, Compression: "GZIP"}
	for _, data := range s.Files {
		f.Paths = append(f.Paths, data.Path)
		f.Bytes += data.Size
	}
	return f, nil
}

// formats are the formats by the ends of names.
var formats = map[string]string{".json": "DYNAMODB_JSON", ".jsonl": "DYNAMODB_JSON", ".ion": "ION", ".csv": "CSV"}

// compressions are the compressions by the ends of names.
var compressions = map[string]string{".gz": "GZIP", ".zst": "ZSTD"}

// kind returns what a name says of a file.
func kind(name string) (format, compression string) {
	compression, ok := compressions[filepath.Ext(name)]
	if !ok {
		compression = "NONE"
	} else {
		name = strings.TrimSuffix(name, filepath.Ext(name))
	}
	return formats[filepath.Ext(name)], compression
}

// add adds a file, which is like those before.
func (f *Files) add(path string, size int64) error {
	format, compression := kind(path)
	switch {
	case len(f.Paths) == 0:
		f.Format, f.Compression = format, compression
	case format != f.Format || compression != f.Compression:
		return fmt.Errorf("%s and %s are of two kinds: import them one after the other", f.Paths[0], path)
	}
	f.Paths = append(f.Paths, path)
	f.Bytes += size
	return nil
}

// Bucket is a bucket for one handover, in the directory of all buckets.
type Bucket struct{ Dir, Name string }

// NewBucket makes a bucket in dir, which must be there or, as the server makes
// it, in a data directory.
func NewBucket(dir, prefix string) (*Bucket, error) {
	b := &Bucket{dir, prefix + strings.ToLower(rand.Text()[:12])}
	if _, err := os.Stat(filepath.Dir(filepath.Clean(dir))); err != nil {
		return nil, fmt.Errorf("there is no directory %s for buckets: give the server's --bucket-dir, or its --data", dir)
	}
	return b, os.MkdirAll(b.path(), 0o700)
}

func (b *Bucket) path() string { return filepath.Join(b.Dir, b.Name) }

// Prefix begins the keys of files that were put into a bucket.
const Prefix = "files/"

// Put puts files into b, by hard links where the file system can.
func (b *Bucket) Put(ctx context.Context, files *Files, progress func(done, total int64)) error {
	if err := os.MkdirAll(filepath.Join(b.path(), Prefix), 0o700); err != nil {
		return err
	}
	var done int64
	for i, from := range files.Paths {
		to := filepath.Join(b.path(), Prefix, fmt.Sprintf("%06d-%s", i, filepath.Base(from)))
		if os.Link(from, to) != nil {
			if err := copyFile(ctx, from, to); err != nil {
				return err
			}
		}
		if info, err := os.Stat(to); err == nil {
			done += info.Size()
		}
		progress(done, files.Bytes)
	}
	return nil
}

func copyFile(ctx context.Context, from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, readerFunc(func(p []byte) (int, error) {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		return in.Read(p)
	}))
	return errors.Join(err, out.Close())
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// Take moves the export whose manifest has a key to a directory that is not there
// yet. The data of an incremental export, which it has beside its own directory,
// comes to where others have theirs: below.
func (b *Bucket) Take(ctx context.Context, manifest, to string) error {
	from := filepath.Join(b.path(), filepath.Dir(filepath.FromSlash(manifest)))
	err := move(ctx, from, to)
	if beside := filepath.Join(filepath.Dir(from), dataDir); err == nil {
		if _, absent := os.Stat(beside); absent == nil {
			err = move(ctx, beside, filepath.Join(to, dataDir))
		}
	}
	if err != nil {
		return errors.Join(err, os.RemoveAll(to)) // a part is not to be taken for the whole
	}
	return nil
}

// dataDir is where an export has its data files.
const dataDir = "data"

// move moves a directory, to a directory that is not there yet.
func move(ctx context.Context, from, to string) error {
	if err := os.MkdirAll(filepath.Dir(filepath.Clean(to)), 0o700); err != nil {
		return err
	}
	if os.Rename(from, to) == nil {
		return nil
	}
	return filepath.WalkDir(from, func(name string, e fs.DirEntry, err error) error {
		below, failed := filepath.Rel(from, name)
		if err = errors.Join(err, failed); err != nil {
			return err
		}
		target := filepath.Join(to, below)
		if e.IsDir() {
			return os.MkdirAll(target, 0o700)
		}
		return copyFile(ctx, name, target)
	})
}

// Remove removes b and what is in it.
func (b *Bucket) Remove() error { return os.RemoveAll(b.path()) }
