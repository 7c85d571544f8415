package bucket

import (
	"cmp"
	"context"
	"crypto/md5"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/statordb/stator/internal/seal"
)

// Dir is a directory whose sub-directories stand for buckets. The object a/b.json
// is the file b.json in the directory a of its bucket: what is copied there is an
// object, and an object is a file to look at. Nothing outside is reached, through
// keys or symbolic links.
type Dir struct {
	*disk
	account string // "" for the server's own
}

// disk is what the buckets of all accounts share.
type disk struct {
	mu struct {
		sync.Mutex
		path    string          // "" until a temporary one is made
		removed bool            // it is temporary, and closed
		cleared map[string]bool // buckets in which nothing is left of what was cut off
	}
	temporary bool
	keys      *seal.Keys // nil: nothing is encrypted
}

// NewDir returns the buckets in the directory at path, which is made at the first
// Put. "" is a temporary one, which Close removes. Objects whose Put asks for
// encryption are sealed under keys; nil has none, and encrypts nothing.
func NewDir(path string, keys *seal.Keys) *Dir {
	d := &Dir{disk: &disk{temporary: path == "", keys: keys}}
	d.mu.path = path
	return d
}

// accounts is the directory, beside the buckets, that has those of other accounts.
// No bucket has its name.
const accounts = ".accounts"

// Of is Store's.
func (d *Dir) Of(account string) Store { return &Dir{d.disk, account} }

// Close removes a temporary directory.
func (d *Dir) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.temporary || d.mu.path == "" || d.mu.removed {
		return nil
	}
	d.mu.removed = true
	return os.RemoveAll(d.mu.path)
}

// root opens the directory of the account's buckets, making it if it is absent and
// create says so.
func (d *Dir) root(create bool) (*os.Root, error) {
	root, err := d.shared(create)
	if err != nil || d.account == "" {
		return root, err
	}
	defer root.Close()
	own := path.Join(accounts, d.account)
	if create {
		if err := root.MkdirAll(own, 0o700); err != nil {
			return nil, err
		}
		if err := errors.Join(syncDir(root, "."), syncDir(root, accounts)); err != nil {
			return nil, err
		}
	}
	return root.OpenRoot(own)
}

// shared opens the directory of all buckets.
func (d *disk) shared(create bool) (*os.Root, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.mu.removed {
		return nil, os.ErrClosed
	}
	switch {
	case d.mu.path != "" && create:
		if err := os.MkdirAll(d.mu.path, 0o700); err != nil {
			return nil, err
		}
	case d.mu.path == "" && create:
		made, err := os.MkdirTemp("", "stator-buckets-")
		if err != nil {
			return nil, err
		}
		d.mu.path = made
	case d.mu.path == "":
		return nil, fs.ErrNotExist
	}
	return os.OpenRoot(d.mu.path)
}

// bucket opens the directory of a bucket, making it if it is absent and create
// says so.
func (d *Dir) bucket(name string, create bool) (*os.Root, error) {
	if name == "" || strings.HasPrefix(name, ".") || strings.ContainsAny(name, "/\\\x00") {
		return nil, fmt.Errorf("bucket %q: %w", name, ErrNoBucket)
	}
	root, err := d.root(create)
	if err == nil {
		defer root.Close()
		if create {
			if err = root.Mkdir(name, 0o700); errors.Is(err, fs.ErrExist) {
				err = nil
			} else if err == nil {
				err = syncDir(root, ".")
			}
		}
	}
	var b *os.Root
	if err == nil {
		b, err = root.OpenRoot(name)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("bucket %q: %w", name, ErrNoBucket)
	}
	return b, denied(err)
}

// denied makes an error of permissions an ErrDenied.
func denied(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%w: %w", ErrDenied, err)
	}
	return err
}

// partial is what the names of files begin with that are being written. They lie
// directly in their bucket and are no objects.
const partial = ".stator-part-"

// maxElement is the longest name of a file in bytes, on Linux and elsewhere.
const maxElement = 255

// checkKey refuses keys that are not the relative path of a file.
func checkKey(key string) error {
	if !fs.ValidPath(key) || key == "." || strings.HasPrefix(key, partial) || strings.ContainsAny(key, "\\\x00") || !utf8.ValidString(key) {
		return fmt.Errorf("key %q: %w", key, ErrKey)
	}
	for element := range strings.SplitSeq(key, "/") {
		if len(element) > maxElement {
			return fmt.Errorf("key %q: %w", key, ErrKey)
		}
	}
	return nil
}

// Put is Store's. The file appears under its name when all of it is on the disk.
func (d *Dir) Put(ctx context.Context, bucket, key string, body io.Reader, o PutOptions) (string, error) {
	if err := checkKey(key); err != nil {
		return "", err
	}
	b, err := d.bucket(bucket, true)
	if err != nil {
		return "", err
	}
	defer b.Close()
	if err := d.clear(bucket, b); err != nil {
		return "", denied(err)
	}
	name := partial + rand.Text()
	var keys *seal.Keys
	if o.Encryption != "" {
		keys = d.keys
	}
	etag, err := writeFile(ctx, b, name, body, keys)
	if err == nil {
		err = install(b, name, key)
	}
	if err != nil {
		return "", errors.Join(denied(err), ignoreAbsent(b.Remove(name)))
	}
	return etag, nil
}

