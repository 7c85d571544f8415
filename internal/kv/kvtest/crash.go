package kvtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/statordb/stator/internal/kv"
)

// Machine is a computer with a disk, whose power RunCrash cuts.
type Machine interface {
	// Start opens the store on the disk.
	Start(t testing.TB) kv.Store

	// Cut returns a machine with a copy of the disk as a power cut at this
	// moment would leave it. What was not synced may be lost, all or in part, as
	// rng chooses. The old machine, whose store may be in use, keeps running.
	Cut(rng *rand.Rand) Machine
}

const (
	crashWriters = 4
	crashReaders = 2
	// A round is cut after fewer than this many acknowledged transactions.
	crashMaxAcks = 60
)

// RunCrash cuts the power of m cuts times, at random moments under load, and
// checks each time that the disk holds every transaction that was acknowledged
// and every one that a consistent read returned, and holds none in part.
func RunCrash(t *testing.T, m Machine, cuts int) {
	rng := newRand(t)
	r := &crashRound{t: t}
	for range cuts {
		m = r.run(m, rng)
		if t.Failed() {
			return
		}
	}
}

// crashRound is one run of a machine from start to cut. Writer w counts up: its
// transaction n sets both its keys to n and, if w is even, appends (w, n) to the
// log.
type crashRound struct {
	t     *testing.T
	store kv.Store
	start [crashWriters]int          // counts found on the disk
	seen  [crashWriters]atomic.Int64 // acknowledged, or read consistently
	acks  atomic.Int64
	cutAt int64
	cut   chan struct{} // closed at ack number cutAt
	over  atomic.Bool   // the cut has been made, workers may stop
}

// run starts m, cuts its power under load, and returns what comes after.
func (r *crashRound) run(m Machine, rng *rand.Rand) Machine {
	r.store = m.Start(r.t)
	r.check()
	r.acks.Store(0)
	r.over.Store(false)
	r.cutAt, r.cut = 1+rng.Int64N(crashMaxAcks), make(chan struct{})
	var wg sync.WaitGroup
	for w := range crashWriters {
		wg.Go(func() { r.work(r.write, w) })
	}
	for i := range crashReaders {
		wg.Go(func() { r.work(r.read, i) })
	}
	<-r.cut
	var must [crashWriters]int64
	for w := range must {
		must[w] = r.seen[w].Load()
	}
	next := m.Cut(rng)
	r.over.Store(true)
	wg.Wait()
	if err := r.store.Close(); err != nil {
		r.t.Errorf("Close: %v", err)
	}
	// What was acknowledged after the cut never happened on the next machine.
	for w := range must {
		r.seen[w].Store(must[w])
	}
	return next
}

// work repeats step until the cut is over; an error ends the round.
func (r *crashRound) work(step func(i, n int) error, i int) {
	for n := 1; !r.over.Load(); n++ {
		if err := step(i, n); err != nil {
			r.t.Errorf("before the cut: %v", err)
			r.acknowledge(crashMaxAcks)
			return
		}
	}
}

// acknowledge counts n acks and asks for the cut when it is time.
func (r *crashRound) acknowledge(n int64) {
	if now := r.acks.Add(n); now >= r.cutAt && now-n < r.cutAt {
		close(r.cut)
	}
}

func crashKeys(w int) [][]byte {
	return [][]byte{fmt.Appendf(nil, "left %d", w), fmt.Appendf(nil, "right %d", w)}
}

// write commits transaction n of this round's writer w.
func (r *crashRound) write(w, n int) error {
	pair, count := crashKeys(w), r.start[w]+n
	err := r.store.Update(context.Background(), kv.TxOptions{Keys: pair}, func(tx kv.Tx) error {
		entry := append(number(w), number(count)...)
		err := errors.Join(
			tx.Put(pair[0], number(count)),
			tx.Put(pair[1], append(number(count), bytes.Repeat([]byte{1}, 100*w)...)))
		if w%2 == 0 {
			err = errors.Join(err, tx.Append([]byte("log"), entry))
		}
		return err
	})
	if err != nil {
		return err
	}
	r.raise(w, count)
	r.acknowledge(1)
	return nil
}

// raise notes that count of writer w may not be lost any more.
func (r *crashRound) raise(w, count int) {
	for old := r.seen[w].Load(); int64(count) > old; old = r.seen[w].Load() {
		if r.seen[w].CompareAndSwap(old, int64(count)) {
			return
		}
	}
}

// read notes what a consistent read returns, with keys and without in turn.
func (r *crashRound) read(i, n int) error {
	w := n / 2 % crashWriters
	o := kv.ReadOptions{Consistent: true}
	if (i+n)%2 == 0 {
		o.Keys = crashKeys(w)
	}
	count := 0
	err := r.store.View(context.Background(), o, func(rd kv.Reader) (err error) {
		if o.Keys == nil && w%2 == 0 {
			count, err = lastOf(rd, w)
			return err
		}
		v, err := rd.Get(context.Background(), crashKeys(w)[0])
		count = numberOf(v)
		return err
	})
	if err == nil {
		r.raise(w, count)
	}
	return err
}

// lastOf returns the last count of writer w in the log.
func lastOf(rd kv.Reader, w int) (int, error) {
	rng := kv.Range{Start: []byte("log"), End: []byte("loh"), Reverse: true}
	for p, err := range rd.Scan(context.Background(), rng) {
		if err != nil {
			return 0, err
		}
		if numberOf(p.Value[:8]) == w {
			return numberOf(p.Value[8:]), nil
		}
	}
	return 0, nil
}

// check looks at the disk after a cut, and begins a round from what is there.
func (r *crashRound) check() {
	var logged [crashWriters]int
	view(r.t, r.store, kv.ReadOptions{Consistent: true}, func(rd kv.Reader) error {
		for _, p := range scan(r.t, rd, kv.Range{Start: []byte("log"), End: []byte("loh")}) {
			w, n := numberOf(p.Value[:8]), numberOf(p.Value[8:])
			if n != logged[w]+1 {
				r.t.Errorf("the log of writer %d has %d after %d", w, n, logged[w])
			}
			logged[w] = n
		}
		for w := range r.start {
			r.start[w] = r.checkWriter(rd, w, logged[w])
		}
		return nil
	})
}

// checkWriter compares what writer w has left, its log ending at logged, and
// returns how far it came.
func (r *crashRound) checkWriter(rd kv.Reader, w, logged int) int {
	pair := crashKeys(w)
	left, right := r.count(rd, pair[0]), r.count(rd, pair[1])
	if left != right || w%2 == 0 && left != logged {
		r.t.Errorf("a transaction of writer %d is torn: %d and %d, and the log ends at %d", w, left, right, logged)
	}
	if seen := int(r.seen[w].Load()); left < seen {
		r.t.Errorf("writer %d: transaction %d is lost, the disk ends at %d", w, seen, left)
	}
	return left
}

// count returns the count at the start of a value.
func (r *crashRound) count(rd kv.Reader, key []byte) int {
	v, err := rd.Get(context.Background(), key)
	if err != nil {
		r.t.Errorf("Get: %v", err)
	}
	return numberOf(v[:min(len(v), 8)])
}
