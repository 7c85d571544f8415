package table

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/kv/memkv"
	"github.com/statordb/stator/internal/meter"
	"github.com/statordb/stator/internal/patience"
)

// TestCollectionLimit fills a collection of a table with an LSI up to a limit
// made small.
func TestCollectionLimit(t *testing.T) {
	defer func(limit, care int64) { collectionLimit, collectionCare = limit, care }(collectionLimit, collectionCare)
	collectionLimit, collectionCare = 10_000, 0
	ctx := context.Background()
	store := memkv.New(memkv.Options{})
	defer store.Close()
	catalog, err := OpenCatalog(ctx, store, time.Now, meter.New(time.Now, false))
	if err != nil {
		t.Fatal(err)
	}
	e := NewEngine(store, catalog, slog.New(slog.DiscardHandler))
	defer e.Close()
	pk, sk, lk := KeyAttr{"pk", attr.S}, KeyAttr{"sk", attr.S}, KeyAttr{"lk", attr.S}
	table, err := e.Create(ctx, &Descriptor{Name: "tab", ID: "1", Key: KeySchema{[]KeyAttr{pk}, []KeyAttr{sk}}, Indexes: []*Index{
		{Name: "lsi", Key: KeySchema{[]KeyAttr{pk}, []KeyAttr{lk}}, Projection: Projection{Type: "KEYS_ONLY"}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	write := func(collection string, i, size int) error {
		it := attr.NewItem(attr.Attribute{Name: "pk", Value: attr.String(collection)}, attr.Attribute{Name: "sk", Value: attr.String(fmt.Sprint(i))},
			attr.Attribute{Name: "lk", Value: attr.String("l")}, attr.Attribute{Name: "v", Value: attr.String(strings.Repeat("x", size))})
		_, err := e.Write(ctx, Mutation{Table: table, Key: it, Next: func(old attr.Item) (attr.Item, error) {
			if size == 0 {
				return attr.Item{}, nil
			}
			return it, nil
		}})
		return err
	}
	collectionCare = 1 << 40
	for i := range 5 { // found only by reading them
		if err := write("c", i, 1900); err != nil {
			t.Fatal(err)
		}
	}
	collectionCare = 0
	if err := write("c", 5, 100); err != nil {
		t.Fatal(err)
	}
	awaitRead(t, e)
	if err := write("c", 6, 1000); !errors.Is(err, ErrCollectionFull) {
		t.Errorf("write to a full collection that was read: %v", err)
	}
	if err := write("a", 0, 1000); err != nil {
		t.Fatal(err)
	}
	awaitRead(t, e)
	full := 0
	for i := range 12 {
		if err := write("a", i, 1000); errors.Is(err, ErrCollectionFull) {
			full++
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if full != 3 { // nine items of about 1,010 bytes and entries of about 10
		t.Errorf("%d of 12 writes refused", full)
	}
	if err := write("b", 1, 1000); err != nil {
		t.Errorf("another collection: %v", err)
	}
	if err := write("a", 1, 0); err != nil {
		t.Errorf("delete from a full collection: %v", err)
	}
	if err := write("a", 11, 900); err != nil {
		t.Errorf("write after a delete: %v", err)
	}
}

// awaitRead returns when no collection is left to read.
func awaitRead(t *testing.T, e *Engine) {
	t.Helper()
	patience.Until(t, func() bool {
		e.collections.mu.Lock()
		defer e.collections.mu.Unlock()
		return len(e.collections.mu.unread) == 0
	}, "all collections are read")
}

// A full memory of collections forgets small ones that are read, and keeps
// those that are large or not read yet.
func TestCollectionsAreBounded(t *testing.T) {
	c := &collections{}
	c.mu.known = map[string]*collection{}
	end := []byte("z")
	add := func(name string, bytes int64, next string) {
		c.mu.known[name] = &collection{[]part{{recount{count: Count{1, bytes}, next: []byte(next)}, 1, end}}}
	}
	add("large", collectionLimit/2, "z")
	add("unread", 0, "a")
	for i := range maxCollections - 2 {
		add(fmt.Sprint(i), 1000, "z")
	}
	for i := range 1000 {
		if c.remember(fmt.Sprint("more", i)) == nil {
			t.Fatal("no room")
		}
	}
	if n := len(c.mu.known); n != maxCollections {
		t.Errorf("%d collections", n)
	}
	if c.mu.known["large"] == nil || c.mu.known["unread"] == nil {
		t.Error("forgot a collection that is large or not read")
	}
}
