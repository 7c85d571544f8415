package stator_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/statordb/stator"

// layer is a row of the layer table in CONTRIBUTING.md: packages that may
// import packages of the rows below, and not each other.
type layer []string

// layers are the rows from the top to the bottom. "." is the module root.
var layers = []layer{
	{"cmd/stator"},
	{"internal/bench", "internal/handover", "internal/progress"},
	{"."},
	{"internal/server", "internal/dax", "internal/console"},
	{"internal/api", "internal/sts"},
	{"internal/backup", "internal/replica", "internal/transfer", "internal/trigger", "internal/vector"},
	{"internal/stream"},
	{"internal/table"},
	{"internal/audit", "internal/extsort", "internal/identity", "internal/job", "internal/meter", "internal/record"},
	{"internal/kv/memkv", "internal/kv/pebblekv", "internal/kv/sealkv"},
	{"internal/kv/kvtest"},
	{"internal/kv"},
	{"internal/bucket", "internal/bucket/buckettest"},
	{"internal/seal", "internal/seal/kmstest"},
	{"internal/check", "internal/clock", "internal/datadir", "internal/iam/iamtest"},
	{"internal/iam", "internal/itemfile", "internal/partiql", "internal/sigv4"},
	{"internal/model", "internal/model/gen", "internal/model/modeltest"},
	{"internal/expr"},
	{"internal/attr"},
	{"internal/wire"},
	{"internal/ddberr", "internal/patience"},
}

// only are packages that may be imported by the packages given and no others.
var only = map[string][]string{
	"internal/bench":             {"cmd/stator"},
	"internal/handover":          {"cmd/stator"},
	"internal/progress":          {"cmd/stator"},
	"internal/bucket/buckettest": {},
	"internal/iam/iamtest":       {},
	"internal/kv/memkv":          {".", "internal/kv/kvtest"},
	"internal/kv/pebblekv":       {"."},
	"internal/kv/kvtest":         {},
	"internal/patience":          {},
	"internal/seal/kmstest":      {},
	"internal/model/gen":         {},
	"internal/model/modeltest":   {},
}

// impure are what a pure package does not import: the outside world, the
// clock and contexts. A prefix ends in a slash.
var impure = []string{
	"bufio", "context", "crypto/rand", "database/", "embed", "io", "io/", "log", "log/", "math/rand", "math/rand/v2",
	"net", "net/", "os", "os/", "plugin", "runtime", "runtime/", "syscall", "testing", "testing/", "time",
}

// pure are the packages without input, output, clock and context, and what
// each may import all the same.
var pure = map[string][]string{
	"internal/attr":     nil,
	"internal/ddberr":   nil,
	"internal/expr":     nil,
	"internal/iam":      {"io", "net/netip", "time"}, // io.EOF; addresses and dates in policies: it reads no clock
	"internal/itemfile": {"bufio", "io"},             // what it is given to read and write
	"internal/model":    {"time"},                    // Timestamp holds a time; it reads no clock
	"internal/partiql":  nil,
	"internal/sigv4":    {"net/url", "time"}, // of requests; it reads no clock
	"internal/wire":     nil,
}

func TestLayers(t *testing.T) {
	imports := packageImports(t)
	for name, list := range imports {
		at := row(name)
		if at < 0 {
			t.Errorf("package %s is in no row of the layer table: add it to layers_test.go and CONTRIBUTING.md", name)
			continue
		}
		for _, imported := range list {
			checkImport(t, name, at, imported)
		}
	}
}

// checkImport checks one import of the package name, which is in row at.
func checkImport(t *testing.T, name string, at int, imported string) {
	t.Helper()
	if imported != module && !strings.HasPrefix(imported, module+"/") {
		if exceptions, ok := pure[name]; ok && isImpure(imported) && !slices.Contains(exceptions, imported) {
			t.Errorf("%s imports %s: it is pure, see pure in layers_test.go", name, imported)
		}
		return
	}
	below := strings.TrimPrefix(strings.TrimPrefix(imported, module), "/")
	if below == "" {
		below = "."
	}
	if to := row(below); to >= 0 && to <= at {
		t.Errorf("%s imports %s, which is not below it", name, below)
	}
	if importers, ok := only[below]; ok && !slices.Contains(importers, name) {
		t.Errorf("%s imports %s, which is for %v only", name, below, importers)
	}
}

func row(name string) int {
	return slices.IndexFunc(layers, func(l layer) bool { return slices.Contains(l, name) })
}

func isImpure(imported string) bool {
	return slices.ContainsFunc(impure, func(s string) bool {
		return imported == s || strings.HasSuffix(s, "/") && strings.HasPrefix(imported, s)
	})
}

// packageImports returns the imports of every package of the module, without
// those of its tests, by the package's directory.
func packageImports(t *testing.T) map[string][]string {
	t.Helper()
	imports := map[string][]string{}
	err := filepath.WalkDir(".", func(file string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == "testdata" || file != "." && strings.HasPrefix(entry.Name(), ".")):
			return fs.SkipDir
		case entry.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go"):
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		name := path.Dir(filepath.ToSlash(file))
		if _, ok := imports[name]; !ok {
			imports[name] = nil // a package without imports is listed too
		}
		for _, spec := range parsed.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			imports[name] = append(imports[name], imported)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return imports
}

// TestLayersKnowTheModule guards the test above against walking past
// everything: the packages it rests on are there, and import something.
func TestLayersKnowTheModule(t *testing.T) {
	imports := packageImports(t)
	for _, name := range []string{".", "cmd/stator", "internal/api", "internal/table", "internal/kv", "internal/attr"} {
		if len(imports[name]) == 0 {
			t.Errorf("no imports of %s were found", name)
		}
	}
}