// partialLife is the age of files that nobody is writing any more.
const partialLife = 24 * time.Hour

// clear removes, once, what kills have left in a bucket.
func (d *Dir) clear(bucket string, b *os.Root) error {
	bucket = path.Join(d.account, bucket)
	d.mu.Lock()
	done := d.mu.cleared[bucket]
	if d.mu.cleared == nil {
		d.mu.cleared = map[string]bool{}
	}
	d.mu.cleared[bucket] = true
	d.mu.Unlock()
	if done {
		return nil
	}
	list, err := fs.ReadDir(b.FS(), ".")
	for _, e := range list {
		if !strings.HasPrefix(e.Name(), partial) {
			continue
		}
		if info, gone := e.Info(); gone == nil && time.Since(info.ModTime()) > partialLife {
			err = errors.Join(err, ignoreAbsent(b.Remove(e.Name())))
		}
	}
	return err
}

// writeFile writes body to a new file, sealed if there are keys, and syncs it.
func writeFile(ctx context.Context, b *os.Root, name string, body io.Reader, keys *seal.Keys) (etag string, err error) {
	file, err := b.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	var f seal.SyncedFile = file
	if keys != nil {
		if f, err = keys.Seal(file); err != nil {
			return "", errors.Join(err, file.Close())
		}
	}
	sum := md5.New()
	_, err = io.Copy(io.MultiWriter(f, sum), reader{ctx, body})
	if err == nil {
		err = f.Sync()
	}
	return hex.EncodeToString(sum.Sum(nil)), errors.Join(err, f.Close())
}

// reader reads until ctx ends.
type reader struct {
	ctx  context.Context
	from io.Reader
}

func (r reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.from.Read(p)
}

// install gives the file name its place, and syncs the directories on the way.
func install(b *os.Root, name, key string) error {
	dir := path.Dir(key)
	if err := b.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := b.Rename(name, key); err != nil {
		return err
	}
	for ; ; dir = path.Dir(dir) {
		if err := syncDir(b, dir); err != nil || dir == "." {
			return err
		}
	}
}

func syncDir(root *os.Root, name string) error {
	f, err := root.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func ignoreAbsent(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Open is Store's.
func (d *Dir) Open(_ context.Context, bucket, key string) (io.ReadCloser, error) {
	b, err := d.bucket(bucket, false)
	if err != nil {
		return nil, err
	}
	defer b.Close()
	if err := checkKey(key); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoObject, err)
	}
	if info, err := b.Stat(key); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("key %q: %w", key, ErrNoObject) // opening a pipe would wait
	}
	f, err := b.Open(key)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("key %q: %w", key, ErrNoObject)
	}
	if err != nil {
		return nil, denied(err)
	}
	content, err := d.keys.Unseal(f)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return content, nil
}

// List is Store's.
func (d *Dir) List(ctx context.Context, bucket, prefix string) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		b, err := d.bucket(bucket, false)
		if err != nil {
			yield(Object{}, err)
			return
		}
		defer b.Close()
		walk(ctx, b, "", prefix, yield)
	}
}

// walk yields the objects below the directory dir, "" or ending in a slash, and
// reports whether to go on.
func walk(ctx context.Context, b *os.Root, dir, prefix string, yield func(Object, error) bool) bool {
	entries, err := readDir(b, cmp.Or(strings.TrimSuffix(dir, "/"), "."))
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		yield(Object{}, denied(err))
		return false
	}
	for _, e := range entries {
		key := dir + e.name
		switch {
		case strings.HasSuffix(key, "/"):
			if (strings.HasPrefix(key, prefix) || strings.HasPrefix(prefix, key)) && !walk(ctx, b, key, prefix, yield) {
				return false
			}
		case strings.HasPrefix(key, prefix):
			version := fmt.Sprintf("%d-%d", e.ModTime().UnixNano(), e.Size())
			if !yield(Object{Key: key, Size: e.Size(), Version: version}, nil) {
				return false
			}
		}
	}
	return true
}

// entry is a file or, with a slash behind its name, a directory.
type entry struct {
	name string
	fs.FileInfo
}

// readDir returns the files and directories in dir that objects may be in, in the
// order of the keys that they make.
func readDir(b *os.Root, dir string) ([]entry, error) {
	list, err := fs.ReadDir(b.FS(), dir)
	if err != nil {
		return nil, ignoreAbsent(err) // removed meanwhile
	}
	var entries []entry
	for _, e := range list {
		info, err := b.Stat(path.Join(dir, e.Name())) // of what a link points to
		switch {
		case err != nil || checkKey(e.Name()) != nil:
			// Gone, a link out of the bucket, or what no key can name.
		case info.IsDir() && e.IsDir(): // a link to a directory could lead in a circle
			entries = append(entries, entry{e.Name() + "/", info})
		case info.Mode().IsRegular():
			entries = append(entries, entry{e.Name(), info})
		}
	}
	slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.name, b.name) })
	return entries, nil
}
