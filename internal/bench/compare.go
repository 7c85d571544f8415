package bench

import (
	"context"
	"fmt"
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
	// Baseline is a Baseline with the sizes of the server's answers; its
	// rounds alternate with the server's. Nil: none.
	Baseline *Target
	// Progress is called before each load; may be nil.
	Progress func(load string)
}

// Validate reports what cannot be.
func (p Plan) Validate() error {
	for _, name := range p.Loads {
		if _, err := findLoad(name); err != nil {
			return err
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
	for _, name := range p.Loads {
		if p.Progress != nil {
			p.Progress(name)
		}
		l, err := s.measureLoad(ctx, p, name)
		if err != nil {
			return nil, fmt.Errorf("load %s: %w", name, err)
		}
		report.Loads = append(report.Loads, l)
	}
	return report, nil
}

// measureLoad alternates between server and baseline, so that what else the
// machine does meets both.
func (s *Session) measureLoad(ctx context.Context, p Plan, name string) (LoadReport, error) {
	targets := []Target{s.server}
	if p.Baseline != nil {
		targets = append(targets, *p.Baseline)
	}
	stop := p.Stop.part(p.Rounds)
	rounds := make([][]Round, len(targets))
	for n := range p.Rounds {
		for i, t := range targets {
			if n == 0 {
				if _, err := s.Run(ctx, t, name, stop.part(warmUp)); err != nil {
					return LoadReport{}, err
				}
			}
			r, err := s.Run(ctx, t, name, stop)
			if err != nil {
				return LoadReport{}, err
			}
			rounds[i] = append(rounds[i], r)
		}
	}
	report := LoadReport{Load: name, Server: figures(rounds[0])}
	if p.Baseline != nil {
		report.compare(rounds[0], rounds[1])
	}
	return report, nil
}
