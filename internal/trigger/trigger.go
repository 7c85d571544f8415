package trigger

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// Trigger says which changes go where. Its JSON is what is stored and what the
// admin endpoint takes and shows.
type Trigger struct {
	Name  string `json:"name"`
	Table string `json:"table"` // whose enabled stream is read

	// Target is where batches go: an http:// or https:// URL, which gets a POST
	// with the event; lambda:NAME, a function at the Invoke API of Endpoint; or
	// file:PATH, which gets a line of JSON for each record.
	Target   string `json:"target"`
	Endpoint string `json:"endpoint,omitempty"`

	// From is LATEST to leave out the changes made before the trigger was
	// created; else, TRIM_HORIZON, it begins with the oldest.
	From string `json:"from,omitempty"`

	BatchSize   int      `json:"batch_size,omitempty"`  // most records of a batch, 100 if 0
	Window      Duration `json:"window,omitempty"`      // how long to wait for a batch to fill
	Parallelism int      `json:"parallelism,omitempty"` // batches of one shard at a time, 1 if 0
	// Filters are patterns, of which a record must match one; none: all do.
	Filters []json.RawMessage `json:"filters,omitempty"`

	Retries *int     `json:"retries,omitempty"` // of a batch; nil: until it succeeds
	MaxAge  Duration `json:"max_age,omitempty"` // of a record; 0: as long as it can be read
	Bisect  bool     `json:"bisect,omitempty"`  // a batch that fails is halved
	// Partial: the consumer names the records that failed (batchItemFailures).
	Partial bool     `json:"partial,omitempty"`
	Timeout Duration `json:"timeout,omitempty"` // of one delivery, 60 s if 0
	// DeadLetter gets what is given up: a URL or file:PATH; "": nothing does.
	DeadLetter string `json:"dead_letter,omitempty"`

	Paused bool `json:"paused,omitempty"`

	// Start is the smallest stamp that the trigger reads, set when it is created.
	Start uint64 `json:"start,omitempty"`
}

// Duration is a time.Duration whose JSON is text like "1m30s".
type Duration time.Duration

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	*d = Duration(parsed)
	return err
}

// Limits of a trigger. (Lambda developer guide, "Event source mappings".)
const (
	maxBatch       = 10_000
	maxWindow      = 300 * time.Second
	maxParallelism = 10
	maxFilters     = 5
	maxTimeout     = 15 * time.Minute
)

var namePattern = regexp.MustCompile(`^[a-zA-Z0-9_.-]{1,128}$`)

// check fills in defaults and reports, in one line that says what to do, what
// t cannot be.
func (t *Trigger) check() error {
	if t.BatchSize == 0 {
		t.BatchSize = 100
	}
	if t.Parallelism == 0 {
		t.Parallelism = 1
	}
	if t.Timeout == 0 {
		t.Timeout = Duration(time.Minute)
	}
	switch {
	case !namePattern.MatchString(t.Name):
		return fmt.Errorf("trigger name %q: use 1 to 128 letters, digits, or any of _ . -", t.Name)
	case t.Table == "":
		return errors.New("a trigger needs a table")
	case t.From != "" && t.From != "LATEST" && t.From != "TRIM_HORIZON":
		return fmt.Errorf("from %q: use TRIM_HORIZON or LATEST", t.From)
	case t.BatchSize < 1 || t.BatchSize > maxBatch:
		return fmt.Errorf("batch_size %d: use 1 to %d", t.BatchSize, maxBatch)
	case t.Window < 0 || time.Duration(t.Window) > maxWindow:
		return fmt.Errorf("window %s: use 0s to %s", time.Duration(t.Window), maxWindow)
	case t.Parallelism < 1 || t.Parallelism > maxParallelism:
		return fmt.Errorf("parallelism %d: use 1 to %d", t.Parallelism, maxParallelism)
	case t.Retries != nil && *t.Retries < 0:
		return fmt.Errorf("retries %d: use 0 or more, or leave it out to retry until it succeeds", *t.Retries)
	case t.MaxAge < 0:
		return fmt.Errorf("max_age %s: use a positive duration", time.Duration(t.MaxAge))
	case t.Timeout < 0 || time.Duration(t.Timeout) > maxTimeout:
		return fmt.Errorf("timeout %s: use up to %s", time.Duration(t.Timeout), maxTimeout)
	case len(t.Filters) > maxFilters:
		return fmt.Errorf("%d filters: use up to %d", len(t.Filters), maxFilters)
	}
	_, err := parseFilters(t.Filters)
	return errors.Join(err, t.checkTarget(), checkDeadLetter(t.DeadLetter))
}

func (t *Trigger) checkTarget() error {
	switch {
	case IsURL(t.Target), strings.HasPrefix(t.Target, filePrefix) && len(t.Target) > len(filePrefix):
		return nil
	case strings.HasPrefix(t.Target, lambdaPrefix) && len(t.Target) > len(lambdaPrefix):
		if IsURL(t.Endpoint) {
			return nil
		}
		return fmt.Errorf("target %s needs the endpoint of an Invoke API, like http://127.0.0.1:9000", t.Target)
	}
	return fmt.Errorf("target %q: use an http URL, lambda:NAME or file:PATH", t.Target)
}

func checkDeadLetter(where string) error {
	if where == "" || IsURL(where) || strings.HasPrefix(where, filePrefix) {
		return nil
	}
	return fmt.Errorf("dead_letter %q: use an http URL or file:PATH", where)
}

// IsURL reports whether text is a URL that requests can be sent to.
func IsURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}
