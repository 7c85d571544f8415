package job

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// TestPace: work rests while there are requests, as long as it is worth, and not
// at all while there are none.
func TestPace(t *testing.T) {
	for _, c := range []struct {
		name     string
		work     time.Duration
		requests int
		rest     time.Duration
	}{
		{"no requests", 10 * time.Millisecond, 0, 0},
		{"a few", 100 * time.Millisecond, 10, 0},
		{"many", 10 * time.Millisecond, 100, 40 * time.Millisecond},
		{"too short to tell", time.Millisecond, 100, 0},
		{"work that was waiting", time.Minute, 100_000, longest},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var requests Requests
				p := pace{&requests, time.Now(), 0}
				time.Sleep(c.work)
				for range c.requests {
					requests.Add()
				}
				began := time.Now()
				p.step(context.Background())
				if rested := time.Since(began); rested != c.rest {
					t.Errorf("rested %v, not %v", rested, c.rest)
				}
			})
		})
	}
}
