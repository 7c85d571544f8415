package stator

import (
	"cmp"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/statordb/stator/internal/identity"
)

// warnExposed logs which of the files and directories that are the server's alone
// every user of the machine can read.
func (c Config) warnExposed() {
	paths := []string{c.DataDir, c.AuditDir}
	if c.Auth == authIAM {
		file := cmp.Or(c.IAMFile, identity.DefaultPath)
		paths = append(paths, file, identity.KeyPath(file))
	}
	var open []string
	for _, path := range paths {
		if path != "" && exposed(path) {
			open = append(open, path)
		}
	}
	if open != nil {
		c.Log.Warn("every user of this machine can read what is the server's alone: run chmod go-rwx on these paths", "paths", strings.Join(open, " "))
	}
}

// exposed reports whether every user of the machine can read a file or get into a
// directory: through the directories above it, too. Windows has no such modes.
func exposed(path string) bool {
	path, err := filepath.Abs(path)
	if err == nil {
		path, err = filepath.EvalSymlinks(path)
	}
	if err != nil || runtime.GOOS == "windows" {
		return false
	}
	for {
		info, err := os.Stat(path)
		if err != nil {
			return false
		}
		needed := fs.FileMode(0o004) // to read a file
		if info.IsDir() {
			needed = 0o001 // to open what is in it
		}
		if info.Mode()&needed == 0 {
			return false
		}
		above := filepath.Dir(path)
		if above == path {
			return true
		}
		path = above
	}
}
