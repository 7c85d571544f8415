package bench

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
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
	ended      *atomic.Bool // instead of both: ends the round when it is true
}

// Round is what was measured in a round.
type Round struct {
	Operations uint64 // all of them
	Errors     uint64 // of those
	Conflicts  uint64 // of those: refused because of another client's transaction
	FirstError string
	Elapsed    time.Duration
	Latency    *Histogram
	// Processor time per operation that the server's and this process used;
	// negative if unknown.
	ServerCPU, ClientCPU time.Duration
}

// PerSecond returns the throughput, without conflicts.
func (r *Round) PerSecond() float64 { return float64(r.Operations-r.Conflicts) / r.Elapsed.Seconds() }

// budget is what is left of a round; clients share it.
type budget struct {
	done     <-chan struct{} // nil: no limit
	limited  bool
	left     atomic.Int64
	deadline time.Time
	ended    *atomic.Bool // nil: limited or deadline says it
}

func newBudget(ctx context.Context, stop Stop) *budget {
	b := &budget{
		done: ctx.Done(), limited: stop.Operations > 0, deadline: time.Now().Add(stop.Duration), ended: stop.ended,
	}
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
	switch {
	case b.ended != nil:
		return !b.ended.Load()
	case b.limited:
		return b.left.Add(-1) >= 0
	}
	return now.Before(b.deadline)
}

// client sends requests of a load on one connection.
type client struct {
	data        *dataset
	zipf        *Zipfian
	load        load
	conn        *Conn
	read, write *request // nil if the load has none
	texts       texts
	constant    bool
	low, span   int // the client's own items, for a load that is apart

	sent      uint64
	errors    uint64
	conflicts uint64
	first     string // the first error
	lost      error  // of the connection
	took      Histogram
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
	d, err := s.dataset(ctx, l)
	if err != nil {
		return nil, err
	}
	clients := make([]*client, s.Clients)
	for i := range clients {
		if crew := s.crews[t.Address]; i == len(crew) {
			conn, err := dial(ctx, t.Address, s.Signer)
			if err != nil {
				return nil, err
			}
			s.crews[t.Address] = append(crew, conn)
		}
		c := &client{
			data: d, zipf: s.zipf, load: l, conn: s.crews[t.Address][i], constant: t.Constant,
			texts: s.source(uint64(time.Now().UnixNano()) + uint64(i)),
		}
		c.low, c.span = ownItems(i, s.Clients, s.Items)
		if l.read != "" {
			c.read = s.request(d, l.read)
		}
		if l.write != "" {
			c.write = s.request(d, l.write)
		}
		clients[i] = c
	}
	return clients, nil
}

// ownItems returns the items of client i: span of them from low on, which no
// other client has; all, if there are too few for a transaction of each.
func ownItems(i, clients, items int) (low, span int) {
	if span = items / clients; span < transactItems {
		return 0, items
	}
	return i * span, span
}

// add adds what c measured.
func (r *Round) add(c *client) {
	r.Operations += c.sent
	r.Errors += c.errors
	r.Conflicts += c.conflicts
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
	switch rng, n := c.texts.rng, c.data.items; {
	case c.load.skewed:
		r.setItem(c.zipf.Next(rng), n)
	case c.load.apart:
		first, second := pair(rng, c.span)
		r.setKey(0, c.low+first, n)
		r.setKey(1, c.low+second, n)
	default:
		r.setItem(rng.IntN(n), n)
	}
	r.setTexts(&c.texts)
	return r
}

// pair draws two different numbers below n.
func pair(rng *rand.Rand, n int) (first, second int) {
	first = rng.IntN(n)
	return first, (first + 1 + rng.IntN(n-1)) % n
}

// conflict is in the answer to a write of an item that another client's
// transaction has: TransactionConflictException, or a reason of a cancellation.
var conflict = []byte("TransactionConflict")

// judge counts an answer.
func (c *client) judge(r *request, status int, body []byte) {
	c.sent++
	switch {
	case status == 400 && bytes.Contains(body, conflict):
		c.conflicts++
	case status != 200:
		c.fault("%s: status %d: %.200s", r.operation, status, body)
	case c.sent%sampleEvery == 1 && !c.constant && !c.data.answered(r, body):
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
	used, ok := c.used()
	if !ok || operations == 0 {
		return -1
	}
	return used / time.Duration(operations)
}

// used returns the time used since the start; ok is false if it is not known.
func (c clock) used() (used time.Duration, ok bool) {
	if !c.ok {
		return 0, false
	}
	now, ok := cpuTime(c.pid)
	return now - c.start, ok
}
