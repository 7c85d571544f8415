package transfer

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"sync"
)

// errorLog says which records of an import could not be imported, in the lines
// that the service writes to the log group /aws-dynamodb/imports.
type errorLog struct {
	arn string
	dir string // "" for none
	id  string
	mu  struct {
		sync.Mutex
		file  *os.File // nil before the first line
		to    *bufio.Writer
		lines int
	}
}

// mostLines is how many lines a log has: all errors are counted, not all are told.
const mostLines = 10_000

// newErrorLog returns the log of i, in place of what an interrupted run wrote.
func newErrorLog(dir string, i *Import) (*errorLog, error) {
	l := &errorLog{arn: i.ARN(), dir: dir, id: i.ID}
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
		if err := os.MkdirAll(l.dir, 0o700); err != nil {
			return err
		}
		file, err := os.OpenFile(logPath(l.dir, l.id), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
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
