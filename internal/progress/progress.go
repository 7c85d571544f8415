// Package progress tells people how far something is: on a terminal a bar that
// moves, elsewhere a line now and then.
package progress

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
)

const (
	barWidth   = 24
	redrawn    = 100 * time.Millisecond // a bar, at most so often
	repeated   = 10 * time.Second       // a line
	settled    = 2 * time.Second        // before a rate means something
	clearRight = "\x1b[K"
)

// Unit is what is counted.
type Unit func(n int64) string

const itemsUnit = " items"

// Items counts items.
func Items(n int64) string { return fmt.Sprint(n) + itemsUnit }

// Bytes counts bytes: 1.2 GB.
func Bytes(n int64) string {
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	v, units := float64(n)/1000, "KMGTPE"
	for v >= 999.95 && len(units) > 1 {
		v, units = v/1000, units[1:]
	}
	return fmt.Sprintf("%.1f %cB", v, units[0])
}

// Meter shows one thing. It is safe for concurrent use. A nil Meter shows
// nothing.
type Meter struct {
	out      io.Writer
	terminal bool
	now      func() time.Time
	what     string
	unit     Unit

	mu          sync.Mutex
	begun, last time.Time
	shown       bool // a bar is on the line
}

// New returns a Meter that shows what is being done on out.
func New(out io.Writer, terminal bool, now func() time.Time, what string, unit Unit) *Meter {
	return &Meter{out: out, terminal: terminal, now: now, what: what, unit: unit, begun: now()}
}

// IsTerminal reports whether a file is a terminal.
func IsTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// Set says how much of total is done; a total of 0 is not known.
func (m *Meter) Set(done, total int64) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	interval := repeated
	if m.terminal {
		interval = redrawn
	}
	now := m.now()
	if m.last.IsZero() && !m.terminal {
		m.last = m.begun // no line for what is over soon
	}
	if now.Sub(m.last) < interval {
		return
	}
	m.last = now
	line := m.line(done, total, now.Sub(m.begun))
	if m.terminal {
		_, _ = fmt.Fprintf(m.out, "\r%s%s", line, clearRight)
		m.shown = true
		return
	}
	_, _ = fmt.Fprintln(m.out, line)
}

func (m *Meter) line(done, total int64, took time.Duration) string {
	parts := []string{m.what}
	if total > 0 {
		part := min(float64(done)/float64(total), 1)
		if m.terminal {
			full := int(part * barWidth)
			parts = append(parts, "["+strings.Repeat("#", full)+strings.Repeat(".", barWidth-full)+"]")
		}
		parts = append(parts, fmt.Sprintf("%d %%,", int(part*100)), strings.TrimSuffix(m.unit(done), itemsUnit)+" of "+m.unit(total))
	} else if done > 0 {
		parts = append(parts, m.unit(done))
	}
	if took >= settled && done > 0 {
		rate := float64(done) / took.Seconds()
		parts = append(parts, fmt.Sprintf("(%s/s)", m.unit(int64(rate))))
		if total > done {
			left := time.Duration(float64(total-done) / rate * float64(time.Second))
			parts = append(parts, left.Round(time.Second).String()+" left")
		}
	} else if took >= settled {
		parts = append(parts, took.Round(time.Second).String())
	}
	return strings.Join(parts, " ")
}

// Clear takes the bar away, so that something else can be printed.
func (m *Meter) Clear() {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.shown {
		_, _ = fmt.Fprintf(m.out, "\r%s", clearRight)
		m.shown = false
	}
}
