package main

import (
	"flag"
	"os"

	"github.com/statordb/stator/internal/audit"
)

// printAudit prints a file of the audit log as one JSON object, {"Records": […]},
// for what reads the files of CloudTrail.
func printAudit(args []string) error {
	set := flag.NewFlagSet("stator audit", flag.ContinueOnError)
	files, err := parseArguments(set, args, "FILE")
	if err != nil {
		return err
	}
	return audit.Wrap(os.Stdout, files[0])
}
