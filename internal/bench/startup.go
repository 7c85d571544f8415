package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// idleTime is how long a server is left alone before its memory is read.
const idleTime = time.Second

// Startup is how a server starts.
type Startup struct {
	Starts int `json:"starts"`
	// Milliseconds from starting the program, on an empty data directory,
	// until GET / is answered.
	Median  float64 `json:"median_ms"`
	Slowest float64 `json:"slowest_ms"`
	// IdleBytes is the median of its resident memory a second later; 0 if
	// unknown.
	IdleBytes int `json:"idle_resident_bytes,omitempty"`
}

// MeasureStartup starts servers, one after the other. Dir and inMemory are as
// in StartServer.
func MeasureStartup(ctx context.Context, starts int, dir string, inMemory bool) (*Startup, error) {
	var took []float64
	var sizes []int
	for range starts {
		d, size, err := startOnce(ctx, dir, inMemory)
		if err != nil {
			return nil, err
		}
		took = append(took, d.Seconds()*1e3)
		sizes = append(sizes, int(size))
	}
	s := &Startup{Starts: starts, Median: median(took), IdleBytes: median(sizes)}
	if starts > 0 {
		s.Slowest = took[starts-1] // sorted by median
	}
	return s, nil
}

func startOnce(ctx context.Context, dir string, inMemory bool) (took time.Duration, idle int64, err error) {
	p, err := StartServer(dir, inMemory)
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, p.Stop()) }()
	if err := healthy(ctx, p.URL); err != nil {
		return 0, 0, err
	}
	took = time.Since(p.started)
	select {
	case <-time.After(idleTime):
	case <-ctx.Done():
		return 0, 0, ctx.Err()
	}
	idle, _ = residentBytes(p.PID())
	return took, idle, nil
}

// healthy asks for GET / once.
func healthy(ctx context.Context, endpoint string) error {
	address, err := Address(endpoint)
	if err != nil {
		return err
	}
	c, err := dial(ctx, address, nil)
	if err != nil {
		return err
	}
	defer c.Close()
	status, body, err := c.Exchange([]byte("GET / HTTP/1.1\r\nHost: "+address+"\r\n\r\n"), time.Now())
	if err == nil && status != 200 {
		err = fmt.Errorf("status %d: %.200s", status, body)
	}
	return err
}

// WriteText writes s for people.
func (s *Startup) WriteText(w io.Writer) error {
	_, err := fmt.Fprintf(w, "start to first answer: %.1f ms (median of %d, slowest %.1f ms)\n", s.Median, s.Starts, s.Slowest)
	if err == nil && s.IdleBytes > 0 {
		_, err = fmt.Fprintf(w, "resident memory when idle: %.1f MiB\n", float64(s.IdleBytes)/(1<<20))
	}
	return err
}
