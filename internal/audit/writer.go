package audit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/google/uuid"
)

// Options say where and how records are written.
type Options struct {
	Dir    string // made if it is not there
	Values bool   // records have the values of keys

	MaxSize  int64         // of a file, in bytes; 64 MiB if 0
	MaxFiles int           // that are kept beside the current one; all if 0
	MaxAge   time.Duration // of those; any if 0
	MaxBytes int64         // of those together; any if 0
	Compress bool          // those

	// Strangers is how many records there are in a second of requests of who is not
	// known, 50 if 0. Those of five seconds may come at once. Of the others there is
	// a count, once a second.
	Strangers int

	Now   func() time.Time // time.Now if nil
	NewID func() string    // of events; random UUIDs if nil
	Log   *slog.Logger     // slog.Default() if nil

	open func(path string) (file, error) // to append; openFile if nil
}

const (
	defaultSize = 64 << 20

	// maxBatch is how much waits to be written at most, beside what is being
	// written; who comes then waits to be let in.
	maxBatch = 1 << 20
)

// ErrClosed is the error of a Record after Close.
var ErrClosed = errors.New("the audit log is closed")

// Writer writes records. Its methods may be called by many at a time.
type Writer struct {
	options Options
	files   *files

	wake chan struct{} // there is a batch
	done chan struct{} // run has returned

	mu struct {
		sync.Mutex
		next   *batch // that is being filled, nil for none
		closed bool
		strangers
	}
}

// batch is lines that are written together.
type batch struct {
	lines []byte
	sync  bool          // one of them is of a change
	done  chan struct{} // closed when err is known
	err   error
}

// Open opens the log in a directory, and makes good what a kill has left torn.
func Open(o Options) (*Writer, error) {
	if o.MaxSize == 0 {
		o.MaxSize = defaultSize
	}
	if o.Strangers == 0 {
		o.Strangers = defaultStrangers
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.NewID == nil {
		o.NewID = uuid.NewString
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.open == nil {
		o.open = openFile
	}
	f, err := openFiles(o)
	if err != nil {
		return nil, fmt.Errorf("open the audit log: %w", err)
	}
	w := &Writer{options: o, files: f, wake: make(chan struct{}, 1), done: make(chan struct{})}
	w.mu.strangers = newStrangers(o.Strangers, o.Now())
	go w.run()
	return w, nil
}

// Record writes e. When it returns nil, the record is in the file, and synced if
// e has changed something; or e is a stranger's, of whom there are too many. If ctx
// ends first, the record may be written or not.
func (w *Writer) Record(ctx context.Context, e Event) error {
	if e.Stranger && !w.admit() {
		return nil
	}
	line, err := e.line(w.options.NewID(), w.options.Values)
	if err != nil {
		return fmt.Errorf("make an audit record: %w", err)
	}
	for {
		b, joined, err := w.join(line, e.changes())
		if err != nil {
			return err
		}
		select {
		case <-b.done:
			if joined {
				return b.err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// admit reports whether a stranger's request gets a record.
func (w *Writer) admit() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.mu.admit(w.options.Now())
}

// join adds a line to the next batch; joined is false if that is full.
func (w *Writer) join(line []byte, sync bool) (b *batch, joined bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.mu.closed {
		return nil, false, ErrClosed
	}
	if w.mu.next == nil {
		w.mu.next = &batch{done: make(chan struct{})}
		select {
		case w.wake <- struct{}{}:
		default:
		}
	}
	b = w.mu.next
	if len(b.lines) > 0 && len(b.lines)+len(line) > maxBatch {
		return b, false, nil
	}
	b.lines, b.sync = append(b.lines, line...), b.sync || sync
	return b, true, nil
}

// take returns the batch that is to be written, nil for none. It has the summary if
// that is due, and when nothing follows.
func (w *Writer) take(due bool) (b *batch, closed bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	b, w.mu.next = w.mu.next, nil
	if due || w.mu.closed {
		if line := w.mu.summary(w.options.NewID(), w.options.Now()); line != nil {
			if b == nil {
				b = &batch{done: make(chan struct{})}
			}
			b.lines = append(b.lines, line...)
		}
	}
	return b, w.mu.closed
}

// run writes batches until the writer is closed.
func (w *Writer) run() {
	defer close(w.done)
	tick := time.NewTicker(summaryInterval)
	defer tick.Stop()
	for {
		due := false
		select {
		case <-w.wake:
		case <-tick.C:
			due = true
		}
		b, closed := w.take(due)
		if b != nil {
			if b.err = w.files.write(b.lines, b.sync); b.err != nil {
				w.options.Log.Error("Audit records are not written", "error", b.err)
				b.err = fmt.Errorf("write an audit record: %w", b.err)
			}
			close(b.done)
		}
		if closed {
			return
		}
	}
}

// Close writes what waits, and closes the log.
func (w *Writer) Close() error {
	w.mu.Lock()
	again := w.mu.closed
	w.mu.closed = true
	w.mu.Unlock()
	if again {
		return ErrClosed
	}
	select {
	case w.wake <- struct{}{}:
	default:
	}
	<-w.done
	return w.files.close()
}

// file is an *os.File, or one that fails, for tests.
type file interface {
	Stat() (os.FileInfo, error)
	Write([]byte) (int, error)
	Truncate(size int64) error
	Sync() error
	Close() error
}

func openFile(path string) (file, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
}
