package partiql

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

// TestCache: a statement in use stays while others come and go, and the texts
// that are kept are bounded.
func TestCache(t *testing.T) {
	var c Cache
	used, _ := c.Parse("SELECT * FROM used")
	padding := strings.Repeat(" ", 1000)
	for i := range 5 * generationBytes / len(padding) {
		if _, fault := c.Parse(fmt.Sprintf("SELECT * FROM t%d%s", i, padding)); fault != nil {
			t.Fatal(fault)
		}
		if i%10 == 0 {
			if again, _ := c.Parse("SELECT * FROM used"); again != used {
				t.Fatalf("parsed again after %d others", i)
			}
		}
		kept := 0
		for _, generation := range []map[string]*Statement{c.mu.young, c.mu.old} {
			for text := range generation {
				kept += len(text)
			}
		}
		if kept > 2*generationBytes {
			t.Fatalf("%d bytes are kept", kept)
		}
	}
	if c.get("SELECT * FROM t0"+padding) != nil {
		t.Error("the first of the others is still there")
	}
	if _, fault := c.Parse("SELECTT"); fault == nil || c.get("SELECTT") != nil {
		t.Error("what is no statement is kept")
	}
}

// TestCacheShared uses one statement from several goroutines; the race
// detector looks on.
func TestCacheShared(t *testing.T) {
	var c Cache
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 200 {
				s, _ := c.Parse(`SELECT a.b FROM t WHERE pk = 'a' AND sk IN [3, 1, 2] AND v = {'x': [1]} ORDER BY sk DESC`)
				b, fault := s.Bind(nil)
				if fault != nil {
					t.Error(fault)
					return
				}
				if r, fault := b.Read(fuzzKeys); fault != nil || len(r.Ranges) != 3 {
					t.Errorf("%d ranges, %v", len(r.Ranges), fault)
				}
			}
		})
	}
	wg.Wait()
}
