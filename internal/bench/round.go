package bench

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// sampleEvery is how seldom an answer's content is checked.
const sampleEvery = 64

// Stop says when a round ends: after Operations if positive, else after
// Duration.
type Stop struct {
	Duration   time.Duration
	Operations int
}

// Round is what was measured in a round.
type Round struct {
	Operations uint64 // all of them
	Errors     uint64 // of those
	FirstError string
	Elapsed    time.Duration
	Latency    *Histogram
	// Processor time per operation that the server's and this process used;
	// negative if unknown.
	ServerCPU, ClientCPU time.Duration
}

// PerSecond returns the throughput.
func (r *Round) PerSecond() float64 { return float64(r.Operations) / r.Elapsed.Seconds() }

// budget is what is left of a round; clients share it.
type budget struct {
	done     <-chan struct{} // nil: no limit
	limited  bool
	left     atomic.Int64
	deadline time.Time
}

func newBudget(ctx context.Context, stop Stop) *budget {
	b := &budget{done: ctx.Done(), limited: stop.Operations > 0, deadline: time.Now().Add(stop.Duration)}
	b.left.Store(int64(stop.Operations))
	return b
}

// take takes one operation, if there is any left.
func (b *budget) take(now time.Time) bool {
	select {
	case <-b.done:
		return false
	default:
	}
	if b.limited {
		return b.left.Add(-1) >= 0
	}
	return now.Before(b.deadline)
}

// client sends requests of a load on one connection.
type client struct {
	session     *Session
	load        load
	conn        *Conn
	read, write *request // nil if the load has none
	texts       texts
	constant    bool

	sent   uint64
	errors uint64
	first  string // the first error
	lost   error  // of the connection
	took   Histogram
}

// Run sends a load to t, which is the session's server or a Baseline.
func (s *Session) Run(ctx context.Context, t Target, loadName string, stop Stop) (Round, error) {
	l, err := findLoad(loadName)
	if err != nil {
		return Round{}, err
	}
	clients, err := s.clients(ctx, t, l)
	if err != nil {
		return Round{}, err
	}
	server, client := startClock(t.PID), startClock(os.Getpid())
	begin := time.Now()
	work := newBudget(ctx, stop)
	var running sync.WaitGroup
	for _, c := range clients {
		running.Go(func() { c.lost = c.run(work) })
	}
	running.Wait()
	r := Round{Elapsed: time.Since(begin), Latency: new(Histogram)}
	for _, c := range clients {
		err = cmp.Or(err, c.lost)
		r.add(c)
	}
	r.ServerCPU, r.ClientCPU = server.per(r.Operations), client.per(r.Operations)
	return r, cmp.Or(ctx.Err(), err)
}

// clients returns new clients of t, on the connections that there are.
func (s *Session) clients(ctx context.Context, t Target, l load) ([]*client, error) {
	clients := make([]*client, s.Clients)
	for i := range clients {
		if crew := s.crews[t.Address]; i == len(crew) {
			conn, err := dial(ctx, t.Address)
			if err != nil {
				return nil, err
			}
			s.crews[t.Address] = append(crew, conn)
		}
		clients[i] = &client{
			session: s, load: l, conn: s.crews[t.Address][i], constant: t.Constant,
			texts: s.source(uint64(time.Now().UnixNano()) + uint64(i)),
		}
		if l.read != "" {
			clients[i].read = s.request(l.read)
		}
		if l.write != "" {
			clients[i].write = s.request(l.write)
		}
	}
	return clients, nil
}

// add adds what c measured.
func (r *Round) add(c *client) {
	r.Operations += c.sent
	r.Errors += c.errors
	if r.FirstError == "" {
		r.FirstError = c.first
	}
	r.Latency.Merge(&c.took)
}

// run sends requests while there is work. What happens between two requests
// counts as time of the next one, to save reading the clock.
func (c *client) run(work *budget) error {
	now := time.Now()
	for work.take(now) {
		r := c.next()
		status, body, err := c.conn.Exchange(r.bytes, now)
		if err != nil {
			return fmt.Errorf("%s: %w", r.operation, err)
		}
		end := time.Now()
		c.took.Record(end.Sub(now))
		c.judge(r, status, body)
		now = end
	}
	return nil
}

// next prepares a request.
func (c *client) next() *request {
	r := c.write
	if r == nil || c.read != nil && c.texts.rng.Float64() < c.load.reads {
		r = c.read
	}
	item := 0
	if c.load.skewed {
		item = c.session.zipf.Next(c.texts.rng)
	} else {
		item = c.texts.rng.IntN(c.session.Items)
	}
	r.setItem(item, c.session.Items)
	r.setTexts(&c.texts)
	return r
}

// judge counts an answer.
func (c *client) judge(r *request, status int, body []byte) {
	c.sent++
	switch {
	case status != 200:
		c.fault("%s: status %d: %.200s", r.operation, status, body)
	case c.sent%sampleEvery == 1 && !c.constant && !c.session.data.answered(r, body):
		c.fault("%s: not the answer: %.200s", r.operation, body)
	}
}

func (c *client) fault(format string, args ...any) {
	c.errors++
	if c.first == "" {
		c.first = fmt.Sprintf(format, args...)
	}
}

// clock measures the processor time of a process.
type clock struct {
	pid   int
	start time.Duration
	ok    bool
}

func startClock(pid int) clock {
	if pid == 0 {
		return clock{}
	}
	start, ok := cpuTime(pid)
	return clock{pid, start, ok}
}

// per returns the time used since the start, per operation; negative if it is
// not known.
func (c clock) per(operations uint64) time.Duration {
	if !c.ok || operations == 0 {
		return -1
	}
	now, ok := cpuTime(c.pid)
	if !ok {
		return -1
	}
	return (now - c.start) / time.Duration(operations)
}
