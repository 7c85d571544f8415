package stator_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/statordb/stator/internal/patience"
)

// cli runs commands in a directory, for one server.
type cli struct {
	*testing.T
	dir, endpoint string
	variables     []string // besides that of the endpoint
}

// run returns what a command prints, both outputs, and its status.
func (c *cli) run(line string) (out string, status int) {
	c.Helper()
	cmd := command(c.T, append([]string{"STATOR_ENDPOINT=" + c.endpoint}, c.variables...), strings.Fields(line)...)
	cmd.Dir = c.dir
	text, err := cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		c.Fatal(err)
	}
	return string(text), cmd.ProcessState.ExitCode()
}

// want runs a command that succeeds and prints what matches.
func (c *cli) want(line, pattern string) {
	c.Helper()
	out, status := c.run(line)
	if status != 0 || !regexp.MustCompile("^(?:"+pattern+")$").MatchString(out) {
		c.Errorf("stator %s: status %d, %s, want %s", line, status, out, pattern)
	}
}

// fail runs a command that fails with one line.
func (c *cli) fail(line, want string) {
	c.Helper()
	out, status := c.run(line)
	if status == 0 || out != "stator: "+want+"\n" {
		c.Errorf("stator %s: status %d, %s, want %s", line, status, out, want)
	}
}

// TestCommandsForServers takes a whole server through a backup.
func TestCommandsForServers(t *testing.T) {
	c := &cli{T: t, dir: t.TempDir()}
	p := serve(t, filepath.Join(c.dir, "data"), "--admin")
	c.endpoint = p.url
	p.mustCall("CreateTable", createThings)
	p.mustCall("PutItem", `{"TableName":"Things","Item":{"id":{"S":"a"}}}`)
	c.want("backup --all --to running", `.*running: \d+ files, .* KB\n`)
	c.variables = []string{"STATOR_DATA=data"}
	c.want("backup --all --to asked", `.*asked: \d+ files, .* KB\n`)
	c.variables = nil
	c.fail("backup --all --to both --data data --endpoint "+p.url, "--endpoint is for a server that runs, --data for one that is stopped: give one of them")
	c.fail("check data", "data is already open in another process: stop that one, or give this one another directory")
	c.fail("backup --all --to stopped --data data", "data is open in a server: without --data and STATOR_DATA, the one at --endpoint copies itself")
	p.terminate()
	c.fail("backup --all --to stopped", "no server answers at "+p.url+": start one with stator serve")
	c.fail("backup --all --to data/backups/first --data data", "data/backups/first is in the data directory data: give a directory elsewhere, best on another disk")
	if err := os.Symlink(filepath.Join("data", "store"), filepath.Join(c.dir, "link")); err != nil {
		t.Fatal(err)
	}
	c.fail("backup --all --to link/first --data data", "link/first is in the data directory data: give a directory elsewhere, best on another disk")
	if err := os.MkdirAll(filepath.Join(c.dir, "half", "data", "store"), 0o700); err != nil {
		t.Fatal(err)
	}
	c.fail("backup --all --to half --data data", "half is a backup that was not finished: it may be removed; or give an empty or a new directory")
	c.fail("restore --all --from nosuch --data new", "nosuch does not exist: give the directory of a backup")
	c.fail("check nosuch", "nosuch does not exist: give a data directory, a backup of one, or an export")
	c.want("backup --all --to stopped --data data", `stopped: \d+ files, .* KB\n`)
	for _, backup := range []string{"running", "stopped"} {
		c.want("check "+backup, backup+`: a sound backup, \d+ files, .* KB\n1 tables, 1 items, .*\n`)
		c.want("restore --all --from "+backup+" --data from-"+backup, `from-`+backup+`: \d+ files, .* KB\n`)
		c.want("check from-"+backup, `(?s)from-`+backup+`: a sound data directory.*1 tables, 1 items, .*`)
		c.fail("restore --all --from "+backup+" --data from-"+backup, "from-"+backup+" is not empty (it holds FORMAT): give an empty or a new directory")
	}
	if err := os.Truncate(filepath.Join(c.dir, "running", "data", "FORMAT"), 3); err != nil {
		t.Fatal(err)
	}
	out, status := c.run("check running --json")
	var report struct{ Findings []string }
	if text, _, _ := strings.Cut(out, "stator:"); json.Unmarshal([]byte(text), &report) != nil || status != 1 || len(report.Findings) != 1 {
		t.Errorf("of a damaged backup: %d %s", status, out)
	}
	c.fail("backup", "use stator backup create TABLE | list [TABLE] | describe BACKUP | delete BACKUP | --all --to DIR; stator backup create --help lists the flags")
}

