package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
)

// parse reads the flags of a subcommand. A flag that is not given takes its
// value from the environment: --log-level from STATOR_LOG_LEVEL.
func parse(set *flag.FlagSet, args []string) error {
	set.SetOutput(os.Stderr)
	if err := set.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			os.Exit(0)
		}
		os.Exit(2) // the flag package has said why
	}
	if set.NArg() > 0 {
		return fmt.Errorf("%s takes no argument %q; flags begin with --", set.Name(), set.Arg(0))
	}
	given := map[string]bool{}
	set.Visit(func(f *flag.Flag) { given[f.Name] = true })
	var err error
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

// variable returns the environment variable of a flag.
func variable(flag string) string {
	return "STATOR_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}
