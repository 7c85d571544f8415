// Command stator serves DynamoDB's API and measures servers of it.
package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
)

// command is a subcommand; it returns when it is done.
type command struct {
	summary string
	run     func(args []string) error
}

var commands = map[string]command{
	"serve":   {"serve DynamoDB's API", serve},
	"trigger": {"deliver the changes of tables to consumers", manageTriggers},
	"backup":  {"make, list and delete backups of tables, or of a whole server", manageBackups},
	"restore": {"make a table of a backup or of a table as it was, or a data directory", restore},
	"export":  {"export a table to files", exportTable},
	"import":  {"make a table of files, or add them to one", importTable},
	"iam":     {"manage accounts, users, roles, access keys and policies", manageIAM},
	"audit":   {"print the audit log as CloudTrail files are", printAudit},
	"check":   {"say what is wrong with a data directory, a backup or an export", checkDirectory},
	"keys":    {"make and change the keys of an encrypted data directory", manageKeys},
	"bench":   {"measure a server", benchmark},
	"version": {"print the version", version},
}

// Exit statuses besides 0.
const (
	statusFailed = 1
	statusMisuse = 2 // the command line cannot be read

	statusInterrupted = 130 // by Ctrl-C
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "stator:", err)
		switch {
		case errors.As(err, new(misuse)):
			os.Exit(statusMisuse)
		case errors.As(err, new(interrupted)):
			os.Exit(statusInterrupted)
		}
		os.Exit(statusFailed)
	}
}

func run(args []string) error {
	if len(args) == 0 {
		return misuse{errors.New("give a command; stator --help lists them")}
	}
	switch args[0] {
	case "help", "--help", "-help", "-h":
		usage()
		return nil
	case "--version", "-version":
		return version(nil)
	}
	c, ok := commands[args[0]]
	if !ok {
		return misuse{fmt.Errorf("there is no command %q; stator --help lists them", args[0])}
	}
	if err := c.run(args[1:]); !errors.Is(err, errHelp) {
		return err
	}
	return nil
}

func usage() {
	fmt.Println("usage: stator COMMAND [FLAGS]; stator COMMAND --help lists the flags")
	for _, name := range slices.Sorted(maps.Keys(commands)) {
		fmt.Printf("  %-8s %s\n", name, commands[name].summary)
	}
}
