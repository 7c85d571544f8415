package bench

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// warmUp is the part of a round's length that runs before the rounds of a
// load, unmeasured.
const warmUp = 10

// Plan says what to measure.
type Plan struct {
	Loads  []string
	Stop   Stop // of each load, over all rounds
	Rounds int  // each load is cut into so many
	// Baseline is a Baseline with the sizes of the server's answers, or another
	// server with the same tables; its rounds alternate with the server's. Nil:
	// none.
	Baseline *Target
	// Progress is called before each group of loads that alternate, with their
	// names; may be nil.
	Progress func(loads string)
}

// Validate reports what cannot be.
func (p Plan) Validate() error {
	for i, name := range p.Loads {
		if _, err := findLoad(name); err != nil {
			return err
		}
		if slices.Contains(p.Loads[:i], name) {
			return fmt.Errorf("load %q is there twice: leave one out", name)
		}
	}
	switch {
	case p.Rounds < 1:
		return fmt.Errorf("%d rounds: use 1 or more", p.Rounds)
	case p.Stop.Operations < 0 || p.Stop.Operations == 0 && p.Stop.Duration <= 0:
		return fmt.Errorf("%d operations, duration %v: use a positive one", p.Stop.Operations, p.Stop.Duration)
	}
	return nil
}

// part returns 1/n of s.
func (s Stop) part(n int) Stop {
	part := Stop{Duration: s.Duration / time.Duration(n), Operations: s.Operations / n}
	if s.Operations > 0 {
		part.Operations = max(part.Operations, 1)
	}
	return part
}

// Measure runs a plan.
func (s *Session) Measure(ctx context.Context, p Plan) (*Report, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	report := &Report{Clients: s.Clients, Items: s.Items, ItemBytes: s.ItemBytes, Rounds: p.Rounds}
	for _, names := range groups(p.Loads) {
		if p.Progress != nil {
			p.Progress(strings.Join(names, ", "))
		}
		if err := s.measureGroup(ctx, p, names, report); err != nil {
			return nil, err
		}
	}
	return report, nil
}

// rounds are what was measured of one load.
type rounds struct {
	server, baseline []Round // of equal length if there is a baseline
}

// measureGroup alternates between the loads, and between server and baseline,
// so that what else the machine does meets all of them.
func (s *Session) measureGroup(ctx context.Context, p Plan, names []string, report *Report) error {
	measured := map[string]*rounds{}
	for range p.Rounds {
		for _, name := range names {
			if measured[name] == nil {
				measured[name] = &rounds{}
			}
			if err := s.measureRound(ctx, p, name, measured[name]); err != nil {
				return fmt.Errorf("load %s: %w", name, err)
			}
		}
	}
	for _, name := range names {
		l := LoadReport{Load: name, Server: figures(measured[name].server)}
		if p.Baseline != nil {
			l.compare(measured[name].server, measured[name].baseline)
		}
		report.Loads = append(report.Loads, l)
	}
	report.Relations = append(report.Relations, relate(measured)...)
	return nil
}

// measureRound adds a round of a load to what was measured of it. The first
// is preceded by one that does not count.
func (s *Session) measureRound(ctx context.Context, p Plan, name string, to *rounds) error {
	stop, first := p.Stop.part(p.Rounds), len(to.server) == 0
	run := func(t Target, list *[]Round) error {
		if first {
			if _, err := s.Run(ctx, t, name, stop.part(warmUp)); err != nil {
				return err
			}
		}
		r, err := s.Run(ctx, t, name, stop)
		*list = append(*list, r)
		return err
	}
	if err := run(s.server, &to.server); err != nil || p.Baseline == nil {
		return err
	}
	return run(*p.Baseline, &to.baseline)
}
