//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd || windows)

package datadir

import "os"

// tryLock cannot lock here. The storage engine, which locks its own files where
// it can, is what is left against two processes in one directory.
func tryLock(*os.File) (held bool, err error) { return false, nil }

func unlock(*os.File) error { return nil }

// syncDir does nothing: not every system here can sync a directory.
func syncDir(string) error { return nil }
