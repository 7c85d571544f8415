package server

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/statordb/stator/internal/trigger"
)

const copyPath = "/backup"

// Copier makes backups of the whole server, one at a time.
type Copier interface {
	Start(to string) error // an absolute path of this machine; it returns at once
	Status() CopyStatus    // of the newest
	Cancel()               // returns when nothing of it is left
}

// States of a backup of the whole server; "" is that of a server that has made
// none since it started.
const (
	CopyRunning   = "RUNNING"
	CopyDone      = "DONE"
	CopyCancelled = "CANCELLED"
	CopyFailed    = "FAILED"
)

// CopyStatus is how far a backup of the whole server is.
type CopyStatus struct {
	To      string    `json:"to"`
	State   string    `json:"state"`
	Done    int64     `json:"done"`  // bytes copied
	Total   int64     `json:"total"` // bytes to copy, 0 while it is not known
	Error   string    `json:"error,omitempty"`
	Created time.Time `json:"created,omitzero"`
	Files   int       `json:"files,omitempty"`
	Bytes   int64     `json:"bytes,omitempty"`
}

// copies answers /backup: PUT begins one, GET says how far it is, DELETE cancels
// it.
func (s *Server) copies(c *fasthttp.RequestCtx) {
	if s.Copies == nil || !local(c) {
		s.notFound(c)
		return
	}
	switch {
	case c.IsGet():
	case c.IsPut():
		if err := s.startCopy(c); err != nil {
			c.SetStatusCode(fasthttp.StatusBadRequest)
			c.SetBodyString(strings.ReplaceAll(err.Error(), "\n", "; ") + "\n")
			return
		}
	case c.IsDelete():
		s.Copies.Cancel()
	default:
		s.notFound(c)
		return
	}
	c.SetContentType("application/json")
	if err := json.NewEncoder(c).Encode(s.Copies.Status()); err != nil {
		s.Log.Error("answer not encoded", "error", err)
	}
}

func (s *Server) startCopy(c *fasthttp.RequestCtx) error {
	in, err := s.bodies.read(c, maxBody)
	defer in.release()
	if err != nil {
		return err
	}
	var asked struct {
		To string `json:"to"`
	}
	if err := trigger.DecodeStrict(string(in.bytes), &asked); err != nil {
		return err
	}
	return s.Copies.Start(asked.To)
}
