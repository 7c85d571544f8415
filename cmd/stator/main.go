// Command stator serves DynamoDB's API and measures servers of it.
package main

import (
	"fmt"
	"os"
	"sort"
)

// command is a subcommand; it returns when it is done.
type command struct {
	summary string
	run     func(args []string) error
}

var commands = map[string]command{
	"serve":   {"serve DynamoDB's API", serve},
	"trigger": {"deliver the changes of tables to consumers", manageTriggers},
	"bench":   {"measure a server", benchmark},
	"version": {"print the version", version},
}

func main() {
	if len(os.Args) < 2 {
		usage()
		os.Exit(2)
	}
	c, ok := commands[os.Args[1]]
	if !ok {
		usage()
		os.Exit(2)
	}
	if err := c.run(os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "stator:", err)
		os.Exit(1)
	}
}

func usage() {
	fmt.Fprintln(os.Stderr, "usage: stator COMMAND [FLAGS]; stator COMMAND -h lists the flags")
	var names []string
	for name := range commands {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		fmt.Fprintf(os.Stderr, "  %-8s %s\n", name, commands[name].summary)
	}
}
