package kvtest

import (
	"context"
	"errors"

	"github.com/statordb/stator/internal/kv"
)

// errRehearsal drops what the first run of a function wrote.
var errRehearsal = errors.New("kvtest: rehearsal")

// Twice returns s with every function given to Update run twice: once for
// nothing, its writes dropped and its error ignored, and then for real. A
// function that has an effect outside its transaction shows it twice, and the
// test that looks fails.
func Twice(s kv.Store) kv.Store { return twice{s} }

type twice struct{ kv.Store }

// Update implements kv.Store.
func (s twice) Update(ctx context.Context, o kv.TxOptions, fn func(kv.Tx) error) error {
	err := s.Store.Update(ctx, o, func(tx kv.Tx) error {
		_ = fn(tx) // the real run has it too, if it lasts
		return errRehearsal
	})
	if !errors.Is(err, errRehearsal) {
		return err
	}
	return s.Store.Update(ctx, o, fn)
}
