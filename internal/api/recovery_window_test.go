package api

import (
	"testing"
	"time"

	"github.com/statordb/stator/internal/table"
)

// TestRecoveryWindow: the window of a table whose recovery has begun at 12:00:00.5
// and 200 µs, with two days.
func TestRecoveryWindow(t *testing.T) {
	begun := time.Date(2026, 11, 1, 12, 0, 0, 500_200_000, time.UTC)
	p := table.PITR{Enabled: true, Days: 2, Since: begun}
	ms := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
	noon := begun.Truncate(time.Second)
	for _, c := range []struct{ now, earliest, latest time.Time }{
		{begun, noon.Add(ms(501)), noon.Add(ms(501))},
		{begun.Add(ms(100)), noon.Add(ms(501)), noon.Add(ms(600))},
		{noon.Add(ms(1000)), noon.Add(ms(1000)), noon.Add(ms(1000))},
		{noon.Add(time.Hour + ms(7)), noon.Add(ms(1000)), noon.Add(time.Hour + ms(7))},
		{noon.Add(72*time.Hour + ms(7)), noon.Add(24*time.Hour + ms(1000)), noon.Add(72*time.Hour + ms(7))},
		{noon.Add(-time.Hour), noon.Add(ms(501)), noon.Add(ms(501))}, // a clock that was set back
	} {
		if w := recoveryWindow(p, c.now); !w.earliest.Equal(c.earliest) || !w.latest.Equal(c.latest) {
			t.Errorf("at %s: from %s to %s, want from %s to %s", c.now, w.earliest, w.latest, c.earliest, c.latest)
		}
	}
	if w := recoveryWindow(table.PITR{Enabled: true, Days: 2}, noon); w.has(noon) {
		t.Error("what has not begun has a window")
	}
}
