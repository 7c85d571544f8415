package kvtest_test

import (
	"context"
	"errors"
	"testing"

	"github.com/statordb/stator/internal/kv"
	"github.com/statordb/stator/internal/kv/kvtest"
	"github.com/statordb/stator/internal/kv/memkv"
)

func TestTwice(t *testing.T) {
	s := kvtest.Twice(memkv.New(memkv.Options{}))
	ctx, runs := context.Background(), 0
	count := func(tx kv.Tx) error {
		runs++
		return tx.Append([]byte("log"), nil)
	}
	if err := s.Update(ctx, kv.TxOptions{}, count); err != nil || runs != 2 {
		t.Errorf("%d runs, %v, want 2", runs, err)
	}
	if got := s.Stats().Commits; got != 1 {
		t.Errorf("%d commits, want 1", got)
	}
	stop := errors.New("stop")
	if err := s.Update(ctx, kv.TxOptions{}, func(kv.Tx) error { return stop }); err != stop {
		t.Errorf("Update: %v, want %v", err, stop)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Update(ctx, kv.TxOptions{}, count); !errors.Is(err, kv.ErrClosed) || runs != 2 {
		t.Errorf("Update after Close: %v, %d runs", err, runs)
	}
}
