package audit

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// recorded returns the records in the current file of a log, and how many requests
// they say are not recorded.
func recorded(t *testing.T, dir string) (all []record, left int) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, current))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		var r record
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		if r.EventType != "AwsServiceEvent" {
			all = append(all, r)
			continue
		}
		var details struct {
			Requests int
			Since    time.Time
		}
		if err := json.Unmarshal(r.ServiceEventDetails, &details); err != nil || details.Since.Before(noon) || r.EventName != "RequestsNotRecorded" {
			t.Errorf("%s: %v", line, err)
		}
		left += details.Requests
	}
	return all, left
}

// TestStrangers records the requests of strangers as far as they may fill the log,
// those of others all, and how many it has left out.
func TestStrangers(t *testing.T) {
	dir := t.TempDir()
	now := noon
	w := open(t, Options{Dir: dir, Strangers: 2, Now: func() time.Time { return now }})
	stranger := events["refused"]
	stranger.Stranger = true
	flood := func(want int) {
		t.Helper()
		before, _ := recorded(t, dir)
		for range 50 {
			record1(t, w, stranger)
		}
		if after, _ := recorded(t, dir); len(after)-len(before) != want {
			t.Errorf("%d records, not %d", len(after)-len(before), want)
		}
	}
	flood(2 * burst)
	flood(0)
	for range 50 {
		record1(t, w, events["denied"])
	}
	now = now.Add(1500 * time.Millisecond)
	flood(3)
	now = now.Add(time.Hour)
	flood(2 * burst)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if all, left := recorded(t, dir); len(all) != 50+4*burst+3 || left != 200-4*burst-3 {
		t.Errorf("%d records, and %d that are not there", len(all), left)
	}
}

// TestStrangersTexts: what a stranger sends is short in his record.
func TestStrangersTexts(t *testing.T) {
	long := strings.Repeat("é", 4096)
	e := events["refused"]
	e.Stranger, e.UserAgent, e.ErrorMessage, e.Region, e.Name, e.ErrorCode = true, long, long, long, long, long
	e.Request = fmt.Appendf(nil, `{"RoleArn": %q}`, long)
	line, err := e.line("1", false)
	if err != nil {
		t.Fatal(err)
	}
	var r record
	if err := json.Unmarshal(line, &r); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{r.UserAgent, r.ErrorMessage, r.AWSRegion, r.EventName, r.ErrorCode} {
		if len(text) != maxStrangerText {
			t.Errorf("a text of %d bytes", len(text))
		}
	}
	if len(line) > 2<<10 || !strings.HasPrefix(string(r.RequestParameters), `{"omitted":true`) {
		t.Errorf("%d bytes: %s", len(line), line)
	}
}

// TestMaxBytes removes the oldest files when all are too large.
func TestMaxBytes(t *testing.T) {
	for _, zip := range []bool{false, true} {
		dir := t.TempDir()
		now := noon
		w := open(t, Options{Dir: dir, MaxSize: 1, Compress: zip, Now: func() time.Time { return now }})
		for i := range 10 {
			now = now.Add(time.Hour)
			record1(t, w, put(i))
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if err := open(t, Options{Dir: dir, Compress: zip}).Close(); err != nil { // tidies
			t.Fatal(err)
		}
		all, err := Old(dir)
		if err != nil || len(all) != 9 {
			t.Fatalf("%v %v", all, err)
		}
		var most int64
		for _, path := range all[6:] {
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			most += info.Size()
		}
		if err := open(t, Options{Dir: dir, Compress: zip, MaxBytes: most}).Close(); err != nil {
			t.Fatal(err)
		}
		if left, err := Old(dir); err != nil || !slices.Equal(left, all[6:]) {
			t.Errorf("compressed %t: %v are left, %v", zip, left, err)
		}
	}
}
