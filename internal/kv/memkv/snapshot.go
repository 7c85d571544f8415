package memkv

import (
	"bytes"
	"context"
	"errors"
	"iter"

	"github.com/statordb/stator/internal/kv"
)

var errKeyedScan = errors.New("memkv: scan in a View that set ReadOptions.Keys")

// snapshot is a Reader of a tree that is not modified while it is read, or, in
// a transaction, only by the transaction itself.
type snapshot struct{ tree *tree }

// Get implements kv.Reader.
func (s snapshot) Get(ctx context.Context, key []byte) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p, _ := s.tree.Get(kv.Pair{Key: key})
	return p.Value, nil
}

// Scan implements kv.Reader.
func (s keyedSnapshot) Scan(context.Context, kv.Range) iter.Seq2[kv.Pair, error] {
	return func(yield func(kv.Pair, error) bool) { yield(kv.Pair{}, errKeyedScan) }
}

// Scan implements kv.Reader, over a copy so that the loop may write.
func (t *tx) Scan(ctx context.Context, r kv.Range) iter.Seq2[kv.Pair, error] {
	if t.own == nil {
		return snapshot{t.base}.Scan(ctx, r)
	}
	return snapshot{t.own.Copy()}.Scan(ctx, r)
}

// Scan implements kv.Reader.
func (s snapshot) Scan(ctx context.Context, r kv.Range) iter.Seq2[kv.Pair, error] {
	return func(yield func(kv.Pair, error) bool) {
		visit := func(p kv.Pair) bool {
			if err := ctx.Err(); err != nil {
				yield(kv.Pair{}, err)
				return false
			}
			return yield(p, nil)
		}
		if r.Reverse {
			s.descend(r, visit)
			return
		}
		s.tree.Ascend(kv.Pair{Key: r.Start}, func(p kv.Pair) bool {
			return below(p.Key, r.End) && visit(p)
		})
	}
}

// descend visits the pairs of r from the end, until visit returns false.
func (s snapshot) descend(r kv.Range, visit func(kv.Pair) bool) {
	walk := func(p kv.Pair) bool {
		if !below(p.Key, r.End) {
			return true // the pivot itself, which the range excludes
		}
		return bytes.Compare(p.Key, r.Start) >= 0 && visit(p)
	}
	if r.End == nil {
		s.tree.Reverse(walk)
		return
	}
	s.tree.Descend(kv.Pair{Key: r.End}, walk)
}

func below(key, end []byte) bool {
	return end == nil || bytes.Compare(key, end) < 0
}
