package server

import (
	"context"
	"net"
	"sync"
	"time"
)

// connections knows the open connections of a server, because fasthttp waits
// for those on which nothing was ever sent and does not close them.
type connections struct {
	mu struct {
		sync.Mutex
		open map[*connection]struct{}
	}
}

// listener registers the connections that it accepts.
type listener struct {
	net.Listener
	all *connections
}

// Accept implements net.Listener.
func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	conn := &connection{Conn: c, all: l.all}
	l.all.mu.Lock()
	defer l.all.mu.Unlock()
	if l.all.mu.open == nil {
		l.all.mu.open = map[*connection]struct{}{}
	}
	l.all.mu.open[conn] = struct{}{}
	return conn, nil
}

// connection is a registered connection.
type connection struct {
	net.Conn
	all *connections
}

// Close implements net.Conn.
func (c *connection) Close() error {
	c.all.mu.Lock()
	delete(c.all.mu.open, c)
	c.all.mu.Unlock()
	return c.Conn.Close()
}

// closeAll closes what is open.
func (a *connections) closeAll() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for c := range a.mu.open {
		_ = c.Conn.Close() // the server is going away
	}
}

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
