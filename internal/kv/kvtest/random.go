package kvtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/statordb/stator/internal/kv"
)

// model is the simplest store there can be.
type model map[string]string

// scan returns the pairs of a range, in order.
func (m model) scan(rng kv.Range) []kv.Pair {
	var all []kv.Pair
	for _, k := range slices.Sorted(maps.Keys(m)) {
		if k >= string(rng.Start) && (rng.End == nil || k < string(rng.End)) {
			all = append(all, kv.Pair{Key: []byte(k), Value: []byte(m[k])})
		}
	}
	if rng.Reverse {
		slices.Reverse(all)
	}
	return all
}

// testRandom does the same at random to a store and to a model. Every function
// runs twice.
func testRandom(t *testing.T, open Open) {
	p := player{t: t, rng: newRand(t), store: Twice(open(t)), model: model{}}
	for range 1500 {
		p.step()
		if t.Failed() {
			return
		}
	}
}

// player makes random moves.
type player struct {
	t     *testing.T
	rng   *rand.Rand
	store kv.Store
	model model
}

func (p *player) key() []byte {
	return fmt.Appendf(nil, "%c%d", 'a'+p.rng.IntN(3), p.rng.IntN(15))
}

func (p *player) someKeys() [][]byte {
	ks := make([][]byte, p.rng.IntN(6))
	for i := range ks {
		ks[i] = p.key()
	}
	return ks
}

func (p *player) keyRange() kv.Range {
	r := kv.Range{Start: p.key(), Reverse: p.rng.IntN(2) == 0}
	switch p.rng.IntN(4) {
	case 0:
		r.Start = nil
	case 1:
		return r
	}
	r.End = p.key()
	return r
}

func (p *player) step() {
	switch n := p.rng.IntN(100); {
	case n == 0:
		p.clear()
	case n < 40:
		p.view()
	default:
		p.update()
	}
}

func (p *player) clear() {
	r := p.keyRange()
	if err := p.store.Clear(context.Background(), r.Start, r.End); err != nil {
		p.t.Errorf("Clear: %v", err)
	}
	for _, pair := range p.model.scan(r) {
		delete(p.model, string(pair.Key))
	}
}

func (p *player) view() {
	o := kv.ReadOptions{Consistent: p.rng.IntN(2) == 0}
	if p.rng.IntN(2) == 0 {
		o.Keys = append(p.someKeys(), p.key())
	}
	view(p.t, p.store, o, func(r kv.Reader) error {
		for _, k := range o.Keys {
			p.get(r, p.model, k)
		}
		if o.Keys == nil {
			p.get(r, p.model, p.key())
			p.scan(r, p.model)
		}
		return nil
	})
}

var errAbort = errors.New("abort")

// update runs a transaction of random steps. The steps come from a seed, so
// that a second run repeats the first.
func (p *player) update() {
	seed, outer := p.rng.Uint64(), p.rng
	abort := p.rng.IntN(5) == 0
	var after model
	err := p.store.Update(context.Background(), kv.TxOptions{Keys: p.someKeys()}, func(tx kv.Tx) error {
		after = maps.Clone(p.model)
		p.rng = rand.New(rand.NewPCG(seed, 1))
		defer func() { p.rng = outer }()
		for range 1 + p.rng.IntN(12) {
			if err := p.act(tx, after); err != nil {
				return err
			}
		}
		if abort {
			return errAbort
		}
		return nil
	})
	switch {
	case abort && err == errAbort:
	case err != nil:
		p.t.Errorf("Update: %v", err)
	default:
		p.model = after
	}
}

// act does one thing in a transaction and to the model.
func (p *player) act(tx kv.Tx, m model) error {
	switch k := p.key(); p.rng.IntN(6) {
	case 0, 1:
		v := bytes.Repeat([]byte{byte(p.rng.IntN(256))}, p.rng.IntN(300))
		m[string(k)] = string(v)
		return tx.Put(k, v)
	case 2:
		delete(m, string(k))
		return tx.Delete(k)
	case 3:
		p.get(tx, m, k)
	case 4:
		v, err := tx.GetLocked(context.Background(), k)
		if err != nil {
			return err
		}
		p.same(m, k, v)
	default:
		p.scan(tx, m)
	}
	return nil
}

func (p *player) get(r kv.Reader, m model, key []byte) {
	v, err := r.Get(context.Background(), key)
	if err != nil {
		p.t.Errorf("Get(%q): %v", key, err)
	}
	p.same(m, key, v)
}

func (p *player) same(m model, key, got []byte) {
	want, ok := m[string(key)]
	if ok != (got != nil) || want != string(got) {
		p.t.Errorf("%q = %q, want %q (present: %t)", key, got, want, ok)
	}
}

func (p *player) scan(r kv.Reader, m model) {
	rng := p.keyRange()
	got, want := scan(p.t, r, rng), m.scan(rng)
	if !slices.EqualFunc(got, want, func(a, b kv.Pair) bool {
		return bytes.Equal(a.Key, b.Key) && bytes.Equal(a.Value, b.Value)
	}) {
		p.t.Errorf("scan [%q, %q) reverse %t = %q, want %q", rng.Start, rng.End, rng.Reverse, got, want)
	}
}
