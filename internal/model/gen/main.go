// Command gen writes the generated part of package model from the service
// models in data. It is run by go generate, in the directory of the package.
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	if err := run("."); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

// run generates the files of the package in dir.
func run(dir string) error {
	files, err := generate(filepath.Join(dir, "data"))
	if err != nil {
		return err
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// generate returns the generated files by name, from the models in data.
func generate(data string) (map[string][]byte, error) {
	m, err := loadModel(data)
	if err != nil {
		return nil, err
	}
	c, err := loadConstraints(filepath.Join(data, "constraints.json"))
	if err != nil {
		return nil, err
	}
	g := newGenerator(m, c)
	return g.files()
}
