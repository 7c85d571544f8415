package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
)

// misuse is an error in the command line itself, which ends the command with
// statusMisuse.
type misuse struct{ error }

// errHelp ends a command that has printed its help, as it was asked to.
var errHelp = errors.New("help was asked for")

// parse reads the flags of a subcommand. A flag that is not given takes its
// value from the environment: --log-level from STATOR_LOG_LEVEL. Its errors
// are single lines.
func parse(set *flag.FlagSet, args []string) error {
	set.SetOutput(io.Discard)
	set.Usage = func() {}
	switch err := set.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		help(set)
		return errHelp
	case err != nil:
		text := strings.NewReplacer(": -", ": --", "flag -", "flag --").Replace(err.Error())
		return misuse{fmt.Errorf("%s; %s --help lists the flags", text, set.Name())}
	case set.NArg() > 0:
		return misuse{fmt.Errorf("%s takes no argument %q; flags begin with --", set.Name(), set.Arg(0))}
	}
	return parseEnvironment(set)
}

func parseEnvironment(set *flag.FlagSet) (err error) {
	given := map[string]bool{}
	set.Visit(func(f *flag.Flag) { given[f.Name] = true })
	set.VisitAll(func(f *flag.Flag) {
		value, ok := os.LookupEnv(variable(f.Name))
		if given[f.Name] || !ok || err != nil {
			return
		}
		if e := set.Set(f.Name, value); e != nil {
			err = fmt.Errorf("%s=%q: %w", variable(f.Name), value, e)
		}
	})
	return err
}

// given reports whether a flag or its variable was given.
func given(set *flag.FlagSet, name string) (found bool) {
	set.Visit(func(f *flag.Flag) { found = found || f.Name == name })
	return found
}

// help prints the flags with their variables and defaults.
func help(set *flag.FlagSet) {
	fmt.Printf("usage: %s [FLAGS]\n", set.Name())
	set.VisitAll(func(f *flag.Flag) {
		kind, meaning := flag.UnquoteUsage(f)
		line := "  --" + f.Name
		if kind != "" {
			line += " " + kind
		}
		line += ", or " + variable(f.Name)
		if f.DefValue != "" {
			line += "; " + f.DefValue + " if absent"
		}
		fmt.Printf("%s\n        %s\n", line, meaning)
	})
}

// variable returns the environment variable of a flag.
func variable(flag string) string {
	return "STATOR_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}
