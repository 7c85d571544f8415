package stator

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"github.com/statordb/stator/internal/datadir"
	"github.com/statordb/stator/internal/server"
)

// ErrInUse is in the error for a data directory that a server has open.
var ErrInUse = datadir.ErrInUse

// CopyReport is what a backup of a whole server holds.
type CopyReport struct {
	Directory string    `json:"directory"`
	Created   time.Time `json:"created"`
	Files     int       `json:"files"`
	Bytes     int64     `json:"bytes"` // a file that is there under several names counts once
}

func newCopyReport(dir string, m *datadir.Manifest) *CopyReport {
	return &CopyReport{Directory: dir, Created: m.Created.UTC(), Files: len(m.Files), Bytes: m.Bytes()}
}

// Copy makes a backup of the whole server in the directory to, which must be
// empty or absent: all tables, their backups and everything else in the data
// directory but its buckets, as they are at one instant of the call. Requests
// do not wait. progress, unless it is nil, is told of the bytes copied and of
// all. If Copy fails, nothing stays at to.
func (s *Server) Copy(ctx context.Context, to string, progress func(done, total int64)) (*CopyReport, error) {
	return s.storage.copy(ctx, to, s.config.Now(), progress)
}

// CopyData is Server.Copy for a data directory that no server has open; e is for
// one that is encrypted.
func CopyData(ctx context.Context, dataDir, to string, e Encryption, progress func(done, total int64)) (*CopyReport, error) {
	dir, err := datadir.OpenToRead(dataDir) // it is not made
	if err == nil {
		err = dir.Close()
	}
	if err != nil {
		return nil, err
	}
	s, err := openStorage(Config{DataDir: dataDir, Encryption: e, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	report, err := s.copy(ctx, to, time.Now(), progress)
	return report, errors.Join(err, s.close())
}

// RestoreData makes a data directory at dataDir, which must be empty or absent,
// of the backup of a whole server in from, and compares every file with the
// backup's manifest meanwhile. What is encrypted stays so, under the same key. If it fails, nothing stays at dataDir.
func RestoreData(ctx context.Context, from, dataDir string, progress func(done, total int64)) (*CopyReport, error) {
	m, err := datadir.Restore(ctx, from, dataDir, progress)
	if err != nil {
		return nil, err
	}
	return newCopyReport(dataDir, m), nil
}

func (s storage) copy(ctx context.Context, to string, now time.Time, progress func(done, total int64)) (*CopyReport, error) {
	if s.disk == nil {
		return nil, errors.New("the server keeps its data in memory: only one with a data directory can be copied")
	}
	still, release, err := s.disk.Still(ctx)
	if err != nil {
		return nil, err
	}
	m, err := s.dir.Copy(ctx, still, to, now, progress)
	if err = errors.Join(err, release()); err != nil {
		return nil, err
	}
	return newCopyReport(to, m), nil
}

// copies is the copy that a program on this machine asked for, one at a time.
type copies struct {
	server *Server
	mu     struct {
		sync.Mutex
		status server.CopyStatus
		stop   context.CancelFunc // nil: none is being made
		ended  chan struct{}      // closed when the one that is being made has ended
		closed bool
	}
}

// Start implements server.Copier.
func (c *copies) Start(to string) error {
	if !filepath.IsAbs(to) {
		return fmt.Errorf("the directory %q is not absolute", to)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.stop != nil || c.mu.closed {
		return errors.New("a backup is being made already")
	}
	ctx, stop := context.WithCancel(context.Background())
	c.mu.stop, c.mu.ended, c.mu.status = stop, make(chan struct{}), server.CopyStatus{To: to, State: server.CopyRunning}
	go func() {
		defer stop()
		report, err := c.server.Copy(ctx, to, c.progress)
		c.finish(ctx, report, err)
	}()
	return nil
}

func (c *copies) progress(done, total int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.status.Done, c.mu.status.Total = done, total
}

func (c *copies) finish(ctx context.Context, report *CopyReport, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	status := &c.mu.status
	switch {
	case err == nil:
		status.State, status.Created, status.Files, status.Bytes = server.CopyDone, report.Created, report.Files, report.Bytes
	case ctx.Err() != nil:
		status.State = server.CopyCancelled
	default:
		status.State, status.Error = server.CopyFailed, oneLine(err)
		c.server.config.Log.Error("backup of the whole server failed", "to", status.To, "error", err)
	}
	c.mu.stop = nil
	close(c.mu.ended)
}

// Status implements server.Copier.
func (c *copies) Status() server.CopyStatus {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mu.status
}

// Cancel implements server.Copier.
func (c *copies) Cancel() {
	c.mu.Lock()
	stop, ended := c.mu.stop, c.mu.ended
	c.mu.Unlock()
	if stop != nil {
		stop()
		<-ended
	}
}

// close cancels the copy that is being made, and allows no other.
func (c *copies) close() {
	c.mu.Lock()
	c.mu.closed = true
	c.mu.Unlock()
	c.Cancel()
}
