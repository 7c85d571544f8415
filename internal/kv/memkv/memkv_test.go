package memkv_test

import (
	"context"
	"testing"

	"github.com/statordb/stator/internal/kv"
	"github.com/statordb/stator/internal/kv/kvtest"
	"github.com/statordb/stator/internal/kv/memkv"
)

func TestContract(t *testing.T) {
	kvtest.Run(t, func(t testing.TB) kv.Store {
		lim := kv.EmbeddedLimits()
		lim.Transaction = 16 << 20
		s := memkv.New(memkv.Options{Limits: lim})
		t.Cleanup(func() { _ = s.Close() })
		return s
	})
}

func TestKeyedViewIsStrict(t *testing.T) {
	s := memkv.New(memkv.Options{})
	o := kv.ReadOptions{Keys: [][]byte{[]byte("named")}}
	err := s.View(context.Background(), o, func(r kv.Reader) error {
		if _, err := r.Get(context.Background(), []byte("named")); err != nil {
			t.Errorf("Get of a named key: %v", err)
		}
		if _, err := r.Get(context.Background(), []byte("other")); err == nil {
			t.Error("Get of a key that was not named succeeded")
		}
		for _, err := range r.Scan(context.Background(), kv.Range{}) {
			if err == nil {
				t.Error("Scan succeeded")
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
