package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"slices"

	"github.com/statordb/stator"
	"github.com/statordb/stator/internal/progress"
)

// checkDirectory says what is wrong with a data directory, a backup of one, or
// an export.
func checkDirectory(args []string) error {
	var asJSON bool
	var e stator.Encryption
	set := flag.NewFlagSet("stator check", flag.ContinueOnError)
	defineJSON(set, &asJSON)
	defineEncryption(set, &e, encryptionFlags, encryptedData)
	values, err := parseArguments(set, args, "DIR")
	if err != nil {
		return err
	}
	ctx, stop := interruptible()
	defer stop()
	m := meter(asJSON, "checking", progress.Bytes)
	report, err := stator.Check(ctx, values[0], e, m.Set)
	m.Clear()
	if errors.Is(err, context.Canceled) {
		return interrupted{"nothing was changed"}
	}
	if err != nil {
		return encryptionError(err)
	}
	if asJSON {
		err = printJSON(report)
	} else {
		printCheck(report)
	}
	if err == nil && !report.Sound() {
		err = fmt.Errorf("%s is damaged", report.Directory)
	}
	return err
}

func printCheck(r *stator.CheckReport) {
	for _, f := range slices.Concat(r.Findings, r.Notes) {
		fmt.Println(f)
	}
	if !r.Sound() {
		return
	}
	fmt.Printf("%s: a sound %s, %d files, %s\n", r.Directory, r.Kind, r.Files, progress.Bytes(r.Bytes))
	switch r.Kind {
	case stator.KindExport:
		fmt.Printf("%d items\n", r.Items)
	default:
		fmt.Printf("%d tables, %d items, %d index entries, %d logged changes, %d backups of %d items\n",
			r.Tables, r.Items, r.IndexEntries, r.Changes, r.Backups, r.BackupItems)
	}
}
