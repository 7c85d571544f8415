package server

import (
	"cmp"
	"time"
)

// Limits of a request. (Observed at the service.)
const (
	maxBody   = 16 << 20
	maxHeader = 16 << 10
)

// Limits bound what clients can make a server hold, and for how long. A member that
// is zero has its default.
type Limits struct {
	// Connections are how many may be open: 16,384, or half as many as the process
	// may have open files, if that is less.
	Connections int
	// ConnectionsPerAddress are how many may be open from one address, or from one
	// IPv6 network of 64 bits: a quarter of Connections. Loopback and trusted proxies
	// may have all.
	ConnectionsPerAddress int
	// Bodies is the memory for the bodies of all requests being served, 1 GiB.
	Bodies int64
	// Read is the time for a handshake of TLS, and for a whole request from its
	// first byte; Write is the time to take an answer: one minute each.
	Read, Write time.Duration
	// Idle is how long a connection may wait for its next request: five minutes.
	Idle time.Duration
}

const maxConnections = 16384

func (l Limits) withDefaults() Limits {
	l.Connections = cmp.Or(l.Connections, min(maxConnections, openFiles()/2))
	l.ConnectionsPerAddress = cmp.Or(l.ConnectionsPerAddress, max(l.Connections/4, 1))
	l.Bodies = cmp.Or(l.Bodies, 1<<30)
	l.Read, l.Write, l.Idle = cmp.Or(l.Read, time.Minute), cmp.Or(l.Write, time.Minute), cmp.Or(l.Idle, 5*time.Minute)
	return l
}
