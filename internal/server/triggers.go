package server

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/valyala/fasthttp"

	"github.com/statordb/stator/internal/trigger"
)

const triggersPath = "/triggers"

// triggers answers /triggers: GET lists them, GET, PUT and DELETE of
// /triggers/NAME show, store and remove one.
func (s *Server) triggers(c *fasthttp.RequestCtx) {
	if s.Triggers == nil || !local(c) {
		s.notFound(c)
		return
	}
	name := strings.Trim(strings.TrimPrefix(string(c.Path()), triggersPath), "/")
	var answer any
	var err error
	switch {
	case c.IsGet() && name == "":
		answer = s.Triggers.List()
	case c.IsGet():
		answer, err = s.Triggers.Get(name)
	case c.IsPut():
		answer, err = s.putTrigger(c, name)
	case c.IsDelete():
		answer, err = struct{}{}, s.Triggers.Delete(s.base, name)
	default:
		s.notFound(c)
		return
	}
	if err != nil {
		c.SetStatusCode(fasthttp.StatusBadRequest)
		if errors.Is(err, trigger.ErrNotFound) {
			c.SetStatusCode(fasthttp.StatusNotFound)
		}
		c.SetBodyString(strings.ReplaceAll(err.Error(), "\n", "; ") + "\n")
		return
	}
	c.SetContentType("application/json")
	e := json.NewEncoder(c)
	e.SetIndent("", "    ")
	if err := e.Encode(answer); err != nil {
		s.Log.Error("answer not encoded", "error", err)
	}
}

func (s *Server) putTrigger(c *fasthttp.RequestCtx, name string) (trigger.Status, error) {
	var t trigger.Trigger
	in, err := s.bodies.read(c, maxBody)
	defer in.release()
	if err != nil {
		return trigger.Status{}, err
	}
	if err := trigger.DecodeStrict(string(in.bytes), &t); err != nil {
		return trigger.Status{}, err
	}
	t.Name = name
	if err := s.Triggers.Put(s.base, t); err != nil {
		return trigger.Status{}, err
	}
	return s.Triggers.Get(name)
}
