package progress_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/statordb/stator/internal/progress"
)

func TestBytes(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 999: "999 B", 1000: "1.0 KB", 999_949: "999.9 KB", 999_950: "1.0 MB", 1_250_000_000: "1.2 GB", 1 << 62: "4.6 EB",
	} {
		if got := progress.Bytes(n); got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
}

// clock is a time that stands still.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func TestMeter(t *testing.T) {
	for name, test := range map[string]struct {
		terminal bool
		want     string
	}{
		"on a terminal": {true, "\rcopying 10 B\x1b[K" +
			"\rcopying [######..................] 25 %, 50 B of 200 B (25 B/s) 6s left\x1b[K" +
			"\rcopying [########################] 100 %, 200 B of 200 B (10 B/s)\x1b[K" +
			"\r\x1b[K"},
		"elsewhere": {false, "copying 100 %, 200 B of 200 B (10 B/s)\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			c := &clock{time.Unix(1000, 0)}
			m := progress.New(&out, test.terminal, c.now, "copying", progress.Bytes)
			m.Set(10, 0)
			m.Set(11, 0) // too soon
			c.at = c.at.Add(2 * time.Second)
			m.Set(50, 200)
			c.at = c.at.Add(18 * time.Second)
			m.Set(200, 200)
			m.Clear()
			m.Clear()
			if out.String() != test.want {
				t.Errorf("%q, want %q", out.String(), test.want)
			}
		})
	}
	var out bytes.Buffer
	c := &clock{time.Unix(1000, 0)}
	progress.New(&out, true, c.now, "importing", progress.Items).Set(5, 10)
	if want := "\rimporting [############............] 50 %, 5 of 10 items\x1b[K"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
	var none *progress.Meter
	none.Set(1, 2)
	none.Clear()
}
