package stator_test

import (
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/statordb/stator/internal/api"
	"github.com/statordb/stator/internal/model"
)

// TestSupported compares the table in docs/supported.md, and the numbers in
// the README, with the operations that are served.
func TestSupported(t *testing.T) {
	state := map[string]string{}
	for _, row := range regexp.MustCompile(`(?m)^\| [^|]*\| (\w+) \| (supported|not yet) \|$`).FindAllStringSubmatch(readText(t, "docs/supported.md"), -1) {
		if state[row[1]] != "" {
			t.Errorf("%s has two rows", row[1])
		}
		state[row[1]] = row[2]
	}
	for _, op := range model.Operations {
		want := "not yet"
		if slices.Contains(api.Names(), op.Name) {
			want = "supported"
		}
		equal(t, "docs/supported.md: "+op.Name, state[op.Name], want)
	}
	equal(t, "rows in docs/supported.md", len(state), len(model.Operations))
	readme := readText(t, "README.md")
	for _, want := range []string{
		"all " + strconv.Itoa(len(model.Operations)) + " operations", "the " + strconv.Itoa(len(api.Names())) + " that are served",
	} {
		if !strings.Contains(readme, want) {
			t.Errorf("README.md does not say %q", want)
		}
	}
}

// TestDocumentedFlags compares the flags in docs/serve.md with those that the
// command lists.
func TestDocumentedFlags(t *testing.T) {
	out, err := command(t, nil, "serve", "--help").CombinedOutput()
	if err != nil {
		t.Fatal(err)
	}
	var have, documented []string
	for _, m := range regexp.MustCompile(`(?m)^  --([a-z0-9-]+)`).FindAllStringSubmatch(string(out), -1) {
		have = append(have, m[1])
	}
	for _, m := range regexp.MustCompile("(?m)^\\| `--([a-z0-9-]+)` \\| `STATOR_([A-Z0-9_]+)`").FindAllStringSubmatch(readText(t, "docs/serve.md"), -1) {
		documented = append(documented, m[1])
		equal(t, "variable of --"+m[1], m[2], strings.ToUpper(strings.ReplaceAll(m[1], "-", "_")))
	}
	slices.Sort(have)
	slices.Sort(documented)
	equalSlices(t, "flags in docs/serve.md", documented, have)
}

// TestLinks checks that the files that the documentation links to are there.
func TestLinks(t *testing.T) {
	pages := []string{"README.md", "CONTRIBUTING.md", "CHANGELOG.md"}
	entries, err := os.ReadDir("docs")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		pages = append(pages, "docs/"+e.Name())
	}
	for _, page := range pages {
		for _, m := range regexp.MustCompile(`\]\(([^)#:]+)\)`).FindAllStringSubmatch(readText(t, page), -1) {
			target := m[1]
			if strings.HasPrefix(page, "docs/") {
				target = "docs/" + target
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s links to %s: %v", page, m[1], err)
			}
		}
	}
}

func readText(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
