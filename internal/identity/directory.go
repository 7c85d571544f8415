package identity

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// DefaultPath is where the file is unless somebody says otherwise. It is not in
// the data directory: a copy of the data needs no credentials, and somebody who
// removes the data does not mean them.
const DefaultPath = "stator-iam/iam.json"

// reloadEvery is how often Run looks at the file.
const reloadEvery = time.Second

// Options are what a Directory is made of.
type Options struct {
	Path string // of the file
	// Key is that of the file, 32 bytes; nil for that in STATOR_IAM_KEY or in the
	// key file beside it.
	Key []byte
	// WithoutSecrets leaves secrets sealed: nobody can be looked up, and the key
	// is not needed.
	WithoutSecrets bool
	Now            func() time.Time // nil for time.Now
	Log            *slog.Logger     // nil for slog.Default
}

// Directory is who there is. It is safe for concurrent use.
type Directory struct {
	o        Options
	state    atomic.Pointer[state]
	sessions sessionCache

	reload struct {
		sync.Mutex
		seen  [2]stamp // of the file and of its key, when they were read last
		wrong error    // of what was read then
	}
}

// stamp tells versions of a file apart. That of a file that is not there is
// zero.
type stamp struct {
	info os.FileInfo
	at   time.Time
	size int64
}

func stampOf(path string) (s stamp, err error) {
	s.info, err = os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return stamp{}, nil
	}
	if err == nil {
		s.at, s.size = s.info.ModTime(), s.info.Size()
	}
	return s, err
}

func (s stamp) same(o stamp) bool {
	if s.info == nil || o.info == nil {
		return s.info == nil && o.info == nil
	}
	return s.at.Equal(o.at) && s.size == o.size && os.SameFile(s.info, o.info)
}

// Open reads the file of o. Where there is none there is nobody, until one is
// made.
func Open(o Options) (*Directory, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	d := &Directory{o: o}
	empty, err := compile(&File{}, nil, 0)
	if err != nil {
		return nil, err
	}
	d.state.Store(empty)
	return d, d.Reload()
}

// Run follows the file until ctx is done.
func (d *Directory) Run(ctx context.Context) {
	tick := time.NewTicker(reloadEvery)
	defer tick.Stop()
	said := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			said = d.follow(said)
		}
	}
}

// errGone is what is wrong with a file that was removed.
var errGone = errors.New("it was removed")

// follow looks at the file, and logs what is wrong with it unless that was said
// already, or that nothing is wrong any more. It returns what is said then, "" for
// nothing.
func (d *Directory) follow(said string) string {
	err, text := d.Reload(), ""
	if err != nil {
		text = err.Error()
	}
	switch {
	case text == said:
	case err == nil:
		d.o.Log.Info("the IAM file is good again; what it says holds", "path", d.o.Path)
	case errors.Is(err, errGone):
		d.o.Log.Warn("the IAM file is gone; what it said before holds", "path", d.o.Path)
	default:
		d.o.Log.Error("the IAM file is broken; what it said before holds", "error", err)
	}
	return text
}

// Reload looks whether the file or its key has changed, and reads it if so. It
// returns what is wrong with the file for as long as it is; then nothing changes.
// A file that was removed is one that is wrong: to have nobody, say so in it.
func (d *Directory) Reload() error {
	d.reload.Lock()
	defer d.reload.Unlock()
	file, err := stampOf(d.o.Path)
	if err != nil {
		return fmt.Errorf("look at the IAM file: %w", err)
	}
	key, err := stampOf(KeyPath(d.o.Path))
	if err != nil {
		return fmt.Errorf("look at the IAM key: %w", err)
	}
	seen := [2]stamp{file, key}
	switch {
	case file.info == nil && d.reload.seen[0].info == nil: // there was none
		return nil
	case file.info == nil:
		return fmt.Errorf("%s: %w", d.o.Path, errGone)
	case file.same(d.reload.seen[0]) && key.same(d.reload.seen[1]):
		return d.reload.wrong
	}
	d.reload.seen, d.reload.wrong = seen, nil
	if err := d.read(); err != nil {
		d.reload.wrong = fmt.Errorf("%s: %w", d.o.Path, err)
	}
	return d.reload.wrong
}

func (d *Directory) read() error {
	text, err := os.ReadFile(d.o.Path)
	if err != nil {
		return err
	}
	f, err := Parse(text)
	if err != nil {
		return err
	}
	keys, err := d.openKeys()
	if err != nil {
		return err
	}
	next, err := compile(f, keys, d.state.Load().generation+1)
	if err != nil {
		return err
	}
	d.state.Store(next)
	return nil
}

func (d *Directory) openKeys() (*keyring, error) {
	if d.o.WithoutSecrets {
		return nil, nil
	}
	if d.o.Key != nil {
		return newKeyring(d.o.Key)
	}
	keys, err := readKeys(d.o.Path)
	if err != nil {
		return nil, err
	}
	return newKeyring(keys...)
}
