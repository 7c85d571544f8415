package server

import (
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"
)

// connections are the open connections of a server. It counts them where they
// are accepted, before anything is read or encrypted: who is one too many costs
// nothing. It knows them because fasthttp does not close those on which nothing was
// ever sent when it waits for the end of all.
type connections struct {
	limits  Limits
	proxies Proxies
	refused func(reason string)
	log     *slog.Logger
	mu      struct {
		sync.Mutex
		open map[*connection]struct{}
		from map[netip.Addr]int // how many are open, by network
	}
}

// Reasons why a connection is refused.
const (
	tooMany     = "connections"
	tooManyFrom = "connections_per_address"
)

// listener accepts the connections that there is room for.
type listener struct {
	net.Listener
	all *connections
}

// Accept implements net.Listener. A process that has no more files to give, or
// whatever else is wrong for now, does not end the listening.
func (l listener) Accept() (net.Conn, error) {
	for wait := acceptStep; ; {
		c, err := l.Listener.Accept()
		switch {
		case err == nil:
			wait = acceptStep
			if conn := l.all.add(c); conn != nil {
				return conn, nil
			}
		case errors.Is(err, net.ErrClosed):
			return nil, err
		default:
			l.all.log.Error("a connection cannot be accepted", "error", err)
			time.Sleep(wait)
			wait = min(2*wait, time.Second)
		}
	}
}

// acceptStep is how long Accept waits first when something is wrong.
const acceptStep = 5 * time.Millisecond

// add registers c; it closes it and returns nil if there is no room for it.
func (a *connections) add(c net.Conn) net.Conn {
	conn := &connection{Conn: c, all: a, network: networkOf(c.RemoteAddr())}
	if reason := a.register(conn); reason != "" {
		a.refused(reason)
		_ = c.Close() // nothing was sent on it
		return nil
	}
	return conn
}

// register returns why there is no room for c, "" if there is.
func (a *connections) register(c *connection) (reason string) {
	exempt := !c.network.IsValid() || c.network.IsLoopback() || a.proxies.trusts(c.network)
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case len(a.mu.open) >= a.limits.Connections:
		return tooMany
	case !exempt && a.mu.from[c.network] >= a.limits.ConnectionsPerAddress:
		return tooManyFrom
	}
	if a.mu.open == nil {
		a.mu.open, a.mu.from = map[*connection]struct{}{}, map[netip.Addr]int{}
	}
	a.mu.open[c] = struct{}{}
	a.mu.from[c.network]++
	return ""
}

func (a *connections) remove(c *connection) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, open := a.mu.open[c]; !open {
		return
	}
	delete(a.mu.open, c)
	if a.mu.from[c.network]--; a.mu.from[c.network] == 0 {
		delete(a.mu.from, c.network)
	}
}

func (a *connections) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.mu.open)
}

// closeAll closes what is open.
func (a *connections) closeAll() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for c := range a.mu.open {
		_ = c.Conn.Close() // the server is going away
	}
}

// networkOf returns what counts as one address: of IPv6 the first 64 bits, of which
// who has one address mostly has all.
func networkOf(a net.Addr) netip.Addr {
	tcp, is := a.(*net.TCPAddr)
	if !is {
		return netip.Addr{}
	}
	address := tcp.AddrPort().Addr().Unmap().WithZone("")
	if address.Is4() || address.IsLoopback() {
		return address
	}
	network, err := address.Prefix(64)
	if err != nil {
		return address
	}
	return network.Addr()
}

// connection is a registered connection.
type connection struct {
	net.Conn
	all     *connections
	network netip.Addr
}

// Close implements net.Conn.
func (c *connection) Close() error {
	c.all.remove(c)
	return c.Conn.Close()
}
