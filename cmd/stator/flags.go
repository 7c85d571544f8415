package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
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
	_, err := parseArguments(set, args)
	return err
}

// parseArguments is parse for a command that has arguments beside its flags, in
// any order: names says what they are; those in brackets may be left out.
func parseArguments(set *flag.FlagSet, args []string, names ...string) (values []string, err error) {
	set.SetOutput(io.Discard)
	set.Usage = func() {}
	for {
		switch err := set.Parse(args); {
		case errors.Is(err, flag.ErrHelp):
			help(set, names)
			return nil, errHelp
		case err != nil:
			text := strings.NewReplacer(": -", ": --", "flag -", "flag --", "for -", "for --").Replace(explain(set, err))
			return nil, misuse{fmt.Errorf("%s; %s --help lists the flags", text, set.Name())}
		}
		if set.NArg() == 0 {
			break
		}
		if len(values) == len(names) {
			return nil, misuse{fmt.Errorf("%s takes no argument %q; flags begin with --", set.Name(), set.Arg(0))}
		}
		values, args = append(values, set.Arg(0)), set.Args()[1:]
	}
	if len(values) < len(names) && !strings.HasPrefix(names[len(values)], "[") {
		return nil, misuse{fmt.Errorf("use %s %s", set.Name(), strings.Join(append(names, "FLAGS"), " "))}
	}
	return append(values, make([]string, len(names)-len(values))...), parseEnvironment(set)
}

// missing returns an error if one of the flags has no value.
func missing(set *flag.FlagSet, names ...string) error {
	for _, name := range names {
		if f := set.Lookup(name); f.Value.String() == "" {
			_, usage := flag.UnquoteUsage(f)
			return misuse{fmt.Errorf("--%s is missing: give the %s", name, usage)}
		}
	}
	return nil
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
			err = fmt.Errorf("%s=%q: %s", variable(f.Name), value, reason(f, e))
		}
	})
	return err
}

// badValue matches what package flag says of a value.
var badValue = regexp.MustCompile(`^(invalid (?:boolean )?value ".*" for (?:flag )?-([a-z-]+)): (.*)$`)

// explain returns the text of an error of set, which for a value of another kind
// is just "parse error".
func explain(set *flag.FlagSet, err error) string {
	if found := badValue.FindStringSubmatch(err.Error()); found != nil {
		return found[1] + ": " + reason(set.Lookup(found[2]), errors.New(found[3]))
	}
	return err.Error()
}

// reason returns what is wrong with the value that f refused with err.
func reason(f *flag.Flag, err error) string {
	value, ok := f.Value.(flag.Getter)
	if !ok || err.Error() != "parse error" {
		return err.Error()
	}
	switch value.Get().(type) {
	case time.Duration:
		return "give a number and its unit, like 90s, 5m or 48h"
	case bool:
		return "give true or false"
	}
	return "give a whole number"
}

// sizeFlag is a number of bytes, which may have a unit.
type sizeFlag int64

// String implements flag.Value.
func (s *sizeFlag) String() string { return strconv.FormatInt(int64(*s), 10) }

// Set implements flag.Value.
func (s *sizeFlag) Set(text string) error {
	number, factor := text, int64(1)
	for unit, bytes := range map[string]int64{
		"KB": 1e3, "MB": 1e6, "GB": 1e9, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30,
	} {
		if n, ok := strings.CutSuffix(text, unit); ok {
			number, factor = strings.TrimSpace(n), bytes
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/factor {
		return errors.New("give a number of bytes, or one with a unit, like 256MiB or 1GB")
	}
	*s = sizeFlag(n * factor)
	return nil
}

// endpointFlag is the URL of a server.
type endpointFlag string

// String implements flag.Value.
func (e *endpointFlag) String() string { return string(*e) }

// Set implements flag.Value.
func (e *endpointFlag) Set(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return errors.New("give a URL, like http://127.0.0.1:8000")
	}
	*e = endpointFlag(strings.TrimSuffix(text, "/"))
	return nil
}

// defineEndpoint adds the flag --endpoint.
func defineEndpoint(set *flag.FlagSet, e *endpointFlag, usage string) {
	*e = "http://127.0.0.1:8000"
	set.Var(e, "endpoint", usage)
}

// given reports whether a flag or its variable was given.
func given(set *flag.FlagSet, name string) (found bool) {
	set.Visit(func(f *flag.Flag) { found = found || f.Name == name })
	return found
}

// named reports whether a flag is on a command line, not in a variable.
func named(args []string, name string) bool {
	return slices.ContainsFunc(args, func(arg string) bool {
		flag, _, _ := strings.Cut(arg, "=")
		return flag == "-"+name || flag == "--"+name
	})
}

// help prints what a command takes: its arguments, and the flags with their
// variables and defaults.
func help(set *flag.FlagSet, arguments []string) {
	fmt.Println("usage:", strings.Join(append([]string{set.Name()}, append(arguments, "[FLAGS]")...), " "))
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
