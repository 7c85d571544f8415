package pebblekv_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"github.com/statordb/stator/internal/kv"
	"github.com/statordb/stator/internal/kv/pebblekv"
)

// TestStill takes a picture, goes on writing and thawing, and opens the picture.
func TestStill(t *testing.T) {
	ctx, rng := context.Background(), rand.New(rand.NewPCG(7, 7))
	o := pebblekv.Options{Keys: keys, Dir: filepath.Join(t.TempDir(), "store")}
	s := open(t, o)
	writeRows(t, s, rng, 100)
	if err := s.Freeze(ctx, "kept", []kv.Range{everything}); err != nil {
		t.Fatal(err)
	}
	writeRows(t, s, rng, 100)
	var want map[string]string
	if err := s.View(ctx, kv.ReadOptions{}, func(r kv.Reader) (err error) { want, err = all(r); return err }); err != nil {
		t.Fatal(err)
	}
	dir, release, err := s.Still(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Still(ctx); err == nil {
		t.Error("a second picture was taken before the first was released")
	}
	writeRows(t, s, rng, 100)
	if err := s.Thaw(ctx, "kept"); err != nil {
		t.Fatal(err)
	}
	if _, err := pebblekv.Verify(ctx, dir, keys, func(err error) { t.Error(err) }); err != nil {
		t.Error(err)
	}
	picture := open(t, pebblekv.Options{Keys: keys, Dir: dir, ReadOnly: true})
	err = picture.View(ctx, kv.ReadOptions{}, func(r kv.Reader) error {
		got, err := all(r)
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("the picture has %d rows, the store had %d then", len(got), len(want))
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	if names, err := picture.FrozenNames(ctx); err != nil || !slices.Equal(names, []string{"kept"}) {
		t.Errorf("frozen in the picture: %v, %v", names, err)
	}
	if err := picture.Close(); err != nil {
		t.Error(err)
	}
	if err := release(); err != nil {
		t.Error(err)
	}
	if _, _, err = s.Still(ctx); err != nil {
		t.Fatal(err)
	} // and not released: as after a crash
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, o)
	if _, _, err = s.Still(ctx); err != nil {
		t.Errorf("after a start: %v", err)
	}
}
