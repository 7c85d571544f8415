package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestUpToDate fails when the generated files are not what the generator
// writes now.
func TestUpToDate(t *testing.T) {
	files, err := generate("../data")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		have, err := os.ReadFile(filepath.Join("..", name))
		if err != nil || !bytes.Equal(have, want) {
			t.Errorf("%s is not up to date (%v): run go generate ./internal/model", name, err)
		}
	}
	have, err := filepath.Glob("../*_gen*.go")
	if err != nil || len(have) != len(files) {
		t.Errorf("%d generated files, want %d (%v)", len(have), len(files), err)
	}
}

// TestEveryOperationHasAFile fails when an operation of the models is in no
// list of constraints.json, or twice.
func TestEveryOperationHasAFile(t *testing.T) {
	m, err := loadModel("../data")
	if err != nil {
		t.Fatal(err)
	}
	c, err := loadConstraints("../data/constraints.json")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, ops := range c.Files {
		for _, op := range ops {
			seen[op]++
		}
	}
	for op := range m.Operations {
		if seen[op] != 1 {
			t.Errorf("%s is in %d files", op, seen[op])
		}
	}
	if len(seen) != len(m.Operations) {
		t.Errorf("%d operations in files, %d in models", len(seen), len(m.Operations))
	}
}

// TestConstraintsNameMembers fails when constraints.json names a structure,
// member or text that does not exist.
func TestConstraintsNameMembers(t *testing.T) {
	m, err := loadModel("../data")
	if err != nil {
		t.Fatal(err)
	}
	c, err := loadConstraints("../data/constraints.json")
	if err != nil {
		t.Fatal(err)
	}
	has := func(structure, name string) bool {
		if sh := m.Shapes[structure]; sh != nil {
			for _, have := range sh.Members {
				if have.Name == name {
					return true
				}
			}
		}
		return false
	}
	check := func(structure, name string) {
		if !has(structure, name) {
			t.Errorf("no member %s in %s", name, structure)
		}
	}
	for structure, names := range c.Order {
		for _, name := range names {
			check(structure, name)
		}
	}
	for path := range c.Members {
		structure, name, _ := strings.Cut(path, ".")
		check(structure, name)
	}
	for op, name := range c.NotAlone {
		check(op+"Input", name)
	}
	for _, r := range c.Rules {
		for _, op := range r.Operations {
			name, _, _ := strings.Cut(r.Path, ".")
			check(op+"Input", name)
		}
	}
	for name := range c.Enums {
		if m.Shapes[name] == nil {
			t.Errorf("no enumeration %s", name)
		}
	}
}
