package stator_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestCommandsForTables takes a table through files and backups.
func TestCommandsForTables(t *testing.T) {
	t.Parallel()
	c := &cli{T: t, dir: t.TempDir()}
	p := serve(t, filepath.Join(c.dir, "stator-data"), "--admin")
	c.endpoint = p.url
	write := func(name, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(filepath.Join(c.dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(c.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("people.csv", "id,name\n1,Ann\n2,Bo\n")
	write("more.json", `{"Item":{"id":{"S":"3"},"n":{"N":"1.5"}}}`+"\n"+`{"Item":{"name":{"S":"nobody"}}}`+"\n")
	c.want("import People --from people.csv --partition-key id:S", `table People: 2 items imported of 2, 0 with errors, 19 B read\n`)
	c.fail("import People --from people.csv --partition-key id", `--partition-key "id": give a name and S, N or B, like id:S`)
	c.fail("import People --from people.csv", `CSV makes new tables only: give --partition-key, or DYNAMODB_JSON or ION`)
	c.fail("import Nobody --from more.json", `there is no table Nobody to add to: give --partition-key, and it is made`)
	if out, status := c.run("import People --from more.json"); status != 1 || !regexp.MustCompile(`^table People: 1 items put of 2, 1 with errors\nstator: 1 items were not put: (.*/error/\d+.json) says which and why\n$`).MatchString(out) {
		t.Errorf("an item without key: %d %s", status, out)
	}
	once := `{"Item":{"id":{"S":"%s"}},"ConditionExpression":"attribute_not_exists(id)"}`
	write("once.json", fmt.Sprintf(once, "1")+"\n"+fmt.Sprintf(once, "2")+"\n"+fmt.Sprintf(once, "4")+"\nnonsense\n")
	out, status := c.run("import People --from once.json")
	found := regexp.MustCompile(`^table People: 1 items put of 4, 2 refused by their condition, 1 with errors\nstator: 3 items were not put: (.*/manifest.json) says which and why\n$`).FindStringSubmatch(out)
	if status != 1 || found == nil {
		t.Fatalf("items that are there: %d %s", status, out)
	}
	if _, err := os.Stat(filepath.Join(c.dir, found[1])); err != nil {
		t.Error(err)
	}
	p.mustCall("DeleteItem", `{"TableName":"People","Key":{"id":{"S":"4"}}}`)
	write("stator-data/buckets/elsewhere/once.json", fmt.Sprintf(once, "1")+"\n")
	elsewhere := "import People --bucket elsewhere --bucket-dir nowhere --prefix once --format DYNAMODB_JSON"
	if out, status := c.run(elsewhere); status != 1 || !strings.HasPrefix(out, "table People: 0 items put of 1, 1 refused by their condition, 0 with errors\nstator: 1 items were not put: bucket elsewhere, not-imported/") {
		t.Errorf("an item that is there, in a bucket out of sight: %d %s", status, out)
	}
	write("stator-data/buckets/elsewhere/once.json", fmt.Sprintf(once, "1")+"\n"+fmt.Sprintf(once, "4")+"\n")
	c.want(elsewhere, `table People: 2 items put, or refused by their condition as bucket elsewhere, not-imported/.*/manifest.json says, and 0 with errors\n`)
	p.mustCall("DeleteItem", `{"TableName":"People","Key":{"id":{"S":"4"}}}`)
	write("stator-data/buckets/elsewhere/people.csv", "id,name\n1,Ann\n")
	people := "import Others --bucket elsewhere --prefix people --partition-key id:S"
	c.fail(people+" --bucket-dir nowhere", "bucket elsewhere is not in nowhere, so that its keys do not say what the objects are: give --format DYNAMODB_JSON, ION or CSV")
	c.want(people, `table Others: 1 items imported of 1, 0 with errors, 14 B read\n`)
	c.fail("import People --bucket elsewhere --prefix no-such", `nothing to import: no object in bucket elsewhere begins with "no-such", or none that does has anything in it`)
	write("several/a.csv", "id,name\n1,Ann\n")
	write("several/README.md", "people")
	c.want("import Several --from several --partition-key id:S", `skipped several/README.md\ntable Several: 1 items imported of 1, 0 with errors, 14 B read\n`)
	for _, line := range []string{"import People", "import Empty --partition-key id:S"} {
		out, status := c.run(line + " --bucket elsewhere --prefix no-such --format ION")
		if status != 1 || !strings.Contains(out, `stator: nothing to import: no object in bucket elsewhere begins with "no-such", or none`) {
			t.Errorf("stator %s: %d %s", line, status, out)
		}
	}
	c.fail("export People --to exported", "PointInTimeRecoveryUnavailableException: Point in time recovery is not enabled for table 'People'")
	p.mustCall("UpdateContinuousBackups", `{"TableName":"People","PointInTimeRecoverySpecification":{"PointInTimeRecoveryEnabled":true}}`)
	for _, format := range []string{"DYNAMODB_JSON", "ion"} {
		c.want("export People --to "+format+" --format "+format, `table People: 3 items, \d+ B, in `+format+`\n`)
		c.want("check "+format, format+`: a sound export, 1 files, \d+ B\n3 items\n`)
		c.want("import From"+format+" --partition-key id:S --from "+format, `table From`+format+`: 3 items imported of 3, 0 with errors, \d+ B read\n`)
	}
	if before, after := p.mustCall("Scan", `{"TableName":"People"}`), p.mustCall("Scan", `{"TableName":"Fromion"}`); before != after {
		t.Errorf("through an export and an import %s became %s", before, after)
	}
	c.fail("export People --to ion", "ion is there already: give a directory that is not")

	c.want("backup create People --name first", `backup   first\ntable    People\nstatus   AVAILABLE\n(.*\n)*arn      arn:.*\n`)
	c.fail("restore first", "--to is missing: give the table to make")
	c.fail("restore --table People", "--at is missing: give the time at which it was as the new one is to be: latest, or one like 2026-11-01T12:00:00Z")
	c.want("restore --help", `usage: stator restore \[BACKUP\] \[FLAGS\]\n(.*\n)*`)
	c.want("check --help", `usage: stator check DIR \[FLAGS\]\n(.*\n)*`)
	c.want("trigger create --help", `usage: stator trigger create NAME \[FLAGS\]\n(.*\n)*`)
	c.fail("backup create", "use stator backup create TABLE FLAGS")
	c.fail("check --json ion else", `stator check takes no argument "else"; flags begin with --`)
	c.want("check --json ion", `\{\n(.*\n)*`)
	c.want("backup create --name second Fromion --json", `\{\n(.*\n)*`)
	c.want("backup delete second", "")
	c.want("backup create Fromion", `backup   Fromion-\d+T\d+Z\n(.*\n)*`)
	c.want("backup list", `BACKUP .*\nfirst .*\nFromion-.*\n`)
	c.want("restore first --to Restored", `table Restored: 3 items, \d+ B\n`)
	c.want("restore --table People --at latest --to Past", `table Past: 3 items, \d+ B\n`)
	out, _ = c.run("backup describe first --json")
	var d struct{ BackupDetails struct{ BackupStatus string } }
	if err := json.Unmarshal([]byte(out), &d); err != nil || d.BackupDetails.BackupStatus != "AVAILABLE" {
		t.Errorf("as JSON: %s", out)
	}
	c.want("backup delete first", "")
	c.fail("backup delete first", "there is no backup called first: stator backup list shows all")
	c.fail("backup create Nothing", "TableNotFoundException: Table not found: Nothing")
}

// TestExportOfChanges: an export of what has changed is whole in its directory.
func TestExportOfChanges(t *testing.T) {
	c := &cli{T: t, dir: t.TempDir()}
	p := serve(t, filepath.Join(c.dir, "stator-data"), "--clock", "2026-11-01T12:00:00Z")
	c.endpoint = p.url
	p.mustCall("CreateTable", createThings)
	p.mustCall("UpdateContinuousBackups", `{"TableName":"Things","PointInTimeRecoverySpecification":{"PointInTimeRecoveryEnabled":true}}`)
	for _, now := range []string{"12:10", "13:00"} {
		if got := p.send("PUT", "/clock", nil, `{"now": "2026-11-01T`+now+`:00Z"}`); got.status != http.StatusOK {
			t.Fatal(got)
		}
		p.mustCall("PutItem", `{"TableName":"Things","Item":{"id":{"S":"`+now+`"}}}`)
	}
	c.want("export Things --to changes --since 2026-11-01T12:05:00Z --until 2026-11-01T12:50:00Z", `table Things: 1 items, \d+ B, in changes\n`)
	c.want("check changes", `changes: a sound export, 1 files, \d+ B\n1 items\n`)
	c.fail("import Things --from changes", "changes is an incremental export, which has changes: give a full one")
}
