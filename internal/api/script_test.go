package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/statordb/stator"
	"github.com/statordb/stator/internal/model"
)

// TestScripts runs the requests in testdata against a server of today's
// dialect and one of 2026-05, over HTTP. A script is a list of
//
//	Operation
//	{request}
//	----
//	the answer; where 2026-05 answers otherwise, its answer behind "2026-05:"
//
// <x*1000> stands for a thousand x, and <backup 1> for the id of the first backup
// that an answer has named. go test ./internal/api -rewrite writes the answers anew.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			today, before := scripted{Server: open(t, "")}, scripted{Server: open(t, "2026-05")}
			datadriven.RunTest(t, file, func(t *testing.T, d *datadriven.TestData) string {
				now, then := today.call(t, d.Cmd, d.Input), before.call(t, d.Cmd, d.Input)
				if now == then {
					return now
				}
				return now + "2026-05:\n" + then
			})
		})
	}
}

func open(t *testing.T, dialect string) *stator.Server {
	t.Helper()
	srv, err := stator.Open(stator.Config{
		Dialect: dialect,
		Now:     func() time.Time { return time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
	})
	return srv
}

// scripted is a server that a script talks to.
type scripted struct {
	*stator.Server
	backups []string // ids, which begin with the time and end by chance
}

var (
	backupID = regexp.MustCompile(`backup/(\d{14}-[0-9a-f]{8})`)
	backupNo = regexp.MustCompile(`<backup (\d+)>`)
)

// call makes a request of a script and returns the answer as scripts show it.
func (s *scripted) call(t *testing.T, operation, body string) string {
	t.Helper()
	asked := body
	body = backupNo.ReplaceAllStringFunc(body, func(m string) string {
		n, _ := strconv.Atoi(m[len("<backup ") : len(m)-1])
		if n < 1 || n > len(s.backups) {
			t.Fatalf("no answer has named %s yet", m)
		}
		return s.backups[n-1]
	})
	return backupID.ReplaceAllStringFunc(contract(call(t, s.Server, operation, body)), func(m string) string {
		id := strings.TrimPrefix(m, "backup/")
		if strings.Contains(asked, id) {
			return m
		}
		if !slices.Contains(s.backups, id) {
			s.backups = append(s.backups, id)
		}
		return fmt.Sprintf("backup/<backup %d>", 1+slices.Index(s.backups, id))
	})
}

// target returns the X-Amz-Target of an operation, which need not be there.
func target(operation string) string {
	for _, op := range model.Operations {
		if op.Name == operation {
			return op.Target()
		}
	}
	return model.Operation{Name: operation, Service: model.DynamoDB}.Target()
}

// call posts a request and returns status and body, readable and without what
// differs from run to run.
func call(t *testing.T, srv *stator.Server, operation, body string) string {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, srv.URL(), strings.NewReader(expand(body)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.0")
	req.Header.Set("X-Amz-Target", target(operation))
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	var e struct {
		Type    string `json:"__type"`
		Message string
	}
	if res.StatusCode != http.StatusOK {
		if err := json.Unmarshal(text, &e); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		_, code, _ := strings.Cut(e.Type, "#")
		out := fmt.Sprintf("%s: %s\n", code, e.Message)
		if bytes.Contains(text, []byte(`"CancellationReasons"`)) || bytes.Contains(text, []byte(`"Item"`)) {
			out += string(text) + "\n"
		}
		return out
	}
	return tidy(t, text)
}

var (
	repeat   = regexp.MustCompile(`<x\*(\d+)>`)
	repeated = regexp.MustCompile(`x{100,}`)
)

func expand(s string) string {
	return repeat.ReplaceAllStringFunc(s, func(m string) string {
		n, _ := strconv.Atoi(m[3 : len(m)-1])
		return strings.Repeat("x", n)
	})
}

func contract(s string) string {
	return repeated.ReplaceAllStringFunc(s, func(m string) string { return fmt.Sprintf("<x*%d>", len(m)) })
}

// tidy sorts the members of a body and masks what is random.
func tidy(t *testing.T, text []byte) string {
	t.Helper()
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	mask(v)
	var out strings.Builder
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func mask(v any) {
	switch v := v.(type) {
	case map[string]any:
		for key, member := range v {
			if key == "TableId" {
				v[key] = "…"
			}
			mask(member)
		}
	case []any:
		for _, elem := range v {
			mask(elem)
		}
	}
}
