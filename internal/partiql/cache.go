package partiql

import (
	"sync"

	"github.com/statordb/stator/internal/ddberr"
)

// generationBytes is how much text each of a Cache's two generations holds at
// most. A parsed statement takes a few times the memory of its text.
const generationBytes = 256 << 10

// Cache keeps statements that were parsed lately. The zero Cache is ready for
// use, and safe for concurrent use. A statement stays for as long as it is
// used again before generationBytes of others are.
type Cache struct {
	mu struct {
		sync.Mutex
		young, old map[string]*Statement
		bytes      int // of the texts in young
	}
}

// Parse is Parse, unless the text was parsed lately.
func (c *Cache) Parse(text string) (*Statement, *ddberr.Fault) {
	if s := c.get(text); s != nil {
		return s, nil
	}
	s, f := Parse(text)
	if f == nil {
		c.put(s)
	}
	return s, f
}

func (c *Cache) get(text string) *Statement {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.mu.young[text]
	if s == nil {
		if s = c.mu.old[text]; s != nil {
			c.keep(s)
		}
	}
	return s
}

func (c *Cache) put(s *Statement) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.keep(s)
}

// keep puts s among the young ones; if those are too many they grow old, and
// the old ones are dropped. The lock is held.
func (c *Cache) keep(s *Statement) {
	if c.mu.bytes+len(s.text) > generationBytes || c.mu.young == nil {
		c.mu.old, c.mu.young, c.mu.bytes = c.mu.young, map[string]*Statement{}, 0
	}
	if c.mu.young[s.text] == nil {
		c.mu.young[s.text] = s
		c.mu.bytes += len(s.text)
	}
}

// Kind returns what s does.
func (s *Statement) Kind() Kind { return s.kind }