// TestInterrupt sends SIGINT to commands whose server is never ready.
func TestInterrupt(t *testing.T) {
	var cancels, looks atomic.Int64
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodDelete {
			cancels.Add(1)
		}
		looks.Add(1)
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		switch target := r.Header.Get("X-Amz-Target"); {
		case strings.HasSuffix(target, "BulkOperation"), strings.HasSuffix(target, "BulkPutItems"):
			status := "IN_PROGRESS"
			if strings.HasSuffix(target, "CancelBulkOperation") {
				cancels.Add(1)
			}
			if cancels.Load() > 0 {
				status = "CANCELLED"
			}
			fmt.Fprintf(w, `{"BulkOperationDescription":{"BulkOperationArn":"arn:bulk","BulkOperationStatus":%q,"ProcessedItemCount":7}}`, status)
		case strings.HasSuffix(target, "Import"), strings.HasSuffix(target, "ImportTable"):
			_, _ = io.WriteString(w, `{"ImportTableDescription":{"ImportArn":"arn:import","ImportStatus":"IN_PROGRESS"}}`)
		default:
			_, _ = io.WriteString(w, `{"state":"RUNNING","to":"x","done":5,"total":10}`)
		}
	}))
	defer slow.Close()
	for line, test := range map[string]struct {
		cancels int64
		want    string
	}{
		"backup --all --to copy":                                               {1, "nothing was left in copy"},
		"import T --bucket b --format ION":                                     {1, "7 items are in table T and stay there"},
		"import T --bucket b --format ION --partition-key id:S --sort-key n:N": {0, "the import arn:import goes on in the server, from bucket b"},
	} {
		cancels.Store(0)
		looks.Store(0)
		cmd := command(t, []string{"STATOR_ENDPOINT=" + slow.URL}, strings.Fields(line)...)
		var out bytes.Buffer
		cmd.Stderr = &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		patience.Until(t, func() bool { return looks.Load() >= 2 }, "a command that waits")
		if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		if status := cmd.ProcessState.ExitCode(); status != 130 || out.String() != "stator: interrupted: "+test.want+"\n" || cancels.Load() != test.cancels {
			t.Errorf("stator %s: status %d, %d cancelled, %s, want %s", line, status, cancels.Load(), out.String(), test.want)
		}
	}
}

// TestServerGone: what a server has been given stays where it will look for it when
// it is back.
func TestServerGone(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "items.json"), []byte("{}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	leaving := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		switch target := r.Header.Get("X-Amz-Target"); {
		case strings.HasSuffix(target, "ImportTable"):
			_, _ = io.WriteString(w, `{"ImportTableDescription":{"ImportArn":"arn:work","ImportStatus":"IN_PROGRESS"}}`)
		case strings.HasSuffix(target, "BulkPutItems"):
			_, _ = io.WriteString(w, `{"BulkOperationDescription":{"BulkOperationArn":"arn:work","BulkOperationStatus":"IN_PROGRESS"}}`)
		case strings.HasSuffix(target, "DescribeTable"):
			_, _ = io.WriteString(w, `{"Table":{"TableArn":"arn:table"}}`)
		case strings.HasSuffix(target, "ExportTableToPointInTime"):
			_, _ = io.WriteString(w, `{"ExportDescription":{"ExportArn":"arn:work","ExportStatus":"IN_PROGRESS"}}`)
		default: // it cannot be asked how far it is
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"__type":"com.amazonaws.dynamodb.v20120810#Stopped","message":"bye"}`)
		}
	}))
	defer leaving.Close()
	c := &cli{T: t, dir: dir, endpoint: leaving.URL}
	for i, line := range []string{"import T --from items.json --partition-key id:S", "import T --from items.json", "export T --to exported"} {
		buckets := fmt.Sprint("buckets", i)
		out, status := c.run(line + " --bucket-dir " + buckets)
		if status != 1 || !strings.HasSuffix(out, " may go on in the server: Stopped: bye\n") {
			t.Errorf("stator %s: status %d, %s", line, status, out)
		}
		if left, err := os.ReadDir(filepath.Join(dir, buckets)); err != nil || len(left) != 1 {
			t.Errorf("stator %s left %v, %v", line, left, err)
		}
	}
}
