package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// Version is the release.
const Version = "0.1.0-dev"

// version prints the release, and the commit if the build knows it.
func version([]string) error {
	commit := ""
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				commit = " " + s.Value
			}
		}
	}
	fmt.Printf("stator %s%s %s %s/%s\n", Version, commit, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return nil
}
