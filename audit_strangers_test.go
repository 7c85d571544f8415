package stator_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/statordb/stator"
)

// TestStrangersRecords: who is not known, or does not know the secret, cannot fill
// the audit log, whatever he sends; who is known has all his records.
func TestStrangersRecords(t *testing.T) {
	p := newPeople(t, map[string]string{"admin": allow("dynamodb:*", ""), "nobody": allow("dynamodb:GetItem", "")})
	dir := t.TempDir()
	now := time.Now()
	srv := p.serve(func(c *stator.Config) { c.AuditDir, c.AuditStrangers, c.Now = dir, 2, func() time.Time { return now } })
	s := &sender{people: p, url: srv.URL()}
	wrong := p.keys["admin"]
	wrong.SecretAccessKey = "wrong"
	p.keys["wrong"] = wrong
	for range 40 {
		unsigned := s.request("ListTables", "", now)
		unsigned.Header.Set("User-Agent", strings.Repeat("x", 2000))
		s.send(unsigned)
		s.send(s.request("ListTables", "wrong", now))
		form := s.request("ListTables", "", now)
		form.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		s.send(form)
		if _, err := p.client(srv, "nobody").ListTables(t.Context(), &dynamodb.ListTablesInput{}); err == nil {
			t.Fatal("nobody may list the tables")
		}
	}
	mustClose(t, srv)
	text, err := os.ReadFile(filepath.Join(dir, "cloudtrail.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	known, strangers, left := 0, 0, 0
	for line := range strings.Lines(string(text)) {
		var r struct {
			ErrorCode, UserAgent string
			UserIdentity         struct{ Type string }
			ServiceEventDetails  struct{ Requests int }
		}
		if err := json.Unmarshal([]byte(line), &r); err != nil || len(r.UserAgent) > 256 {
			t.Fatalf("%s: %v", line, err)
		}
		switch {
		case r.ServiceEventDetails.Requests > 0:
			left += r.ServiceEventDetails.Requests
		case r.UserIdentity.Type == "Unknown":
			strangers++
		case r.ErrorCode == "AccessDeniedException":
			known++
		}
	}
	if known != 40 || strangers != 10 || left != 110 {
		t.Errorf("%d records of who is known, %d of strangers, %d that are not there", known, strangers, left)
	}
}
