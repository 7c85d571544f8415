package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/statordb/stator/internal/bench"
)

// startups is how many servers --startup starts.
const startups = 7

// Sizes of items unless --item-bytes says another.
const (
	loadItemBytes     = 1024
	backfillItemBytes = 200
)

// benchFlags are the flags of stator bench.
type benchFlags struct {
	endpoint                                     endpointFlag
	loads, tempDir, backfill                     string
	pid                                          int
	inMemory, jsonOutput, baseline, startup      bool
	secure                                       bool
	clients, operations, items, itemBytes, round int
	duration                                     time.Duration
	given                                        map[string]bool // by name
}

func (f *benchFlags) define(set *flag.FlagSet) {
	set.Var(&f.endpoint, "endpoint", "server to measure, like http://127.0.0.1:8000; empty starts one, as a process of its own")
	set.IntVar(&f.pid, "pid", 0, "process of the server at --endpoint, to show its processor time (Linux)")
	set.StringVar(&f.tempDir, "temp-dir", "", "where the data of the server that is started is kept meanwhile; should be on a real disk")
	set.BoolVar(&f.inMemory, "in-memory", false, "make the server that is started keep its data in memory")
	set.StringVar(&f.loads, "load", "all", "all, or a list of "+strings.Join(bench.LoadNames(), ","))
	set.IntVar(&f.clients, "clients", 32, "connections, each with one request at a time")
	set.DurationVar(&f.duration, "duration", 5*time.Second, "time for each load; with --backfill, for the puts before an index is built")
	set.IntVar(&f.operations, "operations", 0, "requests of each load, instead of --duration")
	set.IntVar(&f.round, "rounds", 5, "number of parts that a load is cut into; figures are medians of them")
	set.IntVar(&f.items, "items", 10000, "items in the table, a multiple of ten")
	set.IntVar(&f.itemBytes, "item-bytes", 0, fmt.Sprintf("size of an item, as DynamoDB counts it; 0 is %d, or %d with --backfill", loadItemBytes, backfillItemBytes))
	set.BoolVar(&f.baseline, "baseline", false, "compare with a server that only reads and parses the same requests")
	set.BoolVar(&f.secure, "secure", false, "measure a server that authenticates, authorises and encrypts its files, and compare it with one that does not")
	set.BoolVar(&f.startup, "startup", false, "measure only how long a server takes to start, and its memory when idle")
	set.StringVar(&f.backfill, "backfill", "", "measure only how a global secondary index is built, over tables of so many items, like 10000,100000,1000000")
	set.BoolVar(&f.jsonOutput, "json", false, "print JSON")
}

// settle fills in what depends on several flags.
func (f *benchFlags) settle(set *flag.FlagSet) {
	f.given = map[string]bool{}
	set.Visit(func(g *flag.Flag) { f.given[g.Name] = true })
	if f.itemBytes == 0 {
		f.itemBytes = loadItemBytes
		if f.backfill != "" {
			f.itemBytes = backfillItemBytes
		}
	}
}

// check refuses contradictions.
func (f *benchFlags) check() error {
	if f.backfill != "" {
		for _, name := range []string{"load", "operations", "rounds", "items", "baseline", "startup"} {
			if f.given[name] {
				return fmt.Errorf("--%s is not for --backfill: leave out one", name)
			}
		}
	}
	switch own := f.tempDir != "" || f.inMemory; {
	case f.endpoint != "" && own:
		return errors.New("--temp-dir and --in-memory are for the server that bench starts: leave them out, or --endpoint")
	case f.secure && (f.endpoint != "" || f.baseline || f.startup || f.backfill != ""):
		return errors.New("--secure starts two servers and compares them: leave out --endpoint, --baseline, --startup and --backfill")
	case f.endpoint != "" && f.startup:
		return errors.New("--startup measures a server that bench starts: leave out --endpoint")
	case f.endpoint == "" && f.pid != 0:
		return errors.New("--pid is for a server at --endpoint: give both")
	case f.inMemory && f.tempDir != "":
		return errors.New("--temp-dir says where data is kept, --in-memory that it is not: leave out one")
	}
	return f.options().Validate()
}

func (f *benchFlags) options() bench.Options {
	return bench.Options{Clients: f.clients, Items: f.items, ItemBytes: f.itemBytes}
}

