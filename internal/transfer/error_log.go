package transfer

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// errorLog says which records of an import could not be imported, in the lines
// that the service writes to the log group /aws-dynamodb/imports.
type errorLog struct {
	arn string
	dir string // "" for none
	fs  vfs.FS
	id  string
	mu  struct {
		sync.Mutex
		file  vfs.File // nil before the first line
		to    *bufio.Writer
		lines int
	}
}

// mostLines is how many lines a log has: all errors are counted, not all are told.
const mostLines = 10_000

// newErrorLog returns the log of i, in place of what an interrupted run wrote.
func newErrorLog(fs vfs.FS, dir string, i *Import) (*errorLog, error) {
	l := &errorLog{arn: i.ARN(), dir: dir, fs: fs, id: i.ID}
	return l, removeLog(dir, i.ID)
}

func logPath(dir, id string) string { return filepath.Join(dir, id+".jsonl") }

// removeLog removes the log of the import with an id, if there is one.
func removeLog(dir, id string) error {
	if dir == "" {
		return nil
	}
	if err := os.Remove(logPath(dir, id)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// errorLine is a line of the log.
type errorLine struct {
	ItemS3Pointer pointer  `json:"itemS3Pointer"`
	ImportARN     string   `json:"importArn,omitempty"`
	ErrorMessages []string `json:"errorMessages"`
}

// add adds a line.
func (l *errorLog) add(at pointer, why error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mu.lines++; l.dir == "" || l.mu.lines > mostLines {
		return nil
	}
	if l.mu.file == nil {
		if err := l.fs.MkdirAll(l.dir, 0o700); err != nil {
			return err
		}
		file, err := l.fs.Create(logPath(l.dir, l.id), vfs.WriteCategoryUnspecified)
		if err != nil {
			return err
		}
		l.mu.file, l.mu.to = file, bufio.NewWriter(file)
	}
	line, err := json.Marshal(errorLine{at, l.arn, []string{why.Error()}})
	if err != nil {
		return err
	}
	_, err = l.mu.to.Write(append(line, '\n'))
	return err
}

// close writes what is left.
func (l *errorLog) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mu.file == nil {
		return nil
	}
	return errors.Join(l.mu.to.Flush(), l.mu.file.Sync(), l.mu.file.Close())
}
