package pebblekv

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/statordb/stator/internal/kv"
)

// failure is the end of a store that cannot write any more. It is also Pebble's
// logger, because that is how Pebble reports such an end.
type failure struct {
	dir     string
	log     *slog.Logger
	onFatal func(error)
	cause   atomic.Pointer[error]
	logged  sync.Map // what once has logged
}

// err returns what every call must answer, or nil while the store is sound.
func (f *failure) err() error {
	if p := f.cause.Load(); p != nil {
		return *p
	}
	return nil
}

// fail ends the store and returns err() from then on. Only the first cause
// counts.
func (f *failure) fail(cause error) error {
	sentence := f.sentence(cause)
	if f.cause.CompareAndSwap(nil, &sentence) {
		f.onFatal(sentence)
	}
	return f.err()
}

func (f *failure) sentence(cause error) error {
	if vfs.IsNoSpaceError(cause) {
		return fmt.Errorf("the disk under %s is full: make room and start again", f.dir)
	}
	return fmt.Errorf("cannot write under %s: %w", f.dir, cause)
}

// exit is the default for Options.OnFatal.
func exit(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// unknown says that the outcome of a commit is not known because of err.
func unknown(err error) error {
	return fmt.Errorf("%w: %w", kv.ErrUnknown, err)
}

// failOnPanic turns a panic inside Pebble's commit, which is how it reports a
// log that it cannot write, into a failure. Defer it with the address of the
// result.
func (f *failure) failOnPanic(result *error) {
	p := recover()
	if p == nil {
		return
	}
	cause, ok := p.(error)
	if !ok {
		cause = fmt.Errorf("%v", p)
	}
	f.log.Error("commit failed", "error", cause, "stack", string(debug.Stack()))
	*result = unknown(f.fail(cause))
}

// Infof implements pebble.Logger. What Pebble tells here is for its developers.
func (f *failure) Infof(string, ...any) {}

// Errorf implements pebble.Logger.
func (f *failure) Errorf(format string, args ...any) {
	f.log.Warn("storage engine reported an error", "error", fmt.Sprintf(format, args...))
}

// Fatalf implements pebble.Logger. Pebble relies on it not to return, except
// after a commit: that reports success then, so every commit asks err().
func (f *failure) Fatalf(format string, args ...any) {
	cause := fmt.Errorf(format, args...)
	for _, a := range args {
		if err, ok := a.(error); ok {
			cause = err
		}
	}
	f.fail(cause)
	if !strings.Contains(format, "commit") {
		select {}
	}
}

// once logs err, without the stack that Pebble's errors have, unless it has been
// logged: Pebble tries again at once what a damaged file has made fail.
func (f *failure) once(level slog.Level, sentence string, err error) {
	text := plain(err).Error()
	if _, again := f.logged.LoadOrStore(sentence+text, true); !again {
		f.log.Log(context.Background(), level, sentence, "error", text)
	}
}

// events returns the listener for what Pebble does in the background.
func (f *failure) events() *pebble.EventListener {
	return &pebble.EventListener{
		BackgroundError: func(err error) {
			f.once(slog.LevelWarn, "background work of the storage engine failed", err)
		},
		DataCorruption: func(info pebble.DataCorruptionInfo) {
			f.once(slog.LevelError, "storage is damaged", fmt.Errorf("%s: %w", info.Path, info.Details))
		},
		DiskSlow: func(info pebble.DiskSlowInfo) {
			f.log.Warn("disk is slow", "path", info.Path, "duration", info.Duration)
		},
		// Pebble would try for ever, while writes pile up behind it and stop.
		// An error that is not the system's can be harmless: a memtable of
		// deletions flushes to nothing, which Pebble reports here too.
		FlushEnd: func(info pebble.FlushInfo) {
			if errno := syscall.Errno(0); errors.As(info.Err, &errno) {
				f.fail(info.Err)
			}
		},
		WriteStallBegin: func(info pebble.WriteStallBeginInfo) {
			f.log.Warn("writes wait for the disk", "reason", info.Reason)
		},
	}
}

// plain returns err as one line, if it says that a file is damaged: Pebble puts
// lines into such an error that carry what is for programs.
func plain(err error) error {
	if !pebble.IsCorruptionError(err) {
		return err
	}
	return plainError{err}
}

type plainError struct{ error }

// Error implements error.
func (p plainError) Error() string {
	return strings.ReplaceAll(p.error.Error(), "\n<corruption detail carrier>", "")
}

// Unwrap returns Pebble's error.
func (p plainError) Unwrap() error { return p.error }
