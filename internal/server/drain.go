package server

import (
	"context"
	"time"
)

// drainStep is how often Shutdown looks whether requests are left, and
// drainGrace how long it lets what is being read or written go on.
const (
	drainStep  = 10 * time.Millisecond
	drainGrace = 2 * time.Second
)

// Shutdown stops listening and returns when the running requests are
// answered and all connections are closed. When ctx ends first, the requests
// are abandoned and its error is returned.
func (s *Server) Shutdown(ctx context.Context) error {
	defer s.cancel()
	stopped := make(chan error, 1)
	bounded, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { stopped <- s.http.ShutdownWithContext(bounded) }()
	tick := time.NewTicker(drainStep)
	defer tick.Stop()
	for quiet := time.Duration(0); quiet < drainGrace; quiet += drainStep {
		select {
		case err := <-stopped:
			return err
		case <-ctx.Done():
			s.open.closeAll()
			return ctx.Err()
		case <-tick.C:
			if s.active.Load() > 0 {
				quiet = 0
			}
		}
	}
	s.open.closeAll()
	return <-stopped
}
