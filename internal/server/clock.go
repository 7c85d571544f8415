package server

import (
	"context"
	"encoding/json"
	"time"

	"github.com/valyala/fasthttp"
)

// Clock is a clock that clients on this machine may move.
type Clock interface {
	Now() time.Time
	// MoveClock sets the clock and returns when the work that is due then has
	// been done.
	MoveClock(ctx context.Context, at time.Time) error
}

// clockRequest is the body of PUT /clock: one of the two members.
type clockRequest struct {
	Now     time.Time `json:"now"`     // RFC 3339
	Advance string    `json:"advance"` // a duration: "24h", "90s"
}

// clock answers /clock: GET shows the clock, PUT moves it.
func (s *Server) clock(c *fasthttp.RequestCtx) {
	if s.Clock == nil || !local(c) {
		s.notFound(c)
		return
	}
	if c.IsPut() {
		in, err := s.bodies.read(c, maxBody)
		defer in.release()
		if err != nil {
			s.refuse(c, newRequestID(), err)
			return
		}
		at, err := parseClock(in.bytes, s.Clock.Now())
		if err == nil {
			err = s.Clock.MoveClock(s.base, at)
		}
		if err != nil {
			c.SetStatusCode(fasthttp.StatusBadRequest)
			c.SetBodyString(err.Error() + "\n")
			return
		}
	}
	c.SetContentType("application/json")
	c.SetBodyString(`{"now":"` + s.Clock.Now().UTC().Format(time.RFC3339Nano) + "\"}\n")
}

// parseClock returns the time that a request asks for.
func parseClock(body []byte, now time.Time) (time.Time, error) {
	var in clockRequest
	if err := json.Unmarshal(body, &in); err != nil {
		return now, errClock
	}
	if in.Advance == "" && !in.Now.IsZero() {
		return in.Now, nil
	}
	d, err := time.ParseDuration(in.Advance)
	if err != nil || !in.Now.IsZero() {
		return now, errClock
	}
	return now.Add(d), nil
}

type clockError struct{}

func (clockError) Error() string {
	return `send {"now": "2026-11-01T12:00:00Z"} or {"advance": "24h"}`
}

var errClock = clockError{}
