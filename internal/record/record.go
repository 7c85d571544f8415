// Package record keeps values as JSON under keys of a store.
package record

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"

	"github.com/statordb/stator/internal/kv"
)

// Put stores v under key.
func Put(tx kv.Tx, key []byte, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode record %q: %w", key, err)
	}
	return tx.Put(key, text)
}

// Parse reads the value that is stored under key as text, nil if text is.
func Parse[T any](key, text []byte) (*T, error) {
	if text == nil {
		return nil, nil
	}
	v := new(T)
	if err := json.Unmarshal(text, v); err != nil {
		return nil, fmt.Errorf("record %q: %w", key, err)
	}
	return v, nil
}

// Read returns the value under key, nil if there is none.
func Read[T any](ctx context.Context, r kv.Reader, key []byte) (*T, error) {
	text, err := r.Get(ctx, key)
	if err != nil {
		return nil, err
	}
	return Parse[T](key, text)
}

// Get is Read from a store, of what a power cut cannot take back.
func Get[T any](ctx context.Context, store kv.Store, key []byte) (v *T, err error) {
	err = store.View(ctx, kv.ReadOptions{Consistent: true, Keys: [][]byte{key}}, func(r kv.Reader) (err error) {
		v, err = Read[T](ctx, r, key)
		return err
	})
	return v, err
}

// In yields the values in a range, in the order of their keys. After an error
// nothing more is yielded.
func In[T any](ctx context.Context, r kv.Reader, keys kv.Range) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		for p, err := range r.Scan(ctx, keys) {
			var v *T
			if err == nil {
				v, err = Parse[T](p.Key, p.Value)
			}
			if !yield(v, err) || err != nil {
				return
			}
		}
	}
}

// Select returns the values in a range that are wanted, the first so many, or
// all if most is zero.
func Select[T any](ctx context.Context, store kv.Store, keys kv.Range, most int, wanted func(*T) bool) (list []*T, err error) {
	err = store.View(ctx, kv.ReadOptions{Consistent: true}, func(r kv.Reader) error {
		list = nil
		for v, err := range In[T](ctx, r, keys) {
			if err != nil {
				return err
			}
			if !wanted(v) {
				continue
			}
			if list = append(list, v); len(list) == most {
				return nil
			}
		}
		return nil
	})
	return list, err
}

// All returns the values in a range.
func All[T any](ctx context.Context, store kv.Store, keys kv.Range) ([]*T, error) {
	return Select(ctx, store, keys, 0, func(*T) bool { return true })
}

// Remove removes what is under keys, all of it or nothing.
func Remove(ctx context.Context, store kv.Store, keys ...[]byte) error {
	if len(keys) == 0 {
		return nil
	}
	return store.Update(ctx, kv.TxOptions{Keys: keys}, func(tx kv.Tx) error {
		for _, key := range keys {
			if err := tx.Delete(key); err != nil {
				return err
			}
		}
		return nil
	})
}

// Under returns the range of the keys that begin with prefix, which does not end
// in 0xFF.
func Under(prefix string) kv.Range {
	end := []byte(prefix)
	end[len(end)-1]++
	return kv.Range{Start: []byte(prefix), End: end}
}