// benchmark measures a server.
func benchmark(args []string) error {
	if len(args) > 0 && args[0] == bench.BaselineCommand {
		return serveBaseline(args[1:])
	}
	var f benchFlags
	set := flag.NewFlagSet("stator bench", flag.ContinueOnError)
	f.define(set)
	if err := parse(set, args); err != nil {
		return err
	}
	f.settle(set)
	if err := f.check(); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	work := f.measure
	switch {
	case f.startup:
		work = f.measureStartup
	case f.backfill != "":
		work = f.measureBackfill
	case f.secure:
		work = f.measureSecure
	}
	err := work(ctx)
	if ctx.Err() != nil {
		return errors.New("interrupted") // what failed then is of no interest
	}
	return err
}

func (f *benchFlags) measureStartup(ctx context.Context) error {
	s, err := bench.MeasureStartup(ctx, startups, f.tempDir, f.inMemory)
	if err != nil {
		return err
	}
	return f.print(s)
}

// measureBackfill builds indexes.
func (f *benchFlags) measureBackfill(ctx context.Context) (err error) {
	sizes, err := bench.ParseBackfill(f.backfill)
	if err != nil {
		return err
	}
	plan := bench.BackfillPlan{
		Sizes: sizes, ItemBytes: f.itemBytes, Clients: f.clients, Before: f.duration,
		Progress: func(items int) { fmt.Fprintln(os.Stderr, "measuring an index over", items, "items") },
	}
	if err := plan.Validate(); err != nil {
		return err
	}
	server, stop, err := f.server()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	report, err := bench.MeasureBackfill(ctx, server, plan)
	if err != nil {
		return err
	}
	return errors.Join(f.print(report), report.Err())
}

// plan returns what the flags ask for.
func (f *benchFlags) plan() (bench.Plan, error) {
	loads, err := bench.ParseLoads(f.loads)
	if err != nil {
		return bench.Plan{}, err
	}
	plan := bench.Plan{
		Loads: loads, Rounds: f.round, Stop: bench.Stop{Duration: f.duration, Operations: f.operations},
		Progress: func(loads string) { fmt.Fprintln(os.Stderr, "measuring", loads) },
	}
	return plan, plan.Validate()
}

// measure runs the loads.
func (f *benchFlags) measure(ctx context.Context) (err error) {
	plan, err := f.plan()
	if err != nil {
		return err
	}
	server, stop, err := f.server()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	s, err := bench.NewSession(ctx, server, f.options())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return f.run(ctx, s, plan)
}

// server returns the server to measure, and what ends it.
func (f *benchFlags) server() (bench.Target, func() error, error) {
	if f.endpoint != "" {
		address, err := bench.Address(string(f.endpoint))
		return bench.Target{Address: address, PID: f.pid}, func() error { return nil }, err
	}
	return f.start()
}

// start starts a server with flags.
func (f *benchFlags) start(flags ...string) (bench.Target, func() error, error) {
	p, err := bench.StartServer(f.tempDir, f.inMemory, flags...)
	if err != nil {
		return bench.Target{}, nil, err
	}
	address, err := bench.Address(p.URL)
	if err != nil {
		return bench.Target{}, nil, errors.Join(err, p.Stop())
	}
	return bench.Target{Address: address, PID: p.PID()}, p.Stop, nil
}

// run carries out plan, with a baseline if there is to be one, and prints.
func (f *benchFlags) run(ctx context.Context, s *bench.Session, plan bench.Plan) error {
	if f.baseline {
		p, err := startBaseline(ctx, s, plan.Loads)
		if err != nil {
			return err
		}
		defer func() { _ = p.Stop() }() // it has no data to lose
		address, err := bench.Address(p.URL)
		if err != nil {
			return err
		}
		plan.Baseline = &bench.Target{Address: address, PID: p.PID(), Constant: true}
	}
	report, err := s.Measure(ctx, plan)
	if err != nil {
		return err
	}
	return errors.Join(f.print(report), report.Err())
}

// startBaseline starts a baseline that answers as much as the session's server
// does.
func startBaseline(ctx context.Context, s *bench.Session, loads []string) (*bench.Process, error) {
	sizes, err := s.AnswerSizes(ctx, loads)
	if err != nil {
		return nil, err
	}
	return bench.StartBaseline(sizes)
}

// print prints a result in the form asked for.
func (f *benchFlags) print(result interface{ WriteText(io.Writer) error }) error {
	if !f.jsonOutput {
		return result.WriteText(os.Stdout)
	}
	e := json.NewEncoder(os.Stdout)
	e.SetIndent("", "  ")
	return e.Encode(result)
}

// serveBaseline is the process that bench --baseline starts.
func serveBaseline(args []string) error {
	sizes, err := bench.ParseSizes(args)
	if err != nil {
		return err
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	b := bench.NewBaseline(sizes)
	fmt.Printf("baseline at http://%s\n", ln.Addr())
	go func() {
		<-stop
		_ = b.Close() // the process ends
	}()
	return b.Serve(ln)
}
