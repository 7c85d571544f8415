package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/statordb/stator/internal/patience"
)

// open opens a log for a test, which closes it if the test does not.
func open(t *testing.T, o Options) *Writer {
	t.Helper()
	if o.Now == nil {
		o.Now = func() time.Time { return noon }
	}
	w, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil && !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
	})
	return w
}

// put is an event of a change with a request id of its own.
func put(id int) Event {
	e := events["put"]
	e.RequestID = strconv.Itoa(id)
	return e
}

func record1(t *testing.T, w *Writer, e Event) {
	t.Helper()
	if err := w.Record(context.Background(), e); err != nil {
		t.Fatal(err)
	}
}

// ids returns the request ids in the files of a log, the oldest first.
func ids(t *testing.T, dir string) (all []string) {
	t.Helper()
	paths, err := Old(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range append(paths, filepath.Join(dir, current)) {
		var b bytes.Buffer
		if err := Wrap(&b, path); err != nil {
			t.Fatal(err)
		}
		var file struct{ Records []record }
		if err := json.Unmarshal(b.Bytes(), &file); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		for _, r := range file.Records {
			all = append(all, r.RequestID)
		}
	}
	return all
}

func numbers(n int) (all []string) {
	for i := range n {
		all = append(all, strconv.Itoa(i))
	}
	return all
}

// TestConcurrent records from many goroutines. Each record is there once, before
// Record returns, and they share syncs.
func TestConcurrent(t *testing.T) {
	dir := t.TempDir()
	var syncs atomic.Int64
	w := open(t, Options{Dir: dir, MaxSize: 64 << 10, open: func(path string) (file, error) {
		f, err := openFile(path)
		return &countingFile{file: f, syncs: &syncs}, err
	}})
	var group sync.WaitGroup
	for g := range 16 {
		group.Go(func() {
			for i := range 50 {
				if err := w.Record(context.Background(), put(g*50+i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, id := range ids(t, dir) {
		seen[id]++
	}
	for i := range 16 * 50 {
		if seen[strconv.Itoa(i)] != 1 {
			t.Errorf("record %d is there %d times", i, seen[strconv.Itoa(i)])
		}
	}
	if n := syncs.Load(); n == 0 || n > 16*50 {
		t.Errorf("%d syncs", n)
	}
	if err := w.Record(context.Background(), put(0)); !errors.Is(err, ErrClosed) {
		t.Errorf("recorded after Close: %v", err)
	}
}

type countingFile struct {
	file
	syncs *atomic.Int64
}

func (f *countingFile) Sync() error {
	f.syncs.Add(1)
	return f.file.Sync()
}

// TestSync syncs for what has changed something, and for nothing else.
func TestSync(t *testing.T) {
	var syncs atomic.Int64
	w := open(t, Options{Dir: t.TempDir(), open: func(path string) (file, error) {
		f, err := openFile(path)
		return &countingFile{file: f, syncs: &syncs}, err
	}})
	for _, c := range []struct {
		name string
		want int64
	}{{"get", 0}, {"denied", 0}, {"put", 1}, {"refused", 1}, {"create", 2}} {
		if record1(t, w, events[c.name]); syncs.Load() != c.want {
			t.Errorf("%d syncs after %s, not %d", syncs.Load(), c.name, c.want)
		}
	}
}

// TestRotation puts files aside by size and by day.
func TestRotation(t *testing.T) {
	dir := t.TempDir()
	now := noon
	w := open(t, Options{Dir: dir, MaxSize: 2700, Now: func() time.Time { return now }})
	for i := range 6 {
		record1(t, w, put(i))
	}
	now = now.Add(24 * time.Hour)
	for i := 6; i < 8; i++ {
		record1(t, w, put(i))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if got := ids(t, dir); fmt.Sprint(got) != fmt.Sprint(numbers(8)) {
		t.Errorf("got %v", got)
	}
	old, err := Old(dir)
	if err != nil || len(old) < 3 {
		t.Fatalf("%v %v", old, err)
	}
	if first, last := filepath.Base(old[0]), filepath.Base(old[len(old)-1]); first != "cloudtrail-20260601T120000Z.jsonl" || last != "cloudtrail-20260602T120000Z.jsonl" {
		t.Errorf("the files are %v", old)
	}
	for _, path := range old {
		if info, err := os.Stat(path); err != nil || info.Size() > 2700 {
			t.Errorf("%v %v", info, err)
		}
	}
}

// TestCompress compresses what is put aside.
func TestCompress(t *testing.T) {
	dir := t.TempDir()
	w := open(t, Options{Dir: dir, MaxSize: 1, Compress: true})
	for i := range 5 {
		record1(t, w, put(i))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := open(t, Options{Dir: dir, Compress: true}).Close(); err != nil { // tidies what was left
		t.Fatal(err)
	}
	old, err := Old(dir)
	if err != nil || len(old) != 4 {
		t.Fatalf("%v %v", old, err)
	}
	for _, path := range old {
		if !strings.HasSuffix(path, ".jsonl.gz") {
			t.Errorf("%s is not compressed", path)
		}
	}
	if got := ids(t, dir); fmt.Sprint(got) != fmt.Sprint(numbers(5)) {
		t.Errorf("got %v", got)
	}
}

// TestOld removes old files, by count and by age.
func TestOld(t *testing.T) {
	dir := t.TempDir()
	now := noon
	o := Options{Dir: dir, MaxSize: 1, MaxFiles: 3, Now: func() time.Time { return now }}
	w := open(t, o)
	for i := range 10 {
		now = now.Add(time.Hour)
		record1(t, w, put(i))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := open(t, o).Close(); err != nil {
		t.Fatal(err)
	}
	if got := ids(t, dir); fmt.Sprint(got) != "[6 7 8 9]" {
		old, _ := Old(dir)
		t.Errorf("got %v of %v", got, old)
	}
	o.MaxAge = 90 * time.Minute
	if err := open(t, o).Close(); err != nil {
		t.Fatal(err)
	}
	if got := ids(t, dir); fmt.Sprint(got) != "[7 8 9]" {
		t.Errorf("got %v", got)
	}
}

// TestTorn opens a log whose last line was torn at every place.
func TestTorn(t *testing.T) {
	e := put(1)
	line, err := e.line("1", false)
	if err != nil {
		t.Fatal(err)
	}
	e = put(0)
	whole, err := e.line("0", false)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	path := filepath.Join(dir, current)
	for n := 0; n <= len(line); n += 7 {
		if n > len(line)-7 {
			n = len(line) - 1 // all but its end
		}
		if err := os.WriteFile(path, append(bytes.Clone(whole), line[:n]...), 0o600); err != nil {
			t.Fatal(err)
		}
		w := open(t, Options{Dir: dir, Now: time.Now})
		record1(t, w, put(2))
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		want := "[0 2]"
		if n == len(line)-1 {
			want = "[0 1 2]"
		}
		if got := ids(t, dir); fmt.Sprint(got) != want {
			t.Fatalf("torn at %d: got %v, not %v", n, got, want)
		}
		if n == len(line)-1 {
			return
		}
	}
}

// failingFile fails when it is told to, after half of what it is to write.
type failingFile struct {
	file
	write, sync, truncate *atomic.Bool
}

var errDisk = errors.New("no space left on device")

func (f failingFile) Write(b []byte) (int, error) {
	if f.write.Load() {
		n, _ := f.file.Write(b[:len(b)/2])
		return n, errDisk
	}
	return f.file.Write(b)
}

func (f failingFile) Sync() error {
	if f.sync.Load() {
		return errDisk
	}
	return f.file.Sync()
}

func (f failingFile) Truncate(size int64) error {
	if f.truncate.Load() {
		return errDisk
	}
	return f.file.Truncate(size)
}

// TestFailing records on a disk that fails and then does not. What was refused
// is not there, and nothing is torn.
func TestFailing(t *testing.T) {
	dir := t.TempDir()
	var write, sync, truncate atomic.Bool
	w := open(t, Options{Dir: dir, open: func(path string) (file, error) {
		f, err := openFile(path)
		return failingFile{f, &write, &sync, &truncate}, err
	}})
	fails := func(id int) {
		t.Helper()
		if err := w.Record(context.Background(), put(id)); !errors.Is(err, errDisk) {
			t.Errorf("record %d: %v", id, err)
		}
	}
	record1(t, w, put(0))
	write.Store(true)
	fails(90)
	truncate.Store(true)
	fails(91)
	write.Store(false)
	fails(92) // what is torn cannot be cut
	truncate.Store(false)
	record1(t, w, put(1))
	sync.Store(true)
	fails(93)
	sync.Store(false)
	record1(t, w, put(2))
	if got := ids(t, dir); fmt.Sprint(got) != "[0 1 2]" {
		t.Errorf("got %v", got)
	}
}

// blockedFile does not write until it is let.
type blockedFile struct {
	file
	let chan struct{}
}

func (f blockedFile) Write(b []byte) (int, error) {
	<-f.let
	return f.file.Write(b)
}

// TestFlood floods a log that cannot write. What waits is bounded, and who does
// not want to wait leaves.
func TestFlood(t *testing.T) {
	let := make(chan struct{})
	w := open(t, Options{Dir: t.TempDir(), open: func(path string) (file, error) {
		f, err := openFile(path)
		return blockedFile{f, let}, err
	}})
	e := put(0)
	e.Request = fmt.Appendf(nil, `{"TableName": %q}`, strings.Repeat("x", maxParameters/2))
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	for range 200 {
		group.Go(func() {
			if err := w.Record(ctx, e); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
		})
	}
	patience.Until(t, func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		next := w.mu.next
		if next != nil && len(next.lines) > maxBatch {
			t.Errorf("%d bytes wait", len(next.lines))
		}
		return next != nil && len(next.lines) > maxBatch-maxParameters
	}, "a full batch")
	cancel()
	group.Wait()
	close(let)
	record1(t, w, put(1))
}

// TestKill records in another process, which is killed. All that it has seen
// recorded is there.
func TestKill(t *testing.T) {
	if dir := os.Getenv("AUDIT_TEST_KILL"); dir != "" {
		recordUntilKilled(t, dir)
	}
	dir := t.TempDir()
	for round := range 3 {
		child := exec.Command(os.Args[0], "-test.run=^TestKill$")
		child.Env = append(os.Environ(), "AUDIT_TEST_KILL="+dir)
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		seen := readUntil(t, out, 50)
		if err := child.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = child.Wait() // it was killed
		w := open(t, Options{Dir: dir, Now: time.Now})
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		there := map[string]bool{}
		for _, id := range ids(t, dir) {
			there[id] = true
		}
		for _, id := range seen {
			if !there[id] {
				t.Errorf("round %d: %s was recorded and is not there", round, id)
			}
		}
	}
}

// recordUntilKilled prints the id of each event when it is recorded.
func recordUntilKilled(t *testing.T, dir string) {
	w := open(t, Options{Dir: dir, Now: time.Now, MaxSize: 10_000})
	for g := range 4 {
		go func() {
			for i := 0; ; i++ {
				e := put(os.Getpid()*1_000_000 + g*100_000 + i)
				if i%2 == 0 {
					e.ReadOnly = true
				}
				if w.Record(context.Background(), e) == nil {
					fmt.Println(e.RequestID)
				}
			}
		}()
	}
	select {}
}

// readUntil reads n ids.
func readUntil(t *testing.T, from interface{ Read([]byte) (int, error) }, n int) []string {
	t.Helper()
	var text []byte
	piece := make([]byte, 4096)
	for bytes.Count(text, []byte("\n")) < n {
		read, err := from.Read(piece)
		if err != nil {
			t.Fatal(err)
		}
		text = append(text, piece[:read]...)
	}
	return strings.Fields(string(text[:bytes.LastIndexByte(text, '\n')]))
}
