package kvtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/statordb/stator/internal/kv"
)

// workers is how many goroutines the concurrent tests use.
const workers = 8

// crew runs work on every worker and waits for all; the first error of each
// fails the test.
func crew(t *testing.T, work func(worker int) error) {
	t.Helper()
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			if err := work(w); err != nil {
				t.Errorf("worker %d: %v", w, err)
			}
		})
	}
	wg.Wait()
}

// increment adds one to a counter, reading it with read.
func increment(tx kv.Tx, key []byte, read func(context.Context, []byte) ([]byte, error)) error {
	v, err := read(context.Background(), key)
	if err != nil {
		return err
	}
	return tx.Put(key, number(numberOf(v)+1))
}

func testCounters(t *testing.T, open Open) {
	s := Twice(open(t))
	const rounds = 100
	names := keys("a", "b", "c")
	crew(t, func(w int) error {
		for i := range rounds {
			two := [][]byte{names[(w+i)%3], names[(w+i+1)%3]}
			err := s.Update(context.Background(), kv.TxOptions{Keys: two}, func(tx kv.Tx) error {
				return errors.Join(increment(tx, two[0], tx.Get), increment(tx, two[1], tx.GetLocked))
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	wantTotal(t, s, names, 2*workers*rounds)
}

// testCountersLockedLate names no key before it runs.
func testCountersLockedLate(t *testing.T, open Open) {
	s := Twice(open(t))
	const rounds = 50
	names := keys("a", "b", "c", "d")
	crew(t, func(w int) error {
		rng := rand.New(rand.NewPCG(uint64(w), 0))
		for range rounds {
			order := rng.Perm(len(names))[:2]
			err := s.Update(context.Background(), kv.TxOptions{}, func(tx kv.Tx) error {
				// A read of the counters before their lock must not decide.
				if _, err := tx.Get(context.Background(), names[order[0]]); err != nil {
					return err
				}
				for _, i := range order {
					if err := increment(tx, names[i], tx.GetLocked); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	wantTotal(t, s, names, 2*workers*rounds)
}

func wantTotal(t *testing.T, s kv.Store, names [][]byte, want int) {
	t.Helper()
	total := 0
	view(t, s, kv.ReadOptions{Keys: names, Consistent: true}, func(r kv.Reader) error {
		var err error
		total, err = sum(r, names)
		return err
	})
	if total != want {
		t.Errorf("the counters add up to %d, want %d", total, want)
	}
}

func sum(r kv.Reader, names [][]byte) (int, error) {
	total := 0
	for _, k := range names {
		v, err := r.Get(context.Background(), k)
		if err != nil {
			return 0, err
		}
		total += numberOf(v)
	}
	return total, nil
}

// testWriteSkew has doctors leave their shift if another one stays. Each writes
// only its own key; only the lock on the other's keeps one of them there.
func testWriteSkew(t *testing.T, open Open) {
	s := Twice(open(t))
	on, off := []byte("on"), []byte("off")
	for round := range 60 {
		pair := [][]byte{fmt.Appendf(nil, "%d left", round), fmt.Appendf(nil, "%d right", round)}
		update(t, s, pair, func(tx kv.Tx) error { return errors.Join(tx.Put(pair[0], on), tx.Put(pair[1], on)) })
		crew(t, func(w int) error {
			mine, other := pair[w%2], pair[(w+1)%2]
			o := kv.TxOptions{Keys: [][]byte{mine}}
			if w%4 < 2 {
				o.Keys = append(o.Keys, other)
			}
			return s.Update(context.Background(), o, func(tx kv.Tx) error {
				v, err := tx.GetLocked(context.Background(), other)
				if err != nil || !bytes.Equal(v, on) {
					return err
				}
				return tx.Put(mine, off)
			})
		})
		left := 0
		for _, p := range contents(t, s) {
			if bytes.HasPrefix(p.Key, pair[0][:len(pair[0])-len("left")]) && bytes.Equal(p.Value, on) {
				left++
			}
		}
		if left != 1 {
			t.Fatalf("round %d: %d doctors on shift, want 1", round, left)
		}
	}
}

// testTransfers moves money while every kind of consistent read counts it.
func testTransfers(t *testing.T, open Open) {
	s := Twice(open(t))
	const total, rounds = 1000, 150
	names := keys("a", "b", "c", "d", "e")
	update(t, s, names, func(tx kv.Tx) error { return tx.Put(names[0], number(total)) })
	crew(t, func(w int) error {
		rng := rand.New(rand.NewPCG(uint64(w), 1))
		for range rounds {
			var err error
			switch w % 4 {
			case 0:
				err = wantSum(s, kv.ReadOptions{Keys: names, Consistent: true}, names, total)
			case 1:
				err = wantSum(s, kv.ReadOptions{Consistent: w < 4}, names, total)
			default:
				err = transfer(s, names[rng.IntN(len(names))], names[rng.IntN(len(names))])
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func wantSum(s kv.Store, o kv.ReadOptions, names [][]byte, want int) error {
	return s.View(context.Background(), o, func(r kv.Reader) error {
		got, err := sum(r, names)
		if err == nil && got != want {
			err = fmt.Errorf("counted %d, want %d", got, want)
		}
		return err
	})
}

func transfer(s kv.Store, from, to []byte) error {
	o := kv.TxOptions{Keys: [][]byte{from}}
	return s.Update(context.Background(), o, func(tx kv.Tx) error {
		f, err := tx.Get(context.Background(), from)
		if err != nil || numberOf(f) == 0 {
			return err
		}
		if err := tx.Put(from, number(numberOf(f)-1)); err != nil {
			return err
		}
		return increment(tx, to, tx.GetLocked)
	})
}

// testAppendOrder reads a log while it is written: what a reader saw must be
// the beginning of what it sees later.
func testAppendOrder(t *testing.T, open Open) {
	s := Twice(open(t))
	const rounds = 80
	crew(t, func(w int) error {
		var seen []byte
		for i := range rounds {
			if w < 2 {
				now, err := stampsIn(s, w == 0)
				if err != nil {
					return err
				}
				if !bytes.HasPrefix(now, seen) {
					return fmt.Errorf("an entry appeared before others already seen: %x then %x", seen, now)
				}
				seen = now
				continue
			}
			err := s.Update(context.Background(), kv.TxOptions{}, func(tx kv.Tx) error {
				return errors.Join(tx.Append([]byte("log"), number(i)), tx.Append([]byte("log"), number(i)))
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	all, err := stampsIn(s, true)
	if want := 2 * rounds * (workers - 2) * kv.StampSize; err != nil || len(all) != want {
		t.Errorf("the log has %d bytes of stamps, want %d (%v)", len(all), want, err)
	}
}

// stampsIn returns the stamps of the log, one behind the other.
func stampsIn(s kv.Store, consistent bool) ([]byte, error) {
	var all []byte
	err := s.View(context.Background(), kv.ReadOptions{Consistent: consistent}, func(r kv.Reader) error {
		for p, err := range r.Scan(context.Background(), kv.Range{Start: []byte("log"), End: []byte("loh")}) {
			if err != nil {
				return err
			}
			all = append(all, p.Key[len("log"):]...)
		}
		return nil
	})
	return all, err
}
